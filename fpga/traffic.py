"""The reads and writes of memory in a run of a data path, in the order of ek_fetch and ek_store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Int64
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.words import ADDRESS, PATHS, REGIONS, Record, get

Index = Int64
LINE = 64  # bytes of a line of memory
READ_SLOTS, WRITE_SLOTS = 64, 16
D_SLOT = READ_SLOTS - 1


@dataclass(frozen=True)
class Memory:
    """The places of a program's memories, and the bytes of their beats, by region."""

    base: Mapping[str, int]
    beat: Mapping[str, int]


@dataclass(frozen=True)
class Segment:
    """A group of output channels of a dense layer, a pass of a depthwise one, or a pool.

    Attributes:
        beats: that the data path goes through, a cycle each.
        read_at: the beat of each read of memory, in order.
        read_address: its first byte.
        read_slot: the slot of its line.
        result_at: the beat that each result follows, in order.
        parts: beats of a result.
        planes: that are read.
        write_at: of each write to memory which beat of the results it is, in order.
        write_address: its first byte.
        write_slot: the slot of its line.
    """

    beats: int
    read_at: Index
    read_address: Index
    read_slot: Index
    result_at: Index
    parts: int
    planes: int
    write_at: Index
    write_address: Index
    write_slot: Index


def segments(layer: Record, spec: EngineSpec, memory: Memory) -> Iterator[list[Segment]]:
    """The runs of a layer's data path, of one or, of a dense layer, several segments each."""
    geometry = Geometry(layer, spec, memory)
    path = PATHS[layer.fields["path"]]
    if path == "dense":
        yield [geometry.dense(group) for group in range(layer.fields["groups"])]
    elif path == "pool":
        yield [geometry.pool()]
    else:
        most = layer.fields["groups_per_pass"]
        for first in range(0, layer.fields["planes"], most):
            yield [geometry.depthwise(first, min(most, layer.fields["planes"] - first))]


