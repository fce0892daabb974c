"""Device profiles: ``devices.toml`` as values, and the part of the host's that its CPU decides."""

import platform
import tomllib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from edgekit.runtime.devices.profile import Profile, Region

PORTABLE = Profile("c99", "portable C99, for any compiler")
CPU_INFO = Path("/proc/cpuinfo")


@cache
def profiles() -> dict[str, Profile]:
    """Return every profile by its target's name."""
    text = (files("edgekit.targets") / "devices.toml").read_text(encoding="utf-8")
    return {name: _profile(name, table) for name, table in tomllib.loads(text).items()}


def profile(target: str) -> Profile:
    """Return the profile of a target; the portable one where it has none of its own."""
    return profiles().get(target, PORTABLE)


def profile_there(target: str, architecture: str) -> Profile | None:
    """Return the profile that compiles a target's C for a machine whose core ``uname -m`` names so.

    None where the build is for another core, or no compiler of the table is for that one.
    """
    own = profile(target)
    if own.architecture is not None:
        return own if own.architecture == architecture else None
    if architecture == platform.machine():
        return own
    if own != PORTABLE:
        return None
    for other in profiles().values():
        if other.architecture == architecture:
            return replace(PORTABLE, cc=other.cc, zig=other.zig[:2])
    return None


def host_kernels(rows: list[dict[str, Any]], machine: str, cpu: frozenset[str]) -> tuple[str, ...]:
    """Return the kernel folders of the first row that fits an architecture and the flags of its CPU."""
    for row in rows:
        if row["machine"] == machine and cpu.issuperset(row["cpu"]):
            return tuple(row["kernels"])
    return ()


def _profile(name: str, table: dict[str, Any]) -> Profile:
    rows = table.pop("detect", None)
    if rows is not None:
        table["kernels"] = host_kernels(rows, platform.machine(), cpu_flags())
    memory = {block: Region(**region) for block, region in table.pop("memory", {}).items()}
    lists = {key: tuple(value) for key, value in table.items() if isinstance(value, list | tuple)}
    return Profile(name, **{**table, **lists}, memory=memory)


def cpu_flags() -> frozenset[str]:
    """What Linux says the CPU has; nothing elsewhere."""
    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()
