"""The network of a build as a drawing: its layers from top to bottom, their inputs, and the cost of each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import TYPE_CHECKING

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.graph.nodes import nbytes, static_shape
from edgekit.operators.qdq import TENSOR
from edgekit.operators.roles import is_move
from edgekit.operators.to_integer import to_integer
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.macs import layer_macs

if TYPE_CHECKING:
    from edgekit.quantize.compare import TensorRow

MOST_ROWS = 300
ROW, BOX, LANE, LANES, WIDTH = 30, 24, 7, 8, 440


@dataclass(frozen=True)
class Layer:
    """A node of the network that runs: its operation, and its inputs and outputs in a hop.

    Attributes:
        name: the node's.
        op: its operator.
        tensor: the float tensor that its first result is or stores.
        dtype: the type of that result.
        shape: its shape.
        macs: multiply-accumulates of a hop, by ``int8``, ``int16`` and ``float``.
        weight_bytes: of its constants.
        moved_bytes: of its operands and results, the constants included.
        reads: places in the drawing of the layers whose results it reads, itself or through movements.
    """

    name: str
    op: str
    tensor: str
    dtype: str
    shape: tuple[int, ...]
    macs: Mapping[str, int]
    weight_bytes: int
    moved_bytes: int
    reads: tuple[int, ...]

    @property
    def work(self) -> int:
        """Its multiply-accumulates of all types."""
        return sum(self.macs.values())

    @property
    def intensity(self) -> float:
        """Multiply-accumulates for each byte that it reads or writes."""
        return self.work / max(1, self.moved_bytes)

    def least_cycles(self, device: Profile) -> float | None:
        """Cycles that no program can do without: of its arithmetic, or of its bytes; None where none are known.

        The roofline model: Williams, Waterman and Patterson, 2009.
        """
        if not device.macs_per_cycle or not device.bytes_per_cycle:
            return None
        arithmetic = sum(macs / device.macs_per_cycle[kind] for kind, macs in self.macs.items())
        return max(arithmetic, self.moved_bytes / device.bytes_per_cycle)


def layers(model: Model) -> tuple[list[Layer], int]:
    """Return the layers that a build of the network computes in a hop, in order, and the number of others left out.

    Movements are left out, and in a network of more than `MOST_ROWS` all layers without multiply-accumulates.
    """
    integer = to_integer(model)
    macs = layer_macs(integer)
    nodes = [node for node in integer.ir.graph if not is_move(node)]
    if len(nodes) > MOST_ROWS:
        nodes = [node for node in nodes if any(macs.get(str(node.name), {}).values())][:MOST_ROWS]
    places = {id(node): place for place, node in enumerate(nodes)}
    made = [_layer(node, macs.get(str(node.name), {}), places) for node in nodes]
    return made, len(list(integer.ir.graph)) - len(nodes)


def _layer(node: ir.Node, macs: Mapping[str, int], places: Mapping[int, int]) -> Layer:
    result = node.outputs[0]
    read = [value for value in node.inputs if value is not None]
    constants = [value for value in read if value.const_value is not None]
    tables = [a for a in node.attributes.values() if a.type == ir.AttributeType.TENSOR]
    held = sum(a.as_tensor().nbytes for a in tables)  # integer operators have constants there
    return Layer(
        str(node.name),
        node.op_type,
        result.metadata_props.get(TENSOR, str(result.name)).removesuffix("_raw"),
        _type(result),
        static_shape(result) or (),
        {kind: count for kind, count in macs.items() if count},
        sum(map(nbytes, constants)) + held,
        sum(map(nbytes, {*read, *node.outputs})) + held,
        tuple(sorted(set(_sources(node.inputs, places)))),
    )


def _type(value: ir.Value) -> str:
    if value.dtype is None:
        return ""
    return "float32" if value.dtype == ir.DataType.FLOAT else value.dtype.name.lower()


def _sources(values: Iterable[ir.Value | None], places: Mapping[int, int]) -> Iterator[int]:
    """Yield the drawn layers before values, through nodes that are not drawn."""
    open_, seen = list(values), set[int]()
    while open_:
        value = open_.pop()
        producer = None if value is None else value.producer()
        if producer is None or id(producer) in seen:
            continue
        seen.add(id(producer))
        if id(producer) in places:
            yield places[id(producer)]
        else:
            open_ += producer.inputs


@dataclass(frozen=True)
class Row:
    """A drawn layer: its box, its bar of work (1 is the most that a layer has), and the text after a click."""

    number: int
    y: int
    layer: str
    title: str
    colour: str
    work: float
    ratio: str
    facts: Sequence[tuple[str, str]]
    reads: Sequence[tuple[int, str]]


@dataclass(frozen=True)
class NetworkDrawing:
    """Rows from top to bottom, the lines between them, and the roofline where one is known."""

    rows: Sequence[Row]
    lines: Sequence[str]
    height: int
    left: int
    work: str
    more: int
    roof: "Roof | None"


@dataclass(frozen=True)
class Roof:
    """The roofline: a path for each type, and a dot for each layer at its intensity."""

    paths: Sequence[tuple[str, str]]
    dots: Sequence[tuple[str, str, str, str, str]]
    peaks: str
    source: str


def draw(
    found: Sequence[Layer],
    more: int,
    rows: Sequence["TensorRow"],
    device: Profile,
    colours: Mapping[str, str],
    other: str,
) -> NetworkDrawing | None:
    """Return the drawing; None of a network without layers.

    Args:
        found: see `layers`.
        more: how many operators are not among them.
        rows: signal-to-noise ratios of tensors; may be empty.
        device: where it runs.
        colours: class of the page by type of tensor.
        other: the class of other types.
    """
    if not found:
        return None
    ratios = {row.name: row for row in rows}
    shares = _shares(found, device)
    ends = _lanes(found)
    left = LANE * (1 + max((lane for *_, lane in ends), default=0)) + 4
    made = [
        _row(found, number, share, ratios, colours.get(found[number].dtype, other))
        for number, share in enumerate(shares)
    ]
    lines = [_line(above, below, lane, left) for above, below, lane in ends]
    work = "multiply-accumulates" if shares[0].cycles is None else "least cycles"
    return NetworkDrawing(
        made, lines, ROW * len(found), left, work, more, _roof(found, device, colours)
    )


@dataclass(frozen=True)
class Share:
    """The cost of a layer: relative to the most expensive one, to all, and its least cycles where they are known."""

    most: float
    total: float
    cycles: float | None


def _shares(found: Sequence[Layer], device: Profile) -> list[Share]:
    """Return the cost of each layer: in cycles where the device's are known, else in multiply-accumulates."""
    cycles = [layer.least_cycles(device) for layer in found]
    costs = [
        layer.work if count is None else count for layer, count in zip(found, cycles, strict=True)
    ]
    most, total = max(costs) or 1.0, sum(costs) or 1.0
    return [Share(cost / most, cost / total, n) for cost, n in zip(costs, cycles, strict=True)]


