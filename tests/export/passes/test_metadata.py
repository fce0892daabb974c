"""What an exporter wrote about its machine is gone."""

import onnx_ir as ir
from pass_networks import draw, parse

from edgekit.export.passes import (
    StripMetadata,
)
from edgekit.graph.model import FLOAT_NODE, Model


def test_metadata_of_the_machine_is_stripped_and_our_own_stays():
    model = parse("(float[2] x) => (float[2] y) { y = Add (x, w) }", w=draw(2))
    secret = "/home/someone/project/net.py"
    node = model.graph[0]
    model.producer_name = model.doc_string = node.doc_string = model.graph.doc_string = secret
    value = node.outputs[0]
    for owner in (model, model.graph, node, value, model.graph.inputs[0]):
        owner.metadata_props["stack_trace"] = secret
    value.doc_string = secret
    proto = ir.to_proto(model)
    proto.graph.initializer[0].doc_string = secret
    model = ir.from_proto(proto)
    model.graph[0].metadata_props[FLOAT_NODE] = "1"
    StripMetadata()(model)
    assert b"someone" not in Model(model).to_bytes()
    assert dict(model.graph[0].metadata_props) == {FLOAT_NODE: "1"}
