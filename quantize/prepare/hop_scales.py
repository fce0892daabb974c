"""Per-hop scales: layers that read what follows the level of the sound get it near full scale, whatever the level.

A spectrum, samples, and what layers without bias make of them fall with the sound by 30 dB and more; the steps of a
static int8 type do not. Such an operand x of a layer is multiplied by 2^e, and the layer's sums by 2^-e before the
bias is added. With P four times the largest |x| that calibration saw, e is the number of k in 1..15 for which
max |x| < P 2^-k in this hop, so that max |x| 2^e is in [P / 2, P) unless |x| is above P / 2 or below P 2^-16.
Multiplying by powers of two is exact: the float network stays the same. The product of a recurrent layer with such an
operand, which ends inside the cell, is taken out of it first.

Behind a bias a tensor is what it is in silence, and what sound adds to that. Where the latter follows the level, it
alone gets a scale per hop: layer(x) = layer(x - x at rest) - without bias - + layer(x at rest), but for float rounding.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float32
from edgekit.export.hop_runner import HopRunner
from edgekit.export.passes.shapes import InferShapes
from edgekit.graph.facts import facts_of
from edgekit.graph.fused import is_fused
from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.graph.nodes import add_initializer, sole_user
from edgekit.operators.geometry import dims, optional
from edgekit.operators.roles import (
    HOP_END,
    HOP_SCALE,
    HOP_SCALED,
    LINEAR,
    RECURRENT,
    activations,
    constant,
    is_move,
)
from edgekit.operators.table import is_integer_compute
from edgekit.operators.weight_layout import channel_rows
from edgekit.quantize.calibrate.clips import BLOCK_HOPS, Calibration
from edgekit.quantize.calibrate.warnings import pcm_input
from edgekit.quantize.prepare.gate_sums import take_out
from edgekit.quantize.prepare.levels import Degrees, degrees

HEADROOM = 4.0  # of the largest value that calibration saw
STEPS = 15  # of e, for a tensor of degree 1
MACS = 2  # of a layer behind a bias for each element that it reads and writes in float
QUIET, QUIET_HOPS, QUIET_CLIPS = 10**-1.5, 60, 8  # what tells whether such a layer follows
FOLLOWS = 0.15  # of the power at full level, where 30 dB less sound would leave 0.001 of a tensor without bias


@dataclass(frozen=True)
class Entry:
    """Where the operand of a layer is scaled: input `index` of `reader`, before it is moved."""

    layer: ir.Node
    reader: ir.Node
    index: int

    @property
    def value(self) -> ir.Value:
        """The operand, as it is now: where another layer wrote it, what undoes that layer's scale."""
        value = self.reader.inputs[self.index]
        assert value is not None
        return value


def hop_scales(model: Model, calibration: Calibration, behind_biases: bool = True) -> Model:
    """Return the float model with a scale per hop at every layer whose input follows the level.

    Those `behind_biases` follow but for what they are in silence.
    """
    copy = Model(model.ir.clone())
    found = degrees(copy)
    cells = [node for node in copy.ir.graph if _is_open(node, RECURRENT, found)]
    for cell in cells:
        take_out(copy.ir.graph, cell)
    if cells:
        copy.ir.graph.sort()
        found = degrees(copy)
    entries = [_entry(node) for node in copy.ir.graph if _is_open(node, LINEAR, found)]
    if not entries:
        return model
    rests = _rests(copy, calibration, _layers_after_bias(copy, found)) if behind_biases else []
    wanted = {str(entry.value.name): found[entry.value] for entry in entries}
    peaks = _peaks(copy, calibration, list(wanted))
    graph, scales = copy.ir.graph, dict[ir.Value, tuple[ir.Value, ir.Value]]()
    for entry in entries:
        value, name = entry.value, str(entry.value.name)
        if value not in scales:
            scales[value] = _append_hop_scale(graph, value, value, peaks[name], wanted[name])
        scaled, down = scales[value]
        entry.reader.replace_input_with(entry.index, scaled)
        _undo(graph, entry.layer, down, _bias(graph, entry.layer))
    for rest in rests:
        value, layer = rest.entry.value, rest.entry.layer
        if value not in scales:
            scales[value] = _append_hop_scale(
                graph, value, _subtract_silence(graph, value, rest), rest.peak, 1.0
            )
        scaled, down = scales[value]
        rest.entry.reader.replace_input_with(rest.entry.index, scaled)
        _undo(graph, layer, down, add_initializer(graph, f"{layer.name}.rest", rest.result))
    graph.sort()
    InferShapes()(copy.ir)
    _keep_in_float(copy)
    _end_behind_activations(copy)
    return copy


