"""`LoopNode`: writes the node ``edgekit::Loop.0`` (``.1``, ...) of a loop, and the function that any runtime executes.

The function's body is a Scan of ONNX. The inputs of the node are the start values of the states, the tensors that the
turns read frame by frame, and what all turns share.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.export.loops.body import Body
from edgekit.export.loops.constants import constant
from edgekit.graph.model import FRONTEND_DOMAIN, LOOP, OPSET


def loop_name(graph: ir.Graph) -> str:
    """Return the operator's name of the next loop of a graph."""
    return f"{LOOP}.{sum(is_loop(node) for node in graph)}"


def is_loop(node: ir.Node) -> bool:
    """Return whether a node is a loop along time with a function of its own."""
    return node.domain == FRONTEND_DOMAIN and node.op_type.startswith(f"{LOOP}.")


@dataclass
class LoopNode:
    """The parts of a loop.

    Attributes:
        body: one step.
        states: each input of the body with its start value and its next value.
        items: each input of the body that is a frame, with the tensor that has the frames and its axis.
        results: what each step gives, and the axis along which the steps' results are stacked.
    """

    body: Body
    states: list[tuple[ir.Value, ir.Value, ir.Value]]
    items: list[tuple[ir.Value, ir.Value, int]]
    results: list[tuple[ir.Value, int]]

    def write(self, model: ir.Model, place: ir.Node) -> Sequence[ir.Value]:
        """Put the node in front of another one, and define its function; returns the node's outputs."""
        name = loop_name(model.graph)
        if self.body.marks is not None:
            start = constant(model.graph, np.zeros(1, np.float32), "turns")
            after = self.body.constant(np.ones(1, np.float32))
            self.states = [*self.states, (self.body.marks, start, after)]
        axes = [one[2] for one in self.items], [one[1] for one in self.results]
        define_loop(model, name, self._turn(), self.body.outer.values(), axes)
        starts, scanned = [one[1] for one in self.states], [one[1] for one in self.items]
        inputs = [*starts, *scanned, *self.body.outer]
        node = ir.node(
            name, inputs, domain=FRONTEND_DOMAIN, num_outputs=len(self.results), name=name.lower()
        )
        node.metadata_props.update(place.metadata_props)
        model.graph.insert_before(place, node)
        for number, output in enumerate(node.outputs):
            output.name = f"{name.lower()}.{number}.frames"
        return node.outputs

    def _turn(self) -> ir.Graph:
        """Return the body as a graph; every output has a node of its own."""
        inputs = [one[0] for one in (*self.states, *self.items)]
        taken, outputs = {*inputs, *self.body.outer.values()}, []
        for value in [*(one[2] for one in self.states), *(one[0] for one in self.results)]:
            own = value if value not in taken else self.body.add("Identity", value, like=value)
            taken.add(own)
            outputs.append(own)
        nodes = self.body.nodes
        return ir.Graph(inputs, outputs, nodes=nodes, opset_imports={"": OPSET}, name="turn")


def define_loop(
    model: ir.Model,
    name: str,
    body: ir.Graph,
    shared: Iterable[ir.Value],
    axes: tuple[Sequence[int], Sequence[int]],
) -> None:
    """Define the function of a loop.

    Args:
        model: gets the function.
        name: of the operator.
        body: one step; its inputs are states and frames, its outputs next states and results.
        shared: the inputs of the function that the body reads by name.
        axes: those of the frames, and those along which results are stacked.
    """
    states = len(body.inputs) - len(axes[0])
    inputs = [ir.Value(name=f"input_{number}") for number in range(len(body.inputs))]
    attributes = [
        ir.AttrGraph("body", body),
        ir.AttrInt64("num_scan_inputs", len(axes[0])),
        ir.AttrInt64s("scan_input_axes", axes[0]),
        ir.AttrInt64s("scan_output_axes", axes[1]),
    ]
    outputs = len(body.outputs)
    scan = ir.Node("", "Scan", inputs, attributes, num_outputs=outputs, name="scan")
    for number, output in enumerate(scan.outputs):
        output.name = f"output_{number}"
    opsets = {"": OPSET}
    results = scan.outputs[states:]
    graph = ir.Graph([*inputs, *shared], results, nodes=[scan], opset_imports=opsets, name=name)
    function = ir.Function(FRONTEND_DOMAIN, name, graph=graph, attributes=[])
    model.functions[function.identifier()] = function
    model.opset_imports[FRONTEND_DOMAIN] = 1
