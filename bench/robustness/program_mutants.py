"""Wrong plans on purpose: the C of a build with one offset, lifetime, size or argument changed."""

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

OFFSET = re.compile(r"(?<=[( ])(?:s|st) \+ (\d+)(?=[),])")
DECLARED = re.compile(r"\*const v_\w+ = \([^;]*?((?:s|st) \+ \d+)\)")
CALL = re.compile(r"^ +(ek_\w+|memcpy|memmove|memset)\((.*)\);\n", re.MULTILINE)
NODE = re.compile(r"^    /\* [^*\n]*: \w+ \*/\n(?:(?!    /\*|    return).*\n)+", re.MULTILINE)
COUNT = re.compile(r"(?<=< )\d+(?=; )|(?<=, )\d+(?=[,)}]| \* sizeof)")
STEPS = (16, -16, 1, 2, 4, -4, 32, 64, -64, 256)


class Edit(NamedTuple):
    """Text that replaces a stretch of a function."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Mutant:
    """A changed program: what was changed, in words, and the text of its C file."""

    kind: str
    what: str
    text: str


def draw_mutant(rng: random.Random, text: str, function: str, kind: str | None = None) -> Mutant:
    """Return the C with one change in a function, of a kind or of any."""
    found = re.search(rf"^(?:static )?int {function}\(.*?^}}", text, re.MULTILINE | re.DOTALL)
    assert found is not None, function
    while True:
        drawn = kind or rng.choice(list(KINDS))
        edits = KINDS[drawn](rng, found[0])
        code = found[0]
        for edit in sorted(edits, reverse=True):
            code = code[: edit.start] + edit.text + code[edit.end :]
        if code != found[0]:
            old = [found[0][e.start : e.end].strip()[:60] for e in edits]
            what = "; ".join(
                f"{a!r} -> {e.text.strip()[:60]!r}" for a, e in zip(old, edits, strict=True)
            )
            return Mutant(drawn, what, text[: found.start()] + code + text[found.end() :])


def move_offset(rng: random.Random, code: str) -> list[Edit]:
    """Another place for a tensor or for work space."""
    places = list(OFFSET.finditer(code))
    if not places:
        return []
    place = rng.choice(places)
    moved = int(place[1]) + rng.choice(STEPS)
    return [Edit(place.start(1), place.end(1), str(moved))] if moved >= 0 else []


def swap_places(rng: random.Random, code: str) -> list[Edit]:
    """Two tensors in each other's place."""
    places = list(DECLARED.finditer(code))
    if len(places) < 2:
        return []
    a, b = rng.sample(places, 2)
    return [Edit(a.start(1), a.end(1), b[1]), Edit(b.start(1), b.end(1), a[1])]


def change_count(rng: random.Random, code: str) -> list[Edit]:
    """A size of a call or of a loop, or a number of a kernel."""
    counts = list(COUNT.finditer(code))
    if not counts:
        return []
    count = rng.choice(counts)
    value = int(count[0])
    return [Edit(count.start(), count.end(), str(max(0, value + rng.choice((1, -1, value, 2)))))]


def exchange_arguments(rng: random.Random, code: str) -> list[Edit]:
    """Two arguments of one kind, pointers or numbers, in each other's place."""
    calls = [call for call in CALL.finditer(code) if call[1].startswith("ek_")]
    if not calls:
        return []
    call = rng.choice(calls)
    arguments = [*re.finditer(r"(?:[^,({]|\([^()]*(?:\([^()]*\)[^()]*)*\)|\{[^}]*\})+", call[2])]
    pairs = [
        (a, b) for a in arguments for b in arguments if a.start() < b.start() and _alike(a[0], b[0])
    ]
    if not pairs:
        return []
    a, b = rng.choice(pairs)
    at = call.start(2)
    return [
        Edit(at + a.start(), at + a.end(), _as(a[0], b[0])),
        Edit(at + b.start(), at + b.end(), _as(b[0], a[0])),
    ]


def _alike(a: str, b: str) -> bool:
    kinds = [re.match(r"-?\d", text.strip()) is not None for text in (a, b)]
    return kinds[0] == kinds[1] and "{" not in a + b


def _as(old: str, new: str) -> str:
    return old[: len(old) - len(old.lstrip())] + new.strip()


def drop_call(rng: random.Random, code: str) -> list[Edit]:
    """A call less."""
    calls = list(CALL.finditer(code))
    call = rng.choice(calls) if calls else None
    return [Edit(call.start(), call.end(), "")] if call else []


def swap_nodes(rng: random.Random, code: str) -> list[Edit]:
    """Two nodes that follow each other, in the other order."""
    nodes = list(NODE.finditer(code))
    pairs = [(a, b) for a, b in itertools.pairwise(nodes) if a.end() == b.start()]
    if not pairs:
        return []
    a, b = rng.choice(pairs)
    return [Edit(a.start(), a.end(), b[0]), Edit(b.start(), b.end(), a[0])]


KINDS: dict[str, Callable[[random.Random, str], list[Edit]]] = {
    "place": move_offset,
    "lifetimes": swap_places,
    "size": change_count,
    "arguments": exchange_arguments,
    "call": drop_call,
    "order": swap_nodes,
}