@dataclass(frozen=True)
class Rest:
    """What the operand and the result of a layer are in silence, and the most that sound adds to the operand."""

    entry: Entry
    operand: Float32
    result: Float32
    peak: float


def _layers_after_bias(model: Model, found: Degrees) -> list[Entry]:
    """Layers whose input may follow the level but for a constant, and that save more than they cost."""
    graph = model.ir.graph
    inputs = {str(value.name): value for value in graph.inputs}
    outputs = {str(value.name): value for value in graph.outputs}
    held = {inputs[pair.input]: outputs[pair.output] for pair in model.states}
    held = {before: after for before, after in held.items() if before not in found}
    while True:  # states are taken out until all that are left hold what such layers read or write
        near, layers = _reachable_tensors(graph, {*held}, found)
        kept = {before: after for before, after in held.items() if after in near}
        if len(kept) == len(held):
            return [entry for entry in map(_entry, layers) if _saves(entry)]
        held = kept


def _reachable_tensors(
    graph: ir.Graph, near: set[ir.Value], found: Degrees
) -> tuple[set[ir.Value], list[ir.Node]]:
    """The tensors that layers, moves and functions of an element make of those that follow and those `near`.

    With them the layers that read one which does not follow itself.
    """
    layers = list[ir.Node]()
    for node in graph:
        layer = node.op_type in LINEAR and is_integer_compute(node)
        read = activations(node)[:1] if layer else activations(node)
        leads = layer or is_move(node) or facts_of(node).elementwise
        if leads and read and all(value in near or value in found for value in read):
            near.update(value for value in node.outputs if value not in found)
            layers += [node] if layer and read[0] in near else []
    return near, layers


def _saves(entry: Entry) -> bool:
    """Whether a layer has `MACS` multiply-accumulates or more for each element that is scaled."""
    weight, layer = constant(entry.layer.inputs[1]), entry.layer
    assert weight is not None, layer.name
    written = np.prod(dims(layer.outputs[0]))
    taps = weight.size // len(channel_rows(layer, weight))
    return bool(taps * written >= MACS * (np.prod(dims(entry.value)) + written))


def _rests(model: Model, calibration: Calibration, entries: Sequence[Entry]) -> list[Rest]:
    """What entries read and make of silence, of those that come to rest in it and follow the level."""
    pcm = pcm_input(model)
    if pcm is None or not entries:
        return []
    pairs = [(str(e.value.name), str(e.layer.outputs[0].name)) for e in entries]
    runner = HopRunner(model, [name for pair in pairs for name in pair])
    constants = model.constants
    clips = [
        {n: a if n in constants else a[:QUIET_HOPS] for n, a in clip.items()}
        for clip in calibration.clips[:QUIET_CLIPS]
    ]
    shape = (QUIET_HOPS, *clips[0][pcm].shape[1:])
    silent = runner({**clips[0], pcm: np.zeros(shape, np.float32)})
    powers = {x: [0.0, 0.0] for x, _ in pairs}
    peaks = dict.fromkeys(powers, 0.0)
    for clip in clips:
        for at, gain in enumerate((1.0, QUIET)):
            seen = runner({**clip, pcm: clip[pcm] * np.float32(gain)})
            for x in powers:
                moved = seen[x] - silent[x][-1]
                powers[x][at] += float(np.sum(np.square(moved, dtype=np.float64)))
                peaks[x] = max(peaks[x], float(np.abs(moved).max()))
    rests = []
    for entry, (x, y) in zip(entries, pairs, strict=True):
        rests_there = all(np.array_equal(silent[name][-1], silent[name][-2]) for name in (x, y))
        loud, quiet = powers[x]
        if rests_there and 0 < loud < np.inf and quiet <= FOLLOWS * loud:
            rests.append(Rest(entry, silent[x][-1], silent[y][-1], peaks[x]))
    return rests


