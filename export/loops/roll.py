"""`roll`: the turns of a loop along time in an export become one node that runs its step for every frame."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.export.loops.constants import constant
from edgekit.export.loops.node import LoopNode
from edgekit.export.loops.step import Item, Step
from edgekit.export.loops.turn_matches import OtherTurn, Twins, match_turns
from edgekit.export.loops.turn_numbers import Exit, TurnNumbers, find_turn_numbers
from edgekit.graph.nodes import attribute, static_shape

LATEST = 4  # turns from the last one to that which is written: values of the last ones may have no reader


def growing_families(short: ir.Model, long: ir.Model) -> list[bool]:
    """Return whether each family of frames that are read one by one follows the length of the input.

    Args:
        short: the export at one length, in normal form.
        long: the same network at a greater length, in normal form.
    """
    growing: list[bool] = []
    while True:
        one, other = (find_turn_numbers(model.graph, growing).families for model in (short, long))
        if len(one) <= len(growing) or len(other) <= len(growing):
            return growing
        growing.append(one[len(growing)].turns < other[len(growing)].turns)


def roll(model: ir.Model, growing: Sequence[bool]) -> list[OtherTurn]:
    """Roll the loops of an export in normal form back, in place; returns why some were not."""
    numbers = find_turn_numbers(model.graph, growing)
    if [one for one in numbers.exits if _split_start(model.graph, numbers, one)]:
        numbers = find_turn_numbers(model.graph, growing)
    problems = []
    for exits in _loops(numbers):
        try:
            _replace(model, numbers, exits)
        except OtherTurn as found:
            problems.append(found)
    common.RemoveUnusedNodesPass()(model)
    common.TopologicalSortPass()(model)
    return problems


def _split_start(graph: ir.Graph, numbers: TurnNumbers, one: Exit) -> bool:
    """Join what all turns give on its own, where a Concat holds start values before it; returns whether it does."""
    longest = max((family.turns for _, family in numbers.reads.values()), default=one.turns)
    more = one.turns - longest
    if more < 1:
        return False
    starts, turns = one.node.inputs[:more], one.node.inputs[more:]
    axis, old = _axis_of(one), one.node.outputs[0]
    shape = list(static_shape(old) or ())
    shape[axis] = sum((static_shape(value) or ())[axis] for value in turns)
    inner = ir.node("Concat", [*turns], {"axis": axis}, name=f"{one.node.name}.turns")
    inner.outputs[0].shape, inner.outputs[0].type = ir.Shape(shape), old.type
    outer = ir.node("Concat", [*starts, inner.outputs[0]], {"axis": axis}, name=one.node.name)
    outer.outputs[0].shape, outer.outputs[0].type = old.shape, old.type
    for new in (inner, outer):
        new.metadata_props.update(one.node.metadata_props)
    ir.convenience.replace_nodes_and_values(
        graph, one.node, [one.node], [inner, outer], [old], outer.outputs
    )
    return True


def _loops(numbers: TurnNumbers) -> list[list[Exit]]:
    """Return the exits of each loop: those that share a computed value."""
    groups, loops = _Groups(), dict[tuple[object, ...], list[Exit]]()
    for value in numbers.turn:
        for source in _computed_inputs(numbers, value):
            groups.join(source, value)
    roots = [_inner_values(numbers, one) for one in numbers.exits]
    for first, *others in roots:
        for value in others:
            groups.join(value, first)
    for one, (value, *_) in zip(numbers.exits, roots, strict=True):
        loops.setdefault((groups.root(value), one.turns), []).append(one)
    return list(loops.values())


def _computed_inputs(numbers: TurnNumbers, value: ir.Value) -> list[ir.Value]:
    """Return the values that a computed one follows from, inside of loops."""
    node = None if value in numbers.reads else value.producer()
    inputs = () if node is None else node.inputs
    return [v for v in inputs if v is not None and v in numbers.turn and v not in numbers.reads]


def _inner_values(numbers: TurnNumbers, one: Exit) -> list[ir.Value]:
    return [v for v in one.node.inputs if v is not None and v in numbers.turn]


class _Groups:
    """Values that belong together (a union-find)."""

    def __init__(self) -> None:
        self._owner: dict[ir.Value, ir.Value] = {}

    def root(self, value: ir.Value) -> ir.Value:
        while self._owner.setdefault(value, value) is not value:
            self._owner[value] = self._owner[self._owner[value]]
            value = self._owner[value]
        return value

    def join(self, one: ir.Value, other: ir.Value) -> None:
        self._owner[self.root(one)] = self.root(other)


def _replace(model: ir.Model, numbers: TurnNumbers, exits: list[Exit]) -> None:
    twins, turns = match_turns(numbers, exits), exits[0].turns
    step, (following, results) = _write_step(numbers, twins, exits, turns)
    outer = _Outside(model.graph, exits[0].node, turns)
    registers = [(chain, one) for chain in step.chains.values() for one in chain.registers]
    states = [
        (one, outer.start(numbers, chain.start, one), after)
        for (chain, one), after in zip(registers, following, strict=True)
    ]
    items = [(item.value, *outer.frames(item)) for item in step.items.values()]
    items += [(value, constant(model.graph, array, "table"), 0) for array, value in step.tables]
    made = [
        (_without_axis(step, value, one), _axis_of(one))
        for value, one in zip(results, exits, strict=True)
    ]
    outputs = LoopNode(step, states, items, made).write(model, outer.place)
    for one, output in zip(exits, outputs, strict=True):
        outer.finish(one, output)


def _write_step(
    numbers: TurnNumbers, twins: Twins, exits: list[Exit], turns: int
) -> tuple[Step, tuple[list[ir.Value], list[ir.Value]]]:
    """Return the step of the latest turn that can be written."""
    error: OtherTurn | None = None
    for late in range(1, min(LATEST, turns - 2) + 1):
        step = Step(numbers, twins, turns - 1 - late, turns)
        try:
            return step, step.write(exits)
        except OtherTurn as found:
            error = found
    assert error is not None
    raise error


def _axis_of(one: Exit) -> int:
    rank = len(static_shape(one.node.outputs[0]) or ())
    return int(attribute(one.node, "axis", 0)) % rank


def _frames_of_turn(one: Exit) -> int:
    return (static_shape(one.root(0)) or ())[_axis_of(one)]


def _without_axis(step: Step, value: ir.Value, one: Exit) -> ir.Value:
    """Return a result of one frame without its time axis."""
    axis = _axis_of(one)
    if _frames_of_turn(one) != 1:
        return value
    shape = list(static_shape(value) or ())
    del shape[axis]
    like = ir.Value(name="", shape=ir.Shape(shape), type=value.type)
    return step.add("Squeeze", value, step.integers(axis), like=like)


class _Outside:
    """Writes the nodes around a loop."""

    def __init__(self, graph: ir.Graph, place: ir.Node, turns: int) -> None:
        self.graph, self.place, self.turns = graph, place, turns
        self._count = 0

    def insert(self, node: ir.Node) -> None:
        self.graph.insert_before(self.place, node)

    def add(
        self, op_type: str, *inputs: ir.Value, shape: Sequence[int], **attributes: int
    ) -> ir.Value:
        self._count += 1
        node = ir.node(op_type, list(inputs), attributes, name=f"{self.place.name}.{self._count}")
        node.metadata_props.update(self.place.metadata_props)
        self.insert(node)
        (output,) = node.outputs
        output.shape, output.type = ir.Shape(shape), inputs[0].type
        return output

    def integers(self, *numbers: int) -> ir.Value:
        return constant(self.graph, np.array(numbers, np.int64), "numbers")

    def start(self, numbers: TurnNumbers, start: ir.Value | None, register: ir.Value) -> ir.Value:
        """Return the start of a state in the shape of the state; zeros where the first turn chooses it."""
        shape = static_shape(register) or ()
        if start is None or start in numbers.turn:
            return constant(self.graph, np.zeros(shape, np.float32), "start")
        if static_shape(start) == shape:
            return start
        return self.add("Expand", start, self.integers(*shape), shape=shape)

    def frames(self, item: Item) -> tuple[ir.Value, int]:
        """Return the frames of all turns, one after the other along an axis, and that axis."""
        read, stride, width = item.read, item.family.stride, item.read.stop - item.read.start
        axis, shape = read.axis, list(static_shape(read.source) or ())
        if width == stride:
            whole = self._slice(read.source, axis, read.start, read.start + self.turns * width, 1)
            if width == 1:
                return whole, axis
            shape[axis : axis + 1] = [self.turns, width]
            return self.add("Reshape", whole, self.integers(*shape), shape=shape), axis
        end = read.start + (self.turns - 1) * stride + 1
        shifted = [
            self._slice(read.source, axis, read.start + n, end + n, stride) for n in range(width)
        ]
        if width == 1:
            return shifted[0], axis
        shape[axis : axis + 1] = [self.turns, 1]
        axes = self.integers(axis + 1)
        columns = [self.add("Unsqueeze", one, axes, shape=shape) for one in shifted]
        shape[axis + 1] = width
        return self.add("Concat", *columns, shape=shape, axis=axis + 1), axis

    def _slice(self, source: ir.Value, axis: int, start: int, stop: int, step: int) -> ir.Value:
        shape = list(static_shape(source) or ())
        if (start, stop, step) == (0, shape[axis], 1):
            return source
        shape[axis] = -(-(stop - start) // step)
        bounds = [self.integers(n) for n in (start, stop, axis, step)]
        return self.add("Slice", source, *bounds, shape=shape)

    def finish(self, one: Exit, output: ir.Value) -> None:
        """Let a result of the loop stand for a Concat."""
        old, axis = one.node.outputs[0], _axis_of(one)
        shape, width = list(static_shape(old) or ()), _frames_of_turn(one)
        if width == 1:
            output.shape, output.type = old.shape, old.type
        else:
            output.shape, output.type = (
                ir.Shape([*shape[:axis], one.turns, width, *shape[axis + 1 :]]),
                old.type,
            )
            output = self.add("Reshape", output, self.integers(*shape), shape=shape)
        if old.is_graph_output():
            output = self.add("Identity", output, shape=shape)
        name = old.name
        old.replace_all_uses_with(output, replace_graph_outputs=True)
        if old.name and output.is_graph_output():
            old.name, output.name = f"{name}.turns", name
