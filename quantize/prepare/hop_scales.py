"""Per-hop scales: layers that read tensors following the level of the sound get them near full scale at any level.

A spectrum, samples, and the results of layers without bias fall with the sound by 30 dB and more. The steps of a
static int8 type do not. Such an operand x of a layer is multiplied by 2^e, and the layer's sums by 2^-e before the
bias is added. Let P be four times the largest |x| in the calibration. Then e is the number of k in 1..15 for which max
|x| < P 2^-k in this hop. So max |x| 2^e is in [P / 2, P) unless |x| is above P / 2 or below P 2^-16. Multiplying by
powers of two is exact: the float network stays the same. A recurrent layer's product with such an operand ends inside
the cell, so it is taken out first.

After a bias a tensor is its value in silence plus the part that sound adds. If that part follows the level, it alone
gets a scale per hop: layer(x) = layer(x - x at rest) - without bias - + layer(x at rest), up to float rounding.
"""

from collections.abc import Collection, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.export.block_runner import BlockRunner
from edgekit.export.passes.shapes import InferShapes
from edgekit.graph.facts import facts_of
from edgekit.graph.fused import is_fused
from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.graph.nodes import add_initializer
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
from edgekit.quantize.calibrate.clips import BLOCK_HOPS, Calibration
from edgekit.quantize.prepare.gate_sums import take_out
from edgekit.quantize.prepare.levels import Degrees, degrees
from edgekit.quantize.prepare.rest_values import Entry, Rest, entry_of, rest_values

HEADROOM = 4.0  # of the largest value that calibration saw
STEPS = 15  # of e, for a tensor of degree 1


def hop_scales(model: Model, calibration: Calibration, behind_biases: bool = True) -> Model:
    """Return the float model with a scale per hop at every layer whose input follows the level.

    Cheap operators on tensors that follow the level stay in float, as the product of a spectrum and its mask.

    Layers `behind_biases` follow except for their value in silence.
    """
    if not degrees(model):
        return model
    copy = Model(model.ir.clone())
    found = _take_out_cells(copy)
    entries = [entry_of(node) for node in copy.ir.graph if _is_open(node, LINEAR, found)]
    if not entries:  # a mask may still meet the spectrum
        _keep_in_float(copy)
        return copy
    rests = rest_values(copy, calibration, found) if behind_biases else []
    wanted = {str(entry.value.name): found[entry.value] for entry in entries}
    peaks = _peaks(copy, calibration, list(wanted))
    scales = _HopScales(copy.ir.graph)
    for entry in entries:
        name = str(entry.value.name)
        scales.scale(entry, peaks[name], wanted[name])
    for rest in rests:
        scales.scale(rest.entry, rest.peak, 1.0, rest)
    copy.ir.graph.sort()
    InferShapes()(copy.ir)
    _keep_in_float(copy)
    _end_behind_activations(copy)
    return copy


def _take_out_cells(model: Model) -> Degrees:
    """Give cells whose input follows the level a separate layer for that product; return the new degrees."""
    graph, found = model.ir.graph, degrees(model)
    cells = [node for node in graph if _is_open(node, RECURRENT, found)]
    if not cells:
        return found
    for cell in cells:
        take_out(graph, cell)
    graph.sort()
    return degrees(model)


class _HopScales:
    """The scales of a graph: each tensor has one, which all layers that read it share."""

    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph
        self._scales: dict[ir.Value, tuple[ir.Value, ir.Value]] = {}

    def scale(self, entry: Entry, peak: float, degree: float, rest: Rest | None = None) -> None:
        """Scale the operand of a layer, minus its value at `rest`, and undo that after the layer."""
        graph, layer, value = self.graph, entry.layer, entry.value
        if value not in self._scales:
            x = value if rest is None else _subtract_silence(graph, value, rest)
            self._scales[value] = _append_hop_scale(graph, value, x, peak, degree)
        scaled, down = self._scales[value]
        entry.reader.replace_input_with(entry.index, scaled)
        if rest is None:
            _undo(graph, layer, down, _bias(graph, layer))
        else:
            _undo(graph, layer, down, add_initializer(graph, f"{layer.name}.rest", rest.result))


def readers(model: Model) -> tuple[str, ...]:
    """Return the tensors that follow the level of the sound and are read by layers, each once."""
    found = degrees(model)
    read = [n.inputs[0] for n in model.ir.graph if _is_open(n, LINEAR | RECURRENT, found)]
    return tuple(dict.fromkeys(str(value.name) for value in read if value is not None))