def _row(
    found: Sequence[Layer],
    number: int,
    share: Share,
    ratios: Mapping[str, "TensorRow"],
    colour: str,
) -> Row:
    layer = found[number]
    ratio = ratios.get(layer.tensor)
    return Row(
        number,
        number * ROW,
        layer.name,
        f"{layer.op} {layer.name}",
        colour,
        round(share.most, 3),
        _db(ratio.snr_db) if ratio is not None else "",
        list(_facts(layer, share.total, share.cycles, ratio)),
        [(place, f"{found[place].op} {found[place].name}") for place in layer.reads],
    )


def _lanes(found: Sequence[Layer]) -> list[tuple[int, int, int]]:
    """Every edge, with the lane that its line runs in: 0 where nothing lies between its ends."""
    free: list[int] = []
    ends = []
    edges = sorted((above, below) for below, layer in enumerate(found) for above in layer.reads)
    for above, below in edges:
        lane = 0
        if below - above > 1:
            lane = next((i for i, until in enumerate(free) if until <= above), len(free))
            free[lane : lane + 1] = [below]
            lane = min(lane + 1, LANES)
        ends.append((above, below, lane))
    return ends


def _line(above: int, below: int, lane: int, left: int) -> str:
    """The path from the box of one layer to that of another."""
    if lane == 0:
        return f"M{left + 20} {above * ROW + BOX}V{below * ROW}"
    x, start, end = left - lane * LANE, above * ROW + BOX - 6, below * ROW + 6
    return f"M{left} {start}H{x + 3}Q{x} {start} {x} {start + 3}V{end - 3}Q{x} {end} {x + 3} {end}H{left}"


