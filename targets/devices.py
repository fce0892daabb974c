"""Device profiles: ``devices.toml`` as values, and the part of the host's that its CPU decides."""

import platform
import tomllib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from edgekit.base.json_values import JsonObject
from edgekit.runtime.devices.profile import Part, Profile, Region
from edgekit.targets.instruction_sets import INSTRUCTION_SETS, instruction_set_of

PORTABLE = Profile("c99", "portable C99, for any compiler")
CPU_INFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
UNITS = {"K": 1 << 10, "M": 1 << 20}
OF_THE_CPU = "of the CPU"


@cache
def profiles() -> dict[str, Profile]:
    """Return every profile by its target's name."""
    text = (files("edgekit.targets") / "devices.toml").read_text(encoding="utf-8")
    return {name: _profile(name, table) for name, table in tomllib.loads(text).items()}


def profile(target: str) -> Profile:
    """Return the profile of a target; the portable one where it has none."""
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


def _profile(name: str, table: JsonObject) -> Profile:
    found = cache_sizes() if table["instruction_set"] == OF_THE_CPU else {}
    kernels = _kernels(name, table.pop("instruction_set"))
    memory = {block: Region(**region) for block, region in table.pop("memory", {}).items()}
    parts = tuple(Part(**row) for row in table.pop("parts", ()))
    lists = {key: tuple(value) for key, value in table.items() if isinstance(value, list | tuple)}
    return Profile(name, kernels=kernels, **{**found, **table, **lists}, memory=memory, parts=parts)


def cache_sizes() -> dict[str, int]:
    """Return the sizes of this machine's data caches by the names of a profile, as far as Linux reports them."""
    found = {}
    for folder in sorted(CACHES.glob("index*")):
        try:
            level, kind, size = (
                (folder / name).read_text(encoding="ascii").strip()
                for name in ("level", "type", "size")
            )
        except (OSError, UnicodeDecodeError):
            continue
        name = {("1", "Data"): "l1d_bytes", ("2", "Unified"): "l2_bytes"}.get((level, kind))
        if name and size[:-1].isdecimal() and size[-1] in UNITS:
            found[name] = int(size[:-1]) * UNITS[size[-1]]
    return found


def _kernels(device: str, name: str) -> tuple[str, ...]:
    """The kernel folders of an instruction set; of that of this machine's CPU where it is `OF_THE_CPU`."""
    if name == OF_THE_CPU:
        found = instruction_set_of(platform.machine(), cpu_flags())
        return () if found is None else found.folders
    if name not in INSTRUCTION_SETS:
        allowed = ", ".join((*INSTRUCTION_SETS, OF_THE_CPU))
        raise ValueError(f"devices.toml: {device} has instruction_set {name!r}, allowed: {allowed}")
    return INSTRUCTION_SETS[name].folders


def cpu_flags() -> frozenset[str]:
    """Return the CPU flags that Linux reports; empty elsewhere."""
    facts = _cpu_facts()
    return frozenset(facts.get("flags", facts.get("Features", "")).split())


def processor() -> str | None:
    """Return vendor, family and model of an x86 processor, as Linux reports them; None elsewhere."""
    facts = _cpu_facts()
    names = ("vendor_id", "cpu family", "model")
    if not all(name in facts for name in names):
        return None
    vendor, family, model = (facts[name] for name in names)
    return f"{vendor} family {family} model {model}"


def _cpu_facts() -> dict[str, str]:
    """The rows of the first CPU that Linux reports; empty elsewhere."""
    try:
        text = CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    rows = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in rows}
