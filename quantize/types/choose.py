"""Which nodes run in integers, and which type every tensor between them gets."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.operators.deform.dilation import integer_chain
from edgekit.operators.geometry import dims, optional
from edgekit.operators.roles import (
    CELL_INPUT,
    CELL_OUTPUT,
    HIDDEN_INPUT,
    HOP_SCALED,
    JOINING,
    MOVES,
    PARTIAL_SUM,
    PRECISE,
    RECURRENT,
    SATURATING,
    SQUARES,
    activations,
    constant,
    fused_activation,
    integer_moves,
    is_cell_state,
    is_gate_sums,
    is_hidden_state,
    results,
    touches,
)
from edgekit.operators.scheme import (
    DILATION_TYPE,
    GATE_TYPE,
    HIDDEN_TYPE,
    QuantType,
    activation_type,
)
from edgekit.operators.table import is_integer_compute
from edgekit.quantize.calibrate.observers import Observer, minmax_range, range_of
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import near
from edgekit.quantize.types.kept_scales import refuse_unknown, type_with_recipe_scale

INT16_HEADROOM = 2.0  # of the range that was seen: one of 16 bits
CELL_FRACTION_BITS = 16  # of c, which then reaches 32768
CONCAT_RANGE_RATIO = 2.0  # operands within one bit of the result share its scale
SATURATING_HEADROOM = 1.5
SATURATED = 16.0  # beyond it sigmoid and tanh are constant at 16 bits


@dataclass(frozen=True)
class TypePlan:
    """Per tensor name its type, and the names of the nodes that run in integers.

    `cell_bits` has the scale ``2^-bits`` of c by the name of an LSTM: int32, and no Q/DQ in the file,
    which ONNX does not know for that type. `wide` are tensors that products read in 16 bits. `groups` are
    the names of tensors that share one type.
    """

    types: dict[str, QuantType]
    integer_nodes: frozenset[str]
    cell_bits: dict[str, int]
    wide: frozenset[str]
    groups: tuple[tuple[str, ...], ...]


def choose_types(model: Model, observers: dict[str, Observer], recipe: Recipe) -> TypePlan:
    """Return the types of every tensor that integer nodes read or write.

    Raises:
        UsageError: the recipe names tensors that are not there, or gives one group two types.
    """
    graph = model.ir.graph
    compute = {node.name for node in graph if is_integer_compute(node)}
    groups, integer = _tensor_groups(model, observers, compute, frozenset(), recipe.tensors)
    own = _sampler_row_types(model, groups, recipe) | _partial_sums(graph, recipe)
    recipe = replace(recipe, tensors={**own, **recipe.tensors})
    named = recipe.tensors.keys()
    recipe = replace(recipe, tensors={**_hop_scaled(graph, groups, recipe), **recipe.tensors})
    wanted = requested_types(groups, graph, recipe, integer)
    kept = frozenset(name for name, dtype in wanted.items() if dtype == "float32")
    if kept:
        compute = {n.name for n in graph if n.name in compute and not touches(n, kept)}
        groups, integer = _tensor_groups(model, observers, compute, kept, recipe.tensors)
        decided = {n: wanted[n] for members in groups for n in members if n in wanted}
        wanted = requested_types(groups, graph, replace(recipe, tensors=decided), integer)
    types: dict[str, QuantType] = {}
    for members in groups:
        kind = _group_type(members, wanted[members[0]], graph, observers, recipe, integer)
        types.update(dict.fromkeys(members, kind))
    types = {name: type_with_recipe_scale(kind, name, recipe) for name, kind in types.items()}
    refuse_unknown(recipe, types)
    inside = [node for node in graph if node.name in integer]
    bits = {str(n.name): _cell_bits(n, observers) for n in inside if n.op_type == "LSTM"}
    squares = {str(n.outputs[0].name) for n in inside if n.op_type in SQUARES}
    wide = _wide(groups, types, recipe, named | squares)
    return TypePlan(types, integer, bits, wide, tuple(map(tuple, groups)))


def _sampler_row_types(model: Model, groups: list[list[str]], recipe: Recipe) -> dict[str, str]:
    """The types of what a sampler's rows add up, where the recipe names none for the same values."""
    if model.sampler is None:
        return {}
    outputs = [str(value.name) for value in model.stream_outputs]
    return {
        name: recipe.sampled
        for members in groups
        for name in {model.sampler.roles.x, *outputs}.intersection(members)
        if not recipe.tensors.keys() & set(members)
    }


def _partial_sums(graph: ir.Graph, recipe: Recipe) -> dict[str, str]:
    """16 bits for sums that are added up to one that would be a single operator's."""
    if recipe.activations != "int8":
        return {}
    return {str(n.outputs[0].name): "int16" for n in graph if PARTIAL_SUM in n.metadata_props}


def _hop_scaled(graph: ir.Graph, groups: list[list[str]], recipe: Recipe) -> dict[str, str]:
    """16 bits for what layers with a scale per hop write, and for what is scaled."""
    written = {str(n.outputs[0].name) for n in graph if HOP_SCALED in n.metadata_props}
    return _in_16_bits(written, groups, recipe)


