"""Sizes below zero end in a message: behind them ONNX's own shape inference of a Slice would end the process."""

import re

import onnx
import pytest

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx

LAYERS = {
    "Conv": "v = Conv(x, w)",
    "ConvTranspose": "v = ConvTranspose<pads = [4, 4]>(x, w)",
    "MaxPool": "v = MaxPool<kernel_shape = [5]>(x)",
    "Pad": "v = Pad(x, p)",
    "two": "v1 = Neg(x) v2 = Slice(v1, a, b, c) v = Conv(v2, w)",
}
MADE = {"Conv": -1, "ConvTranspose": -1, "MaxPool": -1, "Pad": -2, "two": -2}
BEHIND = {
    "none": "y = Neg(v)",
    "a slice": "y = Slice(v, a, b, c)",
    "what becomes slices": "t = Transpose<perm = [2, 0, 1]>(v) "
    'y = GRU<direction = "bidirectional", hidden_size = 1>(t, g, r)',
}


def network(body: str, opset: int) -> bytes:
    ones = ", ".join(["1"] * 20)
    constants = (
        f"int64[1] a = {{0}}, int64[1] b = {{2}}, int64[1] c = {{2}}, float[2, 2, 5] w = {{{ones}}}, "
        "int64[6] p = {0, 0, 0, 0, 0, -5}, float[2, 3, 2] g = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, "
        "float[2, 3, 1] r = {1, 1, 1, 1, 1, 1}"
    )
    head = f'<ir_version: 9, opset_import: ["" : {opset}]> net (float[1, 2, 3] x) => (float[] y)'
    text = f"{head} <{constants}> {{ {body} }}"
    return bytes(onnx.parser.parse_model(text).SerializeToString())


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_that_take_more_than_there_is_are_refused(
    name: str, behind: str, opset: int
) -> None:
    data = network(f"{LAYERS[name]} {BEHIND[behind]}", opset)
    with pytest.raises(ModelError, match=re.escape(f"it makes 1x2x{MADE[name]}")):
        from_onnx(data, name="net")


@pytest.mark.parametrize("opset", [13, 18])
def test_slices_of_what_is_there_are_taken(opset: int) -> None:
    body = "u = Pad(x, q) v = Conv(u, w) s = Slice(v, a, b, c) t = Pad(s, q) y = Conv(t, w)"
    data = network(body, opset).replace(b"q", b"p")
    proto = onnx.load_model_from_string(data)
    pads = next(tensor for tensor in proto.graph.initializer if tensor.name == "p")
    pads.CopyFrom(onnx.helper.make_tensor("p", onnx.TensorProto.INT64, [6], [0, 0, 2, 0, 0, 2]))
    model = from_onnx(proto.SerializeToString(), name="net")
    assert [list(value.shape) for value in model.stream_outputs] == [[1, 2, 2]]