def _facts(
    layer: Layer, share: float, cycles: float | None, row: "TensorRow | None"
) -> Iterator[tuple[str, str]]:
    yield "operator", layer.op
    yield "result", f"{layer.tensor}, {layer.dtype} {list(layer.shape)}"
    if layer.work:
        parts = ", ".join(f"{count:,} {kind}" for kind, count in layer.macs.items())
        yield "multiply-accumulates", f"{parts}; {layer.intensity:.2g} for each byte"
    if layer.weight_bytes:
        yield "constants", f"{layer.weight_bytes:,} bytes"
    yield "reads and writes", f"{layer.moved_bytes:,} bytes"
    if cycles is not None:
        yield "least cycles", f"{cycles:,.0f}, {100 * share:.1f} % of all"
    elif layer.work:
        yield "share of the work", f"{100 * share:.1f} %"
    if row is not None:
        yield "signal to noise", f"{_db(row.snr_db)}; {_db(row.alone_db)} by its own rounding"


def _db(ratio: float) -> str:
    return f"{ratio:.1f} dB" if abs(ratio) < float("inf") else "exact" if ratio > 0 else "-"


ROOF_WIDTH, ROOF_HEIGHT = 440, 220
DECADES = (-2.0, 3.0)  # MACs for each byte, as powers of ten


def _roof(found: Sequence[Layer], device: Profile, colours: Mapping[str, str]) -> Roof | None:
    """Layers below the roof of their device: to the left bytes bound them, to the right arithmetic."""
    peaks, bandwidth = device.macs_per_cycle, device.bytes_per_cycle
    working = [layer for layer in found if layer.work]
    if not peaks or not bandwidth or not working:
        return None
    used = sorted({kind for layer in working for kind in layer.macs})
    classes = {kind: colours["float32" if kind == "float" else kind] for kind in used}
    most, top = max(layer.work for layer in working), max(peaks.values())
    start = 10 ** DECADES[0]
    paths = [
        (
            f"M{_across(start)} {_down(bandwidth * start, top)}"
            f"L{_across(peaks[kind] / bandwidth)} {_down(peaks[kind], top)}H{ROOF_WIDTH}",
            classes[kind],
        )
        for kind in used
    ]
    dots = [_dot(layer, device, layer.work / most, classes) for layer in working]
    listed = ", ".join(f"{peaks[kind]:g} {kind}" for kind in used)
    return Roof(paths, dots, f"{listed}; {bandwidth:g} bytes", device.roof_from)


def _across(intensity: float) -> float:
    """Return the horizontal place of an intensity."""
    place = (log10(intensity) - DECADES[0]) / (DECADES[1] - DECADES[0])
    return round(ROOF_WIDTH * min(1.0, max(0.0, place)), 1)


def _down(rate: float, top: float) -> float:
    """Return the vertical place of a rate, below the highest one."""
    return round(ROOF_HEIGHT * (0.06 + 0.9 * min(1.0, max(0.0, log10(top / rate) / 3))), 1)


def _dot(
    layer: Layer, device: Profile, share: float, classes: Mapping[str, str]
) -> tuple[str, str, str, str, str]:
    """A layer at its intensity and the most MACs a cycle; `share` is its work by the most that a layer has."""
    assert device.macs_per_cycle and device.bytes_per_cycle
    cycles = layer.least_cycles(device) or 1.0
    rate = layer.work / cycles
    kind = max(layer.macs, key=lambda name: layer.macs[name])
    is_bytes = cycles * device.bytes_per_cycle <= layer.moved_bytes * 1.001
    hint = (
        f"{layer.op} {layer.name}: {layer.intensity:.2g} multiply-accumulates for each byte, at most "
        f"{rate:.2g} a cycle, bound by {'its bytes' if is_bytes else 'its arithmetic'}"
    )
    place = str(_across(layer.intensity)), str(_down(rate, max(device.macs_per_cycle.values())))
    return *place, f"{3 + 7 * share**0.5:.1f}", classes[kind], hint