def _in_16_bits(names: set[str], groups: list[list[str]], recipe: Recipe) -> dict[str, str]:
    """16 bits where a recipe of 8 bits names no type for the same values."""
    if recipe.activations != "int8":
        return {}
    return {
        name: "int16"
        for members in groups
        if not recipe.tensors.keys() & set(members)
        for name in sorted(names.intersection(members))
    }


def _wide(
    groups: list[list[str]], types: dict[str, QuantType], recipe: Recipe, named: set[str]
) -> frozenset[str]:
    """The int16 tensors that are named, or all where products read 16 bits."""
    return frozenset(
        name
        for members in groups
        if recipe.products == "int16" or named & set(members)
        for name in members
        if types[name].dtype == "int16"
    )


def _tensor_groups(
    model: Model,
    observers: dict[str, Observer],
    compute: set[str | None],
    kept: frozenset[str],
    named: Mapping[str, str],
) -> tuple[list[list[str]], frozenset[str]]:
    """The groups of tensors that share a type, and all integer nodes.

    Tensors in `kept` stay float; those that `named` gives different types are not joined for convenience.
    """
    moves = integer_moves(model, compute, kept)
    integer = frozenset(str(name) for name in compute | moves)
    return list(_Groups(model, observers, integer, named).members().values()), integer


def _cell_bits(node: ir.Node, observers: dict[str, Observer]) -> int:
    """Holds twice the largest c that was seen, and what a memory that forgets nothing grows to: 1 a step.

    So the fraction has `CELL_FRACTION_BITS` at most, as many as the gates have and one more.
    """
    seen = [value for value in (optional(node, CELL_INPUT), *node.outputs[CELL_OUTPUT:]) if value]
    ends = [
        abs(end) for v in seen if v.name in observers for end in minmax_range(observers[v.name])
    ]
    ends += [float(np.abs(array).max()) for v in seen if (array := constant(v)) is not None]
    peak = max(ends, default=0.0) + dims(node.inputs[0])[0] - 1
    return min(max(30 - int(np.ceil(np.log2(max(peak, 1.0)))), 0), CELL_FRACTION_BITS)


class _Groups:
    """Union-find over tensor names: tensors in one group share one type."""

    def __init__(
        self,
        model: Model,
        observers: dict[str, Observer],
        integer: frozenset[str],
        types: Mapping[str, str],
    ) -> None:
        self.parent: dict[str, str] = {}
        self.types = types
        inside = {
            node.outputs[0].name
            for node in model.ir.graph
            if node.name in integer and fused_activation(node)
        }
        for node in model.ir.graph:
            if node.name not in integer:
                continue
            for value in [*activations(node), *results(node)]:
                if value.name not in inside:
                    self.find(str(value.name))
            if node.op_type in JOINING:
                self._share_joined(node, observers)
            elif node.op_type in MOVES:
                for value in results(node):
                    self.union(activations(node)[0], value)
            elif node.op_type in RECURRENT:
                hidden = [*results(node), optional(node, HIDDEN_INPUT)]
                named = [v for v in hidden if v is not None and v.name and constant(v) is None]
                for value in named[1:]:
                    self.union(named[0], value)
        for pair in model.states:
            if pair.input in self.parent and pair.output in self.parent:
                self.parent[self.find(pair.input)] = self.find(pair.output)

    def find(self, name: str) -> str:
        self.parent.setdefault(name, name)
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def union(self, a: ir.Value, b: ir.Value) -> None:
        self.parent[self.find(str(a.name))] = self.find(str(b.name))

    def _share_joined(self, node: ir.Node, observers: dict[str, Observer]) -> None:
        output = node.outputs[0]
        width = _width(observers[str(output.name)])
        for value in activations(node):
            state = value.is_graph_input()
            near = _width(observers[str(value.name)]) * CONCAT_RANGE_RATIO >= width
            if state or (near and len(self._named(value) | self._named(output)) < 2):
                self.union(value, output)

    def _named(self, value: ir.Value) -> set[str]:
        """The types that a recipe names for what is in a value's group so far."""
        root = self.find(str(value.name))
        return {
            dtype
            for name, dtype in self.types.items()
            if name in self.parent and self.find(name) == root
        }

    def members(self) -> dict[str, list[str]]:
        result: dict[str, list[str]] = {}
        for name in self.parent:
            result.setdefault(self.find(name), []).append(name)
        return result


def _width(observer: Observer) -> float:
    low, high = minmax_range(observer)
    return max(high, 0.0) - min(low, 0.0)


