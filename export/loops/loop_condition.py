"""How often a Loop of ONNX turns whose condition compares counters, as tf2onnx writes the loops of TensorFlow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from edgekit.base.arrays import Array
from edgekit.graph.facts import facts_of
from edgekit.graph.model import OPSET
from edgekit.graph.nodes import array_of

LARGEST = 64  # numbers in a constant or a carried value that a condition reads
# places of a body's inputs: of the turn, whether it goes on, the first value
NUMBER, GOES_ON, CARRIED = 0, 1, 2


@dataclass
class _Condition:
    """What a condition is computed from.

    Attributes:
        graphs: those whose nodes it may read, outer ones first.
        nodes: the nodes, in any order.
        constants: arrays by value.
        carried: first arrays of the values that turns pass on, by their places among the body's inputs.
    """

    graphs: Sequence[ir.Graph]
    nodes: set[ir.Node] = field(default_factory=set)
    constants: dict[ir.Value, Array] = field(default_factory=dict)
    carried: dict[int, Array] = field(default_factory=dict)

    def function(
        self, inputs: Sequence[ir.Value], outputs: Sequence[ir.Value]
    ) -> Callable[[Sequence[Array]], list[Array]]:
        """Return a function that computes some values from others by the nodes."""
        constants = self.constants.items()
        made = onnx.helper.make_graph(
            [ir.to_proto(node) for graph in self.graphs for node in graph if node in self.nodes],
            "condition",
            [onnx.ValueInfoProto(name=value.name) for value in inputs],
            [onnx.ValueInfoProto(name=value.name) for value in outputs],
            [onnx.numpy_helper.from_array(array, value.name) for value, array in constants],
        )
        opsets = [onnx.helper.make_opsetid("", OPSET)]
        evaluator = ReferenceEvaluator(onnx.helper.make_model(made, opset_imports=opsets))
        names = [str(value.name) for value in inputs]
        return lambda arrays: [
            np.asarray(made) for made in evaluator.run(None, dict(zip(names, arrays, strict=True)))
        ]


def turns_of_condition(loop: ir.Node, most: int) -> int | None:
    """Return how often a Loop turns until its condition ends it, at most `most`; None where data decides.

    The condition may depend on the number of the turn, on constants, and on small values that do so themselves.
    """
    body, outer = loop.attributes["body"].as_graph(), loop.graph
    assert isinstance(outer, ir.Graph)
    condition = _condition_of(body.outputs[0], (outer, body), loop)
    if condition is None:
        return None
    places = sorted(condition.carried)
    inputs = [body.inputs[place] for place in (NUMBER, GOES_ON, *places)]
    outputs = [body.outputs[0], *(body.outputs[place - 1] for place in places)]
    run = condition.function(inputs, outputs)
    arrays = [condition.carried[place] for place in places]
    for turn in range(most):
        goes_on, *arrays = run((np.array(turn), np.array(True), *arrays))
        if not np.all(goes_on):
            return turn + 1
        if any(array.size > LARGEST for array in arrays):
            return None
    return most


def starts(loop: ir.Node) -> bool:
    """Whether constants decide that a Loop has a first turn."""
    value, graph = loop.inputs[1], loop.graph
    if value is None:
        return True
    assert isinstance(graph, ir.Graph)
    condition = _condition_of(value, (graph,))
    return condition is not None and bool(np.all(condition.function([], [value])(())))


def _condition_of(
    value: ir.Value, graphs: Sequence[ir.Graph], loop: ir.Node | None = None
) -> _Condition | None:
    """Follow a condition back to numbers and constants; None where it reads anything else.

    `loop` is the one whose body is the last of the graphs.
    """
    found, waiting = _Condition(graphs), [value]
    while waiting:
        sources = _sources(found, waiting.pop(), loop)
        if sources is None:
            return None
        waiting += sources
    return found


def _sources(found: _Condition, value: ir.Value, loop: ir.Node | None) -> Sequence[ir.Value] | None:
    """Add a value to a condition; return the values that it is made of, None where data decides it."""
    body, node, array = found.graphs[-1], value.producer(), _small_array(value)
    if loop is not None and value in body.inputs:
        return _add_carried(found, body.inputs.index(value), loop)
    if array is not None:
        found.constants[value] = array
        return ()
    if node is None or node.graph not in found.graphs or not _is_on_counters(node):
        return None
    if node in found.nodes:
        return ()
    found.nodes.add(node)
    return [value for value in node.inputs if value is not None]


def _is_on_counters(node: ir.Node) -> bool:
    """Whether a node computes with counters: elements by themselves, other shapes of them, a constant."""
    facts = facts_of(node)
    is_known = facts.elementwise or facts.moves == "renames" or node.op_type == "Constant"
    return not node.domain and is_known


def _add_carried(found: _Condition, place: int, loop: ir.Node) -> Sequence[ir.Value] | None:
    """Add a carried value with its first array; return that of the next turn, None without such an array."""
    if place < CARRIED or place in found.carried:
        return ()
    first = _small_array(loop.inputs[place])
    if first is None:
        return None
    found.carried[place] = first
    return (found.graphs[-1].outputs[place - 1],)


def _small_array(value: ir.Value | None) -> Array | None:
    array = array_of(value)
    return array if array is not None and array.size <= LARGEST else None