def readers(model: Model) -> tuple[str, ...]:
    """The tensors that follow the level of the sound and are read by layers, each once."""
    found = degrees(model)
    read = [n.inputs[0] for n in model.ir.graph if _is_open(n, LINEAR | RECURRENT, found)]
    return tuple(dict.fromkeys(str(value.name) for value in read if value is not None))


def _is_open(node: ir.Node, kinds: Collection[str], found: Degrees) -> bool:
    """Whether a layer of constant weights runs in integers, and reads what follows the level."""
    x = node.inputs[0] if node.inputs else None
    return node.op_type in kinds and is_integer_compute(node) and x in found


def _entry(layer: ir.Node) -> Entry:
    """The operand of a layer, before what only moves it to the layer; the fewest elements are scaled."""
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


def _peaks(model: Model, calibration: Calibration, names: Sequence[str]) -> dict[str, float]:
    """The largest magnitude of each tensor in the calibration."""
    found = dict.fromkeys(names, 0.0)
    states = {pair.input: pair.output for pair in model.states}
    taps = {name: states.get(name, name) for name in names}
    runner = HopRunner(model, list(taps.values()))
    for clip in calibration.clips:
        for seen in runner.blocks(clip, BLOCK_HOPS):
            for name, tap in taps.items():
                found[name] = max(found[name], float(np.abs(seen[tap]).max(initial=0.0)))
    return found


def _subtract_silence(graph: ir.Graph, x: ir.Value, rest: Rest) -> ir.Value:
    """Append x without what it is in silence."""
    constant = add_initializer(graph, f"{x.name}.rest", rest.operand)
    node = ir.node("Sub", [x, constant], name=f"{x.name}.moving")
    node.metadata_props[FLOAT_NODE] = "1"
    moving = node.outputs[0]
    moving.name, moving.type, moving.shape = f"{x.name}.moving", x.type, x.shape
    graph.append(node)
    return moving


def _append_hop_scale(
    graph: ir.Graph, stored: ir.Value, x: ir.Value, peak: float, degree: float
) -> tuple[ir.Value, ir.Value]:
    """Append x 2^e and 2^-e; `stored` is the tensor that x is made of."""
    top = np.float32(HEADROOM * (peak if peak > 0 else 1.0))
    steps = np.arange(1, round(STEPS * max(degree, 1.0)) + 1)
    bounds = add_initializer(graph, f"{x.name}.bounds", np.ldexp(top, -steps).astype(np.float32))
    rows = {sign: np.ldexp(np.float32(1), sign * np.arange(len(steps) + 1)) for sign in (1, -1)}
    up_rows = add_initializer(graph, f"{x.name}.up", rows[1].astype(np.float32))
    down_rows = add_initializer(graph, f"{x.name}.down", rows[-1].astype(np.float32))
    last = add_initializer(graph, f"{x.name}.all", np.zeros(1, np.int64))
    flat = add_initializer(graph, f"{x.name}.flat", np.array([-1], np.int64))
    nodes: list[ir.Node] = []

    def add(op_type: str, name: str, *inputs: ir.Value, **attributes: int) -> ir.Value:
        node = ir.node(op_type, inputs, attributes, name=f"{x.name}.{name}")
        node.metadata_props[FLOAT_NODE] = "1"
        node.outputs[0].name = f"{x.name}.{name}"
        nodes.append(node)
        return node.outputs[0]

    row = add("Reshape", "row", x, flat)
    peak_now = add("ReduceMax", "peak", add("Abs", "size", row), last, keepdims=1)
    below = add("Cast", "below", add("Less", "less", peak_now, bounds), to=ir.DataType.FLOAT)
    count = add("ReduceSum", "count", below, last, keepdims=1)
    e = add("Cast", "e", count, to=ir.DataType.INT64)
    up, down = add("Gather", "factor", up_rows, e), add("Gather", "inverse", down_rows, e)
    scaled = add("Mul", "scaled", x, up)
    nodes[-1].metadata_props[HOP_SCALE] = str(stored.name)
    producer = stored.producer()
    if producer is not None:
        producer.metadata_props[HOP_SCALED] = "1"
    graph.extend(nodes)
    return scaled, down


