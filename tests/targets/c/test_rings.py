"""Caches of past frames as rings: what a hop moves, and that nothing else changes."""

import numpy as np
import pytest
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build
from ring_networks import BLOCKS, CHANNELS, HIDDEN, dilated, mixed, streamed

from edgekit.export.running import in_onnxruntime
from edgekit.export.verify import compare
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.targets import TARGETS

pytestmark = needs_cc


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    load_kernels()


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
    compare(in_onnxruntime(data)({"x": x}), quick_build(model).clip({"x": x}), what="in rings it")
    shape[time] = hop
    clip = {"x": random.standard_normal((60, *shape)).astype(np.float32)}
    integer = quantize(model, Calibration((clip,), "noise"), "w8a8")
    (expected,), (found,) = (
        runner(clip).values() for runner in (Oracle(integer).run_hops, quick_build(integer).run)
    )
    np.testing.assert_array_equal(found, expected)
