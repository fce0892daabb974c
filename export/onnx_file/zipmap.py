"""Outputs that skl2onnx makes dictionaries of class and score, as the tensor of scores that they name."""

import onnx
from onnx import helper

ZIPMAP = "ZipMap"
NOTE = "output '{}': a column for each of the classes {}, which the file's ZipMap names"


def as_columns(data: bytes) -> tuple[bytes, list[str]]:
    """Return a file whose ZipMaps pass their scores on, (batch, classes), and a note with the classes of each.

    One that cannot be read is returned as it is.
    """
    if ZIPMAP.encode() not in data:
        return data, []
    try:
        proto = onnx.load_model_from_string(data)
    except (
        Exception
    ):  # protobuf on a file of unknown origin, refused with a reason where it is read
        return data, []
    outputs = {value.name: value for value in proto.graph.output}
    zipped = [node for node in proto.graph.node if _is_whole(node) and node.output[0] in outputs]
    notes = [_pass_scores(node, outputs[node.output[0]]) for node in zipped]
    return proto.SerializeToString(), notes


def _is_whole(node: onnx.NodeProto) -> bool:
    """Whether a node is a ZipMap with scores, a result and classes."""
    return node.op_type == ZIPMAP and bool(node.input and node.output and node.attribute)


def _pass_scores(node: onnx.NodeProto, output: onnx.ValueInfoProto) -> str:
    """Make a ZipMap the identity of its scores; return the note."""
    classes = [
        *node.attribute[0].ints,
        *(text.decode(errors="replace") for text in node.attribute[0].strings),
    ]
    source, name = node.input[0], node.output[0]
    node.CopyFrom(helper.make_node("Identity", [source], [name], node.name))
    dims = [None, len(classes)]
    output.CopyFrom(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims))
    return NOTE.format(name, ", ".join(map(str, classes)))
