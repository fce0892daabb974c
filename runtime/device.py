"""Where a build can be measured: a table of devices, each with what it measures and for which builds."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgekit.runtime.bench import Measured, Modelled, hop_us, ram_bytes
from edgekit.runtime.cross import compile_replay
from edgekit.runtime.emulator import count, replay
from edgekit.runtime.manifest import Manifest
from edgekit.runtime.profile import Profile


@dataclass(frozen=True)
class Device:
    """One kind of device, as ``--device`` names it.

    Attributes:
        name: the word before a colon.
        takes: whether it runs builds for a profile.
        default_hops: how many are measured where the user does not say.
        most_hops: the most that it can be asked for.
    """

    name: str
    takes: Callable[[Profile], bool]
    default_hops: int
    most_hops: int


DEVICES = {
    device.name: device
    for device in (
        Device("local", lambda profile: not profile.is_cross, 2000, 1_000_000),
        Device("qemu", lambda profile: profile.is_cross, 4, 1000),
    )
}
LATER_DEVICES = ("ssh", "adb")


def device_of(profile: Profile) -> Device:
    """Return the device that runs builds for a profile on this machine."""
    return next(device for device in DEVICES.values() if device.takes(profile))


def measure_qemu(directory: Path, manifest: Manifest, profile: Profile, hops: int) -> Measured:
    """Replay golden data, then count the instructions of `hops` hops.

    Raises:
        ToolError: no cross compiler or emulator, or one failed.
        CheckFailed: golden data came out otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as folder:
        program = Path(folder) / "replay"
        compile_replay(directory, profile, program)
        stack_bytes = stack_of(replay(profile, program))
        compile_replay(directory, profile, program, [f"-DREPLAY_COUNTED_HOPS={hops}"])
        counts = count(profile, program)
    functions = dict(sorted(counts.functions.items(), key=lambda item: (-item[1], item[0])))
    return Measured(
        "qemu", hops, hop_us(manifest), ram_bytes(manifest, stack_bytes), instructions=counts.hops,
        functions=functions, stack_bytes=stack_bytes, modelled=modelled(counts.hops, profile),
    )  # fmt: skip


def modelled(instructions: tuple[int, ...], profile: Profile) -> Modelled | None:
    """Return the time of the longest hop at the profile's clock; None where it states no model."""
    clock, cycles = profile.clock_hz, profile.cycles_per_instruction
    if clock is None or cycles is None or not instructions:
        return None
    longest_us = round(max(instructions) * cycles * 1e6 / clock, 3)
    return Modelled(clock, cycles, longest_us, profile.cycles_from)


def stack_of(printed: str) -> int | None:
    """Return what a replay program says of its stack."""
    for line in printed.splitlines():
        name, _, value = line.partition(": ")
        if name == "stack_bytes":
            return int(value)
    return None
