"""Caches of past frames as rings: what a hop moves, and that nothing else changes."""

from typing import Any

import numpy as np
import pytest
from c_kernels import needs_cc
from hypothesis import given, settings
from hypothesis import strategies as st
from quick_build import load_kernels, quick_build
from ring_networks import BLOCKS, CHANNELS, HIDDEN, attended, coded, dilated, mixed, streamed
from slices import slow_except

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.targets import TARGETS

pytestmark = needs_cc


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    load_kernels()


@pytest.mark.parametrize("hop", slow_except(lambda hop: hop == 2, [1, 2, 7]))
def test_a_dilated_stack_moves_the_frames_that_it_reads(hop: int) -> None:
    model = streamed(dilated(), hop)
    clip = np.random.default_rng(0).standard_normal((90, 1, CHANNELS, hop)).astype(np.float32)
    integer = quantize(model, Calibration(({"x": clip},), "noise"), "w8a8")
    shifted = sum(2 * 2 * 2**block + hop for block in range(BLOCKS)) * HIDDEN  # elements
    for lowered, size in ((model, 4), (integer, 1)):
        steps = TARGETS["host"].lower(lowered, "host").steps
        assert sum("RingConv" in step for step in steps) == (BLOCKS if hop == 1 else 0)
        stream = quick_build(lowered)
        (expected,) = Oracle(lowered).run_hops({"x": clip}).values()
        (found,) = stream.run({"x": clip}).values()
        np.testing.assert_array_equal(found, expected)
        stream.reset()
        (again,) = stream.run({"x": clip}).values()
        np.testing.assert_array_equal(again, expected)
        assert stream.manifest.memory["moved_bytes_per_hop"] < size * shifted // 2


@pytest.mark.rows(2)
@pytest.mark.parametrize("time", [2, 3])
@pytest.mark.parametrize("hop", [1, 4])
def test_every_reader_finds_its_frames(time: int, hop: int) -> None:
    data = mixed(time)
    model = streamed(data, hop)
    steps = TARGETS["host"].lower(model, "host").steps
    assert sum("RingPush" in step for step in steps) == 4  # the residual waits, too
    random, shape = np.random.default_rng(3), [1, 2, 5, 5]
    shape[time] = 150
    x = random.standard_normal(shape).astype(np.float32)
    compare(in_onnxruntime(data)({"x": x}), quick_build(model).clip({"x": x}), what="in rings it")
    shape[time] = hop
    clip = {"x": random.standard_normal((60, *shape)).astype(np.float32)}
    integer = quantize(model, Calibration((clip,), "noise"), "w8a8")
    (expected,), (found,) = (
        runner(clip).values() for runner in (Oracle(integer).run_hops, quick_build(integer).run)
    )
    np.testing.assert_array_equal(found, expected)


def same_bits(model: Model, clip: dict[str, Any]) -> dict[str, Any]:
    """Run the C and the oracle, twice, and return what the manifest says of memory."""
    stream = quick_build(model)
    (expected,) = Oracle(model).run_hops(clip).values()
    for _ in range(2):
        stream.reset()
        (found,) = stream.run(clip).values()
        np.testing.assert_array_equal(found, expected)
    return dict(stream.manifest.memory)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(("by frame", "by head", "transposed")),
    st.sampled_from(("float32", "w8a8", "w8a16")),
    st.integers(1, 3),
    st.integers(1, 24),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(1, 20),
)
def test_attention_reads_keys_and_values_where_they_are(
    form: str, recipe: str, hop: int, past: int, heads: int, each: int, values: int
) -> None:
    past += hop  # a window that a hop does not fill: else it is shifted
    model = attended(form, past, hop, heads, each, values)
    random = np.random.default_rng(past)
    clip = {"x": random.standard_normal((2 * past + 9, 1, hop, 5)).astype(np.float32)}
    if recipe != "float32":
        model = quantize(model, Calibration((clip,), "noise"), recipe)
    kinds = {step.split()[-1] for step in TARGETS["c99"].lower(model, "c99").steps}
    assert {"(RingDots)", "(RingSums)"} <= kinds
    memory = same_bits(model, clip)
    size = {"float32": 4, "w8a8": 1, "w8a16": 2}[recipe]
    state = (
        (past + 2 * hop) * heads * (each + values) * size
    )  # and the places, each part rounded up
    assert memory["state_bytes"] <= state + 4 * 64


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(("dense", "dense", "depthwise", "decoder")),
    st.sampled_from(("float32", "w8a8", "w8a16")),
    st.integers(2, 24),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from((1, 2, 9)),
    st.integers(1, 20),
)
def test_encoders_and_decoders_of_any_stride(
    kind: str,
    recipe: str,
    kernel: int,
    stride: int,
    dilation: int,
    positions: int,
    channels: int,
    outputs: int,
) -> None:
    model = coded(kind, max(kernel, stride), stride, dilation, positions, channels, outputs)
    shape = [int(d) for d in model.stream_inputs[0].shape or ()]
    clip = {"x": np.random.default_rng(kernel).standard_normal((70, *shape)).astype(np.float32)}
    same_bits(quantize(model, Calibration((clip,), "noise"), recipe), clip)


@pytest.mark.rows(2)
@pytest.mark.parametrize("recipe", ["float32", "w8a8", "w8a16"])
@pytest.mark.parametrize("positions", [1, 2])
def test_a_strided_encoder_of_sound_moves_its_hop_alone(recipe: str, positions: int) -> None:
    model = coded("dense", 48, 8, 1, positions, 1, 24)
    clip = np.random.default_rng(1).standard_normal((70, 1, 1, 8 * positions)).astype(np.float32)
    model = quantize(model, Calibration(({"x": clip},), "noise"), recipe)
    size = {"float32": 4, "w8a8": 1, "w8a16": 2}[recipe]
    hop, apart = 2 * 8 * positions * size, 2 * 24 * positions * 4 if positions > 1 else 0
    assert same_bits(model, {"x": clip})["moved_bytes_per_hop"] <= hop + apart
