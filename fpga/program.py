"""`Program`: the numbers that an engine is given: layers, planes, weights, tables."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edgekit.base.errors import ModelError, Problem
from edgekit.fpga.layout import IMAGE_LANES, Layout, make_layout
from edgekit.fpga.network import Layer, Network, View
from edgekit.fpga.simulate import dense_rows
from edgekit.fpga.spec import MOST_COUNT, MOST_SIDE, EngineSpec
from edgekit.runtime.runners.fpga import packed

FIELDS = (
    "path", "height", "width", "stride_log2", "kernel", "planes", "outputs", "out_planes", "x_zero",
    "y_zero", "y_min", "y_max", "deform", "d", "y", "first_plane", "first_weight", "first_table",
    "plane_beats", "groups_per_pass",
)  # fmt: skip
PATHS = ("dense", "depthwise", "pool")  # in the order of the engine's numbers
IN_DRAM, IN_IMAGE = 1 << 30, 1 << 29  # added to an address
S8 = NDArray[np.int8]
Int = TypeVar("Int", bound=np.signedinteger)
Numbers = NDArray[np.int32]


@dataclass(frozen=True)
class Program:
    """What the engine is given.

    Attributes:
        layers: ``(layers, len(FIELDS))``.
        planes: of each plane that layers read its address at pixel 0 and log2 of how often its pixels are repeated.
        weights: dense rows ``[columns][lanes]``, depthwise ``[plane][tap][lanes]``, one behind the other.
        tables: bias, multiplier and shift of every output slot, ``(slots, 3)``.
        layout: where tensors are.
        spec: of the engine.
        network: what it computes.
    """

    layers: Numbers
    planes: Numbers
    weights: S8
    tables: Numbers
    layout: Layout
    spec: EngineSpec
    network: Network

    @property
    def image_lanes(self) -> int:
        """Bytes of a pixel of the input."""
        (name,) = self.network.inputs.values()
        channels = self.network.tensors[name].channels
        return min(IMAGE_LANES, self.spec.lanes) if channels <= IMAGE_LANES else self.spec.lanes

    def pack_image(self, x: S8) -> S8:
        """An input ``(channels, height, width)`` as the engine reads it: planes of pixels of bytes."""
        return packed(x, self.image_lanes)

    def places(self, views: Iterable[View]) -> NDArray[np.int32]:
        """Of each byte of views, one behind the other, its beat in DRAM times LANES plus its lane."""
        beats = max(self.layout.dram_beats, 1) * self.spec.lanes
        numbers = np.arange(beats, dtype=np.int32).reshape(-1, self.spec.lanes)
        found = [self.unpack(view, numbers).ravel() for view in views]
        return np.concatenate([np.zeros(0, np.int32), *found])

    def unpack(self, view: View, dram: NDArray[Int]) -> NDArray[Int]:
        """An output ``(channels, height, width)`` from the beats of DRAM ``(beats, lanes)``."""
        found = []
        for name, channel, factor in view.sources:
            place, tensor = self.layout.placed[name], self.network.tensors[name]
            plane, lane = divmod(place.slots[channel], self.spec.lanes)
            pixels = tensor.height * tensor.width
            first = place.address + plane * pixels
            rows = dram[first : first + pixels, lane].reshape(tensor.height, tensor.width)
            found.append(rows.repeat(factor, 0).repeat(factor, 1))
        return np.stack(found)


def assemble(network: Network, spec: EngineSpec) -> Program:
    """Return the program of a network; `edgekit.fpga.search.fitted` gives specs that fit it.

    Raises `ModelError` with every layer that the RTL of such an engine cannot hold.
    """
    layout = make_layout(network, spec)
    if problems := [p for layer in network.layers for p in limits(layer, spec, layout)]:
        raise ModelError(problems)
    writer = _Writer(network, spec, layout)
    for layer in network.layers:
        writer.add(layer)
    return Program(
        np.array(writer.layers, np.int32).reshape(-1, len(FIELDS)),
        np.array(writer.planes, np.int32),
        np.concatenate(writer.weights).astype(np.int8),
        np.concatenate(writer.tables).astype(np.int32),
        layout,
        spec,
        network,
    )


def limits(layer: Layer, spec: EngineSpec, layout: Layout) -> Iterator[Problem]:
    """What of a layer the counters and memories of an engine's RTL cannot hold."""
    where, height, width = f"layer {layer.name!r}", layer.x.height, layer.x.width
    pixels = -(-height // layer.stride) * -(-width // layer.stride)
    groups = -(-layout.placed[layer.y].planes * spec.lanes // spec.columns)
    beats = layer.kernel**2 * len(layout.planes_of(layer.x))
    rows = {
        "depthwise": (
            ("rows of the picture", height, MOST_SIDE),
            ("beats of a row, of the line buffer", width, min(spec.line_beats, MOST_SIDE)),
        ),
        "dense": (
            ("rows of weights of an output group, of a bank", beats, spec.bank_beats),
            ("pixels", pixels, MOST_COUNT),
            ("output groups", groups, MOST_COUNT),
        ),
        "pool": (),
    }[layer.path]
    if layer.path != "pool":
        rows += (("bits of its sums", layer.accumulator_bits, spec.accumulator_bits),)
    for what, found, most in rows:
        if found > most:
            yield Problem(where, f"{found} {what}", f"at most {most}", "make the layer smaller")


class _Writer:
    def __init__(self, network: Network, spec: EngineSpec, layout: Layout) -> None:
        self.network, self.spec, self.layout = network, spec, layout
        self.layers: list[list[int]] = []
        self.planes: list[tuple[int, int]] = []
        self.weights: list[S8] = []
        self.tables: list[NDArray[np.int64]] = []

    def add(self, layer: Layer) -> None:
        lanes, place = self.spec.lanes, self.layout.placed[layer.y]
        planes = self.layout.planes_of(layer.x)
        forms = {"dense": self._dense, "depthwise": self._depthwise}
        weights = forms[layer.path](layer) if layer.path in forms else np.zeros(0, np.int8)
        out_slots = np.array(place.slots)
        slots = place.planes * lanes
        if layer.path == "dense":
            slots = -(-slots // self.spec.columns) * self.spec.columns
        table = np.zeros((slots, 3), np.int64)
        table[:, 2] = 1
        table[out_slots] = np.stack([layer.bias, layer.mult, layer.shift], 1)
        values: Mapping[str, int] = {
            "path": PATHS.index(layer.path),
            "height": layer.x.height,
            "width": layer.x.width,
            "stride_log2": layer.stride.bit_length() - 1,
            "kernel": layer.kernel,
            "planes": len(planes),
            "outputs": slots,
            "out_planes": place.planes,
            "x_zero": layer.x_zero,
            "y_zero": layer.y_zero,
            "y_min": layer.y_min,
            "y_max": layer.y_max,
            "deform": int(layer.dilation is not None),
            "d": 0 if layer.dilation is None else self._address(layer.dilation, 0),
            "y": self._address(layer.y, 0),
            "first_plane": len(self.planes),
            "first_weight": sum(len(w) for w in self.weights),
            "first_table": sum(len(t) for t in self.tables),
            "plane_beats": self._plane_beats(layer.y),
            "groups_per_pass": max(1, min(self.spec.line_beats // layer.x.width, self.spec.groups)),
        }
        self.layers.append([values[name] for name in FIELDS])
        self.planes += [
            (self._address(plane.tensor, plane.number), plane.factor.bit_length() - 1)
            for plane in planes
        ]
        self.weights.append(weights.ravel())
        self.tables.append(table)

    def _plane_beats(self, name: str) -> int:
        tensor = self.network.tensors[name]
        return tensor.height * tensor.width

    def _address(self, name: str, plane: int) -> int:
        place = self.layout.placed[name]
        if name in self.network.inputs.values():
            return plane * self._plane_beats(name) + IN_IMAGE
        return place.address + plane * self._plane_beats(name) + (0 if place.on_chip else IN_DRAM)

    def _dense(self, layer: Layer) -> S8:
        """Rows of the array's memory, with channels in the slots that they are stored in."""
        k = layer.kernel
        out_slots = self.layout.placed[layer.y].slots
        in_slots = self.layout.slots_of(layer.x)
        shape = (max(out_slots) + 1, len(self.layout.planes_of(layer.x)) * self.spec.lanes, k, k)
        spread = np.zeros(shape, np.int8)
        spread[np.array(out_slots)[:, None], np.array(in_slots)[None, :]] = layer.weights
        return dense_rows(spread, self.spec)

    def _depthwise(self, layer: Layer) -> S8:
        """Taps of each plane, ``(planes, 9, lanes)``."""
        planes = len(self.layout.planes_of(layer.x))
        spread = np.zeros((planes * self.spec.lanes, 9), np.int8)
        spread[np.array(self.layout.slots_of(layer.x))] = layer.weights.reshape(-1, 9)
        return spread.reshape(planes, self.spec.lanes, 9).transpose(0, 2, 1)
