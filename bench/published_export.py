"""`edgekit export` as a process of its own, so that its time and memory are those of a user.

Times are processor seconds, of all its processes: what else the machine does counts less.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgekit.base.npz import write_npz
from edgekit.runtime.runners.toolchain import NATIVE, compile_shared
from edgekit.runtime.stream import Arrays
from edgekit.verbs.export.importing import ImportOptions


class Refused(Exception):
    """The export ended with a message."""


def export(
    source: str,
    options: ImportOptions,
    recipe: str,
    calibration: Sequence[Arrays],
    min_snr_db: float,
    folder: Path,
    more: Sequence[str] = (),
) -> tuple[float, float]:
    """Run `edgekit export`; returns its processor seconds and the megabytes of its largest process.

    The calibration is written beside `folder`, which is made; `more` are other options.

    Raises:
        Refused: it failed; the first line of its message.
    """
    clips = folder.with_name(f"{folder.name}-clips")
    clips.mkdir()
    for index, clip in enumerate(calibration):
        write_npz(clips / f"{index}.npz", clip)
    command = [sys.executable, "-m", "edgekit", "export", source, *arguments(options)]
    command += ["--target", "host", "--recipe", recipe, "--calibration", str(clips)]
    command += ["--min-snr", str(min_snr_db), *more, "-o", str(folder)]
    environment = dict(os.environ)
    own = [str(Path(__file__).parent), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(own)  # for factories of `vision`
    with (folder.with_name(f"{folder.name}.log")).open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        text = log.read()
    if process.returncode:
        raise Refused(next(iter(text.strip().splitlines()), "no message"))
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def arguments(options: ImportOptions) -> list[str]:
    """Return options of an import as arguments of `edgekit export`."""
    facts: dict[str, list[object]] = {
        "state": [":".join(pair) for pair in options.states],
        "shape": [f"{name}={','.join(map(str, dims))}" for name, dims in options.shapes.items()],
        "constant": [f"{name}={value}" for name, value in options.constants.items()],
        "frontend": [options.frontend],
        "sample-rate": [options.sample_rate],
        "then": [options.then],
    }
    return [
        text
        for flag, values in facts.items()
        for value in values
        if value is not None
        for text in (f"--{flag}", str(value))
    ]


def compile_seconds(folder: Path) -> float:
    """Return the processor seconds that the sources of a build for `host` take to compile at -O2."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    compile_shared(sorted(folder.glob("*.c")), [folder], folder / "o2.so", ("-O2", *NATIVE))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
