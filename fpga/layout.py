"""The places of an engine's tensors: channels in planes of beats, planes on chip or in DRAM.

A plane holds LANES channels of every pixel, a beat each. A layer reads a list of planes, so that shuffle, split and
concat cost nothing. The readers of channels decide which of them share a plane.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edgekit.fpga.network import Layer, Network, StoredTensor, View
from edgekit.fpga.spec import EngineSpec

IMAGE_LANES = 4  # bytes of a pixel of an input of up to 4 channels, in DRAM


@dataclass(frozen=True)
class TensorPlace:
    """A stored tensor's place.

    Attributes:
        slots: of each channel: its plane times LANES plus its lane.
        planes: the number of its planes, one after another.
        on_chip: whether it lies in the engine's buffer; else in DRAM.
        address: of its first beat there.
    """

    slots: tuple[int, ...]
    planes: int
    on_chip: bool = False
    address: int = 0


class Plane(NamedTuple):
    """A plane as a layer reads it: of which tensor, which one, each pixel how often, for which time."""

    tensor: str
    number: int
    factor: int
    time: int


@dataclass(frozen=True)
class Layout:
    """Places of all tensors, and how much memory they take.

    Attributes:
        placed: by tensor.
        buffer_beats: of the buffer that are used at the same time at most.
        dram_beats: that are used in DRAM, inputs left out.
        lanes: of a beat.
    """

    placed: Mapping[str, TensorPlace]
    buffer_beats: int
    dram_beats: int
    lanes: int

    def planes_of(self, view: View) -> list[Plane]:
        """The planes that hold a view's channels; one is there again where a channel is."""
        return list(dict.fromkeys(plane for plane, _ in self.lanes_of(view)))

    def lanes_of(self, view: View) -> list[tuple[Plane, int]]:
        """Return the plane and the lane of each channel of a view."""
        found = []
        times = Counter[tuple[str, int, int]]()
        for source in view.sources:
            name, channel, factor = source
            slot = self.placed[name].slots[channel]
            found.append(
                (Plane(name, slot // self.lanes, factor, times[source]), slot % self.lanes)
            )
            times[source] += 1
        return found

    def slots_of(self, view: View) -> list[int]:
        """Return the lane of each channel of a view, among those of all its planes."""
        index = {plane: i for i, plane in enumerate(self.planes_of(view))}
        return [index[plane] * self.lanes + lane for plane, lane in self.lanes_of(view)]


def slots_layout(network: Network, lanes: int) -> Layout:
    """Choose the slot of every channel, and no addresses."""
    return Layout(_Channels(network, lanes).placed, 0, 0, lanes)


def make_layout(network: Network, spec: EngineSpec) -> Layout:
    """Place every tensor."""
    placed = dict(slots_layout(network, spec.lanes).placed)
    last = _last_readers(network)
    plan = _Memory(spec.buffer_beats)
    for name in network.from_cpu:
        tensor, place = network.tensors[name], placed[name]
        size = place.planes * tensor.height * tensor.width
        placed[name] = replace(place, address=plan.allocate(name, size, chip=False)[1])
    for step, layer in enumerate(network.layers):
        tensor = network.tensors[layer.y]
        size = placed[layer.y].planes * tensor.height * tensor.width
        source = _in_place(layer, network, placed, last, step)
        if source is not None:
            where = placed[source]
            on_chip, address = where.on_chip, where.address
            plan.rename(source, layer.y)
        else:
            on_chip, address = plan.allocate(layer.y, size, chip=last[layer.y] is not None)
        place = placed[layer.y]
        placed[layer.y] = TensorPlace(place.slots, place.planes, on_chip, address)
        for name, reader in last.items():
            if reader == step:
                plan.free(name)
    return Layout(placed, plan.most, plan.dram, spec.lanes)


class _Channels:
    """Chooses the slot of every channel, tensor by tensor in the order of their layers."""

    def __init__(self, network: Network, lanes: int) -> None:
        self.lanes, self.placed = lanes, dict[str, TensorPlace]()
        readers = _readers(network)
        for name in (*network.inputs.values(), *network.from_cpu):
            count = network.tensors[name].channels
            self.placed[name] = TensorPlace(tuple(range(count)), -(-count // lanes))
        for layer in network.layers:
            if layer.path != "dense":
                slots = Layout(self.placed, 0, 0, lanes).slots_of(layer.x)
            else:
                slots = self._grouped(network.tensors[layer.y], readers)
            self.placed[layer.y] = TensorPlace(tuple(slots), max(slots) // lanes + 1)

    def _grouped(
        self, tensor: StoredTensor, readers: Mapping[tuple[str, int], frozenset[int]]
    ) -> list[int]:
        """Fill separate planes with channels of the same readers; the others share planes, first fit."""
        groups: dict[frozenset[int], list[int]] = {}
        for channel in range(tensor.channels):
            groups.setdefault(readers.get((tensor.name, channel), frozenset()), []).append(channel)
        chunks = [
            members[i : i + self.lanes]
            for members in groups.values()
            for i in range(0, len(members), self.lanes)
        ]
        whole = [chunk for chunk in chunks if len(chunk) == self.lanes]
        rest = [chunk for chunk in chunks if len(chunk) < self.lanes]
        slots = [0] * tensor.channels
        for plane, members in enumerate([*whole, *self._first_fit(rest)]):
            for lane, channel in enumerate(members):
                slots[channel] = plane * self.lanes + lane
        return slots

    def _first_fit(self, chunks: list[list[int]]) -> list[list[int]]:
        """Chunks together in planes, the longest first."""
        planes: list[list[int]] = []
        for chunk in sorted(chunks, key=len, reverse=True):
            fits = next((p for p in planes if len(p) + len(chunk) <= self.lanes), None)
            if fits is None:
                planes.append(list(chunk))
            else:
                fits += chunk
        return planes


@dataclass
class _Memory:
    """First fit over the time of use, in the buffer and, where that is full, in DRAM."""

    capacity: int
    most: int = 0
    dram: int = 0
    live: dict[str, tuple[bool, int, int]] = field(default_factory=dict)

    def allocate(self, name: str, size: int, chip: bool) -> tuple[bool, int]:
        address = self._gap(size, on_chip=True)
        on_chip = chip and address + size <= self.capacity
        if not on_chip:
            address = self._gap(size, on_chip=False)
            self.dram = max(self.dram, address + size)
        else:
            self.most = max(self.most, address + size)
        self.live[name] = on_chip, address, size
        return on_chip, address

    def rename(self, old: str, new: str) -> None:
        self.live[new] = self.live.pop(old)

    def free(self, name: str) -> None:
        self.live.pop(name, None)

    def _gap(self, size: int, on_chip: bool) -> int:
        address = 0
        for start, length in sorted((a, n) for chip, a, n in self.live.values() if chip == on_chip):
            if start - address >= size:
                break
            address = max(address, start + length)
        return address


def _readers(network: Network) -> dict[tuple[str, int], frozenset[int]]:
    found: dict[tuple[str, int], set[int]] = {}
    views = [*(layer.x for layer in network.layers), *network.leaving]
    for step, view in enumerate(views):
        for name, channel in zip(view.tensors, view.channels, strict=True):
            found.setdefault((name, channel), set()).add(step)
    return {key: frozenset(steps) for key, steps in found.items()}


def _last_readers(network: Network) -> dict[str, int | None]:
    """Return the last layer that reads each tensor; None for tensors that leave the engine, or come from the CPU."""
    last: dict[str, int | None] = {layer.y: step for step, layer in enumerate(network.layers)}
    for step, layer in enumerate(network.layers):
        names = {*layer.x.tensors, *([layer.dilation] if layer.dilation else [])}
        last |= dict.fromkeys(names, step)
    for view in network.leaving:
        last |= dict.fromkeys(view.tensors, None)
    return last | dict.fromkeys(network.from_cpu, None)


def _in_place(
    layer: Layer,
    network: Network,
    placed: Mapping[str, TensorPlace],
    last: Mapping[str, int | None],
    step: int,
) -> str | None:
    """Return the tensor whose place a depthwise layer may overwrite: rows leave after the line buffer."""
    names = set(layer.x.tensors)
    if (
        layer.path != "depthwise"
        or layer.stride != 1
        or set(layer.x.factors) != {1}
        or len(names) != 1
    ):
        return None
    (name,) = names
    same = placed[name].planes == placed[layer.y].planes and last[name] == step
    fed = name in network.inputs.values() or last[layer.y] is None
    in_order = placed[name].slots == placed[layer.y].slots
    return name if same and in_order and not fed else None
