"""The way from sound to a logarithm stays in float, as over a spectrum: powers span more than integers hold.

The same holds for the way to a broken power, and to what is divided by: the running mean of PCEN (Wang et al., 2017,
equation 1), or the level of the sound by which a network divides its input.
"""

import numpy as np
import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.model import FLOAT_NODE, FRONTEND_DOMAIN, Model
from edgekit.graph.nodes import array_of
from edgekit.quantize.prepare.levels import degrees

TRANSFORMS = frozenset({("", "DFT"), (FRONTEND_DOMAIN, "STFT")})


def keep_spectra(model: Model) -> Model:
    """Return a model whose nodes on such paths stay in float, as those of a front end.

    A way begins with a transform, or with what follows the level of the network's sound. Its nodes may work element by
    element, move elements, sum them, or filter them by constant weights and biases not below 0. The same holds before
    the transform.
    """
    graph_model = model.ir.clone()
    graph = graph_model.graph
    after = _nodes_after_transforms(graph) | _level_nodes(Model(graph_model))
    ways = _ways_to_logarithms(graph, after)
    if not ways:
        return model
    for node in ways:
        node.metadata_props[FLOAT_NODE] = "1"
    return Model(graph_model, model.networks)


def _nodes_after_transforms(graph: ir.Graph) -> set[ir.Node]:
    """Return transforms, and nodes that carry their values to a logarithm."""
    after = set[ir.Node]()
    for node in graph:
        carries = _passes(node) and any(
            p in after and not _needs_range(p, after) for p in _producers(node)
        )
        if carries or (node.domain, node.op_type) in TRANSFORMS:
            after.add(node)
    return after


def _level_nodes(model: Model) -> set[ir.Node]:
    """Return the nodes that carry values that follow the level of the sound, and the logarithms that these meet."""
    found, nodes = degrees(model), [node for node in model.ir.graph if _passes(node)]
    after = {node for node in nodes if not found.keys().isdisjoint(node.outputs)}
    return after | {node for node in nodes if _needs_range(node, after)}


def _ways_to_logarithms(graph: ir.Graph, after: set[ir.Node]) -> set[ir.Node]:
    """Return the nodes of `after` that lead to a logarithm, and the nodes that lead only to these."""
    ways = set[ir.Node]()
    for node in reversed(list(graph)):
        readers = {use.node for output in node.outputs for use in output.uses()}
        leads_there = not readers.isdisjoint(ways)
        ends_there = leads_there and readers <= ways and _passes(node)
        if (node in after and (_needs_range(node, after) or leads_there)) or ends_there:
            ways.add(node)
    return ways


def _producers(node: ir.Node) -> list[ir.Node]:
    made = (value.producer() for value in node.inputs if value is not None)
    return [producer for producer in made if producer is not None]


def _needs_range(node: ir.Node, after: set[ir.Node]) -> bool:
    """Whether a small operand of a node counts as much as a large one: a logarithm, a broken power, a quotient.

    Roots are left to the integers, which have them with a scale per hop.
    """
    if node.domain != "" or node.op_type == "Sqrt":
        return False
    power = array_of(node.inputs[1]) if node.op_type == "Pow" else None
    if power is not None and (power == np.round(power)).all():
        return False
    sensitive = (node.inputs[index] for index in facts_of(node).sensitive)
    return any(value is not None and value.producer() in after for value in sensitive)


def _passes(node: ir.Node) -> bool:
    facts = facts_of(node)
    if facts.weights:
        weights = array_of(node.inputs[1])
        bias = array_of(node.inputs[2]) if len(node.inputs) > 2 else None
        return weights is not None and all((w >= 0).all() for w in (weights, bias) if w is not None)
    sums = facts.mixes == "axes" or facts.averages or facts.degree is not None
    return facts.elementwise or facts.moves in ("renames", "copies") or sums
