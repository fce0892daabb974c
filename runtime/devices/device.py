"""The devices on which a build can be measured: a table with the measurements of each, and for which builds."""

import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Any

from edgekit.base.arrays import Array
from edgekit.base.errors import CheckFailed
from edgekit.runtime.bench.golden import check_outputs
from edgekit.runtime.bench.measure import (
    ROUNDS,
    Measurement,
    Times,
    hop_us,
    ram_bytes,
)
from edgekit.runtime.bench.modelled_time import ModelledTime
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices import adb, ssh
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import count, replay
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.devices.remote import LIMIT_S, Link, answer, answer_limit
from edgekit.runtime.proof.check import PROOF_FILE, check_proof


@dataclass(frozen=True)
class Device:
    """One kind of device, as ``--device`` names it.

    Attributes:
        name: of the kind.
        form: the argument of ``--device``.
        takes: whether it runs builds for a profile.
        default_hops: the number measured by default.
        most_hops: the largest number allowed.
        connect: for another machine, the way there: takes ``--device`` and the shell's command that runs
            ``program`` in a folder there.
    """

    name: str
    form: re.Pattern[str]
    takes: Callable[[Profile], bool]
    default_hops: int
    most_hops: int
    connect: Callable[[str, str], AbstractContextManager[Link]] | None = None


DEVICES = {
    device.name: device
    for device in (
        Device("local", re.compile("local"), lambda profile: not profile.is_cross, 2000, 1_000_000),
        Device("qemu", re.compile("qemu"), lambda profile: profile.is_cross, 4, 1000),
        Device("ssh", ssh.ADDRESS, lambda profile: not profile.is_bare, 2000, 100_000, ssh.connect),
        Device("adb", adb.ADDRESS, lambda profile: not profile.is_bare, 2000, 100_000, adb.connect),
    )
}
C_PROGRAM, PYTHON_PROGRAM = "./program", "python3 ./program"


def device_of(profile: Profile) -> Device:
    """Return the device that runs builds for a profile on this machine."""
    return next(device for device in DEVICES.values() if device.takes(profile))


def find_device(name: str) -> Device | None:
    """Return the kind of device that ``--device`` names."""
    return next((device for device in DEVICES.values() if device.form.fullmatch(name)), None)


def measure_qemu(directory: Path, manifest: Manifest, profile: Profile, hops: int) -> Measurement:
    """Replay golden data, then count the instructions of `hops` hops.

    Raises:
        ToolError: no cross compiler or emulator, or one failed.
        CheckFailed: golden data came out otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as folder:
        program = Path(folder) / "replay"
        compile_replay(directory, profile, program)
        stack_bytes = stack_of(replay(profile, program))
        _check_stack(stack_bytes, manifest)
        compile_replay(directory, profile, program, [f"-DREPLAY_COUNTED_HOPS={hops}"])
        counts = count(profile, program)
    functions = dict(sorted(counts.functions.items(), key=lambda item: (-item[1], item[0])))
    return Measurement(
        "qemu",
        hops,
        hop_us(manifest),
        ram_bytes(manifest, stack_bytes),
        instructions=counts.hops,
        functions=functions,
        most_added=_most_added(directory, manifest, profile),
        stack_bytes=stack_bytes,
        modelled=model_time(counts.hops, profile.cycles_of(counts.kinds), profile, manifest.board),
    )


def _most_added(directory: Path, manifest: Manifest, profile: Profile) -> float:
    """Instructions that data may add to a hop, where the table of their times holds: cores that tests count on."""
    is_known = profile.name.startswith("cortex-m") and manifest.sampler is None
    if not is_known or not (directory / PROOF_FILE).is_file():
        return inf
    return check_proof(directory).most_added


def _check_stack(stack_bytes: int | None, manifest: Manifest) -> None:
    """Raise a CheckFailed where a build takes more stack than its board.toml keeps."""
    board = manifest.board
    if board is None or stack_bytes is None or stack_bytes <= board["stack_bytes"]:
        return
    raise CheckFailed(
        f"the stack takes {stack_bytes:,} bytes, more than the {board['stack_bytes']:,} that {board['name']} keeps; "
        "next: raise stack_bytes in board.toml, and export again"
    )


def timed_program(directory: Path, profile: Profile, hops: int) -> bytes:
    """Compile a replay folder into a program for a device with Linux: golden hops, then `hops` a round.

    Raises:
        ToolError: no compiler for that core, or it failed.
    """
    timed = files("edgekit.runtime") / "replay" / "timed.c"
    (directory / "replay" / "timed.c").write_bytes(timed.read_bytes())
    numbers = {"HOPS": hops, "ROUNDS": ROUNDS, "SECONDS": LIMIT_S}
    defines = [f"-DREPLAY_TIMED_{name}={number}" for name, number in numbers.items()]
    compile_replay(directory, profile, directory / "program", defines, is_static=True)
    return (directory / "program").read_bytes()


def measure_there(
    link: Link,
    device: str,
    program: bytes,
    manifest: Manifest,
    golden: Mapping[str, Array],
    hops: int,
    layers: bool,
) -> Measurement:
    """Run a program on another machine, and compare its outputs with golden.

    Args:
        link: the way there.
        device: as ``--device`` names it.
        program: of `timed_program`, or of `edgekit.runtime.devices.payload`.
        manifest: the build's facts.
        golden: outputs of the verified run, (hops, *shape).
        hops: in each round.
        layers: whether the program compares layers.

    Raises:
        CheckFailed: it disagrees with golden, there or here.
        ToolError: the device does not run it, or the connection broke.
    """
    timed = hops * ROUNDS
    golden_hops = max(len(array) for array in golden.values())
    printed = link.run(program, answer_limit(manifest, golden_hops, timed))
    found = answer(device, printed, manifest, timed, layers)
    check_outputs(device, manifest, found.outputs, golden)
    return Measurement(
        device,
        timed,
        hop_us(manifest),
        ram_bytes(manifest, found.stack_bytes),
        Times(found.times_us),
        stack_bytes=found.stack_bytes,
        core=found.core,
        machine=link.machine.words,
        layers=tuple((row.name, row.result) for row in found.rows if row.kind == "layer"),
    )


def model_time(
    instructions: tuple[int, ...],
    cycles: float | None,
    profile: Profile,
    board: Mapping[str, Any] | None = None,
) -> ModelledTime | None:
    """Return the time of the longest hop, and the energy of the mean one where a board has that of an instruction.

    An instruction takes `cycles` cycles. The clock is that of `board`, as in a manifest, else of the profile; None
    without a model.
    """
    facts = board or {}
    clock = facts.get("clock_hz", profile.clock_hz)
    if clock is None or cycles is None or not instructions:
        return None
    longest_us = round(max(instructions) * cycles * 1e6 / clock, 3)
    each_pj = facts.get("picojoules_per_instruction")
    mean = sum(instructions) / len(instructions)
    energy_uj = None if each_pj is None else round(mean * each_pj * 1e-6, 3)
    energy_from = facts.get("energy_from", "") if each_pj is not None else ""
    return ModelledTime(clock, cycles, longest_us, profile.cycles_from, energy_uj, energy_from)


def stack_of(printed: str) -> int | None:
    """Return the stack depth that a replay program printed."""
    for line in printed.splitlines():
        name, _, value = line.partition(": ")
        if name == "stack_bytes":
            return int(value)
    return None
