"""Rows of ``kernel_costs.toml``: what the choice of kernels knows of a processor, generic or shipped."""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from edgekit.runtime.devices.profile import KernelCosts

GENERIC = "generic"
OTHERS = "avx2"  # its row is for instruction sets that choose by no row


@cache
def _tables() -> dict[str, dict[str, dict[str, float]]]:
    """The numbers of each row by processor and instruction set."""
    return tomllib.loads((files("edgekit.targets") / "kernel_costs.toml").read_text("utf-8"))


def chooses_by_costs(kernels: Sequence[str]) -> bool:
    """Whether the choice among an instruction set's kernels depends on a row."""
    return bool(kernels) and kernels[0] in _tables()[GENERIC]


def generic_costs(kernels: Sequence[str]) -> KernelCosts:
    """Return the row for processors that have none of their own, by the folders of their kernels."""
    name = kernels[0] if chooses_by_costs(kernels) else OTHERS
    return KernelCosts(f"{GENERIC} {name}", **_tables()[GENERIC][name])


def shipped_costs(kernels: Sequence[str], processor: str | None) -> KernelCosts | None:
    """Return the row of a processor that was measured for this version; None where there is none."""
    rows = _tables().get(processor or "", {})
    if not kernels or kernels[0] not in rows:
        return None
    return KernelCosts(f"shipped for {processor}, {kernels[0]}", **rows[kernels[0]])
