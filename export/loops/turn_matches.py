"""`match_turns`: each value of a loop with its twin one turn before, down to the values that the loop starts from."""

from dataclasses import dataclass, field

import onnx_ir as ir

from edgekit.export.loops.turn_numbers import Exit, TurnNumbers, same_constant
from edgekit.graph.nodes import static_shape


class OtherTurn(Exception):
    """Raised if a turn of a loop computes something else than the turn before."""

    def __init__(self, node: ir.Node | None, found: str) -> None:
        """Store the node and what was found there."""
        super().__init__(found)
        self.node, self.found = node, found


@dataclass
class Twins:
    """Pairs of a loop.

    Attributes:
        before: a value -> its twin one turn before; of turn 0, the start of a state, which may follow from frame 0.
        after: the same pairs the other way round, inside the loop.
        first: values of turn 1 -> another computation that stands for theirs in turn 0.
        varying: places, a node of a turn and the number of its input, whose constant changes from turn to turn.
        matched: values whose inputs are paired, too.
    """

    before: dict[ir.Value, ir.Value] = field(default_factory=dict)
    after: dict[ir.Value, ir.Value] = field(default_factory=dict)
    first: dict[ir.Value, ir.Value] = field(default_factory=dict)
    varying: set[tuple[ir.Node, int]] = field(default_factory=set)
    matched: set[ir.Value] = field(default_factory=set)


Place = tuple[ir.Node, int] | None


def match_turns(numbers: TurnNumbers, exits: list[Exit]) -> Twins:
    """Compare all turns of a loop, from its results backwards.

    Raises:
        OtherTurn: two turns after the first compute something else.
    """
    twins = Twins()
    stack: list[tuple[ir.Value, ir.Value, Place]] = [
        (one.root(turn), one.root(turn + 1), None) for one in exits for turn in range(one.turns - 1)
    ]
    while stack:
        earlier, later, place = stack.pop()
        stack += _match(numbers, twins, earlier, later, place)
    return twins


def _match(
    numbers: TurnNumbers, twins: Twins, earlier: ir.Value, later: ir.Value, place: Place
) -> list[tuple[ir.Value, ir.Value, Place]]:
    """Note a pair; returns the pairs that follow from it."""
    turn = numbers.turn.get(later)
    if turn is None:
        _match_outside(numbers, twins, earlier, later, place)
        return []
    if (known := twins.before.setdefault(later, earlier)) is not earlier:
        raise OtherTurn(known.producer(), "is another state for some readers")
    if later in twins.matched:
        return []
    twins.matched.add(later)
    if turn == 0 == numbers.turn.get(earlier, 0):
        return []
    if _same_reads(numbers, earlier, later):
        twins.after[earlier] = later
        return []
    if _computes_same(numbers, earlier, later, turn):
        if earlier not in numbers.constants:
            twins.after[earlier] = later
        return _pairs_of_inputs(earlier, later)
    if turn > 1 or not _same_form(earlier, later):
        found = f"turn {turn} computes something else than turn {turn - 1}"
        raise OtherTurn(later.producer(), found)
    twins.first[later] = earlier
    return []


def _computes_same(numbers: TurnNumbers, earlier: ir.Value, later: ir.Value, turn: int) -> bool:
    """Whether a value is what the turn before computed, or what the first turns compute of start values."""
    is_before = numbers.turn.get(earlier) == turn - 1 or earlier in numbers.constants
    one, other = earlier.producer(), later.producer()
    if not is_before or one is None or other is None or earlier.index() != later.index():
        return False
    return _are_alike(one, other)


def _pairs_of_inputs(earlier: ir.Value, later: ir.Value) -> list[tuple[ir.Value, ir.Value, Place]]:
    one, other = earlier.producer(), later.producer()
    assert one is not None and other is not None
    pairs = enumerate(zip(one.inputs, other.inputs, strict=True))
    return [(u, v, (other, n)) for n, (u, v) in pairs if u is not None and v is not None]


def _match_outside(
    numbers: TurnNumbers, twins: Twins, earlier: ir.Value, later: ir.Value, place: Place
) -> None:
    if earlier is later or same_constant(earlier, later):
        return
    constant = earlier in numbers.constants and later in numbers.constants
    if not constant or place is None or not _same_form(earlier, later):
        node = later.producer() or (place[0] if place else None)
        raise OtherTurn(node, "reads something else than the turn before")
    twins.varying.add(place)


def _same_form(one: ir.Value, other: ir.Value) -> bool:
    shape = static_shape(one)
    return shape is not None and shape == static_shape(other) and one.dtype == other.dtype


def _same_reads(numbers: TurnNumbers, earlier: ir.Value, later: ir.Value) -> bool:
    one, other = numbers.reads.get(earlier), numbers.reads.get(later)
    if one is None or other is None:
        return False
    (left, family), (right, other_family) = one, other
    moved = left.start + family.stride, left.stop + family.stride
    same = left.source is right.source and family == other_family
    return same and left.drops_axis == right.drops_axis and moved == (right.start, right.stop)


def _are_alike(one: ir.Node, other: ir.Node) -> bool:
    """Whether two nodes apply the same operator."""
    if one.op_identifier() != other.op_identifier() or len(one.inputs) != len(other.inputs):
        return False
    missing = [[value is None for value in node.inputs] for node in (one, other)]
    texts = [{name: str(a.value) for name, a in node.attributes.items()} for node in (one, other)]
    return missing[0] == missing[1] and texts[0] == texts[1]
