"""`Board`: a microcontroller board of the user's own, as board.toml describes it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from itertools import pairwise
from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import Json, JsonObject
from edgekit.base.toml_file import parse_toml, read_text

MAX_FILE_BYTES = 1 << 20
MAX_MEMORIES = 32
ADDRESSES = 1 << 32
WORD_BYTES = 4
STACK_BYTES = 8192  # kept free where the file does not say


@dataclass(frozen=True)
class Kind:
    """One kind of memory.

    Attributes:
        what: for people.
        keeps: whether it holds its content without power, and a program runs in it.
    """

    what: str
    keeps: bool


LARGEST = 10**9  # of numbers
KINDS = {
    "tcm": Kind("RAM coupled to the core", keeps=False),
    "sram": Kind("RAM of the chip", keeps=False),
    "sdram": Kind("RAM next to the chip", keeps=False),
    "flash": Kind("flash of the chip", keeps=True),
    "xip": Kind("flash next to the chip, executed in place", keeps=True),
}


@dataclass(frozen=True)
class Memory:
    """A memory of a board.

    Attributes:
        name: in linker scripts.
        kind: one of `KINDS`.
        start: its first address.
        bytes: its size.
        wait_states: cycles that an access of 32 bits waits, in the mean.
        megabytes_per_s: its speed, where that is known in its place.
        reserved_bytes: kept for other data of the product, from the start.
    """

    name: str
    kind: str
    start: int
    bytes: int
    wait_states: float | None = None
    megabytes_per_s: float | None = None
    reserved_bytes: int = 0

    @property
    def keeps(self) -> bool:
        """Whether it is flash."""
        return KINDS[self.kind].keeps

    def cycles_per_word(self, clock_hz: int) -> float:
        """Cycles of an access of 32 bits, modelled."""
        if self.wait_states is not None:
            return 1 + self.wait_states
        assert self.megabytes_per_s is not None
        return max(1.0, WORD_BYTES * clock_hz / (self.megabytes_per_s * 1e6))


@dataclass(frozen=True)
class Board:
    """A board, as board.toml describes it.

    Attributes:
        name: of the board.
        core: the target whose core it has.
        clock_hz: of the core.
        memory: its memories.
        stack_bytes: kept free for the stack.
        heap_bytes: kept free for the product's heap.
        picojoules_per_instruction: of the core and its memories, for a modelled energy.
        energy_from: the source of that number.
    """

    name: str
    core: str
    clock_hz: int
    memory: tuple[Memory, ...]
    stack_bytes: int = STACK_BYTES
    heap_bytes: int = 0
    picojoules_per_instruction: float | None = None
    energy_from: str = ""


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


def _is_name(value: Json) -> bool:
    return isinstance(value, str) and value.isascii() and value.isidentifier() and len(value) <= 32


def _is_count(value: Json) -> bool:
    return type(value) is int and 0 <= value < ADDRESSES


def _is_number(value: Json) -> bool:
    return type(value) in (int, float) and 0 <= value < LARGEST


@dataclass(frozen=True)
class Check:
    """The allowed values of a key: a test, the same in words, and as JSON Schema, as far as that goes."""

    test: Callable[[Json], bool]
    allowed: str
    schema: JsonObject


WHOLE = {"type": "integer", "maximum": ADDRESSES - 1}
COUNT = Check(_is_count, "an integer from 0 to 2^32 - 1", {**WHOLE, "minimum": 0})
SIZE = Check(
    lambda value: _is_count(value) and value > 0,
    "an integer from 1 to 2^32 - 1",
    {**WHOLE, "minimum": 1},
)
NUMBER = Check(
    _is_number, "a number from 0 up", {"type": "number", "minimum": 0, "exclusiveMaximum": LARGEST}
)
POSITIVE = Check(
    lambda value: _is_number(value) and value > 0,
    "a number above 0",
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": LARGEST},
)
TEXT = Check(
    _is_text,
    "a text of at most 200 characters",
    {"type": "string", "minLength": 1, "maxLength": 200},
)
BOARD_KEYS: Mapping[str, Check] = {
    "name": TEXT,
    "core": TEXT,
    "clock_hz": SIZE,
    "memory": Check(
        lambda value: isinstance(value, list) and 0 < len(value) <= MAX_MEMORIES,
        f"1 to {MAX_MEMORIES} tables [[memory]]",
        {"type": "array", "minItems": 1, "maxItems": MAX_MEMORIES},
    ),
    "stack_bytes": COUNT,
    "heap_bytes": COUNT,
    "picojoules_per_instruction": POSITIVE,
    "energy_from": TEXT,
}
MEMORY_KEYS: Mapping[str, Check] = {
    "name": Check(
        _is_name,
        "a name of letters, digits and _",
        {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,31}$"},
    ),
    "kind": Check(
        lambda value: isinstance(value, str) and value in KINDS,
        ", ".join(KINDS),
        {"enum": list(KINDS)},
    ),
    "start": COUNT,
    "bytes": SIZE,
    "wait_states": NUMBER,
    "megabytes_per_s": POSITIVE,
    "reserved_bytes": COUNT,
}


def board_schema() -> JsonObject:
    """Return the JSON Schema (draft 2020-12) of board.toml, read as TOML: the demands of `parse_board` on each key.

    It leaves out conditions on several keys: one of two speeds for a memory, no overlap of memories, and both RAM and
    flash.
    """

    def table(keys: Mapping[str, Check], made: type) -> JsonObject:
        return {
            "type": "object",
            "properties": {key: dict(check.schema) for key, check in keys.items()},
            "required": sorted(_required_keys(made)),
            "additionalProperties": False,
        }

    board = table(BOARD_KEYS, Board)
    board["properties"]["memory"]["items"] = table(MEMORY_KEYS, Memory)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "board.toml of EdgeKit",
        **board,
    }


def read_board(path: str | Path) -> Board:
    """Return the board of a file, which is not trusted.

    Raises:
        UsageError: it cannot be read, or everything that is wrong with it.
    """
    path = Path(path)
    where, step = f"board '{path.name}'", "give a board.toml as `edgekit help boards` describes"
    return parse_board(read_text(path, where, MAX_FILE_BYTES, step), where)


def parse_board(text: str, where: str) -> Board:
    """Return the board that a text describes; `where` names it in errors.

    Raises:
        UsageError: everything that is wrong with it.
    """
    given = parse_toml(text, where, "correct the line")
    problems = list(_problems(given, BOARD_KEYS, Board, where))
    rows = given.get("memory") if isinstance(given.get("memory"), list) else []
    for number, row in enumerate(rows or [], 1):
        at = f"{where}, memory {number}"
        if not isinstance(row, dict):
            problems.append(Problem(at, repr(row), "a table [[memory]]", "correct it"))
            continue
        problems += _problems(row, MEMORY_KEYS, Memory, at)
        problems += _speed_problems(row, at)
    if not problems:
        board = Board(**{**given, "memory": tuple(Memory(**row) for row in given["memory"])})
        problems += _layout_problems(board, where)
        if not problems:
            return board
    raise UsageError(problems)


def _problems(
    given: JsonObject, keys: Mapping[str, Check], made: type, where: str
) -> Iterator[Problem]:
    """Yield keys that are unknown or wrong, then those that are missing."""
    needed = _required_keys(made)
    for key, value in given.items():
        if key not in keys:
            yield Problem(f"{where}, key '{key}'", "unknown", ", ".join(keys), "correct the key")
        elif not keys[key].test(value):
            found = repr(value)[:60]
            yield Problem(f"{where}, key '{key}'", found, keys[key].allowed, "correct it")
    for key, check in keys.items():
        if key not in given and key in needed:
            yield Problem(where, f"no {key}", f"{key} = {check.allowed}", "add it")


def _required_keys(made: type) -> set[str]:
    """The keys that have no default."""
    return {field.name for field in fields(made) if field.default is MISSING}


def _speed_problems(row: JsonObject, where: str) -> Iterator[Problem]:
    given = [key for key in ("wait_states", "megabytes_per_s") if key in row]
    if len(given) != 1:
        found = "both speeds" if given else "no speed"
        yield Problem(where, found, "wait_states or megabytes_per_s", "give one of the two")
    start, size, reserved = (row.get(key, 0) for key in ("start", "bytes", "reserved_bytes"))
    if not all(map(_is_count, (start, size, reserved))):
        return
    if reserved > size:
        found = f"{reserved:,} bytes reserved of {size:,}"
        yield Problem(where, found, "at most all of it", "correct reserved_bytes")
    if start + size > ADDRESSES:
        found = f"it ends at 0x{start + size:x}"
        yield Problem(where, found, "addresses of 32 bits", "correct start or bytes")


def _layout_problems(board: Board, where: str) -> Iterator[Problem]:
    """Yield names given twice, memories that overlap, and kinds of which one is missing."""
    for name, count in sorted(Counter(memory.name for memory in board.memory).items()):
        if count > 1:
            yield Problem(f"{where}, memory '{name}'", "given twice", "a name once", "rename one")
    ordered = sorted(board.memory, key=lambda memory: memory.start)
    for one, other in pairwise(ordered):
        if one.start + one.bytes > other.start:
            found = f"overlaps '{other.name}'"
            step = "correct start or bytes; give a memory with two addresses once"
            yield Problem(f"{where}, memory '{one.name}'", found, "memories side by side", step)
    held = {memory.keeps for memory in board.memory}
    for keeps, found in ((True, "no memory for a program"), (False, "no memory to write to")):
        if keeps not in held:
            yield Problem(where, found, f"a [[memory]] of kind {_kinds(keeps)}", "add it")


def _kinds(keeps: bool) -> str:
    return ", ".join(name for name, kind in KINDS.items() if kind.keeps == keeps)
