"""`adopt_scans`: a Scan of an ONNX file becomes a loop along time, as `node.LoopNode` writes them."""

from collections.abc import Iterable

import onnx_ir as ir

from edgekit.export.loops.node import define_loop, loop_name
from edgekit.export.passes.shapes import InferShapes
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import attribute, is_read


def adopt_scans(model: ir.Model) -> None:
    """Replace every Scan that runs forward and whose last states nothing reads, in place."""
    scans = [node for node in model.graph if _is_loop(node)]
    if scans:
        InferShapes()(model)
    for node in scans:
        _replace(model, node)


def _is_loop(node: ir.Node) -> bool:
    if node.op_type != "Scan" or node.domain:
        return False
    body, count = node.attributes["body"].as_graph(), int(attribute(node, "num_scan_inputs", 0))
    last_states = node.outputs[: len(body.inputs) - count]
    fits = len(node.inputs) == len(body.inputs) and not any(map(is_read, last_states))
    return fits and not _runs_backwards(node) and not _is_nested(body)


def _runs_backwards(node: ir.Node) -> bool:
    names = "scan_input_directions", "scan_output_directions"
    return any(any(attribute(node, name, ())) for name in names)


def _is_nested(body: ir.Graph) -> bool:
    kinds = (attribute.type for node in body for attribute in node.attributes.values())
    return ir.AttributeType.GRAPH in kinds


def _replace(model: ir.Model, node: ir.Node) -> None:
    body, count = node.attributes["body"].as_graph(), int(attribute(node, "num_scan_inputs", 0))
    states, results = len(body.inputs) - count, len(node.outputs)
    shared = _share(body)
    axes = (
        _axes(node, "scan_input_axes", node.inputs[states:]),
        _axes(node, "scan_output_axes", node.outputs[states:]),
    )
    del node.attributes["body"]
    name = loop_name(model.graph)
    define_loop(model, name, body, shared.values(), axes)
    new = ir.node(
        name,
        [*node.inputs, *shared],
        domain=FRONTEND_DOMAIN,
        num_outputs=results - states,
        name=name.lower(),
    )
    new.metadata_props.update(node.metadata_props)
    for old, output in zip(node.outputs[states:], new.outputs, strict=True):
        output.shape, output.type = old.shape, old.type
    ir.convenience.replace_nodes_and_values(
        model.graph, node, [node], [new], [*node.outputs[states:]], new.outputs
    )


def _axes(node: ir.Node, name: str, values: Iterable[ir.Value | None]) -> list[int]:
    tensors = [value for value in values if value is not None]
    axes = attribute(node, name, None) or [0] * len(tensors)
    return [int(a) % len(v.shape or (0,)) for a, v in zip(axes, tensors, strict=True)]


def _share(body: ir.Graph) -> dict[ir.Value, ir.Value]:
    """Give the body inputs of its own for values of the graph around it; returns them by these values."""
    own = {*body.inputs, *body.initializers.values()}
    own.update(output for node in body for output in node.outputs)
    shared: dict[ir.Value, ir.Value] = {}
    for node in body:
        for place, value in enumerate(node.inputs):
            if value is not None and value not in own:
                stand_in = shared.setdefault(
                    value, ir.Value(name=f"outer_{len(shared)}", shape=value.shape, type=value.type)
                )
                node.replace_input_with(place, stand_in)
    return shared
