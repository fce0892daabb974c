"""The text of a build: functions as trees, and the sizes that it declares."""

import json
import re
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.runtime.proof.contracts import prototypes
from edgekit.runtime.proof.outside import unknown_lines
from edgekit.runtime.proof.syntax import ITEMS, NotUnderstood, Reader, Tree, functions

PROOF_FILE = "proof.json"
ARRAY = re.compile(
    r"^const (\w+) (\w+)\[(\d+)\]|union (\w+)_union \{ unsigned char bytes\[(\d+)\]; (\w+)", re.M
)
LEAST = {"INT32_MIN": str(-(2**31)), "INT64_MIN": str(-(2**63))}
NAMED, NUMBER = re.compile("|".join(LEAST)), re.compile(r"(?<!\w)-?\d+")
LISTED = re.compile(r"\nconst \w+ (\w+)\[\d+\] = \{")
INLINE = re.compile(r"^static inline (\w+) (ek_\w+)\([^*)]*\)$", re.M)  # without pointers
EXTERNAL = re.compile(
    r"^#define (\w+) \(\(const (\w+) \*\)\(const void \*\)\(\w+ \+ (\d+)\)\) /\* \[(\d+)\] \*/$",
    re.M,
)
BLOCK = re.compile(r"static const union \{\n    unsigned char bytes\[(\d+)\];")
STRUCT = re.compile(r"typedef struct \{\n([^}]*)\} (\w+);")
FIELD = re.compile(r"(\w+) \*(\w+); /\*((?: ?\[\d+\])*)")
TYPE = re.compile(r"^typedef (?:struct )?\w+ (?:\(\*)?(\w+)[;)]|^\} (\w+);", re.M)
KEPT = re.compile(r"float \*const (\w+) = [^;]*unsigned char \*\)scratch \+ (\d+)\)")
GIVEN, MADE = re.compile(r"_inputs in = \{([^}]*)\};"), re.compile(r"result\.(\w+) = (\w+);")
DEFINE = re.compile(r"#define (\w+) (\d+)u?$", re.M)


class Program:
    """The text of a build, and the sizes that it declares."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """Take the texts of a build's C, headers and facts by file name."""
        self.facts = json.loads(files[PROOF_FILE])
        headers = _joined_texts(files, ".h")
        self.prototypes = prototypes(files["edgekit.h"])
        self.inline = {name: kind for kind, name in INLINE.findall(files["edgekit.h"])}
        self.sizes = {name: int(value) for name, value in DEFINE.findall(headers)}
        self.fields = _fields(headers)
        self.types = {a or b for a, b in TYPE.findall(headers)}
        self.weights = "\n" + _joined_texts(files, "_weights.c")
        declared = _without_contents(self.weights)
        others = "".join(text for name, text in files.items() if not name.endswith("_weights.c"))
        self.arrays = _arrays(declared) | _external(others, declared)
        self.texts = _places_of_numbers(self.weights)
        programs = [name for name in files if f"{name[:-2]}_weights.c" in files]
        self.readers: dict[str, Reader] = {}
        self.unknown = tuple(unknown_lines(files))
        self.functions = functions("\n".join(files[name] for name in programs))

    def statements(self, function: str) -> tuple[list[Tree], Mapping[int, str]]:
        """The statements of a function, and the line where each begins, by id."""
        if function not in self.readers:
            self.readers[function] = Reader(self.functions[function].body, self.types)
        reader = self.readers[function]
        return reader.statements, reader.lines

    def prefix(self, function: str) -> str:
        """The name of the network that a function is of."""
        names = {struct.rpartition("_")[0] for struct, _ in self.fields}
        return max((name for name in names if function.startswith(f"{name}_")), key=len)

    def scratch_bytes(self, prefix: str) -> int:
        """The work space of a hop: all, or what lies before arrays that functions around the hop keep there."""
        around = [
            body
            for name, (_, body, *_) in self.functions.items()
            if name.startswith(f"{prefix}_") and name not in self.facts["functions"]
            if name != f"{prefix}_process_s16"
        ]
        kept = [int(place) for body in around for _, place in KEPT.findall(body)]
        return min([self.sizes[f"{prefix.upper()}_SCRATCH_BYTES"], *kept])

    def pcm_places(self, prefix: str) -> dict[str, int]:
        """Where in work space NAME_process_s16 has the inputs and outputs of a hop; empty without the function."""
        own = self.functions.get(f"{prefix}_process_s16")
        body = "" if own is None else own.body
        kept = {name: int(place) for name, place in KEPT.findall(body)}
        inputs = [f"in->{name}" for struct, name in self.fields if struct == f"{prefix}_inputs"]
        listed = re.split(r",\s*", "".join(GIVEN.findall(body)))
        bound = [*zip(inputs, listed, strict=False), *_results(body)]
        return {place: kept[name] for place, name in bound if name in kept}

    def integers(self, array: str) -> NDArray[np.int64]:
        """The numbers of a constant array.

        Raises:
            NotUnderstood: they are not in the C.
        """
        if array not in self.texts:
            raise NotUnderstood(
                f"an index that {array} may hold: its numbers are not in the C, which"
            )
        start = self.texts[array]
        listed = self.weights[start : self.weights.index("}", start)]
        listed = NAMED.sub(lambda m: LEAST[m[0]], listed)
        return np.array([int(text) for text in NUMBER.findall(listed)], np.int64)


