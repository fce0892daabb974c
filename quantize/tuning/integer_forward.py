"""A quantized network in torch: rounded as its integers are, with the gradients of what is not rounded.

The straight-through estimator: Bengio, Leonard and Courville, Estimating or Propagating Gradients Through Stochastic
Neurons (2013), section 2; what leaves a range has no gradient (Jacob et al., CVPR 2018, section 3).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.json_values import JsonObject
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, named_outputs
from edgekit.operators.geometry import dims, optional
from edgekit.operators.gradients import Form, form_of
from edgekit.operators.qdq import qdq_type, stored_weight
from edgekit.operators.roles import LINEAR, RECURRENT, is_move
from edgekit.operators.scheme import WEIGHT_LIMITS
from edgekit.operators.weight_layout import channel_rows
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.types.weights import weight_inputs, weight_type

if TYPE_CHECKING:
    from torch import Tensor

Key = tuple[str, int]  # a node, and which of its inputs
QDQ = ("QuantizeLinear", "DequantizeLinear")
FLOOR = 2.0**-16  # of a channel's scale, beside the largest


@dataclass(frozen=True)
class Weight:
    """How a trained constant becomes integers: the row of each element, and the largest integer.

    `rows` is None of a bias, which is as good as exact.
    """

    rows: Array | None = None
    limit: int = 0


@dataclass
class _TrainedGraph:
    """What hangs on trained weights: tensors, nodes with their forms, and where an operator is not known.

    `lost` is behind such operators, `ends` what they read.
    """

    reached: set[ir.Value]
    lost: set[ir.Value] = field(default_factory=set)
    core: list[tuple[ir.Node, Form]] = field(default_factory=list)
    ends: list[ir.Value] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


@dataclass
class IntegerForward:
    """One hop of a quantized network, as a function of its trained weights.

    Attributes:
        weights: what is trained, by node and input.
        values: what it starts from, as the float network has it.
        fed: values that do not hang on what is trained: recorded, and given again.
        states: (input, output) of the states that do.
        ends: what is compared with the float network: outputs, and what operators read that torch has no form of here.
        unknown: those operators.
    """

    quantized: Model
    prepared: Model
    recipe: Recipe
    weights: dict[Key, Weight] = field(default_factory=dict)
    values: dict[Key, Array] = field(default_factory=dict)
    fed: tuple[str, ...] = ()
    states: tuple[tuple[str, str], ...] = ()
    ends: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Find what is trained, and what hangs on it."""
        floats = {str(node.name): node for node in self.prepared.ir.graph}
        self._places: dict[ir.Value, Key] = {}
        self._forms: dict[ir.Node, Form | None] = {}
        for node in self.quantized.ir.graph:
            if node.op_type in LINEAR | RECURRENT and str(node.name) in floats:
                self._add(node, floats[str(node.name)])
        self._divide()

    def _add(self, node: ir.Node, source: ir.Node) -> None:
        """Take the weights of a layer, and the bias that goes with them."""
        name = str(node.name)
        if f"{name}.rest" in self.quantized.ir.graph.initializers:
            return  # what it makes of silence is a constant that hangs on its weights
        bias_at = 3 if node.op_type in RECURRENT else facts_of(node).bias
        for index in weight_inputs(node):
            producer = None if (value := node.inputs[index]) is None else value.producer()
            array = array_of(source.inputs[index])
            if (
                value is None
                or producer is None
                or array is None
                or stored_weight(producer) is None
            ):
                continue
            numbers = np.arange(array.size).reshape(array.shape)
            recurrent = node.op_type in RECURRENT
            laid = numbers[0] if recurrent else channel_rows(node, numbers)
            rows = np.empty(array.size, np.int64)
            rows[laid.reshape(len(laid), -1)] = np.arange(len(laid))[:, None]
            limit = WEIGHT_LIMITS[weight_type(node, index, self.recipe)]
            self._place(value, (name, index), array, Weight(rows, limit))
        bias = None if bias_at is None else optional(node, bias_at)
        array = None if bias is None else array_of(optional(source, bias_at or 0))
        if bias is not None and array is not None and array.shape == dims(bias):
            self._place(bias, (name, bias_at or 0), array, Weight())

    def _place(self, value: ir.Value, key: Key, array: Array, weight: Weight) -> None:
        self._places[value] = key
        self.weights[key], self.values[key] = weight, np.array(array, np.float32)

    def _divide(self) -> None:
        """Find the nodes that hang on what is trained, through states too, and where torch has no form of them."""
        graph = self.quantized.ir.graph
        inputs = {str(value.name): value for value in graph.inputs}
        outputs = {str(value.name): value for value in graph.outputs}
        pairs = {inputs[p.input]: outputs[p.output] for p in self.quantized.states}
        held = self._trained_states(pairs)
        while True:  # what is behind an operator that is not known is fed
            found = self._followed(held)
            kept = {x for x in held if pairs[x] in found.reached and pairs[x] not in found.lost}
            if kept == held:
                break
            held = kept
        others = found.lost | {pairs[x] for x in held}
        ends = [v for v in graph.outputs if v in found.reached and v not in others] + found.ends
        self.ends, self.unknown = self._compared(ends, held), tuple(found.unknown)
        self.states = tuple((str(x.name), str(pairs[x].name)) for x in pairs if x in held)
        self._core = found.core
        self._feed(held)

    def _compared(self, ends: Sequence[ir.Value], held: set[ir.Value]) -> tuple[str, ...]:
        """The names of what is compared instead of these, in both networks."""
        names = {v.name for node in self.prepared.ir.graph for v in named_outputs(node)}
        known = [end for value in ends if (end := self._comparable(value, names)) is not None]
        real = dict.fromkeys(v for v in known if v.dtype == ir.DataType.FLOAT and v not in held)
        return tuple(str(value.name) for value in real)

    def _feed(self, held: set[ir.Value]) -> None:
        """Find what the nodes read that is neither trained nor made by them: constants, and what is recorded."""
        made = {value for node, _ in self._core for value in node.outputs}
        every = (value for node, _ in self._core for value in node.inputs if value is not None)
        read = [v for v in every if v not in made and v not in self._places and v not in held]
        self._constants = {v: array for v in read if (array := _content(v)) is not None}
        self.fed = tuple(dict.fromkeys(str(v.name) for v in read if v not in self._constants))

    def _followed(self, held: set[ir.Value]) -> "_TrainedGraph":
        """What hangs on the trained weights and these state inputs, in the order of the graph."""
        found = _TrainedGraph(set(self._places) | held)
        for node in self.quantized.ir.graph:
            operands = [value for value in node.inputs if value is not None]
            if not any(value in found.reached for value in operands):
                continue
            found.reached.update(node.outputs)
            if node not in self._forms:
                self._forms[node] = _round_to_grid if node.op_type in QDQ else form_of(node)
            form, behind = self._forms[node], any(value in found.lost for value in operands)
            if form is not None and not behind:
                found.core.append((node, form))
                continue
            if form is None:
                found.unknown.append(f"{node.op_type} '{node.name}'")
            inner = found.lost | set(self._places)
            found.ends += [v for v in operands if v in found.reached and v not in inner]
            found.lost.update(node.outputs)
        return found

    def _comparable(self, value: ir.Value, names: set[str | None]) -> ir.Value | None:
        """What the float network has too, by these names: the tensor before it was rounded, or its log odds."""
        end: ir.Value | None = value
        while end is not None and end.name not in names:
            end = _before(end, lambda node: node.op_type in QDQ)
        if end is None:
            return None
        sigmoid: ir.Value | None = end
        while sigmoid is not None:
            node = sigmoid.producer()
            if node is not None and node.op_type == "Sigmoid":
                odds = node.inputs[0]
                return odds if odds is not None and odds.name in names else end
            sigmoid = _before(sigmoid, lambda node: node.op_type in QDQ or is_move(node))
        return end

    def _trained_states(self, pairs: Mapping[ir.Value, ir.Value]) -> set[ir.Value]:
        """The state inputs that hang on what is trained, each through its output."""
        held = set[ir.Value]()
        while True:
            reached = set(self._places) | held
            for node in self.quantized.ir.graph:
                if any(value in reached for value in node.inputs):
                    reached.update(node.outputs)
            grown = {before for before, after in pairs.items() if after in reached}
            if grown == held:
                return held
            held = grown

    def rounded(self, values: Mapping[Key, "Tensor"]) -> dict[Key, "Tensor"]:
        """The weights as integers have them: per row, to the nearest."""
        import torch

        made = {}
        for key, value in values.items():
            weight = self.weights[key]
            if weight.rows is None:
                made[key] = value
                continue
            rows, flat = torch.from_numpy(weight.rows), value.reshape(-1)
            size = flat.detach().abs()
            peaks = torch.zeros(int(rows.max()) + 1).scatter_reduce(0, rows, size, "amax")
            scales = torch.maximum(peaks, FLOOR * peaks.max()).clamp(min=1e-30) / weight.limit
            grid = scales[rows]
            made[key] = (flat + (torch.round(flat / grid) * grid - flat).detach()).reshape(
                value.shape
            )
        return made

    def hop(
        self,
        weights: Mapping[Key, "Tensor"],
        fed: Mapping[str, "Tensor"],
        states: Mapping[str, "Tensor"],
    ) -> "tuple[dict[str, Tensor], dict[str, Tensor]]":
        """One hop: the ends, and the states behind it."""
        import torch

        found: dict[ir.Value, Any] = {
            v: torch.from_numpy(np.array(a)) for v, a in self._constants.items()
        }
        found.update({value: weights[key] for value, key in self._places.items()})
        named = {**fed, **states}

        def of(value: ir.Value | None) -> Any:
            if value is None:
                return None
            return found[value] if value in found else named[str(value.name)]

        by_name: JsonObject = {}
        for node, form in self._core:
            results = form(node, [of(value) for value in node.inputs])
            for value, result in zip(node.outputs, results, strict=False):
                found[value] = result
                by_name[str(value.name)] = result
        return {e: by_name[e] for e in self.ends}, {x: by_name[y] for x, y in self.states}


def _before(value: ir.Value, holds: Callable[[ir.Node], bool]) -> ir.Value | None:
    """The first operand of what makes a value, where that node holds."""
    node = value.producer()
    return node.inputs[0] if node is not None and holds(node) else None


def _content(value: ir.Value) -> Array | None:
    """The array of a constant, of a stored one dequantized."""
    producer = value.producer()
    if producer is not None and producer.op_type == "DequantizeLinear":
        weight = stored_weight(producer)
        return None if weight is None else weight.real
    return array_of(value)


def _round_to_grid(node: ir.Node, x: "list[Any] | Any") -> "list[Tensor]":
    """A tensor on the grid of its type; stored weights are rounded elsewhere."""
    import torch

    if node.op_type == "DequantizeLinear":
        return [x[0]]
    kind = qdq_type(node)
    whole = np.iinfo(kind.dtype)
    low, high = ((bound - kind.zero_point) * kind.scale for bound in (whole.min, whole.max))
    inside = x[0].clamp(low, high)
    grid = torch.round(inside / kind.scale) * kind.scale
    return [inside + (grid - inside).detach()]
