"""Chooses the nodes that run in integers, and the type of every tensor between them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.graph.nodes import values_by_name
from edgekit.operators.deform.dilation import integer_chain
from edgekit.operators.geometry import dims, optional
from edgekit.operators.roles import (
    CELL_INPUT,
    CELL_OUTPUT,
    HOP_SCALED,
    MOVES,
    PARTIAL_SUM,
    PRECISE,
    RECURRENT,
    SATURATING,
    SQUARES,
    constant,
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
from edgekit.quantize.calibrate.rest import slow_states
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import near
from edgekit.quantize.types.groups import tensor_groups
from edgekit.quantize.types.kept_scales import refuse_unknown, type_with_recipe_scale

INT16_HEADROOM = 2.0  # of the range that was seen: one of 16 bits
START_HEADROOM = 16.0  # of that range: a peak of fresh states may take 4 of 16 bits
CELL_FRACTION_BITS = 16  # of c, which then reaches 32768
SATURATING_HEADROOM = 1.5
SATURATED = 16.0  # beyond it sigmoid and tanh are constant at 16 bits


@dataclass(frozen=True)
class TypePlan:
    """Types by tensor name, and the names of the nodes that run in integers.

    `cell_bits` has the scale ``2^-bits`` of c by the name of an LSTM: int32, without Q/DQ in the file, as ONNX has
    none for that type. `wide` are tensors that products read in 16 bits. `groups` are the names of tensors that share
    one type.
    """

    types: dict[str, QuantType]
    integer_nodes: frozenset[str]
    cell_bits: dict[str, int]
    wide: frozenset[str]
    groups: tuple[tuple[str, ...], ...]


def choose_types(
    model: Model,
    observers: dict[str, Observer],
    recipe: Recipe,
    whole: dict[str, Observer] | None = None,
) -> TypePlan:
    """Return the types of every tensor that integer nodes read or write.

    Ranges are those of the `observers`. Those of the `whole` calibration, by default the same, decide which tensors
    share a type: so a recipe means the same types if clips are left out.

    Raises:
        UsageError: the recipe names unknown tensors, or gives one group two types.
    """
    graph = model.ir.graph
    compute = {node.name for node in graph if is_integer_compute(node)}
    whole = observers if whole is None else whole
    groups, integer = tensor_groups(model, whole, compute, frozenset(), recipe.tensors)
    own, narrow = _sampler_row_types(model, groups, recipe), recipe.activations == "int8"
    if narrow:
        own |= dict.fromkeys(_marked_outputs(graph, PARTIAL_SUM), "int16")
    recipe = _with_types(recipe, own)
    named = recipe.tensors.keys()
    if narrow:
        scaled = _unless_named({*_marked_outputs(graph, HOP_SCALED)}, "int16", groups, recipe)
        recipe = _with_types(recipe, scaled)
    remembers = recipe.activations == "int16" and bool(slow_states(model, observers))
    tensors = _Tensors(values_by_name(graph), integer, remembers)
    wanted = _requested_types(groups, tensors, recipe)
    if kept := _floats(wanted):
        compute -= {node.name for node in graph if touches(node, kept)}
        groups, integer = tensor_groups(model, whole, compute, kept, recipe.tensors)
        tensors = replace(tensors, integer=integer)
        decided = {name: wanted[name] for name in chain(*groups) if name in wanted}
        wanted = _requested_types(groups, tensors, replace(recipe, tensors=decided))
    types = tensors.types(groups, wanted, observers, recipe)
    refuse_unknown(recipe, types)
    inside = [node for node in graph if node.name in integer]
    wide = _wide(groups, types, recipe, named | _squares(inside))
    return TypePlan(types, integer, _bits(inside, observers), wide, tuple(map(tuple, groups)))


def _floats(wanted: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name, dtype in wanted.items() if dtype == "float32")


def _squares(nodes: Iterable[ir.Node]) -> set[str]:
    """Return the names of the outputs of magnitudes and means of squares."""
    return {str(node.outputs[0].name) for node in nodes if node.op_type in SQUARES}


def _bits(nodes: Iterable[ir.Node], observers: dict[str, Observer]) -> dict[str, int]:
    return {str(n.name): _cell_bits(n, observers) for n in nodes if n.op_type == "LSTM"}


def _with_types(recipe: Recipe, types: Mapping[str, str]) -> Recipe:
    return replace(recipe, tensors={**types, **recipe.tensors})


def _marked_outputs(graph: ir.Graph, mark: str) -> list[str]:
    """Return the outputs of nodes with a mark: parts of a sum, or tensors with a scale per hop."""
    return [str(node.outputs[0].name) for node in graph if mark in node.metadata_props]


def _sampler_row_types(model: Model, groups: list[list[str]], recipe: Recipe) -> dict[str, str]:
    """Return the types of the tensors that a sampler's rows add."""
    if model.sampler is None:
        return {}
    names = {model.sampler.roles.x, *(str(value.name) for value in model.stream_outputs)}
    return _unless_named(names, recipe.sampled, groups, recipe)


