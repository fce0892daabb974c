"""A quantized network in torch: rounded like its integers, with gradients as if not rounded.

The straight-through estimator: Bengio, Leonard and Courville, Estimating or Propagating Gradients Through Stochastic
Neurons (2013), section 2. Values outside a range have no gradient (Jacob et al., CVPR 2018, section 3). The gradient of
a scale is that of Esser et al., Learned Step Size Quantization (ICLR 2020), equation 3.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.json_values import JsonObject
from edgekit.graph.facts import facts_of
from edgekit.graph.hops import state_values
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, named_outputs
from edgekit.operators.geometry import dims, optional
from edgekit.operators.gradients import Form, form_of
from edgekit.operators.qdq import qdq_type, require, scaled_tensor, stored_weight
from edgekit.operators.roles import LINEAR, RECURRENT, is_move
from edgekit.operators.scheme import DILATION_TYPE, WEIGHT_LIMITS
from edgekit.operators.weight_layout import channel_rows
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.types.weights import weight_inputs, weight_type

if TYPE_CHECKING:
    from torch import Tensor

Key = tuple[str, int]  # a node, and which of its inputs
QDQ = ("QuantizeLinear", "DequantizeLinear")
FLOOR = 2.0**-16  # of a channel's scale, relative to the largest
SCALE = -1  # in place of the input's number, of a key that is a tensor's scale
LARGEST = 1e30  # of a value; a quotient by 0 is larger
SCALE_PACE = 2.0  # steps of a scale, relative to its size, beside those of weights


@dataclass(frozen=True)
class Weight:
    """Rounding of a trained constant to integers: the row of each element, and the largest integer.

    `rows` is None for a bias, which is practically exact, and for the scale of a tensor. `pace` is a factor on steps.
    """

    rows: Array | None = None
    limit: int = 0
    pace: float = 1.0


@dataclass
class _TrainedGraph:
    """Part of the graph that depends on trained weights: tensors, nodes with their forms, and unknown operators.

    `lost` holds values after such operators, `ends` their operands.
    """

    reached: set[ir.Value]
    lost: set[ir.Value] = field(default_factory=set)
    core: list[tuple[ir.Node, Form]] = field(default_factory=list)
    ends: list[ir.Value] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def knows(self, value: ir.Value) -> bool:
        """Whether a value depends on trained values through known operators alone."""
        return value in self.reached and value not in self.lost


@dataclass
class IntegerForward:
    """One hop of a quantized network, as a function of its trained weights, and of the scales of its int8 tensors.

    Attributes:
        groups: the names of tensors that share a scale.
        weights: trained weights, by node and input; scales by the first tensor of the group and `SCALE`.
        values: their start values, those of the float network.
        fed: values independent of trained ones: recorded and replayed.
        states: (input, output) of the states that do.
        ends: values compared with the float network: outputs, and operands of operators without a torch form here.
        unknown: those operators.
    """

    quantized: Model
    prepared: Model
    recipe: Recipe
    groups: Sequence[Sequence[str]] = ()
    weights: dict[Key, Weight] = field(default_factory=dict)
    values: dict[Key, Array] = field(default_factory=dict)
    fed: tuple[str, ...] = ()
    states: tuple[tuple[str, str], ...] = ()
    ends: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Find the trained weights, and the values that depend on them."""
        floats = {str(node.name): node for node in self.prepared.ir.graph}
        self._places: dict[ir.Value, Key] = {}
        self._forms: dict[ir.Node, Form | None] = {}
        self._scaled: dict[Key, dict[str, int]] = {}
        for node in self.quantized.ir.graph:
            if node.op_type in LINEAR | RECURRENT and str(node.name) in floats:
                self._add(node, floats[str(node.name)])
        self._divide()
        self._add_scales()

    def _add(self, node: ir.Node, source: ir.Node) -> None:
        """Add the weights of a layer, and its bias."""
        name = str(node.name)
        if f"{name}.rest" in self.quantized.ir.graph.initializers:
            return  # its result in silence is a constant that depends on its weights
        for index in weight_inputs(node):
            value, array = node.inputs[index], array_of(source.inputs[index])
            if value is not None and array is not None and _is_stored(value):
                limit = WEIGHT_LIMITS[weight_type(node, index, self.recipe)]
                weight = Weight(_rows_of_elements(node, array.shape), limit)
                self._place(value, (name, index), array, weight)
        bias_at = 3 if node.op_type in RECURRENT else facts_of(node).bias
        if bias_at is None:
            return
        bias, array = optional(node, bias_at), array_of(optional(source, bias_at))
        if bias is not None and array is not None and array.shape == dims(bias):
            self._place(bias, (name, bias_at), array, Weight())

    def _add_scales(self) -> None:
        """Add the scales of the int8 tensors that depend on trained weights; tensors of one group have one scale."""
        first_of = {name: group[0] for group in self.groups for name in group}
        for node, _ in self._core:
            if node.op_type != "QuantizeLinear":
                continue
            kind, scale = qdq_type(node), require(node.inputs[1])
            if kind.dtype != "int8" or kind == DILATION_TYPE:
                continue
            name = scaled_tensor(node)
            key = (first_of.get(name, name), SCALE)
            self._place(scale, key, np.asarray(kind.scale, np.float32), Weight(pace=SCALE_PACE))
            self._scaled.setdefault(key, {})[name] = kind.zero_point

    def scales(self, values: Mapping[Key, Array]) -> dict[str, tuple[float, int]]:
        """Return the trained scale, and the zero point, of each tensor: `Recipe.scales`."""
        return {
            name: (float(values[key]), zero_point)
            for key, tensors in self._scaled.items()
            for name, zero_point in tensors.items()
        }

    def _place(self, value: ir.Value, key: Key, array: Array, weight: Weight) -> None:
        self._places[value] = key
        self.weights[key], self.values[key] = weight, np.array(array, np.float32)

    def _divide(self) -> None:
        """Find nodes that depend on trained weights, also through states, and those without a torch form."""
        pairs = dict(state_values(self.quantized))
        held = self._trained_states(pairs)
        found = self._followed(held)
        while held != (known := {x for x in held if found.knows(pairs[x])}):
            held = known  # values after an unknown operator are fed
            found = self._followed(held)
        carried = {pairs[x] for x in held}
        outputs = self.quantized.ir.graph.outputs
        ends = [v for v in outputs if found.knows(v) and v not in carried] + found.ends
        self.ends, self.unknown = self._compared(ends, held), tuple(found.unknown)
        self.states = tuple((str(x.name), str(pairs[x].name)) for x in pairs if x in held)
        self._core = found.core
        self._feed(held)

    def _compared(self, ends: Sequence[ir.Value], held: set[ir.Value]) -> tuple[str, ...]:
        """Return the names of the values compared instead of these, in both networks."""
        names = {v.name for node in self.prepared.ir.graph for v in named_outputs(node)}
        known = [end for value in ends if (end := self._comparable(value, names)) is not None]
        real = dict.fromkeys(v for v in known if v.dtype == ir.DataType.FLOAT and v not in held)
        return tuple(str(value.name) for value in real)

    def _feed(self, held: set[ir.Value]) -> None:
        """Find operands of the nodes that are neither trained nor computed by them: constants and recorded values."""
        made = set(chain(*(node.outputs for node, _ in self._core)))
        inner = made | self._places.keys() | held
        every = chain(*(node.inputs for node, _ in self._core))
        read = [value for value in every if value is not None and value not in inner]
        self._constants = {v: array for v in read if (array := _content(v)) is not None}
        self.fed = tuple(dict.fromkeys(str(v.name) for v in read if v not in self._constants))

    def _followed(self, held: set[ir.Value]) -> "_TrainedGraph":
        """Return the part that depends on the trained weights and these state inputs, in graph order."""
        found = _TrainedGraph(set(self._places) | held)
        for node in self.quantized.ir.graph:
            if found.reached.isdisjoint(node.inputs):
                continue
            found.reached.update(node.outputs)
            form = self._form(node)
            if form is not None and found.lost.isdisjoint(node.inputs):
                found.core.append((node, form))
                continue
            if form is None:
                found.unknown.append(f"{node.op_type} '{node.name}'")
            known = (v for v in node.inputs if v is not None and found.knows(v))
            found.ends += [value for value in known if value not in self._places]
            found.lost.update(node.outputs)
        return found

    def _form(self, node: ir.Node) -> Form | None:
        if node not in self._forms:
            self._forms[node] = _round_to_grid if node.op_type in QDQ else form_of(node)
        return self._forms[node]

    def _comparable(self, value: ir.Value, names: set[str | None]) -> ir.Value | None:
        """Return the tensor before rounding, or its log odds, that the float network has too, by these names."""
        end: ir.Value | None = value
        while end is not None and end.name not in names:
            end = _operand_before(end, lambda node: node.op_type in QDQ)
        if end is None:
            return None
        sigmoid: ir.Value | None = end
        while sigmoid is not None:
            node = sigmoid.producer()
            if node is not None and node.op_type == "Sigmoid":
                odds = node.inputs[0]
                return odds if odds is not None and odds.name in names else end
            sigmoid = _operand_before(sigmoid, lambda node: node.op_type in QDQ or is_move(node))
        return end

    def _trained_states(self, pairs: Mapping[ir.Value, ir.Value]) -> set[ir.Value]:
        """Return the state inputs that depend on trained weights, each through its output."""
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
        """Return the weights rounded as their integers: per row, to the nearest."""
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
        """Run one hop; return the ends, and the states after it."""
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