def _is_open(node: ir.Node, kinds: Collection[str], found: Degrees) -> bool:
    """Whether a layer of constant weights runs in integers, and its input follows the level."""
    x = node.inputs[0] if node.inputs else None
    return node.op_type in kinds and is_integer_compute(node) and x in found


def _peaks(model: Model, calibration: Calibration, names: Sequence[str]) -> dict[str, float]:
    """Return the largest magnitude of each tensor in the calibration."""
    found = dict.fromkeys(names, 0.0)
    states = {pair.input: pair.output for pair in model.states}
    taps = {name: states.get(name, name) for name in names}
    runner = BlockRunner(model, list(taps.values()))
    for clip in calibration.clips:
        for seen in runner.blocks(clip, BLOCK_HOPS):
            for name, tap in taps.items():
                found[name] = max(found[name], float(np.abs(seen[tap]).max(initial=0.0)))
    return found


def _subtract_silence(graph: ir.Graph, x: ir.Value, rest: Rest) -> ir.Value:
    """Append x minus its value in silence."""
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
    """Append x 2^e and 2^-e; `stored` is the tensor from which x is computed."""
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
    """Multiply a layer's sums by 2^-e, then add its bias, or its result in silence."""
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
    """Return a layer's bias in a shape that broadcasts over its sums; None if all of it is 0."""
    array = constant(optional(layer, facts_of(layer).bias or 2))
    if array is None or not array.any():
        return None
    if layer.op_type != "Gemm":
        array = array.reshape(-1, *[1] * (len(dims(layer.outputs[0])) - 2))
    return add_initializer(graph, f"{layer.name}.shift", array)


def _keep_in_float(model: Model) -> None:
    """Keep tensors that follow the level in float between float nodes, if an element takes few operations.

    Such outputs and states of the network stay in float, too: no layer rounds them.
    """
    found, nodes = degrees(model), list(model.ir.graph)
    after_floats, outputs = _nodes_after_floats(nodes, found), {*model.ir.graph.outputs}
    kept = {node for node in nodes if FLOAT_NODE in node.metadata_props}
    for node in reversed(nodes):
        ends = found.keys().isdisjoint(node.outputs) or outputs.issuperset(node.outputs)
        if node in after_floats and (ends or _feeds_only(node, kept)):
            kept.add(node)
            node.metadata_props[FLOAT_NODE] = "1"


def _feeds_only(node: ir.Node, readers: Collection[ir.Node]) -> bool:
    """Whether these nodes, and no others, read the results of a node."""
    users = [use.node for output in node.outputs for use in output.uses()]
    return bool(users) and all(user in readers for user in users)


def _nodes_after_floats(nodes: Sequence[ir.Node], found: Degrees) -> set[ir.Node]:
    """Return float nodes, and cheap nodes that get tensors that follow the level only from these."""
    after = set[ir.Node]()
    for node in nodes:
        following = [value for value in activations(node) if value in found]
        floats = all((p := value.producer()) is None or p in after for value in following)
        if FLOAT_NODE in node.metadata_props or (
            _costs_few_operations(node) and following and floats
        ):
            after.add(node)
    return after


def _end_behind_activations(model: Model) -> None:
    """Compute an activation after a scale and a bias in float; integers move its result."""
    found = degrees(model)
    for node in model.ir.graph:
        if _activates(node, found):
            node.metadata_props[FLOAT_NODE] = node.metadata_props[HOP_END] = "1"


def _activates(node: ir.Node, found: Degrees) -> bool:
    """Whether it is a Relu or similar after a layer's scale and bias: only its result is rounded.

    Unmoved states and outputs stay with the integers, as nothing would round them otherwise.
    """
    read, facts, result = activations(node), facts_of(node), node.outputs[0]
    if len(read) != 1 or read[0] in found or not (facts.homogeneous and facts.elementwise):
        return False
    if result.is_graph_output() and not any(is_move(use.node) for use in result.uses()):
        return False
    layer = read[0].producer()
    return layer is not None and {FLOAT_NODE, HOP_SCALED} <= layer.metadata_props.keys()


def _costs_few_operations(node: ir.Node) -> bool:
    facts = facts_of(node)
    simple = facts.homogeneous or facts.affine is not None or facts.precise or facts.partial == 0
    return is_move(node) or is_fused(node) or simple
