"""States in the parts that are read: cut windows, windows that are split by channel, and the same outputs."""

import numpy as np
import pytest
from c_kernels import needs_cc
from numpy.typing import NDArray
from quick_build import load_kernels, quick_build
from stream_networks import Net

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.targets.c.rewrite.state_parts import cut_states, split_states
from edgekit.verbs.targets import TARGETS

pytestmark = needs_cc
PARTS, TAPS = (6, 5), (9, 4)  # channels of each kernel size, and its taps


def mixed_kernels(reads_whole: bool = False) -> Model:
    """One hop of depthwise kernels of two sizes over one window of pictures of one column, cut along all axes."""
    net, past, channels = Net(5), max(TAPS) - 1, sum(PARTS)
    whole = net.add("Concat", "past", "x", axis=2)
    bounds = ([0, 0, 1, 0], [1, channels, 2**60, 1], [0, 1, 2, 3])
    kept = net.add("Slice", whole, *(net.const(numbers, np.int64) for numbers in bounds))
    parts = net.add("Split", whole, net.const(PARTS, np.int64), outputs=2, axis=1)
    results = []
    for part, size, taps in zip((parts, f"{parts}1"), PARTS, TAPS, strict=True):
        frames = part if taps == past + 1 else net.cut(part, past + 1 - taps)
        w, bias = net.weight(size, 1, taps, 1), net.weight(size)
        results.append(net.add("Conv", frames, w, bias, group=size))
    y = net.add("Concat", *results, axis=1)
    if reads_whole:
        y = net.add("Add", y, net.add("ReduceMax", whole, net.const([2], np.int64)))
    state = {"past": [1, channels, past, 1]}
    data = net.model([1, channels, 1, 1], [y, kept], 4, state)
    return from_onnx(data, name="mixed", states=[("past", kept)])


def whole_window(hop: int, taps: int, dilation: int, channels: int = 6) -> Model:
    """One hop of a network whose state is a whole window, from which the next hop drops the oldest frames."""
    frames = (taps - 1) * dilation + hop
    net = Net(7)
    whole = net.add("Concat", net.cut("window", hop), "x", axis=2)
    y = net.conv(whole, channels, channels, taps, dilation=dilation, group=channels)
    data = net.model([1, channels, hop], [y, whole], 3, {"window": [1, channels, frames]})
    return from_onnx(data, name="window", states=[("window", whole)])


def assert_same_outputs(model: Model, clip: dict[str, NDArray[np.float32]]) -> None:
    """Compare the C with the oracle in all bits, twice from a fresh state."""
    load_kernels()
    stream = quick_build(model)
    (expected,) = Oracle(model).run_hops(clip).values()
    for _ in range(2):
        stream.reset()
        (found,) = stream.run(clip).values()
        np.testing.assert_array_equal(found, expected)


@pytest.mark.rows(2)
@pytest.mark.parametrize("recipe", ["float32", "w8a8", "w8a16"])
@pytest.mark.parametrize(("hop", "taps", "dilation"), [(1, 9, 2), (3, 4, 9)])
def test_a_state_that_a_hop_cuts_first_is_kept_cut(
    recipe: str, hop: int, taps: int, dilation: int
) -> None:
    model = whole_window(hop, taps, dilation)
    clip = {"x": np.random.default_rng(2).standard_normal((50, 1, 6, hop), np.float32)}
    if recipe != "float32":
        model = quantize(model, Calibration((clip,), "noise"), recipe)
    cut = cut_states(to_integer(model))
    (pair,) = cut.states
    (state,) = (value for value in cut.ir.graph.inputs if value.name == pair.input)
    assert dims(state) == (1, 6, (taps - 1) * dilation)
    assert any("(RingPush)" in step for step in TARGETS["c99"].lower(model, "c99").steps)
    assert_same_outputs(model, clip)


@pytest.mark.parametrize("recipe", ["float32", "w8a8", "w8a16"])
def test_each_part_of_a_split_window_is_a_ring(recipe: str) -> None:
    model = mixed_kernels()
    clip = {"x": np.random.default_rng(1).standard_normal((40, 1, sum(PARTS), 1, 1), np.float32)}
    if recipe != "float32":
        model = quantize(model, Calibration((clip,), "noise"), recipe)
    steps = TARGETS["c99"].lower(model, "c99").steps
    assert sum("(RingConv)" in step for step in steps) == len(PARTS)
    assert_same_outputs(model, clip)


def test_a_window_that_something_else_reads_keeps_its_state() -> None:
    assert len(split_states(mixed_kernels()).states) == len(PARTS)
    assert [pair.input for pair in split_states(mixed_kernels(reads_whole=True)).states] == ["past"]
