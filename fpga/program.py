"""`Program`: the program of an engine: layers, planes, weights, tables, and the places of all of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Int8, Int32
from edgekit.base.errors import ModelError, Problem, merge_alike
from edgekit.fpga.layout import IMAGE_LANES, Layout, make_layout
from edgekit.fpga.network import Layer, Network, View
from edgekit.fpga.simulate import dense_rows
from edgekit.fpga.spec import MOST_COUNT, MOST_SIDE, EngineSpec
from edgekit.fpga.words import PATHS, Record, address, decode, encode
from edgekit.runtime.runners.fpga import pack_lanes

S8 = Int8
Int = TypeVar("Int", bound=np.signedinteger)


@dataclass(frozen=True)
class Program:
    """The program for the engine.

    Attributes:
        layers: in order, with their planes, weights and scaling.
        layout: the places of tensors.
        spec: of the engine.
        network: the network that it computes.
    """

    layers: tuple[Record, ...]
    layout: Layout
    spec: EngineSpec
    network: Network

    @property
    def image_lanes(self) -> int:
        """Bytes of a pixel of the input."""
        (name,) = self.network.inputs.values()
        channels = self.network.tensors[name].channels
        return min(IMAGE_LANES, self.spec.lanes) if channels <= IMAGE_LANES else self.spec.lanes

    @property
    def memory(self) -> dict[str, int]:
        """The beats of each memory that the program reads or writes: the input's are pixels of `image_lanes` bytes."""
        (name,) = self.network.inputs.values()
        channels, height, width = self.network.tensors[name].shape
        image = -(-channels // self.image_lanes) * height * width
        layout = self.layout
        return {"buffer": layout.buffer_beats, "dram": max(layout.dram_beats, 1), "image": image}

    @cached_property
    def words(self) -> bytes:
        """program.bin; raises `ModelError` where an address is outside of its memory."""
        content = encode(self.spec, self.memory, self.image_lanes, self.layers)
        decode(content)
        return content

    def pack_image(self, x: S8) -> S8:
        """An input ``(channels, height, width)`` as the engine reads it: planes of pixels of bytes."""
        return pack_lanes(x, self.image_lanes)

    def places(self, views: Iterable[View]) -> Int32:
        """Return, for each byte of views in order, its beat in DRAM times LANES plus its lane."""
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
    """Return the program of a network; `edgekit.fpga.search.fit_engine` gives specs that fit it.

    Raises `ModelError` with every layer that the RTL of such an engine cannot hold.
    """
    layout = make_layout(network, spec)
    if problems := [p for layer in network.layers for p in limits(layer, spec, layout)]:
        raise ModelError(merge_alike(problems))
    writer = _Writer(network, spec, layout)
    return Program(tuple(map(writer.record, network.layers)), layout, spec, network)


def limits(layer: Layer, spec: EngineSpec, layout: Layout) -> Iterator[Problem]:
    """Yield the parts of a layer that the counters and memories of an engine's RTL cannot hold."""
    where, height, width = f"layer {layer.name!r}", layer.x.height, layer.x.width
    pixels = -(-height // layer.stride) * -(-width // layer.stride)
    groups = -(-layout.placed[layer.y].planes * spec.lanes // spec.columns)
    planes = len(layout.planes_of(layer.x))
    beats = layer.kernel**2 * planes
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
    rows += (("planes", planes, spec.plane_rows),)
    if layer.path != "pool":
        rows += (("bits of its sums", layer.accumulator_bits, spec.accumulator_bits),)
    for what, found, most in rows:
        if found > most:
            yield Problem(where, f"{found} {what}", f"at most {most}", "make the layer smaller")


class _Writer:
    def __init__(self, network: Network, spec: EngineSpec, layout: Layout) -> None:
        self.network, self.spec, self.layout = network, spec, layout

    def record(self, layer: Layer) -> Record:
        lanes, place = self.spec.lanes, self.layout.placed[layer.y]
        planes = self.layout.planes_of(layer.x)
        dense = layer.path == "dense"
        width = self.spec.columns if dense else lanes
        groups = -(-place.planes * lanes // width) if dense else 0
        fields = {
            "path": PATHS.index(layer.path),
            "deform": int(layer.dilation is not None),
            "stride_log2": layer.stride.bit_length() - 1,
            "kernel": layer.kernel,
            "height": layer.x.height,
            "width": layer.x.width,
            "planes": len(planes),
            "out_planes": place.planes,
            "x_zero": layer.x_zero,
            "y_zero": layer.y_zero,
            "y_min": layer.y_min,
            "y_max": layer.y_max,
            "y": self._address(layer.y, 0),
            "d": 0 if layer.dilation is None else self._address(layer.dilation, 0),
            "plane_beats": self._plane_beats(layer.y),
            "beats": layer.kernel**2 * len(planes) if dense else 0,
            "groups": groups,
            "groups_per_pass": max(1, min(self.spec.line_beats // layer.x.width, self.spec.groups)),
        }
        addresses = [
            self._address(plane.tensor, plane.number, plane.factor.bit_length() - 1)
            for plane in planes
        ]
        forms = {"dense": self._dense, "depthwise": self._depthwise}
        rows, scaling = np.zeros((0, 0, 0), np.int8), np.zeros((0, 0, 3), np.int64)
        if layer.path in forms:
            blocks = groups if dense else len(planes)
            rows = forms[layer.path](layer).reshape(blocks, -1, width * lanes if dense else lanes)
            table = np.zeros((blocks * width, 3), np.int64)
            table[:, 2] = 1
            table[np.array(place.slots)] = np.stack([layer.bias, layer.mult, layer.shift], 1)
            scaling = table.reshape(blocks, width, 3)
        return Record(fields, np.array(addresses, np.uint32), scaling, rows)

    def _plane_beats(self, name: str) -> int:
        tensor = self.network.tensors[name]
        return tensor.height * tensor.width

    def _address(self, name: str, plane: int, up: int = 0) -> int:
        place, beat = self.layout.placed[name], plane * self._plane_beats(name)
        if name in self.network.inputs.values():
            return address("image", beat, up)
        return address("buffer" if place.on_chip else "dram", place.address + beat, up)

    def _dense(self, layer: Layer) -> S8:
        """Rows of the array's memory, with channels in the slots that they are stored in."""
        k = layer.kernel
        out_slots = self.layout.placed[layer.y].slots
        in_slots = self.layout.slots_of(layer.x)
        lanes, outputs = self.spec.lanes, self.layout.placed[layer.y].planes * self.spec.lanes
        shape = (outputs, len(self.layout.planes_of(layer.x)) * lanes, k, k)
        spread = np.zeros(shape, np.int8)
        spread[np.array(out_slots)[:, None], np.array(in_slots)[None, :]] = layer.weights
        return dense_rows(spread, self.spec)

    def _depthwise(self, layer: Layer) -> S8:
        """Taps of each plane, ``(planes, 9, lanes)``."""
        planes = len(self.layout.planes_of(layer.x))
        spread = np.zeros((planes * self.spec.lanes, 9), np.int8)
        spread[np.array(self.layout.slots_of(layer.x))] = layer.weights.reshape(-1, 9)
        return spread.reshape(planes, self.spec.lanes, 9).transpose(0, 2, 1)
