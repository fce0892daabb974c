"""The memory plan of one hop: where every tensor of the schedule lives, and which share storage.

Storage is a stream input or output (the caller's pointers), the state block, or the scratch block. Views
share their source's storage; a state's successor is written in place where no reader of the old value
comes later, otherwise it is copied at the end of the hop; elementwise results take a dying operand's place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edgekit.export.model import Model
from edgekit.quantize.geometry import dims, optional
from edgekit.targets.c.memory import Interval, lower_bound, place

VIEWS = {"Reshape", "Identity"}
ITEM_BYTES = {
    ir.DataType.FLOAT: 4,
    ir.DataType.INT8: 1,
    ir.DataType.INT16: 2,
    ir.DataType.BOOL: 1,
    ir.DataType.UINT8: 1,
    ir.DataType.INT32: 4,
    ir.DataType.INT64: 8,
}


@dataclass(frozen=True)
class Traits:
    """What the planner must know of an operator.

    Attributes:
        updates: (input, output) pairs that the kernel updates in place, as a GRU its hidden state.
        same: pairs of outputs that hold the same values (GRU's Y and Y_h at one time step).
        elementwise: output 0 may take the place of an input of the same size.
        scratch: bytes of work space during the step.
    """

    updates: tuple[tuple[int, int], ...] = ()
    same: tuple[tuple[int, int], ...] = ()
    elementwise: bool = False
    scratch: int = 0


@dataclass(frozen=True)
class Slot:
    """Where a tensor lives: `block` is ``input``, ``output``, ``state`` or ``scratch``.

    `offset` counts bytes in the state or scratch block; `name` is the caller's tensor otherwise.
    """

    block: str
    name: str
    offset: int = 0


@dataclass(frozen=True)
class Layout:
    """The plan: a slot per value name, copies that close the hop, block sizes in bytes."""

    slots: Mapping[str, Slot]
    node_scratch: Mapping[str, int]
    final_copies: tuple[
        tuple[str, str], ...
    ]  # (state input, state output): out is copied to in's slot
    state_bytes: int
    scratch_bytes: int
    scratch_lower_bound_bytes: int
    intervals: tuple[Interval, ...] = field(default=())
    offsets: Mapping[str, int] = field(default_factory=dict)


def nbytes(value: ir.Value | None) -> int:
    """Bytes of a tensor with a static shape."""
    assert value is not None and value.dtype is not None
    return int(np.prod(dims(value), dtype=np.int64)) * ITEM_BYTES[value.dtype]


def _same_storage(old: ir.Value | None, new: ir.Value) -> bool:
    """Whether two tensors fill the same bytes, as the same C type."""
    assert old is not None
    return old.dtype == new.dtype and nbytes(old) == nbytes(new)


def make_layout(model: Model, traits: Mapping[str, Traits]) -> Layout:
    """Plan one hop of an integer or float graph; `traits` by node name."""
    return _Planner(model, traits).layout()


class _Planner:
    def __init__(self, model: Model, traits: Mapping[str, Traits]) -> None:
        graph = model.ir.graph
        self.model, self.traits, self.nodes = model, traits, list(graph)
        self.step = {node: i for i, node in enumerate(self.nodes)}
        self.parent: dict[ir.Value, ir.Value] = {}
        self.anchor: dict[ir.Value, Slot] = {}
        self.inputs = {str(value.name): value for value in graph.inputs}
        self.outputs = {str(value.name): value for value in graph.outputs}
        # an output that is left out has no name
        values = [*graph.inputs, *(v for node in self.nodes for v in node.outputs if v.name)]
        self.members: dict[ir.Value, list[ir.Value]] = {}
        for value in values:
            self.parent[value] = value
            self.members[value] = [value]

    def layout(self) -> Layout:
        state_offsets, state_bytes = self._anchor_borders()
        self._join_views()
        copies = self._join_states()
        self._join_in_place()
        intervals = self._intervals({output for _, output in copies})
        offsets, total = place(intervals)
        slots = {
            str(value.name): self.anchor.get(root) or Slot("scratch", "", offsets[str(root.name)])
            for root, members in self.members.items()
            for value in members
        }
        node_scratch = {
            str(node.name): offsets[f"{node.name}:scratch"]
            for node in self.nodes
            if self.traits[str(node.name)].scratch
        }
        return Layout(
            slots, node_scratch, tuple(copies), state_bytes, total, lower_bound(intervals),
            tuple(intervals), {**offsets, **state_offsets},
        )  # fmt: skip

    # -- classes of values that share storage ----------------------------------------------------------

    def root(self, value: ir.Value) -> ir.Value:
        while self.parent[value] is not value:
            value = self.parent[value]
        return value

    def join(self, a: ir.Value, b: ir.Value) -> bool:
        """Let two classes share storage, unless both are anchored."""
        a, b = self.root(a), self.root(b)
        if a is b:
            return True
        if a in self.anchor and b in self.anchor:
            return False
        if b in self.anchor:
            a, b = b, a
        self.parent[b] = a
        self.members[a] += self.members.pop(b)
        return True

    def first_write(self, value: ir.Value) -> int:
        """The step that first writes the class; -1 for what exists before the hop."""
        producers = [member.producer() for member in self.members[self.root(value)]]
        return min(-1 if node is None else self.step[node] for node in producers)

    def last_use(self, value: ir.Value) -> int:
        """The last step that reads or writes the class."""
        steps = [-1]
        for member in self.members[self.root(value)]:
            producer = member.producer()
            steps += [] if producer is None else [self.step[producer]]
            steps += [self.step[user.node] for user in member.uses()]
        return max(steps)

    def _anchor_borders(self) -> tuple[dict[str, int], int]:
        intervals = [
            Interval(p.input, nbytes(self.inputs[p.input]), 0, 0) for p in self.model.states
        ]
        offsets, total = place(intervals)
        for name, value in self.inputs.items():
            in_state = name in offsets
            slot = Slot("state", name, offsets[name]) if in_state else Slot("input", name)
            self.anchor[value] = slot
        for value in self.model.stream_outputs:
            self.anchor[value] = Slot("output", str(value.name))
        return {f"state:{name}": offset for name, offset in offsets.items()}, total

    def _join_views(self) -> None:
        for node in self.nodes:
            if node.op_type in VIEWS and node.domain == "" and node.inputs[0] in self.parent:
                self.join(node.inputs[0], node.outputs[0])
            for a, b in self.traits[str(node.name)].same:
                if a < len(node.outputs) and b < len(node.outputs):
                    self.join(node.outputs[a], node.outputs[b])

    def _join_states(self) -> list[tuple[str, str]]:
        copies = []
        for pair in self.model.states:
            old, new = self.inputs[pair.input], self.outputs[pair.output]
            if self.root(new) in self.anchor or not self._may_overwrite(old, new):
                copies.append((pair.input, pair.output))
            else:
                self.join(old, new)
        return copies

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

    def _join_in_place(self) -> None:
        """Let a result take the place of an operand that no later step reads."""
        for step, node in enumerate(self.nodes):
            traits = self.traits[str(node.name)]
            pairs = list(traits.updates)
            if traits.elementwise:
                pairs += [(i, 0) for i in range(len(node.inputs))]
            for i, o in pairs:
                old = optional(node, i)
                if old is None or old not in self.parent or o >= len(node.outputs):
                    continue
                new = node.outputs[o]
                free = self.root(old) not in self.anchor and self.root(new) not in self.anchor
                dies = self.last_use(old) == step and self.first_write(new) == step
                alone = self._operands_in(node, old) == [i]
                if free and dies and alone and _same_storage(old, new):
                    self.join(old, new)

    def _intervals(self, copied: set[str]) -> list[Interval]:
        intervals = []
        for root, members in self.members.items():
            if root not in self.anchor:
                last = self.last_use(root)
                if any(value.name in copied for value in members):
                    last = len(self.nodes)
                size = max(nbytes(value) for value in members)
                intervals.append(Interval(str(root.name), size, self.first_write(root), last))
        for step, node in enumerate(self.nodes):
            scratch = self.traits[str(node.name)].scratch
            if scratch:
                intervals.append(Interval(f"{node.name}:scratch", scratch, step, step))
        return intervals
