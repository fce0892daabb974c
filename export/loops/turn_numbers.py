"""`TurnNumbers`: the turn of a loop that each value of an export belongs to, by the last frame that it reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import onnx_ir as ir

from edgekit.export.loops.frame_reads import FrameRead, frame_read
from edgekit.graph.nodes import array_of

FEWEST = 3  # places of a tensor that are read one by one: fewer are no loop


@dataclass(frozen=True)
class Family:
    """The frames of one axis that are read one by one, in turns.

    Attributes:
        first: end of the frames of turn 0.
        stride: frames from turn to turn.
        turns: number of them.
    """

    first: int
    stride: int
    turns: int

    def turn(self, read: FrameRead) -> int:
        """Return the turn in which frames are read first."""
        return (read.stop - self.first) // self.stride


@dataclass(frozen=True)
class Exit:
    """A Concat along time of one value from each turn."""

    node: ir.Node

    def root(self, turn: int) -> ir.Value:
        """Return the value of a turn."""
        value = self.node.inputs[turn]
        assert value is not None
        return value

    @property
    def turns(self) -> int:
        """Number of values."""
        return len(self.node.inputs)


@dataclass
class TurnNumbers:
    """Turns of values.

    Attributes:
        turn: of the values inside of loops.
        reads: the frames that a value is, and their family.
        exits: where loops end.
        constants: values that depend on no input.
        families: those found so far; the first unknown one ends the search.
    """

    turn: dict[ir.Value, int] = field(default_factory=dict)
    reads: dict[ir.Value, tuple[FrameRead, Family]] = field(default_factory=dict)
    exits: list[Exit] = field(default_factory=list)
    constants: set[ir.Value] = field(default_factory=set)
    families: list[Family] = field(default_factory=list)


def find_turn_numbers(graph: ir.Graph, growing: Sequence[bool]) -> TurnNumbers:
    """Follow the turns through a graph, as far as its families of reads are known.

    Args:
        graph: in normal form.
        growing: whether the number of turns of each family, in order, follows the length of the input.
    """
    found = TurnNumbers()
    sources: list[ir.Value] = [*graph.inputs]
    for value in graph.inputs:
        if not _enter(found, value, growing):
            return found
    found.constants.update(graph.initializers.values())
    for node in graph:
        _place(found, node)
        for output in node.outputs:
            if output not in found.turn and output not in found.constants:
                sources.append(output)
                if not _enter(found, output, growing):
                    return found
    _delay_derived(found, graph)
    return found


def _enter(found: TurnNumbers, source: ir.Value, growing: Sequence[bool]) -> bool:
    """Note the reads of a tensor outside of loops; False at an unknown family."""
    for family, reads in _families(source):
        found.families.append(family)
        if len(found.families) > len(growing):
            return False
        if growing[len(found.families) - 1]:
            found.reads.update({value: (read, family) for value, read in reads.items()})
    return True


def _families(source: ir.Value) -> Iterator[tuple[Family, dict[ir.Value, FrameRead]]]:
    by_axis: dict[int, dict[ir.Value, FrameRead]] = {}
    for node in source.consumers():
        read = frame_read(node)
        if read is not None and read.source is source:
            by_axis.setdefault(read.axis, {})[node.outputs[0]] = read
    for _, reads in sorted(by_axis.items()):
        ends = sorted({read.stop for read in reads.values()})
        steps = {second - first for first, second in pairwise(ends)}
        if len(ends) >= FEWEST and len(steps) == 1:
            yield Family(ends[0], steps.pop(), len(ends)), reads


def _place(found: TurnNumbers, node: ir.Node) -> None:
    """Give the outputs of a node their turn, from those of its inputs."""
    inputs = [value for value in node.inputs if value is not None]
    if all(value in found.constants for value in inputs):
        found.constants.update(node.outputs)
        return
    if (entry := found.reads.get(node.outputs[0])) is not None:
        read, family = entry
        found.turn[node.outputs[0]] = family.turn(read)
        return
    turns = [found.turn[value] for value in inputs if value in found.turn]
    if not turns:
        return
    if _is_exit(found, node):
        found.exits.append(Exit(node))
        return
    found.turn.update(dict.fromkeys(node.outputs, max(turns)))


def _delay_derived(found: TurnNumbers, graph: ir.Graph) -> None:
    """Move what only later turns read to these turns, where it follows from one value that need not move itself.

    A recurrent cell multiplies its state first: the state alone is then left to the next turn, and not its gates.
    """
    moved: dict[ir.Value, int] = {}
    for node in reversed(list(graph)):
        later = _turn_of_readers(found, moved, node)
        if later is not None and len(_inner(found, node)) == 1:
            moved.update(dict.fromkeys(node.outputs, later))
    for node in graph:
        output = node.outputs[0]
        if output not in moved:
            continue
        (source,) = _inner(found, node)
        if source not in moved and all(one.outputs[0] in moved for one in source.consumers()):
            del moved[output]
            continue
        found.turn.update(dict.fromkeys(node.outputs, moved[output]))


def _inner(found: TurnNumbers, node: ir.Node) -> set[ir.Value]:
    return {value for value in node.inputs if value in found.turn}


def _turn_of_readers(found: TurnNumbers, moved: dict[ir.Value, int], node: ir.Node) -> int | None:
    """Return the first turn that reads a node's outputs, if it is later than the node's."""
    output = node.outputs[0]
    turn = found.turn.get(output)
    if turn is None or output in found.reads:
        return None
    turns = [
        _turn_of_reader(found, moved, one) for value in node.outputs for one in value.consumers()
    ]
    if not turns or any(value.is_graph_output() for value in node.outputs):
        return None
    return min(turns) if min(turns) > turn else None


def _turn_of_reader(found: TurnNumbers, moved: dict[ir.Value, int], reader: ir.Node) -> int:
    """Return the turn of a reader, -1 outside of loops."""
    result = reader.outputs[0]
    return moved.get(result, found.turn[result]) if result in found.turn else -1


def _is_exit(found: TurnNumbers, node: ir.Node) -> bool:
    """Whether a Concat holds one value of each turn, in order; the first ones may come from before the loop."""
    if node.op_type != "Concat" or len(node.inputs) < FEWEST:
        return False
    turns = [found.turn.get(value, -1) if value is not None else -1 for value in node.inputs]
    last = turns[-1]
    late = len(turns) - 1 - last
    expected = [max(place - late, -1) for place in range(len(turns))]
    return late >= 0 and last >= FEWEST - 2 and turns == expected


def same_constant(one: ir.Value, other: ir.Value) -> bool:
    """Whether two constants hold the same."""
    left, right = array_of(one), array_of(other)
    if left is None or right is None:
        return False
    return (
        left.dtype == right.dtype
        and left.shape == right.shape
        and left.tobytes() == right.tobytes()
    )
