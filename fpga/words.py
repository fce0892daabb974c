"""`program.bin`: an engine's program as 32-bit words. Only this module writes it and defines its form.

The C simulation and the RTL decode it by constants that `edgekit.fpga.formats` makes of the same tables;
`docs/reference/fpga-program.md` describes them word by word.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Int8, Int64
from edgekit.base.errors import ModelError, Problem
from edgekit.fpga.spec import EngineSpec

MAGIC = int.from_bytes(b"EKFP", "little")
VERSION = 2
DIGEST_FROM = 4  # the first word that the digest is of


class Field(NamedTuple):
    """Bits of a word: the word, the first bit, their number, and whether they have a sign."""

    name: str
    word: int
    low: int = 0
    bits: int = 32
    signed: bool = False


HEADER = (
    Field("magic", 0),
    Field("version", 1),
    Field("words", 2),
    Field("digest", 3),
    Field("lanes", 4, 0, 8),
    Field("columns", 4, 8, 8),
    Field("weight_bits", 4, 16, 8),
    Field("dmax", 4, 24, 8),
    Field("line_beats", 5, 0, 16),
    Field("table_groups", 5, 16, 16),
    Field("bank_rows", 6, 0, 16),
    Field("plane_rows", 6, 16, 16),
    Field("accumulator_bits", 7, 0, 16),
    Field("image_lanes", 7, 16, 16),
    Field("buffer_beats", 8),
    Field("dram_beats", 9),
    Field("image_beats", 10),
    Field("layers", 11),
)
HEADER_WORDS = 12
LAYER = (
    Field("path", 0, 0, 2),
    Field("deform", 0, 2, 1),
    Field("stride_log2", 0, 4, 2),
    Field("kernel", 0, 8, 8),
    Field("height", 1, 0, 16),
    Field("width", 1, 16, 16),
    Field("planes", 2, 0, 16),
    Field("out_planes", 2, 16, 16),
    Field("x_zero", 3, 0, 8, True),
    Field("y_zero", 3, 8, 8, True),
    Field("y_min", 3, 16, 8, True),
    Field("y_max", 3, 24, 8, True),
    Field("y", 4),
    Field("d", 5),
    Field("first_plane", 6),
    Field("first_block", 7),
    Field("plane_beats", 8),
    Field("beats", 9),
    Field("groups", 10),
    Field("groups_per_pass", 11),
)
LAYER_WORDS = 12
ADDRESS = (Field("beat", 0, 0, 28), Field("up", 0, 28, 2), Field("region", 0, 30, 2))
SCALE = (Field("mult", 0, 0, 16), Field("shift", 0, 16, 6))
PATHS = ("dense", "depthwise", "pool")
REGIONS = ("buffer", "dram", "image")
TAPS = 9
S8 = Int8
U32 = NDArray[np.uint32]


@dataclass(frozen=True)
class Record:
    """A layer.

    Attributes:
        fields: those of `LAYER` but the places in the program.
        planes: the address of each plane that it reads.
        scaling: of each block its channels' bias, multiplier and shift, ``(blocks, channels, 3)``.
        rows: of each block its rows of weights, ``(blocks, rows, weights)``.
    """

    fields: Mapping[str, int]
    planes: U32
    scaling: Int64
    rows: S8


@dataclass(frozen=True)
class DecodedProgram:
    """A program: its header by field, and its layers."""

    header: Mapping[str, int]
    layers: tuple[Record, ...]


def address(region: str, beat: int, up: int = 0) -> int:
    """Return the start of a plane: its memory, its beat, and log2 of its pixels' repeats."""
    return _field_words(ADDRESS, {"beat": beat, "up": up, "region": REGIONS.index(region)}, 1)[0]


def encode(
    spec: EngineSpec, memory: Mapping[str, int], image_lanes: int, layers: Sequence[Record]
) -> bytes:
    """Return program.bin of layers for an engine.

    `memory` has the beats of each of `REGIONS`; those of the input have `image_lanes` bytes.
    """
    records, rest = [], list[U32]()
    at = HEADER_WORDS + LAYER_WORDS * len(layers)
    for layer in layers:
        blocks = _blocks(layer, spec.weight_bits)
        fields = {**layer.fields, "first_plane": at, "first_block": at + len(layer.planes)}
        records += _field_words(LAYER, fields, LAYER_WORDS)
        rest += [layer.planes.astype(np.uint32), blocks]
        at += len(layer.planes) + len(blocks)
    header = {
        "magic": MAGIC,
        "version": VERSION,
        "words": at,
        "digest": 0,
        "lanes": spec.lanes,
        "columns": spec.columns,
        "weight_bits": spec.weight_bits,
        "dmax": spec.dmax,
        "line_beats": spec.line_beats,
        "table_groups": spec.groups,
        "bank_rows": spec.bank_beats,
        "plane_rows": spec.plane_rows,
        "accumulator_bits": spec.accumulator_bits,
        "image_lanes": image_lanes,
        **{f"{region}_beats": memory[region] for region in REGIONS},
        "layers": len(layers),
    }
    words = np.concatenate(
        [np.array([*_field_words(HEADER, header, HEADER_WORDS), *records], np.uint32), *rest]
    )
    words[_field_by_name(HEADER, "digest").word] = crc32(
        words[DIGEST_FROM:].astype("<u4").tobytes()
    )
    return words.astype("<u4").tobytes()