def _undo(graph: ir.Graph, layer: ir.Node, down: ir.Value, bias: ir.Value | None) -> None:
    """Multiply a layer's sums by 2^-e, then add its bias, or what it makes of silence."""
    sums = layer.outputs[0]
    name = str(sums.name)
    layer.resize_inputs(2)
    layer.metadata_props[HOP_SCALED] = "1"
    new = [ir.node("Mul", [sums, down], name=f"{name}.unscaled")]
    if bias is not None:
        new.append(ir.node("Add", [new[0].outputs[0], bias], name=f"{name}.shifted"))
    result = new[-1].outputs[0]
    for use in list(sums.uses()):
        if use.node is not new[0]:
            use.node.replace_input_with(use.idx, result)
    for i, output in enumerate(graph.outputs):
        if output is sums:
            graph.outputs[i] = result
    sums.name, new[0].outputs[0].name = f"{name}.sums", f"{name}.unscaled"
    result.name = name
    for node in new:
        node.metadata_props[FLOAT_NODE] = "1"
        node.outputs[0].type, node.outputs[0].shape = sums.type, sums.shape
    new[-1].metadata_props[HOP_SCALED] = "1"
    graph.extend(new)


def _bias(graph: ir.Graph, layer: ir.Node) -> ir.Value | None:
    """A layer's bias in a shape that broadcasts over its sums; None where all of it is 0."""
    array = constant(optional(layer, facts_of(layer).bias or 2))
    if array is None or not array.any():
        return None
    if layer.op_type != "Gemm":
        array = array.reshape(-1, *[1] * (len(dims(layer.outputs[0])) - 2))
    return add_initializer(graph, f"{layer.name}.shift", array)


def _keep_in_float(model: Model) -> None:
    """What follows the level stays in float between float nodes, where an element takes few operations."""
    found, nodes = degrees(model), list(model.ir.graph)
    behind = set[ir.Node]()
    for node in nodes:
        following = [value for value in activations(node) if value in found]
        floats = all((p := value.producer()) is None or p in behind for value in following)
        if FLOAT_NODE in node.metadata_props or (_is_cheap(node) and following and floats):
            behind.add(node)
    kept = {node for node in nodes if FLOAT_NODE in node.metadata_props}
    for node in reversed(nodes):
        readers = {use.node for output in node.outputs for use in output.uses()}
        ends = not any(output in found for output in node.outputs)
        if node in behind and (ends or (readers and readers <= kept)):
            kept.add(node)
            node.metadata_props[FLOAT_NODE] = "1"


def _end_behind_activations(model: Model) -> None:
    """An activation behind a scale and a bias is done in float, and integers move what it gives."""
    found = degrees(model)
    for node in model.ir.graph:
        if _activates(node, found):
            node.metadata_props[FLOAT_NODE] = node.metadata_props[HOP_END] = "1"


def _activates(node: ir.Node, found: Degrees) -> bool:
    """Whether it is a Relu or the like behind a layer's scale and bias: rounded behind it, and not before it too.

    What is a state or an output, and is not moved, stays with the integers, as nothing would round it then.
    """
    read, facts, result = activations(node), facts_of(node), node.outputs[0]
    if len(read) != 1 or read[0] in found or not (facts.homogeneous and facts.elementwise):
        return False
    if result.is_graph_output() and not any(is_move(use.node) for use in result.uses()):
        return False
    layer = read[0].producer()
    return layer is not None and {FLOAT_NODE, HOP_SCALED} <= layer.metadata_props.keys()


def _is_cheap(node: ir.Node) -> bool:
    facts = facts_of(node)
    simple = facts.homogeneous or facts.affine or facts.precise
    return is_move(node) or is_fused(node) or simple
