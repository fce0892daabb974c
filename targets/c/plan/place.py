"""Placement of a build in the memories of a board: hot weights and blocks in fast memory.

Weights, scratch and state are placed by how often a hop reads a byte of them. The most read come first, each in the
fastest memory with room. Weights are always stored in flash; those that a RAM reads faster are copied there at start.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from edgekit.base.json_values import JsonObject
from edgekit.runtime.devices.board import WORD_BYTES, Board, Memory
from edgekit.runtime.devices.profile import Region
from edgekit.targets.build import ConstantSize, Placement
from edgekit.targets.c.plan.linker import Output, script
from edgekit.targets.c.plan.memory import align_size

CODE, STACK, HEAP, STATE, SCRATCH = "code", "stack", "heap", "state", "scratch"


@dataclass(frozen=True)
class Item:
    """An item that takes memory.

    Attributes:
        name: a C array of weights, or one of `CODE`, `STACK`, `HEAP`, `STATE` and `SCRATCH`.
        bytes: its size.
        reads: the mean number of times that a hop reads or writes a byte of it.
        is_weights: whether it must survive without power, and is only read.
    """

    name: str
    bytes: int
    reads: float
    is_weights: bool = False

    @property
    def in_flash(self) -> bool:
        """Whether it must be stored without power: weights and code."""
        return self.is_weights or self.name == CODE


@dataclass(frozen=True)
class PlacedItem:
    """An item in a memory.

    Attributes:
        item: the item.
        memory: its memory while the network runs; None where none has room.
        stored: of weights in RAM, the flash that start-up copies them from.
        cycles: the wait of a hop for it, modelled.
    """

    item: Item
    memory: str | None
    stored: str | None = None
    cycles: float = 0


@dataclass(frozen=True)
class BoardPlacement:
    """The whole build on a board."""

    board: Board
    placed: tuple[PlacedItem, ...]

    def used(self, memory: Memory) -> int:
        """Bytes of a memory that are taken, reserved ones too."""
        return memory.reserved_bytes + sum(
            align_size(p.item.bytes) * ((p.memory == memory.name) + (p.stored == memory.name))
            for p in self.placed
        )

    @property
    def misfits(self) -> tuple[str, ...]:
        """The items without room in any memory, with the room of the largest gap."""
        sides = (("flash", True), ("RAM", False))
        return tuple(text for side in sides if (text := self._misfit(*side)) is not None)

    def _misfit(self, kind: str, keeps: bool) -> str | None:
        """Return the items without room in one kind of memory; None where all fit."""
        out = [p.item for p in self.placed if p.memory is None and p.item.in_flash == keeps]
        if not out:
            return None
        gaps = ", ".join(f"{name} {size:,}" for name, size in self.free(keeps).items())
        size = sum(item.bytes for item in out)
        names = [item.name for item in out]
        listed = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if names[4:] else "")
        return (
            f"does not fit {self.board.name}: {size:,} bytes of {listed} have no room in "
            f"{kind}; free: {gaps}"
        )

    def free(self, keeps: bool) -> dict[str, int]:
        """Bytes that are left in each memory that keeps its content without power, or in each of the others."""
        return {m.name: m.bytes - self.used(m) for m in self.board.memory if m.keeps == keeps}

    def emptiest(self, keeps: bool) -> str:
        """The memory of these with most room."""
        free = self.free(keeps)
        return max(free, key=free.__getitem__)

    def facts(self) -> JsonObject:
        """Return ``board`` of the manifest."""
        board, memories = self.board, []
        for memory in board.memory:
            row = asdict(memory)
            memories.append({**row, "used_bytes": self.used(memory)})
        rows = [
            {
                "name": p.item.name,
                "bytes": p.item.bytes,
                "reads_per_hop": round(p.item.reads, 2),
                "memory": p.memory,
                "stored": p.stored,
                "modelled_wait_cycles": round(p.cycles),
            }
            for p in self.placed
        ]
        own = {k: v for k, v in asdict(board).items() if k != "memory"}
        return {**own, "memory": memories, "placed": rows}


def items(
    constants: Iterable[ConstantSize],
    memory: Mapping[str, int | None],
    plan: Sequence[Placement],
    board: Board,
) -> list[Item]:
    """Return the items that a build puts into memory, the most read first.

    Args:
        constants: its weights.
        memory: of its manifest.
        plan: its tensors in scratch, each of which a hop writes and reads.
        board: it defines stack and heap.
    """
    size = {name: count or 0 for name, count in memory.items()}
    moved = 2 * sum(p.size for p in plan if p.block == SCRATCH)
    touched = max(2.0, moved / max(1, size["scratch_bytes"]))
    blocks = [
        Item(STACK, board.stack_bytes, 2.0),
        Item(STATE, size["state_bytes"], 2.0),
        Item(SCRATCH, size["scratch_bytes"], touched),
    ]
    weights = [Item(c.name, c.bytes, c.reads, is_weights=True) for c in constants]
    mixed = sorted([*blocks, *weights], key=lambda item: (-item.reads, item.name))
    heap = [Item(HEAP, board.heap_bytes, 0)] if board.heap_bytes else []
    return [Item(CODE, size["code_bytes"], 1), *mixed, *heap]


def place(board: Board, wanted: Sequence[Item]) -> BoardPlacement:
    """Place `wanted`, in its order, each in the fastest memory with room."""
    mixed = _in_order(board, wanted)
    if any(p.memory is None for p in mixed):  # copies of weights left too little RAM for the rest
        mixed = _in_order(board, sorted(wanted, key=lambda item: item.is_weights))
    by_name = {p.item.name: p for p in mixed}
    return BoardPlacement(board, tuple(by_name[item.name] for item in wanted))


def _in_order(board: Board, wanted: Sequence[Item]) -> list[PlacedItem]:
    """Place items in an order: code first, then weights, each of which is in flash in any case."""
    room = _Room(board)
    stored = {item.name: room.take(item, room.flash) for item in wanted if item.in_flash}
    return [
        _place_stored(item, stored[item.name], room)
        if item.in_flash
        else _place_item(item, room.take(item, room.ram), board)
        for item in wanted
    ]


class _Room:
    """The free bytes of a board while items take them; memories are in the order of their speed."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.free = {memory.name: memory.bytes - memory.reserved_bytes for memory in board.memory}
        order = sorted(board.memory, key=self.cycles_per_word)
        self.flash, self.ram = ([m for m in order if m.keeps == keeps] for keeps in (True, False))

    def cycles_per_word(self, memory: Memory) -> float:
        return memory.cycles_per_word(self.board.clock_hz)

    def take(self, item: Item, among: Iterable[Memory]) -> Memory | None:
        """Take room in the fastest of some memories that has it."""
        for memory in among:
            if align_size(item.bytes) <= self.free[memory.name]:
                self.free[memory.name] -= align_size(item.bytes)
                return memory
        return None

    def faster_than(self, home: Memory) -> list[Memory]:
        """The RAMs that are read faster than a memory."""
        return [m for m in self.ram if self.cycles_per_word(m) < self.cycles_per_word(home)]


