"""Files that are no whole network of known types are refused before anything is computed."""

import contextlib

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_texts import gated, network, problems

from edgekit.base.errors import EdgeKitError, ModelError
from edgekit.export.from_onnx import from_onnx


def test_every_wrong_type_is_listed():
    proto = network(
        """(float[2] x, float16[2] i, double[2] d) => (float[2] y, float16[2] j) {
          y = Relu (x)
          j = Identity (i)
        }"""
    )
    assert all("make it float32" in problem.next_step for problem in problems(proto))
    assert [problem.where for problem in problems(proto)] == [
        "input 'i'",
        "input 'd'",
        "output 'j'",
    ]


def test_data_in_other_files_is_refused():
    proto = network("(float[2] x) => (float[2] y) { y = Add (x, w) }", w=np.ones(2, np.float32))
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    (problem,) = problems(proto)
    assert "another file" in problem.found or "not a valid ONNX file" in problem.found


def test_an_unsupported_opset_is_refused():
    proto = network("(float[2] x) => (float[2] y) { y = Relu (x) }")
    proto.opset_import[0].version = 9999
    assert "9999" in str(problems(proto))


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"RIFF....WAVE", b"\x08\x0a" * 50])
def test_what_is_not_onnx_is_refused(data):
    assert problems(data)[0].where == "the .onnx file"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_truncated_file_is_refused(data):
    whole = gated().SerializeToString()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ModelError):
        from_onnx(whole[:cut], name="net")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3
    )
)
def test_a_damaged_file_is_refused_or_harmless(changes):
    damaged = bytearray(gated().SerializeToString())
    for place, byte in changes:
        damaged[int(place * len(damaged))] = byte
    with contextlib.suppress(EdgeKitError):
        from_onnx(bytes(damaged), name="net")


def test_an_operator_that_an_exporter_left_as_it_was_is_named():
    (problem,) = problems(network("(float[4] x) => (float[4] y) { y = Erfc (x) }"))
    assert problem.where == "operator 'Erfc'"
    assert "write this layer with other operators" in problem.next_step
