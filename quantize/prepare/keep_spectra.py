"""The way from samples over a spectrum to its logarithm stays in float: powers span more than integers hold."""

import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.model import FLOAT_NODE, FRONTEND_DOMAIN, Model
from edgekit.graph.nodes import array_of

TRANSFORMS = frozenset({("", "DFT"), (FRONTEND_DOMAIN, "STFT")})


def keep_spectra(model: Model) -> Model:
    """Return a model whose nodes on such paths stay in float, as those of a front end.

    Nodes between the transform and the logarithm may work element by element, move elements, sum them, or filter them
    by constant weights not below 0. The same holds before the transform.
    """
    graph_model = model.ir.clone()
    graph = graph_model.graph
    ways = _ways_to_logarithms(graph, _nodes_after_transforms(graph))
    if not ways:
        return model
    for node in ways:
        node.metadata_props[FLOAT_NODE] = "1"
    return Model(graph_model, model.networks)


def _nodes_after_transforms(graph: ir.Graph) -> set[ir.Node]:
    """Return transforms, and nodes that carry their values to a logarithm."""
    after = set[ir.Node]()
    for node in graph:
        carries = _passes(node) and any(p in after and not _is_end(p) for p in _producers(node))
        if carries or (node.domain, node.op_type) in TRANSFORMS:
            after.add(node)
    return after


def _ways_to_logarithms(graph: ir.Graph, after: set[ir.Node]) -> set[ir.Node]:
    """Return the nodes of `after` that lead to a logarithm, and the nodes that lead only to these."""
    ways = set[ir.Node]()
    for node in reversed(list(graph)):
        readers = {use.node for output in node.outputs for use in output.uses()}
        leads_there = not readers.isdisjoint(ways)
        ends_there = leads_there and readers <= ways and _passes(node)
        if (node in after and (_is_end(node) or leads_there)) or ends_there:
            ways.add(node)
    return ways


def _producers(node: ir.Node) -> list[ir.Node]:
    made = (value.producer() for value in node.inputs if value is not None)
    return [producer for producer in made if producer is not None]


def _is_end(node: ir.Node) -> bool:
    return node.domain == "" and node.op_type == "Log"


def _passes(node: ir.Node) -> bool:
    facts = facts_of(node)
    if facts.weights:
        weights = array_of(node.inputs[1])
        bias = array_of(node.inputs[2]) if len(node.inputs) > 2 else None
        return weights is not None and bool((weights >= 0).all()) and bias is None
    return facts.elementwise or facts.moves in ("renames", "copies") or facts.mixes == "axes"