def _places_of_numbers(text: str) -> dict[str, int]:
    """Where the numbers of each constant array begin."""
    return {found[1]: found.end() for found in LISTED.finditer(text)}


def _without_contents(text: str) -> str:
    """Lines of constant arrays without those of their numbers and bytes."""
    return "\n".join(
        line for line in text.split("\n") if line[:1] != '"' and line[4:5] not in (*"-0123456789",)
    )


def _fields(text: str) -> dict[tuple[str, str], tuple[str, int]]:
    """The type and the bytes that each pointer in a struct points to, by struct and name."""
    return {
        (struct, name): (kind, ITEMS[kind] * prod(map(int, re.findall(r"\d+", dims))))
        for body, struct in STRUCT.findall(text)
        for kind, name, dims in FIELD.findall(body)
    }


def _arrays(text: str) -> dict[str, tuple[str, int]]:
    """The constant arrays of a file: their type and bytes."""
    found = {}
    for kind, name, count, union, size, element in ARRAY.findall(text):
        whole = (kind, ITEMS[kind] * int(count)) if name else (element, int(size))
        found[name or union] = whole
    return found


def _external(text: str, weights: str) -> dict[str, tuple[str, int]]:
    """Those that are places in one block of bytes, each after the one before."""
    found, end = {}, 0
    for name, kind, first, count in EXTERNAL.findall(text):
        size = ITEMS[kind] * int(count)
        if int(first) < end or int(first) % ITEMS[kind]:
            raise NotUnderstood(f"the place of {name} in the block of weights")
        found[name], end = (kind, size), int(first) + size
    blocks = [int(size) for size in BLOCK.findall(weights)]
    if blocks and end > blocks[0]:
        raise NotUnderstood(f"{end} bytes of weights in a block of {blocks[0]}")
    return found


def read_program(folder: Path) -> Program:
    """Return the C of a build folder and its facts."""
    names = [*folder.glob("*.c"), *folder.glob("*.h"), folder / PROOF_FILE]
    kept = [p for p in names if not (p.name.startswith("ek_"))]
    return Program({path.name: path.read_text(encoding="utf-8") for path in kept})


def _results(body: str) -> list[tuple[str, str]]:
    """Which variable each output of a hop is bound to."""
    return [(f"out->{field}", name) for field, name in MADE.findall(body)]


def _joined_texts(files: Mapping[str, str], ending: str) -> str:
    """Return the texts of all files whose names end like this."""
    return "".join(text for name, text in files.items() if name.endswith(ending))
