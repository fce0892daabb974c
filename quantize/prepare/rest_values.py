"""Inputs and outputs of layers in silence, if the input follows the level of the sound except for a constant."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Float32
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.facts import facts_of
from edgekit.graph.hops import state_values
from edgekit.graph.model import Model
from edgekit.graph.nodes import sole_user
from edgekit.operators.geometry import dims
from edgekit.operators.roles import LINEAR, activations, constant, is_move
from edgekit.operators.table import is_integer_compute
from edgekit.operators.weight_layout import channel_rows
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.rest import pcm_input
from edgekit.quantize.prepare.levels import Degrees

MACS = 2  # of a layer after a bias for each element that it reads and writes in float
QUIET, QUIET_HOPS, QUIET_CLIPS = 10**-1.5, 60, 8  # how to test whether such a layer follows
FOLLOWS = 0.15  # of the power at full level, where 30 dB less sound would leave 0.001 of a tensor without bias


@dataclass(frozen=True)
class Entry:
    """Place where a layer's operand is scaled: input `index` of `reader`, before it is moved."""

    layer: ir.Node
    reader: ir.Node
    index: int

    @property
    def value(self) -> ir.Value:
        """Operand in the current graph: after another layer's scale, the value that undoes that scale."""
        value = self.reader.inputs[self.index]
        assert value is not None
        return value


@dataclass(frozen=True)
class Rest:
    """Operand and result of a layer in silence, and the largest amount that sound adds to the operand."""

    entry: Entry
    operand: Float32
    result: Float32
    peak: float


def _layers_after_bias(model: Model, found: Degrees) -> list[Entry]:
    """Return layers whose input may follow the level except for a constant, and that save more than they cost."""
    graph = model.ir.graph
    held = {before: after for before, after in state_values(model) if before not in found}
    while True:  # states are taken out until all that are left hold what such layers read or write
        near, layers = _reachable_tensors(graph, {*held}, found)
        kept = {before: after for before, after in held.items() if after in near}
        if len(kept) == len(held):
            return [entry for entry in map(entry_of, layers) if _saves(entry)]
        held = kept


def _reachable_tensors(
    graph: ir.Graph, near: set[ir.Value], found: Degrees
) -> tuple[set[ir.Value], list[ir.Node]]:
    """Return tensors that layers, moves and elementwise functions compute from following and `near` ones.

    Also return the layers that read one which does not follow itself.
    """
    layers = list[ir.Node]()
    for node in graph:
        read = _leading_operands(node)
        if read and all(value in near or value in found for value in read):
            near.update(value for value in node.outputs if value not in found)
            if _is_integer_layer(node) and read[0] in near:
                layers.append(node)
    return near, layers


def _leading_operands(node: ir.Node) -> list[ir.Value]:
    """Return the operands of a layer, a move or an elementwise function; none for other nodes."""
    if _is_integer_layer(node):
        return activations(node)[:1]
    return activations(node) if is_move(node) or facts_of(node).elementwise else []


def _is_integer_layer(node: ir.Node) -> bool:
    return node.op_type in LINEAR and is_integer_compute(node)


def _saves(entry: Entry) -> bool:
    """Whether a layer has `MACS` multiply-accumulates or more for each element that is scaled."""
    weight, layer = constant(entry.layer.inputs[1]), entry.layer
    assert weight is not None, layer.name
    written = np.prod(dims(layer.outputs[0]))
    taps = weight.size // len(channel_rows(layer, weight))
    return bool(taps * written >= MACS * (np.prod(dims(entry.value)) + written))


def rest_values(model: Model, calibration: Calibration, found: Degrees) -> list[Rest]:
    """Return inputs and outputs in silence of layers that settle in silence and otherwise follow the level.

    `found` has the tensors that follow the level directly.
    """
    pcm, entries = pcm_input(model), _layers_after_bias(model, found)
    if pcm is None or not entries:
        return []
    pairs = [(str(e.value.name), str(e.layer.outputs[0].name)) for e in entries]
    runner = HopRunner(model, list(chain(*pairs)))
    clips = _short_clips(calibration, model.constants)
    shape = (QUIET_HOPS, *clips[0][pcm].shape[1:])
    silent = runner({**clips[0], pcm: np.zeros(shape, np.float32)})
    at_rest = {x: silent[x][-1] for x, _ in pairs}
    loud, quiet = (
        _departures(runner, [{**c, pcm: c[pcm] * np.float32(gain)} for c in clips], at_rest)
        for gain in (1.0, QUIET)
    )
    return [
        Rest(entry, silent[x][-1], silent[y][-1], max(loud[x].peak, quiet[x].peak))
        for entry, (x, y) in zip(entries, pairs, strict=True)
        if _is_steady(silent[x]) and _is_steady(silent[y]) and loud[x].is_followed_by(quiet[x])
    ]


def _short_clips(calibration: Calibration, constants: Collection[str]) -> list[dict[str, Array]]:
    """Return the first hops of the first clips."""
    return [
        {n: a if n in constants else a[:QUIET_HOPS] for n, a in clip.items()}
        for clip in calibration.clips[:QUIET_CLIPS]
    ]


@dataclass
class _Departure:
    """Distance of a tensor from its values in silence: the sum of squares, and the maximum."""

    power: float = 0.0
    peak: float = 0.0

    def is_followed_by(self, quiet: "_Departure") -> bool:
        """Whether much quieter sound leaves little of it."""
        return 0 < self.power < np.inf and quiet.power <= FOLLOWS * self.power


def _departures(
    runner: HopRunner, clips: Sequence[Mapping[str, Array]], at_rest: Mapping[str, Array]
) -> dict[str, _Departure]:
    found = {name: _Departure() for name in at_rest}
    for clip in clips:
        seen = runner(clip)
        for name, departure in found.items():
            moved = seen[name] - at_rest[name]
            departure.power += float(np.sum(np.square(moved, dtype=np.float64)))
            departure.peak = max(departure.peak, float(np.abs(moved).max()))
    return found


def _is_steady(hops: Array) -> bool:
    """Whether the last two hops are equal."""
    return np.array_equal(hops[-1], hops[-2])


def entry_of(layer: ir.Node) -> Entry:
    """Return the operand of a layer, before nodes that only move it, so that the fewest elements are scaled."""
    reader, index = layer, 0
    value = layer.inputs[0]
    assert value is not None
    while True:
        move = value.producer()
        alone = move is not None and is_move(move) and len(activations(move)) == 1
        if move is None or not alone or sole_user(value) is None or len(move.outputs) > 1:
            return Entry(layer, reader, index)
        source = activations(move)[0]
        if np.prod(dims(source)) > np.prod(dims(value)):
            return Entry(layer, reader, index)
        reader, index, value = move, list(move.inputs).index(source), source
