"""Common code of rules that filter through spectra: blocks to spectra and back, by the fast kernels."""

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.canonical_forms.spectral import FAST_FROM
from edgekit.export.stream.hopgraph import HopGraph


def is_fast_length(points: int) -> bool:
    """Whether the fast kernel transforms real frames of `points` samples."""
    rest = points
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    return points >= FAST_FROM and points % 2 == 0 and rest == 1


def fast_length(least: int) -> int:
    """Return the smallest such length from `least` on."""
    start = max(least, FAST_FROM)
    return next(n for n in range(start, 2 * start + 1) if is_fast_length(n))


def append_zero_padding(new: HopGraph, value: ir.Value, pads: list[int], name: str) -> ir.Value:
    """Return the value padded with zeros: counts before each axis, then after each."""
    if not any(pads):
        return value
    return new.exact(new.one(name, "Pad", value, new.constant(pads, f"{name}.pads", np.int64)))


def spectra(new: HopGraph, rows: ir.Value, name: str) -> ir.Value:
    """(rows, points, 1) -> (rows, points / 2 + 1, 2)."""
    return new.exact(new.one(name, "DFT", rows, onesided=1))


def samples(new: HopGraph, spectrum: ir.Value, rows: int, points: int, name: str) -> list[ir.Value]:
    """(rows, points / 2 + 1, 2) -> a value (1, points) for each row."""
    made = []
    for row in range(rows):
        own = spectrum if rows == 1 else new.slice(spectrum, 0, row, row + 1, f"{name}.row")
        made.append(new.own(f"{name}.samples", "IRFFT", own, shape=(1, points)))
    return made
