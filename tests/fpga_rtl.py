"""Verilated data paths, built once for all tests that ask for them."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.fpga import golden, simulate
from edgekit.fpga.simulate import Case, Simulated
from edgekit.fpga.spec import EngineSpec

needs_verilator = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("make") is None,
    reason="needs verilator: apt-get install verilator make g++",
)
W8 = EngineSpec(
    lanes=4,
    columns=4,
    weight_bits=8,
    line_beats=128,
    weight_beats=256,
    groups=16,
    accumulator_bits=26,
)
W4 = EngineSpec(
    lanes=3,
    columns=3,
    weight_bits=4,
    line_beats=128,
    weight_beats=256,
    groups=32,
    accumulator_bits=22,
)


@cache
def program(spec: EngineSpec, path: str) -> Path:
    """The compiled simulation of a data path."""
    folder = Path(mkdtemp(prefix="edgekit-rtl-"))
    return simulate.build(spec, path, folder)


def simulated(spec: EngineSpec, cases: list[Case]) -> list[Simulated]:
    """What the RTL makes of the cases."""
    return simulate.run(program(spec, cases[0].layer.path), spec, cases)


def expected(case: Case) -> NDArray[np.int8]:
    """What the golden model makes of a case, ``(frames, channels, height, width)``."""
    ds = [None] * len(case.x) if case.d is None else list(case.d)
    return np.stack([golden.run_layer(case.layer, x, d) for x, d in zip(case.x, ds, strict=True)])