class Geometry:
    """A layer's places."""

    def __init__(self, layer: Record, spec: EngineSpec, memory: Memory) -> None:
        """Read the layer's record."""
        self.fields, self.spec, self.memory = layer.fields, spec, memory
        self.planes = [get(ADDRESS, layer.planes[i : i + 1]) for i in range(len(layer.planes))]
        self.stride = 1 << self.fields["stride_log2"]
        self.height, self.width = self.fields["height"], self.fields["width"]
        self.out_height = (self.height - 1) // self.stride + 1
        self.out_width = (self.width - 1) // self.stride + 1
        self._dense: tuple[Index, Index, Index] | None = None

    def dense(self, group: int) -> Segment:
        """A group of COLUMNS channels of the result."""
        beats, planes = self.fields["beats"], self.fields["planes"]
        pixels, lanes, columns = (
            self.out_height * self.out_width,
            self.spec.lanes,
            self.spec.columns,
        )
        parts = max(columns // lanes, 1)
        step = max(
            beats, parts
        )  # of a pixel, whose result is stored in as many cycles as it has parts
        if self._dense is None:
            at, address, slot = self._taps(range(planes))
            self._dense = at // beats * step + at % beats, address, slot
        first = group * parts if columns >= lanes else group // (lanes // columns)
        pixel, part = np.divmod(np.arange(pixels * parts), parts)
        return Segment(
            pixels * step,
            *self._dense,
            np.arange(pixels) * step + beats - 1,
            parts,
            planes,
            *self._writes(first + part, pixel, part),
        )

    def pool(self) -> Segment:
        """Return all planes, one after another."""
        planes, taps = self.fields["planes"], self.fields["kernel"] ** 2
        pixels = self.out_height * self.out_width
        found = []
        for p in range(planes):
            at, address, slot = self._taps(range(p, p + 1))
            found.append((at + p * pixels * taps, address, slot))
        plane, pixel = np.divmod(np.arange(planes * pixels), pixels)
        results = (np.arange(planes * pixels) + 1) * taps - 1
        return Segment(
            planes * pixels * taps,
            *_order_by_beat(found),
            results,
            1,
            planes,
            *self._writes(plane, pixel, 0 * plane),
        )

    def depthwise(self, first: int, planes: int) -> Segment:
        """A pass of planes; with d, the beats that it takes to be asked for are counted too."""
        deform = self.fields["deform"]
        lead = self.spec.lead_rows if deform else 2
        rows = np.arange(self.height + lead)
        each = planes + deform * (rows >= lead)  # beats of a pixel
        starts = np.concatenate([[0], np.cumsum(each * self.width)])
        places = starts[:-1, None] + each[:, None] * np.arange(
            self.width
        )  # of a pixel its first beat
        y, x = np.mgrid[: self.height, : self.width]
        found = [
            self._found(
                plane, y, x, places[: self.height] + (each - planes)[: self.height, None] + p, p
            )
            for p, plane in enumerate(self.planes[first : first + planes])
        ]
        if deform:
            d = get(ADDRESS, np.array([self.fields["d"]], np.uint32))
            found.append(self._found(d, y, x, places[lead:], D_SLOT))
        kept = (
            places[lead :: self.stride, :: self.stride].reshape(-1, 1) + deform + np.arange(planes)
        )
        pixel, plane = np.divmod(np.arange(kept.size), planes)
        return Segment(
            int(starts[-1]),
            *_order_by_beat(found),
            kept.ravel(),
            1,
            planes,
            *self._writes(first + plane, pixel, plane),
        )

    def _taps(self, planes: range) -> tuple[Index, Index, Index]:
        """Reads of memory of every pixel's taps of planes: the beat, the address and the slot of each."""
        kernel = self.fields["kernel"]
        ky, kx, oy, ox = np.ogrid[:kernel, :kernel, : self.out_height, : self.out_width]
        half = (kernel - 1) // 2
        y, x = np.broadcast_arrays(oy * self.stride + ky - half, ox * self.stride + kx - half)
        tap = (oy * self.out_width + ox) * kernel * kernel + ky * kernel + kx
        found = [
            self._found(self.planes[plane], y, x, tap * len(planes) + p, ky * len(planes) + p)
            for p, plane in enumerate(planes)
        ]
        return _order_by_beat(found)

    def _found(
        self, plane: Mapping[str, int], y: Index, x: Index, at: Index, slot: Index | int
    ) -> tuple[Index, Index, Index]:
        """Reads of a plane where it is in memory and the pixel in the picture."""
        region = REGIONS[plane["region"]]
        if region == "buffer":
            return (np.zeros(0, np.int64),) * 3
        inside = (y >= 0) & (y < self.height) & (x >= 0) & (x < self.width)
        up = plane["up"]
        beat = plane["beat"] + (y >> up) * (self.width >> up) + (x >> up)
        address = self.memory.base[region] + beat * self.memory.beat[region]
        slots = np.broadcast_to(np.asarray(slot) % READ_SLOTS, y.shape)
        return np.broadcast_to(at, y.shape)[inside], address[inside], slots[inside]

    def _writes(self, plane: Index, pixel: Index, part: Index) -> tuple[Index, Index, Index]:
        """Writes to memory of beats of results, where they go there."""
        y = get(ADDRESS, np.array([self.fields["y"]], np.uint32))
        if REGIONS[y["region"]] != "dram":
            return (np.zeros(0, np.int64),) * 3
        used = np.flatnonzero(plane < self.fields["out_planes"])
        beat = y["beat"] + plane[used] * self.fields["plane_beats"] + pixel[used]
        return used, self.memory.base["dram"] + beat * self.spec.lanes, part[used] % WRITE_SLOTS


def _order_by_beat(found: list[tuple[Index, Index, Index]]) -> tuple[Index, Index, Index]:
    """Reads in the order of their beats."""
    none = np.zeros(0, np.int64)
    at, address, slot = (np.concatenate(parts) for parts in zip((none,) * 3, *found, strict=True))
    order = np.argsort(at, kind="stable")
    return at[order], address[order], slot[order]