def _unless_named(
    names: set[str], dtype: str, groups: list[list[str]], recipe: Recipe
) -> dict[str, str]:
    """Return a type for the names of each group without a tensor named in the recipe."""
    return {
        name: dtype
        for members in groups
        if not recipe.tensors.keys() & set(members)
        for name in sorted(names.intersection(members))
    }


def _wide(
    groups: list[list[str]], types: dict[str, QuantType], recipe: Recipe, named: set[str]
) -> frozenset[str]:
    """Return the named int16 tensors, or all if products read 16 bits."""
    return frozenset(
        name
        for members in groups
        if recipe.products == "int16" or named & set(members)
        for name in members
        if types[name].dtype == "int16"
    )


def _cell_bits(node: ir.Node, observers: dict[str, Observer]) -> int:
    """Return the fraction bits of c: it holds twice the largest observed c, and a memory that grows by 1 a step.

    So the fraction has at most `CELL_FRACTION_BITS`, one more than the gates.
    """
    seen = [value for value in (optional(node, CELL_INPUT), *node.outputs[CELL_OUTPUT:]) if value]
    ends = [
        abs(end) for v in seen if v.name in observers for end in minmax_range(observers[v.name])
    ]
    ends += [float(np.abs(array).max()) for v in seen if (array := constant(v)) is not None]
    peak = max(ends, default=0.0) + dims(node.inputs[0])[0] - 1
    return min(max(30 - int(np.ceil(np.log2(max(peak, 1.0)))), 0), CELL_FRACTION_BITS)


@dataclass(frozen=True)
class _Tensors:
    """The tensors of a graph by name, the names of its integer nodes, and whether it remembers peaks of fresh states.

    States that last do, where no tensor in 8 bits clips such a peak on its way.
    """

    values: Mapping[str, ir.Value]
    integer: frozenset[str]
    remembers: bool = False

    def are_hidden(self, names: Iterable[str]) -> bool:
        """Whether one of them is the h of a recurrent integer node."""
        return any(_is_hidden(self.values[name], self.integer) for name in names)

    def are_gate_sums(self, names: Iterable[str]) -> bool:
        """Whether a recurrent layer reads one of them as the sums of its gates."""
        return any(
            is_gate_sums(user.node, user.idx) for name in names for user in self.values[name].uses()
        )

    def are_precise(self, names: Iterable[str]) -> bool:
        """Whether an operator with precise internals reads or writes one of them."""
        return any(
            node is not None and node.op_type in PRECISE and node.name in self.integer
            for name in names
            for node in (self.values[name].producer(), *self.values[name].consumers())
        )

    def are_smooth(self, names: Sequence[str]) -> bool:
        """Whether only sigmoid-like functions read a group."""
        users = chain(*(self.values[name].uses() for name in names))
        readers = {self._reader(u.node, u.idx) for u in users if not self._moves(u.node)}
        ends = any(self.values[name].is_graph_output() for name in names)
        return bool(readers) and readers <= SATURATING and not (ends or self.are_hidden(names))

    def _moves(self, node: ir.Node) -> bool:
        return node.name in self.integer and node.op_type in MOVES

    def _reader(self, node: ir.Node, index: int) -> str:
        """Return the operator that reads a tensor in integers, or ``float``."""
        floats = node.name not in self.integer or is_cell_state(node, index)
        return "float" if floats else node.op_type

    def usual_type(self, names: Sequence[str], recipe: Recipe) -> str:
        """Return the type of a group that the recipe does not name."""
        if self.are_smooth(names):
            return recipe.smooth_inputs
        if recipe.activations == "float32":
            return "float32"
        if self.are_hidden(names):
            return "int16"
        return recipe.fused if self.are_precise(names) else recipe.activations

    def types(
        self,
        groups: list[list[str]],
        wanted: Mapping[str, str],
        observers: dict[str, Observer],
        recipe: Recipe,
    ) -> dict[str, QuantType]:
        """Return the type of every tensor; of those with a scale in the recipe that one."""
        types = dict[str, QuantType]()
        for members in groups:
            kind = self.group_type(members, wanted[members[0]], observers, recipe)
            types.update((name, type_with_recipe_scale(kind, name, recipe)) for name in members)
        return types

    def group_type(
        self, names: Sequence[str], dtype: str, observers: dict[str, Observer], recipe: Recipe
    ) -> QuantType:
        """Return a group's type: Q15 for hidden states; headroom and saturation before sigmoid-like functions."""
        if self.are_hidden(names):
            return HIDDEN_TYPE
        if self.are_gate_sums(names):
            return GATE_TYPE
        seen = [observers[name] for name in names]
        if self.are_smooth(names):
            low, high = _joint(map(minmax_range, seen))
            low, high = SATURATING_HEADROOM * low, SATURATING_HEADROOM * high
            return activation_type(dtype, max(low, -SATURATED), min(high, SATURATED))
        if dtype == "int8" and any(_is_dilation(self.values[name]) for name in names):
            return DILATION_TYPE
        if dtype == "int16":
            return activation_type(dtype, *self._wide_ends(seen))
        return activation_type(dtype, *_joint(range_of(observer, recipe) for observer in seen))

    def _wide_ends(self, observers: Sequence[Observer]) -> tuple[float, float]:
        """Return the range of a group in 16 bits; a slow network remembers what the peak of fresh states gives it."""
        low, high = _joint(map(minmax_range, observers))
        most = START_HEADROOM * max(-low, high) if self.remembers else 0.0
        start = min(max(observer.start for observer in observers), most)
        return min(INT16_HEADROOM * low, -start), max(INT16_HEADROOM * high, start)


