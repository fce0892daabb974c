"""Which outputs are the next value of which inputs: by declaration, by name, by order."""

import onnx
import onnx_ir as ir
import pytest

from edgekit.base.errors import ModelError
from edgekit.export.onnx_file.states import (
    find_states,
    longer_than_hop,
    other_shapes,
    possible_states,
)
from edgekit.graph.model import StatePair


def graph(inputs, outputs):
    """A graph with these borders; a border is a name, or (name, shape)."""

    def value(border):
        name, shape = border if isinstance(border, tuple) else (border, [1, 4])
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    made = onnx.helper.make_graph([], "g", [*map(value, inputs)], [*map(value, outputs)])
    return ir.from_proto(onnx.helper.make_model(made)).graph


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("buf", "buf_next"),
        ("conv1.state", "conv1.state.next"),
        ("conv_cache", "conv_cache_out"),
        ("h", "hn"),
        ("h0", "hn"),
        ("h_0", "h_n"),
        ("h_in", "h_out"),
        ("state", "stateN"),
        ("s", "new_s"),
        ("s", "next_s"),
        ("c", "out_c"),
        ("w_prev", "w"),
        ("prev_w", "w"),
        ("old_w", "new_w"),
        ("input_state", "output_state"),
        ("inter_cache", "inter_cache_out"),
        ("h1", "h1_out"),
    ],
)
def test_names_tell_a_state(source, result):
    assert find_states(graph(["x", source], ["y", result]), ()) == (StatePair(source, result),)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("audio_in", "audio_out"),
        ("x1", "x1_out"),
        ("mea", "mean"),
        ("left", "right"),
        ("in_a", "out_a"),
    ],
)
def test_names_of_streams_do_not(source, result):
    assert find_states(graph(["x", source], ["y", result]), ()) == ()


def test_shapes_must_agree_and_where_they_do_not_a_note_says_so():
    grown = graph(["x", ("h", [1, 3])], ["y", ("h_next", [1, 4])])
    assert find_states(grown, ()) == ()
    (note,) = other_shapes(grown, ())
    assert "'h_next' float [1, 4]" in note and "'h' float [1, 3]: it is no state" in note
    assert other_shapes(graph(["x", "h"], ["y", "h_next"]), [StatePair("h", "h_next")]) == []


def test_equal_shapes_without_names_get_a_note():
    borders = graph([("a", [1, 3, 41]), "b", "c"], [("p", [1, 1]), "q", "r"])
    (note,) = possible_states(borders, (), ())
    assert note.endswith("add --state b:q --state c:r")
    (note,) = possible_states(borders, [StatePair("b", "r")], ())
    assert note.endswith("add --state c:q")
    assert possible_states(borders, [StatePair("b", "q"), StatePair("c", "r")], ()) == []


def test_streams_and_constants_of_equal_shapes_get_no_note():
    assert possible_states(graph(["x", ("t", [1])], ["eps"]), (), ()) == []
    assert possible_states(graph(["microphone", "far_end"], ["speech"]), (), ()) == []
    assert possible_states(graph(["x", "voice"], ["y", "z"]), (), ["voice"]) == []


def test_ambiguous_names_are_left_alone():
    assert find_states(graph(["x", "h"], ["y", "h_next", "h_out"]), ()) == ()
    assert find_states(graph(["x", "h"], ["y", "h_next", "h_out"]), [("h", "h_out")]) == (
        StatePair("h", "h_out"),
    )


def test_pairs_come_in_the_order_of_the_inputs():
    found = find_states(graph(["b", "x", "a"], ["a_next", "y", "out"]), [("b", "out")])
    assert found == (StatePair("b", "out"), StatePair("a", "a_next"))


def test_order_pairs_what_agrees_one_to_one():
    borders = ["x", ("p", [2]), ("q", [3])], ["y", ("u", [2]), ("v", [3])]
    assert find_states(graph(*borders), ()) == ()
    assert find_states(graph(*borders), (), in_order=True) == (
        StatePair("p", "u"),
        StatePair("q", "v"),
    )
    assert find_states(graph(*borders), [("p", "u")], in_order=True) == (StatePair("p", "u"),)
    swapped = ["x", ("p", [2]), ("q", [3])], ["y", ("u", [3]), ("v", [2])]
    assert find_states(graph(*swapped), (), in_order=True) == ()
    fewer = ["x", ("p", [2]), ("q", [2])], ["y", ("u", [2])]
    assert find_states(graph(*fewer), (), in_order=True) == ()


def test_every_wrong_declaration_is_listed():
    borders = graph(["x", ("h", [1, 3])], ["y", "h2"])
    with pytest.raises(ModelError) as caught:
        find_states(borders, [("nope", "y"), ("x", "gone"), ("h", "h2"), ("h", "y")])
    text = str(caught.value)
    for part in (
        "no input 'nope'",
        "no output 'gone'",
        "[1, 3]",
        "input 'h': declared 2 times",
        "output 'y'",
    ):
        assert part in text


def test_an_input_that_is_a_whole_recording_is_told():
    given = graph(
        [("x", [1, 2, 4000]), ("spectrum", [1, 1, 513]), ("h", [1, 4000])], ["y", "h_next"]
    )
    pairs = [StatePair("h", "h_next")]
    (told,) = longer_than_hop(given, pairs, 64)
    assert "'x' [1, 2, 4000]" in told and "--time-axis x:2" in told
    assert longer_than_hop(given, pairs, 256) == longer_than_hop(given, pairs, None) == []
