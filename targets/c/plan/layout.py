"""The memory plan of one hop: the place of every tensor of the schedule, and the tensors that share storage.

Storage is a stream input or output (the caller's pointers), the state block, or the scratch block. Views share their
source's storage. A state's successor is written in place if no later step reads the old value. Otherwise it is copied
at the end of the hop. Elementwise results take a dying operand's place.
"""

from collections.abc import Iterable, Iterator, Mapping

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.operators.geometry import optional
from edgekit.targets.c.plan.memory import ALIGN, Interval, lower_bound, place
from edgekit.targets.c.plan.storage import (
    PCM_IN,
    PCM_OUT,
    Layout,
    Move,
    Slot,
    Traits,
    item_bytes,
    nbytes,
    pcm_blocks,
)


def _producer(value: ir.Value) -> ir.Node:
    node = value.producer()
    assert node is not None
    return node


def _same_storage(old: ir.Value | None, new: ir.Value) -> bool:
    """Whether two tensors fill the same bytes, as the same C type."""
    assert old is not None
    return old.dtype == new.dtype and nbytes(old) == nbytes(new)


def make_layout(
    model: Model,
    traits: Mapping[str, Traits],
    pcm: tuple[bool, bool] = (False, False),
    kept: Mapping[str, Slot] | None = None,
) -> Layout:
    """Plan one hop of an integer or float graph; its session constants lie after its states.

    Args:
        model: the graph.
        traits: by node name.
        pcm: leave room for the float forms of the 16-bit entry's hop: of its inputs, of its outputs.
        kept: the places of outputs that a session passes to its hops, not to the caller.
    """
    return _Planner(model, traits, kept or {}).layout(pcm)


