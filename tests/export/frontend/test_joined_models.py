"""Two networks in one model."""

import hashlib

import onnx
import pytest

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.joined_models import put_beside
from edgekit.graph.model import Model


def model(nodes: str) -> Model:
    proto = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 21]> net (float[1,4] x, float[1,4] h) => '
        f"(float[1,4] y, float[1,4] h_next) {{ {nodes} h_next = Neg (h) }}"
    )
    return from_onnx(proto.SerializeToString(), name="net", states=[("h", "h_next")])


def test_names_of_the_second_make_room_for_those_of_the_first() -> None:
    first, second = model("y = Exp (x)"), model("y = Abs (x)")
    joined, ends = put_beside(first, second)
    assert (ends.input, ends.output) == ("then/x", "then/y")
    pairs = [(pair.input, pair.output) for pair in joined.states]
    assert pairs == [("h", "h_next"), ("then/h", "then/h_next")]
    digests = first.source.sha256 + second.source.sha256
    assert joined.source.sha256 == hashlib.sha256(digests.encode()).hexdigest()
    onnx.checker.check_model(joined.to_bytes() and onnx.load_from_string(joined.to_bytes()))


def test_a_quantized_network_does_not_join_a_float_one() -> None:
    plain = model("y = Exp (x)")
    other = plain.describe(quantization={"recipe": "w8a8"})
    with pytest.raises(UsageError, match="float32 and w8a8; allowed: two networks quantized"):
        put_beside(plain, other)
