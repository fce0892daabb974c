"""Verilated data paths, built once for all tests that ask for them."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from fpga_hls import stored
from numpy.typing import NDArray

from edgekit.fpga import golden, project, simulate
from edgekit.fpga.program import Program
from edgekit.fpga.simulate import Case, SimulationResult
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


SHARED_BEAT = EngineSpec(
    lanes=8,
    columns=4,
    weight_bits=8,
    line_beats=64,
    weight_beats=2048,
    groups=4,
    buffer_beats=600,
    accumulator_bits=26,
    port_bytes=4,
)
"""A whole engine: two results of the array share a beat, which is two of the bus."""
SEVERAL_BEATS = replace(SHARED_BEAT, lanes=2, columns=4, weight_bits=4, port_bytes=8)
"""A result of the array is two beats, four are a beat of the bus; larger channels take several passes."""


def golden_vectors(program: Program, images: Sequence[NDArray[np.int8]], folder: Path) -> Path:
    """The folder of a program and of what its pictures must give, as `simulate.run_engine` takes it."""
    values = [stored(program.network, image) for image in images]
    files = project.sources(program) | project.golden_vectors(program, images, values)
    project.write(folder, {name: content for name, content in files.items() if "data/" in name})
    return folder / "data"


@cache
def program(spec: EngineSpec, path: str) -> Path:
    """The compiled simulation of a data path, or of the ``engine``."""
    folder = Path(mkdtemp(prefix="edgekit-rtl-"))
    return simulate.build(spec, path, folder)


def simulated(spec: EngineSpec, cases: list[Case]) -> list[SimulationResult]:
    """What the RTL makes of the cases."""
    return simulate.run(program(spec, cases[0].layer.path), spec, cases)


def expected(case: Case) -> NDArray[np.int8]:
    """What the golden model makes of a case, ``(frames, channels, height, width)``."""
    ds = [None] * len(case.x) if case.d is None else list(case.d)
    return np.stack([golden.run_layer(case.layer, x, d) for x, d in zip(case.x, ds, strict=True)])
