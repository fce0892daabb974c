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
from fpga_networks import random_layer, random_x
from numpy.typing import NDArray

from edgekit.fpga import cycles, golden, project, simulate
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


HEIGHT, WIDTH, CHANNELS = 19, 18, 6  # every tap of d = 7 is inside somewhere and outside elsewhere


def deformable_case(seed: int, d: int | None, frames: int = 1, spec: EngineSpec = W8) -> Case:
    """A deformable layer whose d is the same everywhere, or random."""
    random = np.random.default_rng(seed)
    shape = (CHANNELS, HEIGHT, WIDTH)
    layer = random_layer(random, "depthwise", shape, CHANNELS, spec.weight_bits, deform=True)
    x = random_x(random, (frames, *shape))  # type: ignore[arg-type]
    ds = (
        random.integers(0, 8, (frames, HEIGHT, WIDTH))
        if d is None
        else np.full((frames, HEIGHT, WIDTH), d)
    )
    return Case(layer, x, ds.astype(np.int8))


def any_layer(random: np.random.Generator, spec: EngineSpec, path: str) -> Case:
    """A layer of a data path of any size that the engine holds, with or without stalls."""
    most = 5 * spec.lanes
    channels = int(random.integers(1, most))
    shape = (channels, *(int(n) for n in random.integers(1, 10, 2)))
    stall_seed = int(random.integers(1, 1000)) * int(random.integers(0, 2))
    deform = path == "depthwise" and bool(random.integers(0, 2))
    stride = 1 if deform else int(random.choice([1, 2, 4]))
    kernel = int(random.choice([1, 1, 3]))
    outputs = channels if path == "depthwise" else int(random.integers(1, 12 * spec.columns))
    layer = random_layer(random, path, shape, outputs, spec.weight_bits, kernel, stride, deform)
    frames = int(random.integers(1, 3)) if path == "depthwise" else 1
    d = random.integers(0, 8, (frames, *shape[1:])).astype(np.int8) if deform else None
    x = np.stack([random_x(random, shape) for _ in range(frames)])
    return Case(layer, x, d, stall_seed)


def modelled_cycles(spec: EngineSpec, case: Case) -> int:
    """The cycles that the model says of a case."""
    layer, (frames, channels, height, width) = case.layer, case.x.shape
    if layer.path == "depthwise":
        deform = layer.dilation is not None
        return frames * cycles.depthwise_compute(
            spec, channels, height, width, deform, layer.stride
        )
    pixels = -(-height // layer.stride) * -(-width // layer.stride)
    beats = layer.kernel**2 * cycles.groups_of(channels, spec.lanes)
    return cycles.dense_compute(spec, beats, pixels, layer.out_channels)