def _requested_types(groups: list[list[str]], tensors: _Tensors, recipe: Recipe) -> dict[str, str]:
    """Return the requested type of each tensor of the groups; a named one decides for its group.

    Raises:
        UsageError: names in no group, groups with two types, hidden states as int8.
    """
    problems = list(_name_problems(set(chain(*groups)), tensors.values, recipe))
    wanted = {}
    for names in groups:
        named = {name: recipe.tensors[name] for name in names if name in recipe.tensors}
        inside = tensors.are_hidden(names) or tensors.are_gate_sums(names)
        if problem := _conflict(named, recipe, inside):
            problems.append(problem)
        default = tensors.usual_type(names, recipe)
        wanted.update(dict.fromkeys(names, next(iter(named.values()), default)))
    if problems:
        raise UsageError(problems)
    return wanted


def _name_problems(
    grouped: set[str], values: Mapping[str, ir.Value], recipe: Recipe
) -> Iterator[Problem]:
    """Yield the tensors that a recipe names and that are in no group."""
    for name, dtype in recipe.tensors.items():
        if name not in grouped and (dtype != "float32" or name not in values):
            where = f"recipe {recipe.name!r}, tensor {name!r}"
            found = "is computed in float" if name in values else "is not in the network"
            step = "correct the name, or leave it out"
            yield Problem(where, found, near(name, grouped), step)


def _conflict(named: dict[str, str], recipe: Recipe, inside: bool) -> Problem | None:
    """Return a problem if a recipe gives tensors of one group several types, or one unfit for the inside of a cell."""
    if len(set(named.values())) <= 1 and not (inside and "int8" in named.values()):
        return None
    found = ", ".join(f"{name!r} {dtype}" for name, dtype in sorted(named.items()))
    cell = "a hidden state, or the sums of gates"
    allowed = f"int16 or float32: {cell}" if inside else "one type: the same values"
    return Problem(f"recipe {recipe.name!r}", found, allowed, "give all of them one of these")


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


def _is_hidden(value: ir.Value, integer: frozenset[str]) -> bool:
    producer = value.producer()
    if producer is not None and producer.op_type in RECURRENT and producer.name in integer:
        return value in results(producer)
    return any(
        is_hidden_state(user.node, user.idx) and user.node.name in integer for user in value.uses()
    )


def _joint(ranges: Iterable[tuple[float, float]]) -> tuple[float, float]:
    lows, highs = zip(*ranges, strict=True)
    return min(lows), max(highs)