def _is_stored(value: ir.Value) -> bool:
    """Whether a value is a weight of integers."""
    producer = value.producer()
    return producer is not None and stored_weight(producer) is not None


def _rows_of_elements(node: ir.Node, shape: tuple[int, ...]) -> Array:
    """Return the row of each element of a weight of this shape, by its place in memory."""
    numbers = np.arange(math.prod(shape)).reshape(shape)
    laid = numbers[0] if node.op_type in RECURRENT else channel_rows(node, numbers)
    rows = np.empty(numbers.size, np.int64)
    rows[laid.reshape(len(laid), -1)] = np.arange(len(laid))[:, None]
    return rows


def _operand_before(value: ir.Value, holds: Callable[[ir.Node], bool]) -> ir.Value | None:
    """Return the first operand of a value's node, if `holds` accepts the node."""
    node = value.producer()
    return node.inputs[0] if node is not None and holds(node) else None


def _content(value: ir.Value) -> Array | None:
    """Return the array of a constant, of a stored one dequantized."""
    producer = value.producer()
    if producer is not None and producer.op_type == "DequantizeLinear":
        weight = stored_weight(producer)
        return None if weight is None else weight.real
    return array_of(value)


def _round_to_grid(node: ir.Node, x: "list[Any] | Any") -> "list[Tensor]":
    """Return a tensor on the grid of its type, with the scale in `x`; stored weights are rounded elsewhere."""
    import torch

    if node.op_type == "DequantizeLinear":
        return [x[0]]
    kind = qdq_type(node)
    whole = np.iinfo(kind.dtype)
    low, high = (bound - kind.zero_point for bound in (whole.min, whole.max))
    finite = x[0].clamp(-LARGEST, LARGEST)  # beyond it there is no gradient
    steps = (finite / x[1]).clamp(low, high)
    return [(steps + (torch.round(steps) - steps).detach()) * x[1]]
