"""Open dimensions of inputs are fixed by the user, or refused with the option that does so."""

import pytest
from onnx_texts import gated, network, problems

from edgekit.export.from_onnx import from_onnx


def test_open_dimensions_are_all_listed_with_the_option_that_fixes_them():
    proto = network(
        """(float[N,4,T] x, float[N,4] h) => (float[N,4,T] y, float[N,4] z) {
          y = Relu (x)
          z = Relu (h)
        }"""
    )
    found = problems(proto)
    assert [problem.where for problem in found] == ["input 'x'"]
    assert found[0].found == "shape (N,4,T) with 2 open dimensions"
    assert "--shape x=1,4,T with numbers for T" in found[0].next_step
    assert "--hop SAMPLES" in found[0].allowed


NAMED = ("unk__7", "DynamicDimension.0", "batch_size", "N")


def test_the_next_step_of_an_open_first_dimension_names_no_other():
    proto = network("(float[steps,4] x) => (float[steps,4] y) { y = Relu (x) }")
    (problem,) = problems(proto)
    assert problem.next_step == "give all sizes of one hop, --shape x=1,4, or --hop"


@pytest.mark.parametrize("size", [-1, 0, -9, None, "", "?", "-1", *NAMED])
def test_a_first_dimension_that_says_nothing_is_a_batch_of_one(size):
    proto = network("(float[7,3] x, float[7,2] s) => (float[7,3] y) { y = Relu (x) }")
    for value in proto.graph.input:
        dim = value.type.tensor_type.shape.dim[0]
        dim.Clear()
        if size is not None:
            setattr(dim, "dim_value" if isinstance(size, int) else "dim_param", size)
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"s": (1, 2)})
    assert [list(value.shape) for value in model.ir.graph.inputs] == [[1, 3], [1, 2]]
    if size in NAMED:
        assert not model.notes  # the shape of s says it
    else:
        assert "input 'x': its open first dimension" in model.notes[0]
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (4, 3), "s": (4, 2)})
    assert (list(model.ir.graph.outputs[0].shape), model.notes) == ([4, 3], ())


def test_an_input_without_any_shape_takes_the_given_one():
    proto = network("(float[1,3] x) => (float[1,3] y) { y = Relu (x) }")
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    assert "--shape x=DIMS" in problems(proto)[0].next_step
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (2, 5)})
    assert list(model.ir.graph.outputs[0].shape) == [2, 5]


def test_sizes_without_a_meaning_may_differ():
    proto = network("(float[1,3] x) => (float[1,3] y) { y = Relu (x) }")
    for dim, name in zip(proto.graph.input[0].type.tensor_type.shape.dim, "??", strict=True):
        dim.dim_param = name
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (2, 5)})
    assert list(model.ir.graph.inputs[0].shape) == [2, 5]


def test_given_shapes_fix_open_dimensions_everywhere():
    proto = network(
        """(float[N,4,T] x, float[N,4] h) => (float[N,4,T] y, float[N,4] z) {
          y = Relu (x)
          z = Relu (h)
        }"""
    )
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (1, 4, 7)})
    assert [list(value.shape) for value in model.stream_inputs] == [[1, 4, 7], [1, 4]]
    assert [list(value.shape) for value in model.stream_outputs] == [[1, 4, 7], [1, 4]]


def test_shapes_that_contradict_the_file_are_refused():
    found = problems(gated(), shapes={"x": (1, 5), "h": (4,), "q": (1,)})
    assert [problem.where for problem in found] == ["--shape q", "--shape x=1,5", "--shape h=4"]
