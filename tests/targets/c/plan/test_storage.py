"""Sizes and places of tensors."""

import onnx_ir as ir

from edgekit.targets.c.plan.storage import ITEM_BYTES, PCM_IN, Slot, nbytes, pcm_blocks


def test_bytes_are_those_of_numpy() -> None:
    for kind, size in ITEM_BYTES.items():
        value = ir.Value(name="x", shape=ir.Shape([2, 3]), type=ir.TensorType(kind))
        assert nbytes(value) == 6 * size == 6 * kind.numpy().itemsize


def test_a_slot_behind_another_is_in_its_block() -> None:
    assert Slot("state", "h", 8).behind(4) == Slot("state", "h", 12)


def test_the_first_stream_has_the_plain_name() -> None:
    assert pcm_blocks(PCM_IN, 3) == ["pcm:in", "pcm:in:1", "pcm:in:2"]
