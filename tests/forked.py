"""Commands of EdgeKit, each in a process of its own that is forked from one which has imported torch and the like.

As a program, `python -P forked.py`, it reads lines of commands and answers each with a line of JSON, in the environment
of that Python.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from tempfile import NamedTemporaryFile

from edgekit.runtime.runners import toolchain

IMPORTED = (
    "edgekit.cli",
    "edgekit.export.from_torch",
    "edgekit.targets.c.plan.fit",
    "edgekit.targets.c.lower",
    "edgekit.verbs.export.pipeline",
    "onnxruntime",
    "onnxscript.function_libs.torch_lib.ops",
    "torch.export._trace",
    "torch.onnx._internal.exporter._core",
)


def run(line: str, folder: Path) -> tuple[int, str]:
    """Run `edgekit ...`, a line without anything that only a shell understands; returns exit code and print."""
    words = shlex.split(line)
    assert words[0] == "edgekit" and not re.search(r"[$|&;<>*?]", line), line
    context = get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    with NamedTemporaryFile() as printed:
        environment = dict(os.environ)
        arguments = (words, folder, printed.name, environment, toolchain.FLAGS)
        process = context.Process(target=_main, args=arguments)
        process.start()
        process.join()
        return process.exitcode or 0, printed.read().decode(errors="replace")


def _main(
    words: list[str],
    folder: Path,
    printed: str,
    environment: dict[str, str],
    flags: tuple[str, ...],
) -> None:
    """The process that runs the command; `flags` are the C compiler's for builds of this machine."""
    from edgekit.__main__ import main

    toolchain.FLAGS = flags
    file = os.open(printed, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = words
    main()


class Elsewhere:
    """Runs commands in a folder with the EdgeKit of another Python."""

    def __init__(self, python: Path, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [python, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment,
        )

    def __enter__(self) -> "Elsewhere":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, line: str) -> tuple[int, str]:
        """As `run`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        code, said = json.loads(self._process.stdout.readline())
        return code, said


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(line.strip(), Path.cwd())), flush=True)
