"""Scores that skl2onnx makes dictionaries stay a tensor of columns."""

import onnx
from onnx import TensorProto, helper

from edgekit.export.from_onnx import from_onnx
from edgekit.export.onnx_file.zipmap import as_columns


def zipped() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Softmax", ["x"], ["p"]),
        helper.make_node(
            "ZipMap", ["p"], ["scores"], domain="ai.onnx.ml", classlabels_int64s=[3, 1, 4]
        ),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])
    values = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    kind = helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, values))
    graph = helper.make_graph(nodes, "net", [x], [helper.make_value_info("scores", kind)])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def test_scores_keep_their_columns_and_a_note_names_the_classes() -> None:
    model = from_onnx(zipped().SerializeToString(), name="net")
    assert [(v.name, tuple(v.shape or ())) for v in model.stream_outputs] == [("scores", (1, 3))]
    assert "scores': a column for each of the classes 3, 1, 4" in model.notes[0]


def test_other_files_stay_as_they_are() -> None:
    for data in (b"", b"ZipMap", onnx.ModelProto(ir_version=8).SerializeToString()):
        assert as_columns(data) == (data, [])


def test_a_zipmap_without_classes_stays_as_it_is() -> None:
    proto = zipped()
    del proto.graph.node[1].attribute[:]
    assert onnx.load_model_from_string(as_columns(proto.SerializeToString())[0]) == proto
