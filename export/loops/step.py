"""`Step`: one turn of a loop as a graph, from its states and frames to its next states and results."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.loops.body import Body
from edgekit.export.loops.frame_reads import FrameRead
from edgekit.export.loops.turn_matches import OtherTurn, Twins
from edgekit.export.loops.turn_numbers import Exit, Family, TurnNumbers
from edgekit.graph.nodes import array_of, static_shape


@dataclass
class Chain:
    """A value that a turn leaves to later turns.

    Attributes:
        made: the value in the turn that is written.
        start: the value before turn 0, which may follow from frame 0; None if turn 0 does not read it.
        registers: what the turns 1, 2, ... before have left.
    """

    made: ir.Value
    start: ir.Value | None
    registers: list[ir.Value] = field(default_factory=list)


@dataclass(frozen=True)
class Item:
    """Frames that each turn reads: those of turn 0, and the body's input for them."""

    read: FrameRead
    family: Family
    value: ir.Value


class Step(Body):
    """Writes the nodes of turn `turn`.

    Attributes:
        chains: the states, in order.
        items: the frames, in order.
        tables: constants that change from turn to turn, stacked along a new first axis; the body's input for each.
    """

    def __init__(self, numbers: TurnNumbers, twins: Twins, turn: int, turns: int) -> None:
        """Start with an empty body."""
        super().__init__()
        self.numbers, self.twins, self.turn, self.turns = numbers, twins, turn, turns
        self.chains: dict[ir.Value, Chain] = {}
        self.items: dict[tuple[object, ...], Item] = {}
        self.tables: list[tuple[Array, ir.Value]] = []
        self._made: dict[tuple[ir.Value | None, int], ir.Value] = {}

    def write(self, exits: Sequence[Exit]) -> tuple[list[ir.Value], list[ir.Value]]:
        """Write the turn; returns the next values of all registers, chain by chain, and the results.

        Raises:
            OtherTurn: a state or a frame that the turns do not share.
        """
        results = [self._value(one.root(self.turn), self.turn) for one in exits]
        done: dict[ir.Value, ir.Value] = {}
        while rest := [chain for made, chain in self.chains.items() if made not in done]:
            for chain in rest:
                done[chain.made] = self._value(chain.made, self.turn)
        following = [
            value
            for chain in self.chains.values()
            for value in (done[chain.made], *chain.registers[:-1])
        ]
        return following, results

    def _value(self, value: ir.Value, turn: int) -> ir.Value:
        """Return the body's form of a value as turn `turn` reads it: this turn, or turn 0."""
        stack = [value]
        while stack:
            todo = self._unwritten_inputs(stack[-1], turn)
            if not todo:
                self._write(stack.pop(), turn)
            stack += todo
        return self._made[value, turn]

    def _unwritten_inputs(self, value: ir.Value, turn: int) -> list[ir.Value]:
        """Return the inputs of a value's node that have no form yet."""
        if (
            (value, turn) in self._made
            or self.numbers.turn.get(value) != turn
            or value in self.numbers.reads
        ):
            return []
        node = value.producer()
        assert node is not None
        return [
            v
            for n, v in enumerate(node.inputs)
            if v is not None and (v, turn) not in self._made and (node, n) not in self.twins.varying
        ]

    def _write(self, value: ir.Value, turn: int) -> None:
        if (value, turn) in self._made:
            return
        found = self.numbers.turn.get(value)
        if found is None:
            self._made[value, turn] = self.outside(value)
        elif found < turn:
            self._made[value, turn] = self._register(value, turn - found)
        elif value in self.numbers.reads:
            self._made[value, turn] = self._item(value, turn)
        else:
            self._clone(value, turn)

    def _clone(self, value: ir.Value, turn: int) -> None:
        node = value.producer()
        assert node is not None
        inputs = [
            self._table(node, n, v)
            if (node, n) in self.twins.varying
            else self._made.get((v, turn))
            for n, v in enumerate(node.inputs)
        ]
        for old, output in self.clone(node, inputs).items():
            self._made[old, turn] = output
            if turn == self.turn:
                self._made[old, turn] = self._with_first(old, output)

    def _with_first(self, value: ir.Value, result: ir.Value) -> ir.Value:
        """Return the result; where turn 0 computes something else, a choice between both."""
        if value not in self.twins.before:
            return result
        start = self.twins.first.get(self._earlier(value, 1))
        return result if start is None else self._choose(start, result)

    def _choose(self, start: ir.Value, result: ir.Value) -> ir.Value:
        other = self._value(start, 0)
        return self.add("Where", self.first(), other, result, like=result)

    def _earlier(self, value: ir.Value, turn: int) -> ir.Value:
        """Return the twin of a value in an earlier turn."""
        while self.numbers.turn.get(value, turn) > turn:
            value = self.twins.before[value]
        return value

    def _register(self, value: ir.Value, lag: int) -> ir.Value:
        """Return what an earlier turn has left."""
        made = value
        for _ in range(lag):
            if made not in self.twins.after:
                raise OtherTurn(value.producer(), "is read by some turns and not by others")
            made = self.twins.after[made]
        if made not in self.chains:
            self.chains[made] = Chain(made, self.twins.before.get(self._earlier(value, 0)))
        chain = self.chains[made]
        while len(chain.registers) < lag:
            chain.registers.append(self.input(made, "state"))
        register = chain.registers[lag - 1]
        if chain.start is None or chain.start not in self.numbers.turn:
            return register
        if lag > 1:
            raise OtherTurn(value.producer(), "starts from the first frame and is read turns later")
        return self._choose(chain.start, register)

    def _item(self, value: ir.Value, turn: int) -> ir.Value:
        read, family = self.numbers.reads[value]
        moved = turn * family.stride
        begin = FrameRead(
            read.source, read.axis, read.start - moved, read.stop - moved, read.drops_axis
        )
        end = begin.stop + (self.turns - 1) * family.stride
        if begin.start < 0 or end > (static_shape(read.source) or ())[read.axis]:
            raise OtherTurn(value.producer(), "reads frames beyond the ends of its input")
        key = begin, family
        if key not in self.items:
            shape = list(static_shape(value) or ())
            if not read.drops_axis and read.stop - read.start == 1:
                del shape[read.axis]
            self.items[key] = Item(begin, family, self.input(value, "frame", shape))
        item = self.items[key].value
        if static_shape(item) == static_shape(value):
            return item
        return self.add("Unsqueeze", item, self.integers(read.axis), like=value)

    def _table(self, node: ir.Node, place: int, value: ir.Value | None) -> ir.Value:
        """Return a constant that changes from turn to turn."""
        assert value is not None
        arrays = []
        output = node.outputs[0]
        output = self._earlier(output, 0)
        for _ in range(self.turns):
            twin = output.producer()
            array = None if twin is None else array_of(twin.inputs[place])
            if array is None:
                raise OtherTurn(node, "reads a constant that is not known in every turn")
            arrays.append(array)
            output = self.twins.after.get(output, output)
        result = self.input(value, "table")
        self.tables.append((np.stack(arrays), result))
        return result
