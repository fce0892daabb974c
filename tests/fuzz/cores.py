"""Integer networks of the fuzzer in one program, on this machine and on emulated cores: the oracle's bits."""

import pickle
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from device_programs import Golden, write_programs
from devices import CROSS, missing, run_program

from edgekit.base.errors import CheckFailed, ToolError
from edgekit.graph.model import Model
from edgekit.runtime.devices.cross import compile_replay
from edgekit.targets.devices import profile
from edgekit.verbs.targets import TARGETS
from fuzz.judge import Integers

OPTIONS = ("-O1", "-w")
HERE = ("c99", "host")  # compiled for this machine, in portable C and with its own kernels


@cache
def cores() -> tuple[str, ...]:
    """The devices that this machine can compile for and emulate."""
    return tuple(name for name in CROSS if missing(name) is None)


def differing(files: Sequence[Path], place: str) -> Iterator[tuple[Path, str]]:
    """Run what `judge` kept at a place, in one program; yields what differs from the oracle, and how."""
    goldens = [golden(pickle.loads(path.read_bytes()), place) for path in files]
    yield from _failing(list(zip(files, goldens, strict=True)), place)


def _failing(rows: Sequence[tuple[Path, Golden]], place: str) -> Iterator[tuple[Path, str]]:
    message = _run([program for _, program in rows], place)
    if message is not None and len(rows) == 1:
        yield rows[0][0], message
    elif message is not None:
        for row in rows:
            yield from _failing([row], place)


def golden(kept: Integers, place: str) -> Golden:
    """What was kept, lowered for a place."""
    model = Model.from_bytes(kept.model)
    return Golden(TARGETS[place].lower(model, place), kept.inputs, kept.outputs, False)


def _run(programs: Sequence[Golden], place: str) -> str | None:
    """Build and run one program; returns what went wrong, None where nothing did."""
    device = profile(place)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            write_programs(folder, programs, device)
            compile_replay(folder, device, folder / "program", OPTIONS)
            run_program(place, folder / "program")
        except (CheckFailed, ToolError) as error:
            return f"{place}: {error}"
    return None
