"""Memory as the check sees it: of every byte which value it holds, and which node wrote it last."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from edgekit.runtime.proof.program import Program
from edgekit.runtime.proof.syntax import NotUnderstood
from edgekit.runtime.proof.values import (
    WIDE,
    Facts,
    Ids,
    Pointer,
    Span,
    Value,
    as_numbers,
    bounds,
    index_of,
    offset_index,
    places,
)

BYTE, WORK, SPENT, FIRST = 1, 300, 301, 1000
# ids: 0 nothing, BYTE + b a constant byte, WORK unnamed, SPENT unnamed and copied, values from FIRST on


@dataclass
class Block:
    """A stretch of memory: of each byte its value's id, the node that wrote it, and through which work space.

    `integers` are the numbers that it holds, where they are known.
    """

    size: int
    ids: Ids = field(init=False)
    node: Ids = field(init=False)
    base: Ids = field(init=False)
    integers: Span | None = None

    def __post_init__(self) -> None:
        self.ids, self.node, self.base = (np.zeros(self.size, np.int32) for _ in range(3))


class Event(NamedTuple):
    """A read (`source` alone), a write (`target` alone) or a copy of runs of `size` bytes."""

    target: Pointer | None
    source: Pointer | None
    size: int
    text: str
    content: Ids | None = None  # what a write leaves, of one run
    maybe: bool = False  # whether data decides that it happens


class Memory:
    """The blocks of one function while it runs, and what the graph says of its nodes."""

    def __init__(self, program: Program, name: str, facts: Facts) -> None:
        """Take a function of a program and its facts; give every byte of every tensor an id."""
        if name not in program.functions:
            raise NotUnderstood(f"no function {name}")
        self.program, self.name, self.facts = program, name, facts
        self.prefix = program.prefix(name)
        self.found: list[str] = []
        self.blocks = {
            "st": Block(program.sizes[f"{self.prefix.upper()}_STATE_BYTES"]),
            "s": Block(program.scratch_bytes(self.prefix)),
        }
        self.pointers = {row[1]: name for name, row in facts["values"].items() if len(row) > 1}
        self.names: dict[str, Value] = {"NULL": 0, "INT32_MIN": -(2**31), "INT32_MAX": 2**31 - 1}
        self.names |= {"INT64_MIN": WIDE.low, "INT64_MAX": WIDE.high}
        self.names |= {"net": Pointer("st", 0, "char", 1), "scratch": Pointer("s", 0, "char", 1)}
        self.count = 0  # calls of kernels
        self.turns = 1  # of loops that are followed all at once
        self.times: dict[tuple[str, str], float] = {}  # what data adds, by node and call
        self.scalars: set[str] = set()  # local variables that are declared without a value
        self.sources: dict[str, Pointer] = {}  # where the values of local variables were read
        self.is_session_tested = False
        self.called: set[str] = set()  # functions, by the node
        self.kinds: dict[str, str] = {}  # types of local variables that are no pointers
        self.dims: dict[str, list[int]] = {}  # of local arrays
        self.rings: set[str] = set()  # tensors that are written where data decides, all over
        self.cells: dict[tuple[str, int], Value] = {}
        self.next, self.step, self.where = FIRST, 0, ""
        self.events: list[Event] = []
        self.depth = self.nested = 0
        self.maybe = False  # whether data decides that the statements happen
        self.ranges: dict[str, Value] = {}  # integers that a node has written to a result so far
        self.zeros: set[str] = set()
        self.covered: dict[str, Value] = {}  # bytes of operands and arrays that the node has read
        self.parts: dict[tuple[str, str], int] = {}  # bytes that calls take of each, by argument
        self.ids: dict[str, Ids] = {
            name: self._new(row[0]) for name, row in facts["values"].items()
        }
        self.own = dict(self.ids)
        for node in facts["nodes"]:
            self._derive(node)

    def _new(self, size: int) -> Ids:
        self.next += size
        return np.arange(self.next - size, self.next, dtype=np.int32)

    def _block(self, name: str) -> Block:
        """A block by its name: of constant arrays and of the caller's tensors on first use."""
        if name not in self.blocks:
            if name not in self.program.arrays:
                raise NotUnderstood(f"the pointer {name}")
            size = self.program.arrays[name][1]
            self.blocks[name] = Block(size)
            self.blocks[name].ids[:] = self._new(size)
        return self.blocks[name]

    def _derive(self, node: Facts) -> None:
        """Give the bytes of results that are bytes of operands their ids."""
        for y, y_first, x, x_first, size in node.get("same", ()):
            self.ids[y] = self.ids[y].copy()
            self.ids[y][y_first : y_first + size] = self.ids[x][x_first : x_first + size]
        for move in node.get("moves", ()):
            y, item = move["to"], move["item"]
            source, target = (indices_of_move(move, side) * item for side in (0, 1))
            self.ids[y] = self.ids[y].copy()
            if "fill" in move:
                value = np.tile(constant_bytes(move["fill"], item), len(target))
            else:
                x = self.ids[move["from"]] if "from" in move else self._block(move["array"]).ids
                value = x[index_of(source, item)]
            self.ids[y][index_of(target, item)] = value

    def _place(self, text: str) -> tuple[str, int]:
        """The block and the first byte of a place as in the facts."""
        if text.startswith("st+"):
            return "st", int(text[3:])
        if text in self.facts.get("places", ()):
            return "s", self.facts["places"][text]
        if text not in self.blocks and "->" not in text:
            raise NotUnderstood(f"the place {text}")
        if text not in self.blocks:
            side, name = text.split("->")
            kinds = ("outputs",) if side == "out" else ("inputs", "constants", "conditions")
            fields = (self.program.fields.get((f"{self.prefix}_{kind}", name)) for kind in kinds)
            self.blocks[text] = Block(next(field[1] for field in fields if field is not None))
        return text, 0

    def _fill(self, block: str, first: int, ids: Ids, name: str) -> None:
        own = self.blocks[block]
        if first + len(ids) > own.size or own.ids[first : first + len(ids)].any():
            raise NotUnderstood(
                f"{name!r} at bytes {first}..{first + len(ids)} of {block_name(block)}: not its own, so"
            )
        own.ids[first : first + len(ids)] = ids

    def _report(self, text: str) -> None:
        place = f", {self.where}" if self.where else ""
        self.found.append(f"{self.name}{place}: {text}")

    @property
    def node(self) -> Facts:
        """The facts of the node whose lines are followed."""
        return self.facts["nodes"][self.step - 1] if self.step and self.where else {}

    def _leave(self) -> None:
        """At its end a node has read all of its operands."""
        node, covered = self.node, self.covered
        missing = {*node.get("uses", ())} - self.called
        self.covered, self.parts, self.called = {}, {}, set()
        self._complete()
        if not node:
            return
        if missing:
            self._report(f"no call of {', '.join(sorted(missing))}")
        for name in (*node["inputs"], *node.get("arrays", {}).values()):
            if not covered.get(name, np.zeros(1)).all() and not self._is_part(node, name):
                self._report(f"{name!r} is not read as a whole")

    def _complete(self) -> None:
        """Results that were updated in place are whole."""
        for x, y in self.node.get("updates", ()):
            places_of_y = (
                p for p in self.names.values() if isinstance(p, Pointer) and p.value == y
            )
            if (pointer := next(places_of_y, None)) is not None:
                at = slice(pointer.origin, pointer.origin + len(self.ids[y]))
                block = self.blocks[pointer.block]
                old = block.ids[at] == self.ids[x]
                if not (y in self.rings or (block.node[at] == self.step).all()):
                    self._report(f"{y!r} is not updated as a whole")
                block.ids[at] = np.where(old, self.ids[y], block.ids[at])

    def _is_part(self, node: Facts, name: str) -> bool:
        """Whether a node need not read all of an operand: what it moves in part, keeps in place, a ring."""
        rings = [x for x, y in node.get("updates", ()) if y in self.rings]
        kept = [row[2] for row in node.get("same", ())]
        return "moves" in node or "part" in node or name in (*rings, *kept)

    def _apply_now(self) -> None:
        """Let what was collected happen, where loops are not followed all at once."""
        if not self.nested:
            self._apply()

    def _apply(self) -> None:
        """Let what was collected happen, in order."""
        events, self.events = self.events, []
        if self.maybe:
            events = [event._replace(maybe=True) for event in events]
        for event in events:
            if event.source is not None:
                if not self._inside(event.source, event):
                    continue
                self._check_read(event.source, event)
            if event.target is not None and self._inside(event.target, event):
                self._write(event)

    def _inside(self, pointer: Pointer, event: Event) -> bool:
        """Whether an access lies in its block and in its tensor, at a place for its type."""
        low, high = bounds(pointer.at)
        stretches = [(block_name(pointer.block), 0, self._block(pointer.block).size)]
        if pointer.value is not None:
            stretches.append((repr(pointer.value), pointer.origin, len(self.ids[pointer.value])))
        for name, first, size in stretches:
            if low < first or high + event.size > first + size:
                place = f"bytes {low - first}..{high + event.size - first} of {name}"
                self._report(f"{event.text}: {place}, which has {size}")
                return False
        if (np.asarray(low if isinstance(pointer.at, Span) else pointer.at) % pointer.item).any():
            place = f"byte {low} of {block_name(pointer.block)}"
            self._report(f"{event.text}: {place} is no place for {pointer.kind}")
        return True

    def _check_read(self, pointer: Pointer, event: Event) -> None:
        """What is read holds what the graph says."""
        block, at = self.blocks[pointer.block], places(pointer.at, event.size)
        if pointer.block in self.program.arrays:
            if self.where and pointer.block not in self.node.get("arrays", {}).values():
                name = f"{pointer.block}, which the graph does not give to this node"
                self._report(f"{event.text}: {name}")
            if not event.maybe:
                self._cover(pointer.block, block.size, at)
            return
        if pointer.value is not None:
            self._check_tensor(pointer, pointer.value, at, event)
            return
        good = block.ids[at] != 0
        if pointer.block == "s" and self.where:
            good = (block.node[at] == self.step) & (block.ids[at] != SPENT)
            good &= block.base[at] == pointer.origin
            if event.text in self.zeros:  # a state that begins with a constant begins with 0
                good &= (block.ids[at] == BYTE) | (block.ids[at] >= WORK)
        self._complain(good, at, pointer, event.text)

    def _check_tensor(self, pointer: Pointer, name: str, at: Value, event: Event) -> None:
        """A tensor is one of the node, and its bytes hold it, or what it replaces."""
        outputs, block = self.node.get("outputs", ()), self.blocks[pointer.block]
        if name not in (*self.node.get("inputs", ()), *outputs):
            self._report(f"{event.text}: {name!r}, which is not of this node")
            return
        own = offset_index(at, pointer.origin)
        replaced = [x for x, y in self.node.get("updates", ()) if y == name]
        good = block.ids[at] == self.ids[name][own]
        for x in (name, *replaced):
            if not event.maybe:
                self._cover(x, len(self.ids[x]), own)
            good |= block.ids[at] == self.ids[x][own]
        if name in outputs:
            good |= block.node[at] == self.step
        self._complain(good, at, pointer, event.text)

    def _cover(self, name: str, size: int, at: Value) -> None:
        self.covered.setdefault(name, np.zeros(size, bool))[at] = True

    def _complain(self, good: Value, at: Value, pointer: Pointer, text: str) -> None:
        """Report the bytes that hold something else."""
        if not good.all():
            wrong = as_numbers(at)[~good]
            value = f" as {pointer.value!r}" if pointer.value else ""
            place = f"bytes {wrong.min()}..{wrong.max() + 1} of {block_name(pointer.block)}"
            ids = self.blocks[pointer.block].ids[wrong[:50]]
            holders = " and ".join(sorted({self._holder(int(i)) for i in ids}))
            self._report(f"{text}: {place} are read{value}, but hold {holders}")

    def _holder(self, number: int) -> str:
        """What an id stands for."""
        if number < FIRST:
            return "nothing" if not number else "work space" if number >= WORK else "a constant"
        found = (name for name, ids in self.own.items() if len(ids) and ids[0] <= number <= ids[-1])
        return repr(next(found, "an array"))

    def _write(self, event: Event) -> None:
        """Leave ids in what is written."""
        pointer = event.target
        assert pointer is not None
        if not self._may_write(pointer, event.text):
            return
        at, content = self._content(event, pointer)
        if event.maybe or isinstance(pointer.at, Span):
            self._write_somewhere(event, pointer, at, content)
            return
        block = self.blocks[pointer.block]
        block.ids[at], block.node[at] = content, self.step if self.where else 0
        block.base[at] = pointer.origin if pointer.value is None else 0
        low, high = bounds(pointer.at)
        self.cells = {
            (name, cell): known
            for (name, cell), known in self.cells.items()
            if name != pointer.block or not low - 4 < cell < high + event.size
        }

    def _may_write(self, pointer: Pointer, text: str) -> bool:
        """Whether bytes are not constant, and those of a tensor are of a result of the node."""
        if pointer.block in self.program.arrays or pointer.block.startswith(("in->", "given->")):
            self._report(f"{text}: {block_name(pointer.block)} is written")
            return False
        if pointer.value not in (None, *self.node.get("outputs", ())):
            self._report(f"{text}: {pointer.value!r} is written, which is no result of this node")
            return False
        return True

    def _content(self, event: Event, pointer: Pointer) -> tuple[Value, Value]:
        """The bytes that are written, and the ids that they get."""
        source, starts = event.source, pointer.at
        content: Value = WORK
        if source is not None and not isinstance(source.at, Span) and not isinstance(starts, Span):
            starts, origins = np.broadcast_arrays(starts, source.at)
            content = self._copy_ids(event, places(origins, event.size))
        at = places(starts, event.size)
        if event.content is not None:
            length = self.blocks[pointer.block].ids[at].size
            content = np.tile(event.content, length // len(event.content))
        if pointer.value is None:
            return at, content
        own = offset_index(at, pointer.origin)
        wanted = self.ids[pointer.value][own]
        if source is None and event.content is None:
            return at, wanted
        return at, np.where(wanted == self.own[pointer.value][own], wanted, content)

    def _copy_ids(self, event: Event, at: Value) -> Ids:
        """The ids of bytes that are copied; a kernel's results in work space can be copied to a result once."""
        source, target = event.source, event.target
        assert source is not None and target is not None
        block = self.blocks[source.block]
        content = block.ids[at].copy()
        if source.block == "s" and source.value is None and target.value is not None:
            block.ids[at] = np.where(content == WORK, SPENT, content)
        return content

    def _write_somewhere(self, event: Event, pointer: Pointer, at: Value, content: Value) -> None:
        """Some of these bytes are written; the others stay what they are: what the result replaces."""
        ids, own = self.blocks[pointer.block].ids[at], offset_index(at, pointer.origin)
        updates = self.node.get("updates", ())
        good = ids == content
        for x in (x for x, y in updates if y == pointer.value):
            good |= ids == self.ids[x][own]
        if not event.maybe and pointer.value and ids.size == len(self.ids[pointer.value]):
            self.rings.add(pointer.value)
        self._complain(good, at, pointer, event.text)

    def _compare(self, pointer: Pointer, ids: Ids, text: str) -> None:
        """All bytes of a value are where they should be."""
        at = slice(pointer.at, pointer.at + len(ids))
        held = self.blocks[pointer.block].ids[at]
        if len(held) != len(ids):
            self._report(f"{text} leaves {block_name(pointer.block)}")
        else:
            self._complain(held == ids, at, pointer, text)


def indices_of_move(move: Facts, side: int) -> Value:
    """The indices of one side of a movement, in its order."""
    found = np.array([move["starts"][side]], np.int64)
    for count, *steps in move["loops"]:
        step = steps[side]
        offsets = np.arange(count) * step if isinstance(step, int) else np.array(step)
        found = (found[:, None] + offsets).ravel()
    return found


def constant_bytes(value: int, item: int) -> Ids:
    """The ids of an integer's bytes."""
    data = int(value).to_bytes(item, "little", signed=value < 0)
    return np.frombuffer(data, np.uint8).astype(np.int32) + BYTE


def block_name(name: str) -> str:
    """A block's name for messages."""
    return {"st": "state", "s": "scratch"}.get(name, name)