def _place_stored(item: Item, home: Memory | None, room: _Room) -> PlacedItem:
    """Place an item where it is stored, or its copy in a faster RAM: weights that are read."""
    is_copied = home is not None and item.is_weights and item.reads != 0
    copy = room.take(item, room.faster_than(home)) if home is not None and is_copied else None
    if home is None or copy is None:
        return _place_item(item, home, room.board)
    return replace(_place_item(item, copy, room.board), stored=home.name)


def _place_item(item: Item, memory: Memory | None, board: Board) -> PlacedItem:
    if memory is None:
        return PlacedItem(item, None)
    waits = memory.cycles_per_word(board.clock_hz) - 1
    words = item.reads * item.bytes / WORD_BYTES
    counted = item.is_weights or item.name in (STATE, SCRATCH)
    return PlacedItem(item, memory.name, cycles=waits * words if counted else 0)


def board_script(name: str, placing: BoardPlacement) -> str:
    """The linker script of a program on the board: its replay, or a product that starts from it."""
    board = placing.board
    at = {p.item.name: p.memory for p in placing.placed}
    memory = {
        m.name: Region(m.start + m.reserved_bytes, m.bytes - m.reserved_bytes) for m in board.memory
    }
    code = at[CODE] or placing.emptiest(keeps=True)
    ram = at[STACK] or placing.emptiest(keeps=False)
    # golden data of the replay, in the memory with most room; unnamed items go along
    rest = placing.emptiest(keeps=True)
    blocks = [(block, where) for block in (STATE, SCRATCH) if (where := at[block]) is not None]
    outputs = [
        *_weights(placing),
        Output("weights", f"*(.rodata.{name}_*) *(.rodata.golden_*)", rest),
        *(
            Output(
                f"{name}_{block}", f"*(.{name}_{block}) *(.bss.replay_{block})", where, None, True
            )
            for block, where in blocks
        ),
        Output("data", "*(.data .data.* .sdata .sdata.*)", ram, stored=code),
        Output("bss", "*(.bss .bss.* .sbss .sbss.* COMMON)", ram, cleared=True),
    ]
    title = f"{board.name}: where the build {name} stands; made from its board.toml."
    return script(title, memory, outputs, code, f"ORIGIN({ram}) + LENGTH({ram})")


def _weights(placing: BoardPlacement) -> list[Output]:
    """An output section for each pair of where weights are and where they are stored."""
    pairs: dict[tuple[str, str | None], list[str]] = {}
    for p in placing.placed:
        if p.item.is_weights and p.memory is not None:
            pairs.setdefault((p.memory, p.stored), []).append(p.item.name)
    return [
        Output(
            "_".join(("weights", where, *([stored] if stored else []))).lower(),
            "\n        ".join(f"*(.rodata.{n} .rodata.{n}_)" for n in names),
            where,
            stored,
        )
        for (where, stored), names in pairs.items()
    ]


def board_header(name: str, placing: BoardPlacement) -> str:
    """``<name>_board.h``: attributes that put a product's blocks where the plan has them."""
    at = {p.item.name: p.memory for p in placing.placed}
    lines = [
        f"#define {name.upper()}_{block.upper()}_PLACE "
        f'__attribute__((section(".{name}_{block}"))) /* {at[block]} */'
        for block in (STATE, SCRATCH)
    ]
    guard = f"{name.upper()}_BOARD_H"
    return HEADER.format(name=name, board=placing.board.name, guard=guard, lines="\n".join(lines))


HEADER = """\
/* {board}: where the blocks of {name} stand. Sections are those of {name}_board.ld. */
#ifndef {guard}
#define {guard}

{lines}

#endif
"""
