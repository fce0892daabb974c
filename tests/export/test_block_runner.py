"""Many hops in one call have the bits of hop by hop."""

import numpy as np
import pytest
from onnx_texts import accumulating

from edgekit.base.errors import UsageError
from edgekit.export.block_runner import BlockRunner
from edgekit.export.hop_runner import run_hops


@pytest.mark.parametrize("block_hops", [1, 2, 5, 64])
def test_blocks_are_the_hops_of_one_call_each(block_hops):
    model, x = accumulating(), np.arange(10, dtype=np.float32).reshape(5, 1, 2)
    taps = ["x", "s_next", "y"]
    expected = run_hops(model, {"x": x}, taps)
    blocks = [*BlockRunner(model, taps).blocks({"x": x}, block_hops)]
    assert [len(block["y"]) for block in blocks][:-1] == [block_hops] * (len(blocks) - 1)
    for name in taps:
        found = np.concatenate([block[name] for block in blocks])
        np.testing.assert_array_equal(found, expected[name])


def test_each_recording_begins_with_fresh_states():
    x = np.ones((3, 1, 2), np.float32)
    runner = BlockRunner(accumulating(), ["s_next"])
    first, second = (next(runner.blocks({"x": x}, 3))["s_next"] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_inputs_that_do_not_fit_are_refused():
    with pytest.raises(UsageError):
        next(BlockRunner(accumulating()).blocks({}, 4))
