"""Processor seconds of commands: how soon they begin, and what the cache of compiled objects saves.

    python bench processor_time [--only REGEX] [--times 3]

Each command runs as a user's, in a process of its own whose compilers count. *off* is without a cache, *empty* begins
with an empty one, *again* finds what the run before left there: the least of some. The module is the README's.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tables import Table

from edgekit import demos
from edgekit.base.user_cache import OFF, VARIABLE

ROOT = Path(__file__).parents[2]
DEMOS = Path(demos.__file__).parent
NET_CODE = re.compile(r"(?:^    .*\n|^\n)*^    class Net\(.*\n(?:(?:    .*)?\n)*", re.MULTILINE)
SOUND = "--sample-rate 16000 --frontend stft:512:128:sqrt_hann:logpow"
W8A8 = f"--recipe w8a8 --calibration clips {SOUND}"
BEGIN = (
    "edgekit --version",
    "edgekit export --help",
    "edgekit export pkg:nothing --target host -o new",
)
COMPLETION = "edgekit export --ta"
COMPILING = {
    "the README's example, host": f"edgekit export module:factory --target host {W8A8} -o new",
    "the same, cortex-m55": f"edgekit export module:factory --target cortex-m55 {W8A8} -o new",
    "the denoiser, host": f"edgekit export denoise.onnx --target host {W8A8} -o new",
    "the denoiser, host, auto": "edgekit export denoise.onnx --target host --recipe auto "
    f"--calibration clips {SOUND} -o new",
    "a clip through the denoiser": "edgekit run build noisy.wav out.wav",
}


def processor_seconds(command: str, folder: Path, environment: Mapping[str, str]) -> float:
    """Run a command in a folder, whatever it ends with; returns its seconds of a processor, with its children's."""
    before = _children()
    program, *words = command.split()
    subprocess.run(
        [Path(sys.executable).with_name(program), *words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def prepare(folder: Path, cache: Path) -> None:
    """Write what the commands read: the README's module, the denoiser, recordings, a build."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = NET_CODE.search(text)
    assert found is not None, "the README has no class Net"
    own = "\n".join(line.removeprefix("    ") for line in found[0].splitlines())
    (folder / "module.py").write_text(f"import torch\n\n{own}\n", encoding="utf-8")
    shutil.copy(DEMOS / "denoise.onnx", folder)
    shutil.copytree(DEMOS / "clips" / "calibration", folder / "clips")
    shutil.copy(DEMOS / "clips" / "noisy.wav", folder)
    command = COMPILING["the denoiser, host"].replace("-o new", "-o build")
    processor_seconds(command, folder, {VARIABLE: str(cache)})
    assert (folder / "build").is_dir(), command


def row(name: str, command: str, folder: Path, times: int) -> list[str]:
    """The cells of a command that compiles."""

    def least(count: int, cache: str) -> str:
        found = []
        for _ in range(count):
            shutil.rmtree(folder / "new", ignore_errors=True)
            found.append(processor_seconds(command, folder, {VARIABLE: cache}))
        if "-o new" in command:
            assert (folder / "new" / "manifest.json").is_file(), command
        return f"{min(found):.2f}"

    with tempfile.TemporaryDirectory() as cache:
        return [name, least(times, OFF), least(1, cache), least(times, cache)]


def begin_table(folder: Path, times: int, only: str) -> Table:
    """The commands that do nothing but begin."""
    table = Table("command", "s")
    completion = {"COMP_WORDS": COMPLETION, "COMP_CWORD": "2", "_EDGEKIT_COMPLETE": "complete_bash"}
    rows: Sequence[tuple[str, str, Mapping[str, str]]] = [
        *((command, command, {}) for command in BEGIN),
        (f"completion of `{COMPLETION}`", "edgekit", completion),
    ]
    for name, command, environment in rows:
        if re.search(only, name):
            found = (processor_seconds(command, folder, environment) for _ in range(times))
            table.add_row(name, f"{min(found):.2f}")
    return table


def main() -> int:
    """Prepare, run and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="of names of rows")
    parser.add_argument(
        "--times", type=int, default=3, metavar="N", help="of which the least is taken"
    )
    arguments = parser.parse_args()
    compiling = {n: c for n, c in COMPILING.items() if re.search(arguments.only, n)}
    with tempfile.TemporaryDirectory() as place:
        folder, cache = Path(place) / "work", Path(place) / "cache"
        folder.mkdir()
        begin = begin_table(folder, arguments.times, arguments.only)
        if begin.rows:
            begin.show()
        if not compiling:
            return 0
        prepare(folder, cache)
        table = Table("processor seconds", "off", "empty", "again")
        for name, command in compiling.items():
            table.add_row(*row(name, command, folder, arguments.times))
        table.show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
