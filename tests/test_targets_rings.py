"""Caches of past frames as rings: what a hop moves, and that nothing else changes."""

import numpy as np
import pytest
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build
from stream_networks import Net

from edgekit.export.running import run, session
from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.sources import onnx_offline
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.export.importing import ImportOptions, surrounded
from edgekit.verbs.targets import TARGETS

pytestmark = needs_cc
CHANNELS, HIDDEN, BLOCKS = 8, 12, 8


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    load_kernels()


def dilated() -> bytes:
    """Eight blocks of depthwise convolutions, dilated by 1 to 128."""
    net, x = Net(1), "x"
    for block in range(BLOCKS):
        y = net.add("Relu", net.conv(x, CHANNELS, HIDDEN, 1))
        reach = 2 * 2**block
        y = net.conv(y, HIDDEN, HIDDEN, 3, left=reach, dilation=2**block, group=HIDDEN)
        x = net.add("Add", x, net.conv(net.add("Relu", y), HIDDEN, CHANNELS, 1))
    return net.model([1, CHANNELS, "T"], x)


def mixed(time: int) -> bytes:
    """Two axes, time the first or second: convolutions both ways, dilated in time, and a residual."""
    net = Net(2)
    shape = [1, 2, "T", 5] if time == 2 else [1, 2, 5, "T"]

    def order(in_time: int, other: int) -> list[int]:
        return [in_time, other] if time == 2 else [other, in_time]

    def both(before: int, behind: int) -> list[int]:
        return [*order(before, 1), *order(behind, 1)]

    kernel, dilations = order(3, 3), order(20, 1)
    y = net.add(
        "Conv", "x", net.weight(4, 2, *kernel), net.weight(4), pads=both(40, 0), dilations=dilations
    )
    # causal: the frames that a transposed convolution gives behind the end are cut off
    y = net.add(
        "ConvTranspose",
        net.add("Tanh", y),
        net.weight(4, 4, *kernel),
        net.weight(4),
        pads=both(0, 40),
        dilations=dilations,
    )
    ahead = net.add(
        "Conv",
        y,
        net.weight(2, 4, *order(2, 1)),
        net.weight(2),
        pads=[*order(0, 0), *order(30, 0)],
        dilations=order(30, 1),
    )
    return net.model(shape, net.add("Add", "x", ahead))


def streamed(data: bytes, times: int = 1) -> Model:
    analysis = analyse(onnx_offline(data, name="net"))
    return surrounded(rewrite(analysis, times * analysis.facts.minimum_hop()), ImportOptions())


@pytest.mark.parametrize("hop", [1, 2, 7])
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
    compare(run(session(data), {"x": x}), quick_build(model).clip({"x": x}), what="in rings it")
    shape[time] = hop
    clip = {"x": random.standard_normal((60, *shape)).astype(np.float32)}
    integer = quantize(model, Calibration((clip,), "noise"), "w8a8")
    (expected,), (found,) = (
        runner(clip).values() for runner in (Oracle(integer).run_hops, quick_build(integer).run)
    )
    np.testing.assert_array_equal(found, expected)