def decode(content: bytes) -> DecodedProgram:
    """Return the program that program.bin holds.

    Raises `ModelError` where it is none, of another version, damaged, or reads or writes outside of its memories.
    """
    words = np.frombuffer(content[: len(content) // 4 * 4], "<u4")
    if problems := list(header_problems(words, len(content))):
        raise ModelError(problems)
    header = get(HEADER, words)
    if problems := list(address_problems(words)):
        raise ModelError(problems)
    return DecodedProgram(header, tuple(_record(words, n, header) for n in range(header["layers"])))


def header_problems(words: U32, size_bytes: int) -> Iterator[Problem]:
    """Yield problems of a header that make the rest unreadable."""
    if len(words) < HEADER_WORDS or words[0] != MAGIC:
        yield _problem("no program of an engine", "a file that begins with EKFP")
        return
    header = get(HEADER, words)
    if header["version"] != VERSION:
        yield _problem(f"version {header['version']}", f"version {VERSION}")
        return
    if 4 * header["words"] != size_bytes:
        yield _problem(f"{size_bytes} bytes", f"{4 * header['words']}, as its header says")
    elif (found := crc32(words[DIGEST_FROM:].tobytes())) != header["digest"]:
        yield _problem(f"digest {found:08x}", f"{header['digest']:08x}, as its header says")


def address_problems(words: U32) -> Iterator[Problem]:
    """Every address of a program that is not inside of the memory map of its header, or of the program."""
    header = get(HEADER, words)
    end = HEADER_WORDS + LAYER_WORDS * header["layers"]
    if end > len(words):
        yield _problem(f"{header['layers']} layers", f"{len(words)} words")
        return
    for number in range(header["layers"]):
        layer = get(LAYER, words[HEADER_WORDS + LAYER_WORDS * number :])
        for name, first, last in _ranges(words, layer, header):
            most = len(words) if name == "words" else _size(header, name)
            least = end if name == "words" else 0
            if first < least or last >= most:
                found = f"layer {number} reaches {name} {first} to {last}"
                yield _problem(found, f"{least} to {most - 1}")


def _ranges(
    words: U32, layer: Mapping[str, int], header: Mapping[str, int]
) -> Iterator[tuple[str, int, int]]:
    """Yield the first and last addresses of a layer's accesses, of each memory or of the program's words."""
    first, planes = layer["first_plane"], layer["planes"]
    yield "words", first, first + planes - 1
    if path_of(layer) != "pool":
        blocks, channels, rows, width = shape_of(layer, header)
        size = blocks * (2 * channels + row_words(rows, width * header["weight_bits"]))
        yield "words", layer["first_block"], layer["first_block"] + size - 1
    rows_y, rows_x = layer["height"], layer["width"]
    for word in words[first : first + planes]:
        place = get(ADDRESS, np.array([word], np.uint32))
        up = place["up"]
        behind = ((rows_y - 1) >> up) * (rows_x >> up) + ((rows_x - 1) >> up)
        yield _region(place), place["beat"], place["beat"] + behind
    place = get(ADDRESS, np.array([layer["y"]], np.uint32))
    yield (
        _region(place),
        place["beat"],
        place["beat"] + layer["out_planes"] * layer["plane_beats"] - 1,
    )
    if layer["deform"]:
        place = get(ADDRESS, np.array([layer["d"]], np.uint32))
        yield _region(place), place["beat"], place["beat"] + rows_y * rows_x - 1


def _region(place: Mapping[str, int]) -> str:
    return REGIONS[place["region"]] if place["region"] < len(REGIONS) else "no memory"


def _size(header: Mapping[str, int], region: str) -> int:
    return header.get(f"{region}_beats", 0)


def _problem(found: str, allowed: str) -> Problem:
    return Problem("program.bin", found, allowed, "export the network again")


def path_of(layer: Mapping[str, int]) -> str:
    """The data path of a layer's fields."""
    return PATHS[layer["path"]] if layer["path"] < len(PATHS) else "none"


def shape_of(layer: Mapping[str, int], header: Mapping[str, int]) -> tuple[int, int, int, int]:
    """Blocks of a layer, channels of each, its rows of weights, and weights of a row."""
    lanes, columns = header["lanes"], header["columns"]
    if path_of(layer) == "dense":
        return layer["groups"], columns, layer["beats"], columns * lanes
    return layer["planes"], lanes, TAPS, lanes


def row_words(rows: int, bits: int) -> int:
    """Return the words of rows with this number of bits: several rows share a word, or a row takes whole words."""
    if bits > 32:
        return rows * -(-bits // 32)
    return -(-rows * row_room(bits) // 32)


def row_room(bits: int) -> int:
    """Bits that a row has in a word: a power of two."""
    return 1 << max(bits - 1, 0).bit_length()


def _blocks(layer: Record, weight_bits: int) -> U32:
    """Each block: biases, scales, rows of weights."""
    blocks, rows, width = layer.rows.shape
    if not blocks:
        return np.zeros(0, np.uint32)
    bits = width * weight_bits
    room = row_room(bits) if bits <= 32 else -(-bits // 32) * 32
    places = np.arange(weight_bits)
    packed = np.zeros((blocks, row_words(rows, bits) * 32 // room, room), np.uint8)
    set_ = (layer.rows[..., None].astype(np.int64) >> places) & 1
    packed[:, :rows, :bits] = set_.reshape(blocks, rows, bits)
    weights = np.packbits(packed.reshape(blocks, -1), axis=1, bitorder="little").view("<u4")
    bias = layer.scaling[:, :, 0].astype(np.int32).view(np.uint32)
    mult, shift = (layer.scaling[:, :, n].astype(np.uint32) for n in (1, 2))
    scale = mult | shift << SCALE[1].low
    return np.concatenate([bias, scale, weights], axis=1).astype(np.uint32).ravel()


def _record(words: U32, number: int, header: Mapping[str, int]) -> Record:
    layer = get(LAYER, words[HEADER_WORDS + LAYER_WORDS * number :])
    planes = words[layer["first_plane"] : layer["first_plane"] + layer["planes"]]
    fields = {k: v for k, v in layer.items() if k not in ("first_plane", "first_block")}
    if path_of(layer) == "pool":
        return Record(fields, planes, np.zeros((0, 0, 3), np.int64), np.zeros((0, 0, 0), np.int8))
    blocks, channels, rows, width = shape_of(layer, header)
    bits = width * header["weight_bits"]
    size = 2 * channels + row_words(rows, bits)
    own = words[layer["first_block"] :][: blocks * size].reshape(blocks, size)
    scale = own[:, channels : 2 * channels].astype(np.int64)
    scaling = np.stack(
        [
            own[:, :channels].view(np.int32).astype(np.int64),
            *(scale >> field.low & (1 << field.bits) - 1 for field in SCALE),
        ],
        axis=2,
    )
    packed = np.ascontiguousarray(own[:, 2 * channels :]).view(np.uint8)
    room = row_room(bits) if bits <= 32 else -(-bits // 32) * 32
    spread = np.unpackbits(packed, axis=1, bitorder="little").reshape(blocks, -1, room)
    each = spread[:, :rows, :bits].reshape(blocks, rows, width, header["weight_bits"])
    weights = (each.astype(np.int64) << np.arange(header["weight_bits"])).sum(axis=3)
    sign = 1 << header["weight_bits"] - 1
    return Record(fields, planes, scaling, ((weights ^ sign) - sign).astype(np.int8))


def get(fields: Sequence[Field], words: U32) -> dict[str, int]:
    """The fields' numbers of words."""
    found = {}
    for field in fields:
        value = int(words[field.word]) >> field.low & (1 << field.bits) - 1
        signed = field.signed and value >> field.bits - 1
        found[field.name] = value - (1 << field.bits) if signed else value
    return found


def _field_words(fields: Sequence[Field], values: Mapping[str, int], count: int) -> list[int]:
    """The words of fields' numbers; raises `ValueError` for one that its bits do not hold."""
    words = [0] * count
    for field in fields:
        value = values[field.name]
        low = -(1 << field.bits - 1) if field.signed else 0
        if not low <= value < low + (1 << field.bits):
            raise ValueError(f"{field.name} {value} has no room in {field.bits} bits")
        words[field.word] |= (value & (1 << field.bits) - 1) << field.low
    return words


def _field_by_name(fields: Sequence[Field], name: str) -> Field:
    return next(field for field in fields if field.name == name)