class _Planner:
    def __init__(
        self, model: Model, traits: Mapping[str, Traits], kept: Mapping[str, Slot]
    ) -> None:
        graph = model.ir.graph
        self.kept = kept
        self.model, self.traits, self.nodes = model, traits, list(graph)
        self.step = {node: i for i, node in enumerate(self.nodes)}
        self.parent: dict[ir.Value, ir.Value] = {}
        self.offset: dict[ir.Value, int] = {}  # bytes from the parent's first
        self.anchor: dict[ir.Value, Slot] = {}
        self.closing: set[ir.Value] = set()  # read when the hop closes, after the last step
        self.inputs = {str(value.name): value for value in graph.inputs}
        self.outputs = {str(value.name): value for value in graph.outputs}
        # an output that is left out has no name
        values = [*graph.inputs, *(v for node in self.nodes for v in node.outputs if v.name)]
        self.members: dict[ir.Value, list[ir.Value]] = {}
        for value in values:
            self.parent[value], self.offset[value] = value, 0
            self.members[value] = [value]

    def layout(self, pcm: tuple[bool, bool]) -> Layout:
        state_offsets, reset_bytes, state_bytes = self._anchor_borders()
        self._join_views()
        moves = self._ordered(self._join_states())
        self._join_parts()
        self._join_in_place()
        intervals = self._intervals()
        asides = {a: nbytes(_value(old)) for old, a in moves if isinstance(a, str)}
        last = len(self.nodes)
        intervals += [Interval(name, size, last, last) for name, size in asides.items()]
        given, made = self._pcm_intervals()
        intervals += [*(given if pcm[0] else []), *(made if pcm[1] else [])]
        offsets, total = place(intervals)
        closing = [
            Move(self._slot(to, offsets), self._slot(old, offsets), nbytes(_value(to, old)))
            for old, to in moves
        ]
        return Layout(
            {str(value.name): self._slot(value, offsets) for value in self.parent},
            self._node_scratch(offsets),
            tuple(closing),
            state_bytes,
            total,
            lower_bound(intervals),
            reset_bytes,
            state_bytes - ALIGN if self.model.constants else None,
            tuple(intervals),
            {**offsets, **state_offsets},
        )

    def _slot(self, value: ir.Value | str, offsets: Mapping[str, int]) -> Slot:
        """Return the place of a value, or of reserved scratch."""
        if isinstance(value, str):
            return Slot("scratch", "", offsets[value])
        root, offset = self.place(value)
        start = self.anchor.get(root) or Slot("scratch", "", offsets[str(root.name)])
        return start.behind(offset)

    def _node_scratch(self, offsets: Mapping[str, int]) -> dict[str, int]:
        """Return the place of each node's work space, by its name."""
        names = [str(node.name) for node in self.nodes]
        return {name: offsets[f"{name}:scratch"] for name in names if self.traits[name].scratch}

    # -- classes of values that share storage ----------------------------------------------------------

    def root(self, value: ir.Value) -> ir.Value:
        return self.place(value)[0]

    def place(self, value: ir.Value) -> tuple[ir.Value, int]:
        """The root of a value's class, and where in its storage the value begins, in bytes."""
        offset = 0
        while self.parent[value] is not value:
            offset += self.offset[value]
            value = self.parent[value]
        return value, offset

    def join(self, a: ir.Value, b: ir.Value, distance: int = 0) -> bool:
        """Let `b` begin `distance` bytes after `a` in one storage; return whether that works.

        It does not where both classes are anchored, or the one does not hold all of the other.
        """
        (a, a_offset), (b, b_offset) = self.place(a), self.place(b)
        distance += a_offset - b_offset
        if a is b:
            return distance == 0
        if b in self.anchor or not 0 <= distance <= nbytes(a) - nbytes(b):
            a, b, distance = b, a, -distance
        if b in self.anchor or not 0 <= distance <= nbytes(a) - nbytes(b):
            return False
        self.parent[b], self.offset[b] = a, distance
        self.members[a] += self.members.pop(b)
        return True

    def first_write(self, value: ir.Value) -> int:
        """Return the step that first writes the class; -1 for values from before the hop."""
        producers = [member.producer() for member in self.members[self.root(value)]]
        return min(-1 if node is None else self.step[node] for node in producers)

    def last_use(self, value: ir.Value) -> int:
        """The last step that reads or writes the class."""
        steps = [-1]
        for member in self.members[self.root(value)]:
            producer = member.producer()
            steps += [] if producer is None else [self.step[producer]]
            steps += [self.step[user.node] for user in member.uses()]
            steps += [len(self.nodes)] if member in self.closing else []
        return max(steps)

    def _anchor_borders(self) -> tuple[dict[str, int], int, int]:
        """Places in the state block, the bytes of the states, and those of the whole block."""
        offsets, reset_bytes = self._side_by_side([pair.input for pair in self.model.states])
        kept, kept_bytes = self._side_by_side(self.model.constants)
        offsets |= {name: reset_bytes + offset for name, offset in kept.items()}
        for name, value in self.inputs.items():
            in_state = name in offsets
            slot = Slot("state", name, offsets[name]) if in_state else Slot("input", name)
            self.anchor[value] = slot
        for value in self.model.stream_outputs:
            name = str(value.name)
            self.anchor[value] = self.kept.get(name, Slot("output", name))
        named = {f"state:{name}": offset for name, offset in offsets.items()}
        return named, reset_bytes, reset_bytes + kept_bytes + (ALIGN if kept else 0)

    def _side_by_side(self, names: Iterable[str]) -> tuple[dict[str, int], int]:
        return place([Interval(name, nbytes(self.inputs[name]), 0, 0) for name in names])

    def _join_views(self) -> None:
        for node in self.nodes:
            traits = self.traits[str(node.name)]
            if traits.view is not None:
                source, offset = node.inputs[traits.view[0]], traits.view[1]
                if source is not None and source in self.parent:
                    self.join(source, node.outputs[0], offset * item_bytes(source))
            for a, b in traits.same:
                if a < len(node.outputs) and b < len(node.outputs):
                    self.join(node.outputs[a], node.outputs[b])

    def _join_states(self) -> list[tuple[ir.Value, ir.Value]]:
        """Let states be overwritten where that is safe; return the (old, new) that are moved at the end."""
        pairs = [(self.inputs[p.input], self.outputs[p.output]) for p in self.model.states]
        moved = [pair for pair in pairs if self.root(pair[1]) in self.anchor]
        self.closing = {new for _, new in moved}
        for old, new in pairs:
            if new not in self.closing and not self._overwrite(old, new):
                moved.append((old, new))
                self.closing.add(new)
        return [(old, new) for old, new in moved if self.place(old) != self.place(new)]

    def _overwrite(self, old: ir.Value, new: ir.Value) -> bool:
        """Let a new state take the storage of the old one, if it may; return whether it does."""
        safe = self.root(new) not in self.anchor and self._may_overwrite(old, new)
        return safe and self.join(old, new)

    def _ordered(
        self, pairs: list[tuple[ir.Value, ir.Value]]
    ) -> list[tuple[ir.Value | str, ir.Value | str]]:
        """Order moves into (source, destination) so that none overwrites a source of a later one.

        Where states change places in a circle, one of them is saved first.
        """
        left: list[tuple[ir.Value | str, ir.Value]] = [(new, old) for old, new in pairs]
        ordered: list[tuple[ir.Value | str, ir.Value | str]] = []
        while left:
            read = [self.root(source) for source, _ in left if not isinstance(source, str)]
            free = next((move for move in left if self.root(move[1]) not in read), None)
            if free is not None:
                ordered.append(free)
                left.remove(free)
                continue
            aside, old = f"aside:{len(ordered)}", left[0][1]
            ordered.append((old, aside))
            left = [(aside if self._is_in(source, old) else source, to) for source, to in left]
        return ordered

    def _is_in(self, source: ir.Value | str, value: ir.Value) -> bool:
        """Whether the source of a move lives in the class of a value."""
        return not isinstance(source, str) and self.root(source) is self.root(value)

    def _may_overwrite(self, old: ir.Value, new: ir.Value) -> bool:
        """Whether no step reads the old state after the step that writes the new one."""
        written, read = self.first_write(new), self.last_use(old)
        if read < written:
            return True
        if read > written:
            return False
        node = self.nodes[written]
        traits = self.traits[str(node.name)]
        readers = self._operands_in(node, old)
        updates = any(
            readers == [i] and self.root(node.outputs[o]) is self.root(new)
            for i, o in traits.updates
        )
        new_value = node.outputs[0]
        same_size = all(_same_storage(node.inputs[i], new_value) for i in readers)
        return updates or (traits.elementwise and same_size)

    def _operands_in(self, node: ir.Node, value: ir.Value) -> list[int]:
        """Positions of the node's inputs that live in the class of `value`."""
        root = self.root(value)
        return [
            i
            for i, v in enumerate(node.inputs)
            if v is not None and v in self.parent and self.root(v) is root
        ]

    def _join_parts(self) -> None:
        """Let operands of a Concat be written where they will stay."""
        for node in self.nodes:
            for i, offset in self.traits[str(node.name)].parts:
                part, whole = node.inputs[i], node.outputs[0]
                if part is not None and part in self.parent and self.root(part) is part:
                    distance = offset * item_bytes(part)
                    if self._is_free(part, whole, distance):
                        self.join(whole, part, distance)

    def _is_free(self, part: ir.Value, whole: ir.Value, distance: int) -> bool:
        """Whether nothing else needs the bytes of `part` in `whole` before the whole is complete."""
        root, start = self.place(whole)
        if root is self.root(part):
            return False
        start += distance
        end, made = start + nbytes(part), self.step[_producer(whole)]
        for member in self.members[root]:
            first = self.place(member)[1]
            apart = first + nbytes(member) <= start or end <= first
            producer = member.producer()
            late = producer is not None and self.step[producer] >= made
            if not (apart or late) and self._last_read(member) >= self.first_write(part):
                return False
        return True

    def _last_read(self, value: ir.Value) -> int:
        if value.is_graph_output():
            return len(self.nodes)
        return max((self.step[user.node] for user in value.uses()), default=-1)

    def _join_in_place(self) -> None:
        """Let a result take the place of an operand that no later step reads."""
        for step, node in enumerate(self.nodes):
            for old, new in self._replaceable(node):
                free = self.root(old) not in self.anchor and self.root(new) not in self.anchor
                dies = self.last_use(old) == step and self.first_write(new) == step
                if free and dies and _same_storage(old, new):
                    self.join(old, new)

    def _replaceable(self, node: ir.Node) -> Iterator[tuple[ir.Value, ir.Value]]:
        """Operands that are alone in their class, each with the result that may take its place."""
        traits = self.traits[str(node.name)]
        elementwise = range(len(node.inputs)) if traits.elementwise else ()
        for i, o in (*traits.updates, *((i, 0) for i in elementwise)):
            old = optional(node, i)
            if old is None or old not in self.parent or o >= len(node.outputs):
                continue
            if self._operands_in(node, old) == [i]:
                yield old, node.outputs[o]

    def _intervals(self) -> list[Interval]:
        intervals = [
            Interval(
                str(root.name),
                max(nbytes(value) for value in members),
                self.first_write(root),
                self.last_use(root),
            )
            for root, members in self.members.items()
            if root not in self.anchor
        ]
        for step, node in enumerate(self.nodes):
            scratch = self.traits[str(node.name)].scratch
            if scratch:
                intervals.append(Interval(f"{node.name}:scratch", scratch, step, step))
        return intervals

    def _pcm_intervals(self) -> tuple[list[Interval], list[Interval]]:
        """Return the intervals of the 16-bit entry, which converts before the first step and after the last one."""
        controls, made = set(self.model.controls), self.model.stream_outputs
        given = [value for value in self.model.stream_inputs if value.name not in controls]
        ins, outs = pcm_blocks(PCM_IN, len(given)), pcm_blocks(PCM_OUT, len(made))
        return [
            Interval(name, nbytes(x), -1, self.last_use(x))
            for name, x in zip(ins, given, strict=True)
        ], [
            Interval(name, nbytes(y), self.first_write(y), len(self.nodes))
            for name, y in zip(outs, made, strict=True)
        ]


def _value(*values: ir.Value | str) -> ir.Value:
    return next(value for value in values if not isinstance(value, str))
