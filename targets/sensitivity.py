"""The cost of each tensor alone, as a search for types measured it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Alone:
    """A group of tensors: its first one, the type that it got, and the output's signal-to-noise ratio in dB.

    The ratio is that with the group in its narrowest type, and everything else exact.
    """

    name: str
    dtype: str
    snr_db: float


def alone(ratios: Mapping[str, float], types: Mapping[str, str], default: str) -> list[Alone]:
    """Return the groups, the most sensitive first; those not in `types` have the type `default`."""
    rows = [Alone(name, types.get(name, default), db) for name, db in ratios.items()]
    return sorted(rows, key=lambda row: (row.snr_db, row.name))