def requested_types(
    groups: list[list[str]], graph: ir.Graph, recipe: Recipe, integer: frozenset[str]
) -> dict[str, str]:
    """The type that a recipe asks for each tensor of the groups; a named one decides for its group.

    Raises:
        UsageError: names that are in no group, groups with two types, hidden states as int8.
    """
    values = {str(v.name): v for node in graph for v in node.outputs}
    values.update((str(v.name), v) for v in graph.inputs)
    grouped = {name for members in groups for name in members}
    problems = []
    for name, dtype in recipe.tensors.items():
        if name in grouped or (dtype == "float32" and name in values):
            continue
        where = f"recipe {recipe.name!r}, tensor {name!r}"
        found = "is computed in float" if name in values else "is not in the network"
        step = "correct the name, or leave it out"
        problems.append(Problem(where, found, near(name, grouped), step))
    wanted = {}
    for names in groups:
        named = {name: recipe.tensors[name] for name in names if name in recipe.tensors}
        members = [values[name] for name in names]
        hidden = any(_is_hidden(value, integer) for value in members)
        if problem := _conflict(named, recipe, hidden or any(map(_are_gate_sums, members))):
            problems.append(problem)
        default = recipe.smooth_inputs
        if not _is_smooth(names, values, integer):
            default = _usual(members, recipe, integer, hidden)
        wanted.update(dict.fromkeys(names, next(iter(named.values()), default)))
    if problems:
        raise UsageError(problems)
    return wanted


def _conflict(named: dict[str, str], recipe: Recipe, inside: bool) -> Problem | None:
    """Types that a recipe gives tensors of one group, where they are several, or not for the inside of a cell."""
    if len(set(named.values())) <= 1 and not (inside and "int8" in named.values()):
        return None
    found = ", ".join(f"{name!r} {dtype}" for name, dtype in sorted(named.items()))
    cell = "a hidden state, or the sums of gates"
    allowed = f"int16 or float32: {cell}" if inside else "one type: the same values"
    return Problem(f"recipe {recipe.name!r}", found, allowed, "give all of them one of these")


def _usual(members: list[ir.Value], recipe: Recipe, integer: frozenset[str], hidden: bool) -> str:
    """The type of a group that the recipe does not name, but for the inputs of saturating functions."""
    if recipe.activations == "float32":
        return "float32"
    if hidden:
        return "int16"
    precise = any(_is_precise(value, integer) for value in members)
    return recipe.fused if precise else recipe.activations


def _is_precise(value: ir.Value, integer: frozenset[str]) -> bool:
    """Whether an operator with precise internals reads or writes a tensor."""
    nodes = [value.producer(), *value.consumers()]
    return any(n is not None and n.op_type in PRECISE and n.name in integer for n in nodes)


def _group_type(
    names: list[str],
    dtype: str,
    graph: ir.Graph,
    observers: dict[str, Observer],
    recipe: Recipe,
    integer: frozenset[str],
) -> QuantType:
    """Hidden states are Q15; inputs of sigmoid-like functions have headroom and saturate."""
    values = {str(v.name): v for node in graph for v in node.outputs}
    values.update((str(v.name), v) for v in graph.inputs)
    if any(_is_hidden(values[name], integer) for name in names):
        return HIDDEN_TYPE
    if any(_are_gate_sums(values[name]) for name in names):
        return GATE_TYPE
    if _is_smooth(names, values, integer):
        low, high = (
            SATURATING_HEADROOM * end for end in _joint([minmax_range(observers[n]) for n in names])
        )
        return activation_type(dtype, max(low, -SATURATED), min(high, SATURATED))
    if dtype == "int8" and any(_is_dilation(values[name]) for name in names):
        return DILATION_TYPE
    if dtype == "int16":
        ends = _joint([minmax_range(observers[n]) for n in names])
        return activation_type(dtype, *(INT16_HEADROOM * end for end in ends))
    return activation_type(dtype, *_joint([range_of(observers[n], recipe) for n in names]))


def _is_dilation(value: ir.Value) -> bool:
    """Whether a value is the s of a deformable convolution of integers: rounded with scale 1 it is d."""
    waiting = [user.node for user in value.uses()]
    while waiting:
        node = waiting.pop()
        if node.op_type == "DeformConv":
            chain = integer_chain(node)
            return chain is not None and chain.source is value
        if FLOAT_NODE in node.metadata_props:
            waiting += [user.node for output in node.outputs for user in output.uses()]
    return False


def _is_smooth(names: list[str], values: dict[str, ir.Value], integer: frozenset[str]) -> bool:
    """Whether only sigmoid-like functions read a group."""
    members = [values[name] for name in names]
    readers = {
        "float"
        if user.node.name not in integer or is_cell_state(user.node, user.idx)
        else user.node.op_type
        for value in members
        for user in value.uses()
        if not (user.node.name in integer and user.node.op_type in MOVES)
    }
    is_output = any(v.is_graph_output() for v in members)
    hidden = any(_is_hidden(value, integer) for value in members)
    return bool(readers) and readers <= SATURATING and not (is_output or hidden)


def _is_hidden(value: ir.Value, integer: frozenset[str]) -> bool:
    producer = value.producer()
    if producer is not None and producer.op_type in RECURRENT and producer.name in integer:
        return value in results(producer)
    return any(
        is_hidden_state(user.node, user.idx) and user.node.name in integer for user in value.uses()
    )


def _are_gate_sums(value: ir.Value) -> bool:
    return any(is_gate_sums(user.node, user.idx) for user in value.uses())


def _joint(ranges: list[tuple[float, float]]) -> tuple[float, float]:
    return min(low for low, _ in ranges), max(high for _, high in ranges)
