"""The RTL equals the golden model in every bit, and takes the cycles that the model says."""

from dataclasses import replace

import numpy as np
import pytest
from fpga_networks import random_layer, random_x
from fpga_rtl import W4, W8, expected, needs_verilator, simulated
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.fpga import cycles, rtl
from edgekit.fpga.simulate import Case
from edgekit.fpga.spec import EngineSpec

pytestmark = needs_verilator
PROPERTY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HEIGHT, WIDTH, CHANNELS = 19, 18, 6  # every tap of d = 7 is inside somewhere and outside elsewhere


def deformed(seed: int, d: int | None, frames: int = 1, spec: EngineSpec = W8) -> Case:
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


def assert_equal(spec: EngineSpec, cases: list[Case]) -> None:
    """Every beat of every case."""
    for case, found in zip(cases, simulated(spec, cases), strict=True):
        assert found.cycles > 0
        np.testing.assert_array_equal(found.y, expected(case))


@pytest.mark.parametrize("spec", [W8, W4])
def test_every_d_at_every_border(spec: EngineSpec) -> None:
    assert_equal(spec, [deformed(d, d, spec=spec) for d in range(8)])


@pytest.mark.parametrize("spec", [W8, W4])
def test_random_d_frames_back_to_back_and_stalls(spec: EngineSpec) -> None:
    cases = [replace(deformed(s, None, 3, spec), stall_seed=s) for s in range(4)]
    assert_equal(spec, cases)


def test_a_lead_of_dmax_rows_is_one_too_few() -> None:
    """The published engine's line buffer: its tests ran d = 1 only, which is right."""
    short = [replace(deformed(d, d), lead=W8.dmax) for d in range(8)]
    wrong = [
        int((found.y != expected(case)).sum())
        for case, found in zip(short, simulated(W8, short), strict=True)
    ]
    assert wrong[:7] == [0] * 7
    assert wrong[7] > expected(short[7]).size // 10


def test_ties_are_rounded_half_up() -> None:
    random = np.random.default_rng(0)
    layer = random_layer(random, "depthwise", (4, 8, 8), 4)
    weights = np.zeros((4, 3, 3), np.int8)
    weights[:, 1, 1] = 1
    half = np.full(4, 2**15)
    layer = replace(
        layer, weights=weights, bias=np.zeros(4, np.int32), mult=half, shift=half * 0 + 16,
        y_zero=0, y_min=-128, y_max=127,
    )  # fmt: skip
    x = np.arange(-128, 128).reshape(1, 4, 8, 8).astype(np.int8)
    (found,) = simulated(W8, [Case(layer, x)])
    np.testing.assert_array_equal(found.y, np.floor(x / 2 + 0.5))


@PROPERTY
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 14), st.integers(1, 14),
    st.sampled_from([None, 1, 2, 4]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_depthwise_layers_of_any_size(
    seed: int, channels: int, height: int, width: int, stride: int | None, four: bool, stalls: bool
) -> None:
    spec, random, shape = W4 if four else W8, np.random.default_rng(seed), (channels, height, width)
    layer = random_layer(
        random, "depthwise", shape, channels, spec.weight_bits, 1, stride or 1, stride is None
    )
    d = random.integers(0, 8, (2, height, width)).astype(np.int8) if stride is None else None
    x = random_x(random, (2, *shape))  # type: ignore[arg-type]
    assert_equal(spec, [Case(layer, x, d, int(stalls) * (seed % 1000 + 1))])


@PROPERTY
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 5]),
    st.sampled_from([1, 2, 4]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_dense_layers_of_any_size(
    seed: int, channels: int, outputs: int, kernel: int, stride: int, four: bool, stalls: bool
) -> None:
    spec, random = W4 if four else W8, np.random.default_rng(seed)
    shape = (channels, int(random.integers(1, 9)), int(random.integers(1, 9)))
    layer = random_layer(random, "dense", shape, outputs, spec.weight_bits, kernel, stride)
    x = random_x(random, shape)[None]
    assert_equal(spec, [Case(layer, x, None, int(stalls) * (seed % 1000 + 1))])


def test_the_cycle_model_is_within_a_percent() -> None:
    random = np.random.default_rng(5)
    cases = [replace(deformed(d, d, 1)) for d in (0, 7)]
    for shape in ((4, 5, 6), (9, 16, 8), (13, 8, 20)):
        layer = random_layer(random, "depthwise", shape, shape[0])
        cases.append(Case(layer, random_x(random, shape)[None]))
    for case, found in zip(cases, simulated(W8, cases), strict=True):
        deform = case.layer.dilation is not None
        predicted = cycles.depthwise_compute(W8, *case.x.shape[1:], deform)
        assert abs(predicted - found.cycles) <= 0.01 * found.cycles
    dense = []
    for channels, outputs, kernel in ((4, 4, 1), (13, 9, 1), (3, 7, 3)):
        shape = (channels, 9, 8)
        layer = random_layer(random, "dense", shape, outputs, 8, kernel)
        dense.append(Case(layer, random_x(random, shape)[None]))
    for case, found in zip(dense, simulated(W8, dense), strict=True):
        layer, (_, channels, height, width) = case.layer, case.x.shape
        beats = layer.kernel**2 * cycles.groups_of(channels, W8.lanes)
        predicted = cycles.dense_compute(W8, beats, height * width, layer.out_channels)
        assert abs(predicted - found.cycles) <= 0.01 * found.cycles


@pytest.mark.parametrize(("size", "channels"), [(8, 256), (16, 128), (32, 64)])
def test_layers_of_the_size_of_codenet_a_pass_by_pass(size: int, channels: int) -> None:
    random = np.random.default_rng(size)
    step = W8.line_beats // size * W8.lanes
    cases = []
    for _ in range(0, channels, step):
        shape = (min(step, channels), size, size)
        layer = random_layer(random, "depthwise", shape, shape[0], deform=True)
        d = random.integers(0, 8, (1, size, size)).astype(np.int8)
        cases.append(Case(layer, random_x(random, shape)[None], d))
    assert_equal(W8, cases)


def test_the_modules_carry_the_parameters_of_the_engine() -> None:
    text = rtl.sources(EngineSpec(lanes=8, columns=2, dmax=3))["ek_depthwise.sv"]
    assert "parameter int LANES = 8," in text
    assert "parameter int ROWS = 8," in text
