"""What a quantized file stores: weights, hidden states and memories."""

import numpy as np
import onnx
import pytest
from builds import float_model, int8_model, noise

from edgekit.export.hop_runner import run_hops
from edgekit.operators.qdq import stored_type
from edgekit.operators.scheme import HIDDEN_TYPE
from edgekit.operators.to_integer import to_integer


def test_replaced_float_weights_leave_the_file() -> None:
    proto = onnx.load_from_string(int8_model("conv_recurrent").to_bytes())
    used = {name for node in proto.graph.node for name in node.input}
    assert {tensor.name for tensor in proto.graph.initializer} <= used
    assert len(proto.SerializeToString()) < 0.6 * len(float_model("conv_recurrent").to_bytes())


@pytest.mark.parametrize("name", ["gru_mask", "conv_recurrent", "raw"])
def test_recurrent_state_is_int16_of_scale_two_to_the_minus_15(name: str) -> None:
    graph = to_integer(int8_model(name)).ir.graph
    hidden = [stored_type(v) for v in graph.inputs if v.name in ("h", "h1", "h2")]
    assert hidden
    assert all(
        k is not None and (k.dtype, k.scale, k.zero_point) == ("int16", 2.0**-15, 0) for k in hidden
    )


def test_the_memory_of_an_lstm_is_int32_with_room_to_grow() -> None:
    model = int8_model("lstm_vad")
    graph = to_integer(model).ir.graph
    kinds = {str(v.name): stored_type(v) for v in graph.inputs}
    h, c = kinds["h"], kinds["c"]
    assert h == HIDDEN_TYPE
    assert c is not None and (c.dtype, c.zero_point) == ("int32", 0)
    peak = np.abs(run_hops(float_model("lstm_vad"), noise(model, 60), tap=["c_next"])["c_next"])
    assert c.scale * 2**31 >= max(2 * peak.max(), 2**15)
