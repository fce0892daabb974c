"""Writes nodes of a front end into the graph of a network."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import ArrayLike

from edgekit.export.own_operators.functions import FUNCTIONS
from edgekit.graph.facts import FACTS
from edgekit.graph.model import FLOAT_NODE, FRONTEND_DOMAIN, StatePair
from edgekit.graph.nodes import add_initializer, static_shape, unused_name, value_names

STATES = (
    "stft_history",
    "istft_overlap",
    "stft_waiting",
    "stft_frames",
    "frame_history",
    "frame_overlap",
    "feature_history",
    "pcen_smooth",
    "micro_history",
    "micro_noise",
    "emphasis_history",
)
RESERVED = ("pcm", "pcm_out", *STATES, *(f"{state}_next" for state in STATES))


class FrontendWriter:
    """Collects nodes until `take`; all of them stay in float.

    Attributes:
        states: state pairs that were added.
    """

    def __init__(
        self, graph: ir.Graph, prefix: str = "frontend", reserved: Sequence[str] = RESERVED
    ) -> None:
        """Store the graph, which is changed in place; names begin with `prefix`, except `reserved` ones."""
        self.graph, self.prefix, self.reserved = graph, prefix, reserved
        self.states: list[StatePair] = []
        self.nodes: list[ir.Node] = []

    def take(self) -> list[ir.Node]:
        """Return the nodes collected since the last call, to be put into the graph."""
        nodes = list(self.nodes)
        self.nodes.clear()
        return nodes

    def under(self, name: str) -> "FrontendWriter":
        """Return a writer of the same nodes and states whose names begin with that of a stream, too."""
        writer = FrontendWriter(self.graph, f"{self.prefix}/{name}", self.reserved)
        writer.states, writer.nodes = self.states, self.nodes
        return writer

    def slice(self, value: ir.Value, name: str, axis: int, start: int, end: int) -> ir.Value:
        """Return ``[start, end)`` of one axis."""
        shape = list(static_shape(value) or ())
        shape[axis] = end - start
        places = {"start": start, "end": end, "axis": axis}
        ends = [self.constant(f"{name}_{key}", [place]) for key, place in places.items()]
        return self.node("Slice", [value, *ends], {name: tuple(shape)})[0]

    def transpose(self, value: ir.Value, perm: list[int], name: str) -> ir.Value:
        """Return the value with its axes in the order `perm`; unchanged if they already are."""
        if perm == sorted(perm):
            return value
        shape = static_shape(value) or ()
        shapes = {name: tuple(shape[axis] for axis in perm)}
        return self.node("Transpose", [value], shapes, perm=perm)[0]

    def reshape(self, value: ir.Value, name: str, shape: tuple[int, ...]) -> ir.Value:
        """Return the value in this shape; unchanged if it already has it."""
        if static_shape(value) == shape:
            return value
        dims = self.constant(f"{name}_dims", shape)
        return self.node("Reshape", [value, dims], {name: shape})[0]

    def concat(
        self, parts: Sequence[ir.Value], name: str, shape: tuple[int, ...], axis: int
    ) -> ir.Value:
        """Return the parts concatenated along an axis; a single part is returned unchanged."""
        return (
            parts[0] if len(parts) == 1 else self.node("Concat", parts, {name: shape}, axis=axis)[0]
        )

    def constant(self, name: str, content: ArrayLike) -> ir.Value:
        """Add an initializer: floats and truth values unchanged, whole numbers as int64."""
        return add_initializer(self.graph, f"{self.prefix}/{name}", np.asarray(content))

    def graph_input(
        self, name: str, shape: tuple[int, ...], dtype: ir.DataType = ir.DataType.FLOAT
    ) -> ir.Value:
        """Make an input, not yet among the graph's."""
        return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(dtype))

    def state(
        self, name: str, shape: tuple[int, ...], dtype: ir.DataType = ir.DataType.FLOAT
    ) -> ir.Value:
        """Add a state: its input now, its output by `follow`."""
        state = self.graph_input(name, shape, dtype)
        self.graph.inputs.append(state)
        self.states.append(StatePair(name, f"{name}_next"))
        return state

    def follow(self, state: ir.Value, following: ir.Value) -> None:
        """Make `following` the value of a state in the next call."""
        following.name = f"{state.name}_next"
        self.graph.outputs.append(following)

    def logic(
        self, op_type: str, inputs: Sequence[ir.Value], outputs: Mapping[str, tuple[int, ...]]
    ) -> ir.Value:
        """Collect a node with one truth value per element."""
        (value,) = self.node(op_type, inputs, outputs)
        value.dtype = ir.DataType.BOOL
        return value

    def node(
        self,
        op_type: str,
        inputs: Sequence[ir.Value],
        outputs: Mapping[str, tuple[int, ...]],
        **attributes: int | list[int],
    ) -> Sequence[ir.Value]:
        """Collect a node with outputs of these names and shapes; the first also names the node."""
        node = ir.node(
            op_type,
            inputs,
            attributes,
            domain=FRONTEND_DOMAIN if op_type in FUNCTIONS else "",
            num_outputs=len(outputs),
        )
        node.metadata_props[FLOAT_NODE] = "1"
        taken = value_names(self.graph) | {v.name or "" for n in self.nodes for v in n.outputs}
        for value, (name, shape) in zip(node.outputs, outputs.items(), strict=True):
            value.name = unused_name(taken, f"{self.prefix}/{name}")
            value.shape = ir.Shape(shape)
            moves = op_type in FACTS and FACTS[op_type].moves in ("renames", "copies")
            kind = inputs[0].dtype if moves else None
            value.dtype = ir.DataType.FLOAT if kind is None else kind
        node.name = node.outputs[0].name
        self.nodes.append(node)
        return node.outputs

    def free_names(self, *borders: ir.Value) -> None:
        """Rename values inside the network that have one of the reserved names."""
        taken = value_names(self.graph) | set(self.reserved)
        inner = [
            value for node in self.graph for value in node.outputs if not value.is_graph_output()
        ]
        for value in (*borders, *self.graph.initializers.values(), *inner):
            if value.name in self.reserved:
                value.name = unused_name(taken, f"network/{value.name}")
                taken.add(value.name)
