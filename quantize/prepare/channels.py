"""Channels that may be scaled together: the output of a layer by s and the layers that read it by 1/s.

Every element of every tensor gets the number of its channel. Movement and functions with
``f(s x) = s f(x)`` for s > 0 pass numbers on, layers with constant weights start new ones. Squares, roots, powers and
magnitudes pass on powers of a scale. Numbers are joined if an operator needs equal scales: the channels of a
convolution, the operands of a sum, a state and its successor. Channels that cannot be scaled join `FIXED`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float32, Float64
from edgekit.graph.facts import Facts, facts_of
from edgekit.graph.fused import is_fused
from edgekit.graph.hops import state_values
from edgekit.graph.model import Model
from edgekit.graph.nodes import add_initializer, attribute
from edgekit.operators.geometry import dims, optional
from edgekit.operators.roles import LINEAR, RECURRENT, constant, is_move, picks, reduced_axes
from edgekit.operators.table import OPERATORS
from edgekit.quantize.prepare.scale_groups import FIXED, ZERO, Numbers, ScaleGroups

Arrays = Mapping[str, Float32]
Rule = Callable[[ir.Node], "dict[ir.Value, Numbers] | None"]


@dataclass(frozen=True)
class Site:
    """A constant that scales with channels: multiplied by those it writes, divided by those it reads.

    Attributes:
        node: the operator.
        index: of the constant among its inputs.
        written: numbers that broadcast against the constant.
        read: the same.
    """

    node: ir.Node
    index: int
    written: Numbers
    read: Numbers

    @property
    def array(self) -> Float32:
        """The constant."""
        array = constant(self.node.inputs[self.index])
        assert array is not None
        return array

    @property
    def is_weight(self) -> bool:
        """Whether it is the weight of a layer: not a bias, not a factor of a normalization."""
        return self.node.op_type in LINEAR | RECURRENT and self.index == 1


class Channels:
    """The channels of a float model; `numbers` of a tensor, `find` and `free` say which are one."""

    def __init__(self, model: Model) -> None:
        """Number every float tensor of the graph."""
        self.sites: list[Site] = []
        self.inputs: dict[ir.Value, Numbers] = {}  # of every layer's first input, as it reads it
        self._numbers: dict[ir.Value, Numbers] = {}
        self.groups = ScaleGroups()
        graph, states = model.ir.graph, dict(state_values(model))
        for value in graph.inputs:
            if value.dtype == ir.DataType.FLOAT:
                shape = dims(value)
                self._numbers[value] = (
                    self.groups.add(shape) if value in states else _fixed_numbers(shape)
                )
        for node in graph:
            self._visit(node)
        for value in graph.outputs:
            if value not in states.values():
                self._fix(value)
        for before, after in states.items():
            if before in self._numbers:
                self.groups.join(self.of(before), self.of(after))

    @property
    def count(self) -> int:
        """Count of numbers; `find` gives one of them for all that are joined."""
        return len(self.groups)

    def find(self, numbers: Numbers) -> Numbers:
        """Replace numbers by the representative of all they are joined with."""
        return self.groups.find(numbers)

    def of(self, value: ir.Value | None) -> Numbers:
        """Return the numbers of a float tensor's elements."""
        assert value is not None
        array = constant(value)
        if array is not None:
            return np.where(array == 0, ZERO, FIXED).astype(np.int32)
        return self._numbers[value]

    def scaled(self, model: Model, scale: Float64) -> None:
        """Scale the constants in place; `scale` has a factor per group of `find`, 1 for `ZERO` and `FIXED`."""
        for site in self.sites:
            written, read = (
                scale[self.find(n)] ** self.groups.degrees(n) for n in (site.written, site.read)
            )
            factor = written / read
            if np.any(factor != 1.0):
                array = (site.array.astype(np.float64) * factor).astype(np.float32)
                name = f"{site.node.inputs[site.index].name}_scaled"  # type: ignore[union-attr]
                new = add_initializer(model.ir.graph, name, array)
                site.node.replace_input_with(site.index, new)

    # -- numbers ------------------------------------------------------------------------------------

    def _fix(self, value: ir.Value | None) -> None:
        if value is not None and value.dtype == ir.DataType.FLOAT and constant(value) is None:
            self.groups.join(self.of(value), _fixed_numbers())

    def _gathered(self, numbers: Numbers, axes: tuple[int, ...]) -> Numbers:
        """Join all along the axes; return the joined numbers, with length 1 there."""
        head = numbers.max(axis=axes, keepdims=True)
        self.groups.join(head, numbers)
        return np.asarray(head, np.int32)

    # -- operators ----------------------------------------------------------------------------------

    def _visit(self, node: ir.Node) -> None:
        floats = [v for v in node.outputs if v.name and v.dtype == ir.DataType.FLOAT]
        handed = self._feature_numbers(node) if is_fused(node) else None
        handed = self._handed_on(node) if node.domain == "" else handed
        if handed is None:
            for value in node.inputs:
                self._fix(value)
            handed = {value: _fixed_numbers(dims(value)) for value in floats}
        self._numbers.update(handed)

    def _handed_on(self, node: ir.Node) -> dict[ir.Value, Numbers] | None:
        """Return the numbers of the outputs; None if the operator cannot be scaled."""
        first = optional(node, 0)
        if first is None or first.dtype != ir.DataType.FLOAT:
            return None
        rule = self._rule(node.op_type) or self._rule_by_facts(node)
        return None if rule is None else rule(node)

    def _rule(self, op_type: str) -> Rule | None:
        """Return the special rule of an operator, if it has one."""
        if op_type in LINEAR:
            return self._linear
        if op_type in RECURRENT:
            return self._recurrent
        if op_type == "LayerNormalization":
            return self._normalization
        return self._power_numbers if op_type in ("Pow", "Sqrt") else None

    def _rule_by_facts(self, node: ir.Node) -> Rule | None:
        """Return the rule that follows from how an operator treats elements."""
        facts, alone = facts_of(node), len(node.outputs) == 1
        if facts.affine is not None:
            return self._product if facts.affine in ("multiplies", "divides") else self._sum
        if facts.homogeneous and alone:
            return self._scaled_alike
        if _pools(facts) and facts.mixes not in ("axis", "axes") and alone:
            return self._pooled
        if _folds(node) and constant(optional(node, 1)) is not None:
            return self._folded
        return self._moved if is_move(node) and not picks(node) and not _compares(facts) else None

    def _scaled_alike(self, node: ir.Node) -> dict[ir.Value, Numbers]:
        """Return the numbers of a function with ``f(s x) = s f(x)``."""
        y = node.outputs[0]
        return {y: np.broadcast_to(self.of(node.inputs[0]), dims(y))}

    def _power_numbers(self, node: ir.Node) -> dict[ir.Value, Numbers] | None:
        """Return the numbers of a root, or of a power with one constant exponent above 0."""
        exponent, y = facts_of(node).degree or _exponent(node), node.outputs[0]
        if exponent is None or exponent <= 0:
            return None
        return {y: self.groups.power(np.broadcast_to(self.of(node.inputs[0]), dims(y)), exponent)}

    def _feature_numbers(self, node: ir.Node) -> dict[ir.Value, Numbers] | None:
        """Return the numbers of a magnitude, a mean of squares or a sum of products."""
        operands, y = [self.of(value) for value in node.inputs], node.outputs[0]
        if node.op_type == "MeanSquare":
            folded = self._gathered(operands[0], tuple(attribute(node, "axes", [])))
            return {y: self.groups.power(folded, 2.0).reshape(dims(y))}
        if node.op_type == "Magnitude":
            parts = [*operands] if attribute(node, "epsilon", 0.0) == 0.0 else []
        else:
            products = [self.groups.product(*operands[at : at + 2]) for at in (0, 2)]
            parts = [numbers for numbers in products if numbers is not None]
        if len(parts) < 2:
            return None
        self.groups.join(*parts)
        return {y: np.maximum(*parts)}

    def _pooled(self, node: ir.Node) -> dict[ir.Value, Numbers] | None:
        """Return the numbers of a pooling or a choice among neighbours: one number for a plane."""
        if node.op_type == "Resize" and not is_move(node):
            return None
        first, y = self.of(node.inputs[0]), node.outputs[0]
        return {y: np.broadcast_to(self._gathered(first, tuple(range(2, first.ndim))), dims(y))}

    def _folded(self, node: ir.Node) -> dict[ir.Value, Numbers]:
        """Return the numbers of a reduction over constant axes: one number for the folded elements."""
        folded = self._gathered(self.of(node.inputs[0]), tuple(reduced_axes(node)))
        if (degree := facts_of(node).degree or 1.0) != 1.0:
            folded = self.groups.power(folded, degree)
        return {node.outputs[0]: folded.reshape(dims(node.outputs[0]))}

    def _moved(self, node: ir.Node) -> dict[ir.Value, Numbers]:
        """Return the numbers of a movement: they move as the elements do."""
        operands = [
            self.of(v) if v is not None and v.dtype == ir.DataType.FLOAT else constant(v)
            for v in node.inputs
        ]
        moved = OPERATORS["", node.op_type].form(node, operands)  # type: ignore[arg-type]
        pairs = zip(node.outputs, moved, strict=False)
        return {v: np.asarray(a, np.int32).reshape(dims(v)) for v, a in pairs}

    def _linear(self, node: ir.Node) -> dict[ir.Value, Numbers] | None:
        x, weight, y = node.inputs[0], constant(node.inputs[1]), node.outputs[0]
        bias = optional(node, 2)
        if weight is None or (bias is not None and constant(bias) is None) or not _is_plain(node):
            return None
        axis = len(dims(x)) - 1 if node.op_type == "Gemm" else 1
        others = tuple(i for i in range(len(dims(x))) if i != axis)
        read = self._gathered(self.of(x), others).ravel()
        written = self.groups.add((dims(y)[axis],))
        self.sites.append(Site(node, 1, *_laid_out(node, weight, written, read)))
        self.inputs[x] = self.of(x)  # type: ignore[index]
        if bias is not None:
            self.sites.append(Site(node, 2, self._of_bias(dims(bias), written), _fixed_numbers()))
        column = [1] * len(dims(y))
        column[axis] = -1
        return {y: np.broadcast_to(written.reshape(column), dims(y))}

    def _of_bias(self, shape: tuple[int, ...], written: Numbers) -> Numbers:
        """Return the channels of a bias: of one element all of the layer's."""
        if int(np.prod(shape)) == len(written):
            return written.reshape(shape)
        self.groups.join(written, written[:1])
        return written[:1].reshape((1,) * len(shape))

    def _recurrent(self, node: ir.Node) -> dict[ir.Value, Numbers] | None:
        """Return the numbers of a cell: its inputs scale with the columns of W, its states keep their scale."""
        if constant(node.inputs[1]) is None:
            return None
        for value in node.inputs[2:]:
            self._fix(value)
        read = self._gathered(self.of(node.inputs[0]), (0, 1)).reshape(1, 1, -1)
        self.sites.append(Site(node, 1, _fixed_numbers(), read))
        self.inputs[node.inputs[0]] = self.of(node.inputs[0])  # type: ignore[index]
        return {value: _fixed_numbers(dims(value)) for value in node.outputs if value.name}

    def _normalization(self, node: ir.Node) -> dict[ir.Value, Numbers] | None:
        """Return separate numbers for the channels that scale and shift of a normalization write."""
        constants = [constant(v) for v in node.inputs[1:]]
        if any(array is None for array in constants) or len(node.outputs) > 1:
            return None
        self._fix(node.inputs[0])
        written = self.groups.add(constants[0].shape)  # type: ignore[union-attr]
        for index, array in enumerate(constants, 1):
            if array is not None:
                self.sites.append(Site(node, index, written, _fixed_numbers()))
        return {node.outputs[0]: np.broadcast_to(written, dims(node.outputs[0]))}

    def _sum(self, node: ir.Node) -> dict[ir.Value, Numbers] | None:
        """Return numbers of a sum: its operands have one scale, also a constant."""
        y, fixed = node.outputs[0], _fixed_operands(node)
        if not _reads_floats(node) or len(fixed) == 2:
            return None
        if not fixed:
            a, b = (np.broadcast_to(self.of(v), dims(y)) for v in node.inputs)
            self.groups.join(a, b)
            return {y: np.maximum(a, b)}
        index = fixed[0]
        x = np.broadcast_to(self.of(node.inputs[1 - index]), dims(y))
        shape = dims(node.inputs[index])
        own = self._gathered(x, _broadcast_axes(shape, dims(y))).reshape(shape)
        self.sites.append(Site(node, index, own, _fixed_numbers()))
        return {y: np.maximum(x, np.broadcast_to(own, dims(y)))}

    def _product(self, node: ir.Node) -> dict[ir.Value, Numbers] | None:
        """Return numbers of a product: a constant factor starts new channels; a computed one multiplies scales."""
        y, is_product, fixed = node.outputs[0], node.op_type == "Mul", _fixed_operands(node)
        if fixed:
            return self._factor(node, fixed[0]) if len(fixed) == 1 and is_product else None
        if not _reads_floats(node):
            return None
        a, b = (np.broadcast_to(self.of(value), dims(y)) for value in node.inputs)
        if not is_product:
            return {y: a} if (self.find(b) == FIXED).all() else None
        numbers = self.groups.product(a, b)
        return None if numbers is None else {y: numbers}

    def _factor(self, node: ir.Node, index: int) -> dict[ir.Value, Numbers]:
        y, x = node.outputs[0], node.inputs[1 - index]
        shape = dims(node.inputs[index])
        whole = np.broadcast_to(self.of(x), dims(y))
        read = self._gathered(whole, _broadcast_axes(shape, dims(y))).reshape(shape)
        written = self.groups.add(shape)
        self.sites.append(Site(node, index, written, read))
        return {y: np.broadcast_to(written, dims(y))}


def _broadcast_axes(shape: tuple[int, ...], wide: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes along which an array of `shape` is repeated to become `wide`."""
    full = (1,) * (len(wide) - len(shape)) + shape
    return tuple(i for i, (a, b) in enumerate(zip(full, wide, strict=True)) if a == 1 and b > 1)


def _reads_floats(node: ir.Node) -> bool:
    return all(v is not None and v.dtype == ir.DataType.FLOAT for v in node.inputs)


def _fixed_operands(node: ir.Node) -> list[int]:
    """Return the places of the operands that are constant."""
    return [i for i, value in enumerate(node.inputs) if constant(value) is not None]


def _pools(facts: Facts) -> bool:
    """Whether elements of a result are means of neighbours, or chosen from them."""
    return facts.averages or (facts.moves == "chooses" and not facts.joins)


def _folds(node: ir.Node) -> bool:
    """Whether a node sums, averages or chooses along axes that it names."""
    facts = facts_of(node)
    return facts.mixes == "axes" and (_pools(facts) or facts.degree is not None)


def _exponent(node: ir.Node) -> float | None:
    """Return the exponent of a Pow; None unless it is a single constant."""
    power = constant(node.inputs[1])
    return float(power.item()) if power is not None and power.size == 1 else None


def _is_plain(node: ir.Node) -> bool:
    """Whether a layer neither scales its operands nor transposes its input."""
    unscaled = all(attribute(node, name, 1.0) == 1.0 for name in ("alpha", "beta"))
    return unscaled and not attribute(node, "transA", 0)


def _compares(facts: Facts) -> bool:
    """Whether it chooses among operands, or among the elements of an axis: channels may meet there."""
    return facts.moves == "chooses" and (facts.joins or facts.mixes == "axis")


def _fixed_numbers(shape: tuple[int, ...] = ()) -> Numbers:
    return np.full(shape, FIXED, np.int32)


def _laid_out(
    node: ir.Node, weight: Float32, written: Numbers, read: Numbers
) -> tuple[Numbers, Numbers]:
    """Return the written and read channels of a layer, to broadcast against its weight."""
    if node.op_type == "Gemm":
        if attribute(node, "transB", 0):
            return written[:, None], read[None, :]
        return written[None, :], read[:, None]
    groups, tail = attribute(node, "group", 1), (1,) * (weight.ndim - 2)
    by_group = (written if node.op_type == "ConvTranspose" else read).reshape(groups, -1)
    spread = np.repeat(by_group, len(weight) // groups, axis=0).reshape(len(weight), -1, *tail)
    along = (-1, 1, *tail)
    if node.op_type == "ConvTranspose":
        return spread, read.reshape(along)
    return written.reshape(along), spread
