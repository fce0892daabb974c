"""Second moments of the operands of layers' weights, in the quantized and in the float network."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Booleans, Float32, Int64
from edgekit.export.hop_runner import in_onnxruntime, zero_states
from edgekit.graph.hops import of_hop
from edgekit.graph.model import Model
from edgekit.graph.nodes import values_by_name
from edgekit.operators.conv.twin import conv_taps, transpose_taps
from edgekit.operators.geometry import conv_shape, dims, optional
from edgekit.operators.roles import HIDDEN_INPUT, LINEAR, RECURRENT, constant
from edgekit.operators.table import is_integer_compute
from edgekit.quantize.calibrate.clips import Calibration, Clip
from edgekit.quantize.rounding.rounding import F64
from edgekit.quantize.types.weights import weight_inputs

Arrays = dict[str, Float32]
Rest = tuple[Clip, Booleans]  # of `edgekit.quantize.calibrate.rest.rest_clip`
Sounds = tuple[Calibration, Rest | None]
HOPS = 400  # of the calibration that weights are fitted to, from all clips alike
REST_HOPS = 200  # of silence
BLOCK_HOPS = 32
ROWS = 500  # of one block and layer at least, evenly spread over it


@dataclass
class Moments:
    """Sums over rows of inputs, x' of the quantized and x of the float network, per group of channels.

    `own` is ``x'^T x'``, `cross` ``x'^T x`` and `real` ``x^T x``, (groups, inputs, inputs); `means` both means,
    (2, groups, inputs), once divided by `count`.
    """

    own: F64
    cross: F64
    real: F64
    means: F64
    count: int = 0

    @staticmethod
    def empty(groups: int, inputs: int) -> "Moments":
        """Return the moments of no rows."""
        own, cross, real = np.zeros((3, groups, inputs, inputs))
        return Moments(own, cross, real, np.zeros((2, groups, inputs)))

    def add(self, quantized: F64, real: F64) -> None:
        """Add rows, (groups, rows, inputs) each."""
        own = quantized.swapaxes(1, 2) @ quantized
        same = real is quantized
        self.own += own
        self.cross += own if same else quantized.swapaxes(1, 2) @ real
        self.real += own if same else real.swapaxes(1, 2) @ real
        self.means += np.stack([quantized.sum(axis=1), real.sum(axis=1)])
        self.count += quantized.shape[1]

    def centred(self) -> "Moments":
        """Return the same about the means."""
        x, real = self.means / max(self.count, 1)
        own = self.own - self.count * x[:, :, None] * x[:, None, :]
        cross = self.cross - self.count * x[:, :, None] * real[:, None, :]
        exact = self.real - self.count * real[:, :, None] * real[:, None, :]
        return Moments(own, cross, exact, self.means, self.count)


Key = tuple[str, int]  # a node's name, and which of its inputs is the weight


def is_layer(node: ir.Node) -> bool:
    """Whether a node has weights that can be fitted: one in integers, of a computed input."""
    return node.domain == "" and node.op_type in LINEAR | RECURRENT and is_integer_compute(node)


def gather(
    quantized: Model,
    real: Model,
    names: Sequence[str],
    calibration: Calibration,
    rest: Rest | None = None,
) -> dict[Key, Moments]:
    """Run both networks over the calibration, once if they are the same; return the moments of the named layers.

    `rest` adds silence, `REST_HOPS` of it at most.
    """
    found: dict[Key, Moments] = {}
    for one, other in _moments_of_both(quantized, real, names, (calibration, rest)):
        for key, rows in one.items():
            if key not in found:
                found[key] = Moments.empty(rows.shape[0], rows.shape[2])
            found[key].add(rows, other[key])
    return found


def _moments_of_both(
    quantized: Model, real: Model, names: Sequence[str], sounds: Sounds
) -> Iterator[tuple[dict[Key, F64], dict[Key, F64]]]:
    runs = _runs(quantized, names, sounds)
    if quantized is real:
        yield from ((rows, rows) for rows in runs)
    else:
        yield from zip(runs, _runs(real, names, sounds), strict=True)


def _runs(model: Model, names: Sequence[str], sounds: Sounds) -> Iterator[dict[Key, F64]]:
    """Yield the rows of the named layers' inputs, block by block."""
    nodes = [node for node in model.ir.graph if node.name in names]
    taps = [str(value.name) for node in nodes for value in layer_inputs(node)]
    for block in _blocks(_subgraph_before(model, taps), taps, sounds):
        yield {
            (str(node.name), index): rows_of(node, index, block, thin=True).astype(np.float64)
            for node in nodes
            for index in weight_inputs(node)
        }


def _blocks(model: Model, taps: Sequence[str], sounds: Sounds) -> Iterator[Arrays]:
    """Yield the tapped values of a few hops at a time, clip by clip from zero state; onnxruntime is opened once."""
    inputs_alone = not model.ir.graph.outputs  # of a first layer: onnxruntime refuses such a graph
    running = None if inputs_alone else in_onnxruntime(model.to_bytes())
    for clip, hops, counted in _hops_of_clips(model, *sounds):
        state, seen = zero_states(model), []
        for hop, counts in zip(hops, counted, strict=True):
            feed = of_hop(model, clip, hop) | state
            values = feed if running is None else feed | running(feed)
            state = {pair.input: values[pair.output] for pair in model.states}
            if counts:
                seen.append([values[name] for name in taps])
            if len(seen) == BLOCK_HOPS:
                yield dict(zip(taps, map(np.stack, zip(*seen, strict=True)), strict=True))
                seen = []
        if seen:
            yield dict(zip(taps, map(np.stack, zip(*seen, strict=True)), strict=True))


def _hops_of_clips(
    model: Model, calibration: Calibration, rest: Rest | None
) -> Iterator[tuple[Clip, Int64, Booleans]]:
    """Yield each clip with the hops to run and which of them count: all of the calibration's, some of the silence's."""
    most = -(-HOPS // len(calibration.clips))
    for clip in calibration.clips:
        hops = _chosen(model, len(clip[str(model.stream_inputs[0].name)]), most)
        yield clip, hops, np.ones(len(hops), bool)
    if rest is not None:
        clip, counted = rest
        chosen = np.zeros(len(counted), bool)
        places = np.flatnonzero(counted)
        chosen[places[:: max(-(-len(places) // REST_HOPS), 1)]] = True
        yield clip, np.arange(len(counted)), chosen


def _chosen(model: Model, there: int, most: int) -> Int64:
    """Return the hops of a clip to run: from its start if states are carried, else spread over it."""
    count = min(most, there)
    return np.arange(count) if model.states else np.arange(count) * there // count


def _subgraph_before(model: Model, taps: Sequence[str]) -> Model:
    """Return the part of a model on which the tapped values depend, in this hop or through states in an earlier one."""
    copy = model.ir.clone()
    graph = copy.graph
    values = values_by_name(graph)
    after = {values[pair.input]: values[pair.output] for pair in model.states}
    tapped = [values[name] for name in taps]
    needed, carried = _reached_nodes([*tapped], after)
    kept = [pair for pair in model.states if values[pair.input] in carried]
    outputs = dict.fromkeys([*(values[pair.output] for pair in kept), *tapped])
    graph.outputs[:] = [v for v in outputs if not v.is_graph_input()]
    graph.inputs[:] = [v for v in graph.inputs if v in carried or v not in after]
    graph.remove([node for node in graph if node not in needed])
    return Model(copy).describe(states=kept)


def _reached_nodes(
    values: list[ir.Value], after: dict[ir.Value, ir.Value]
) -> tuple[set[ir.Node], set[ir.Value]]:
    """Return the nodes and states that values depend on; `after` maps each state to its next value."""
    nodes: set[ir.Node] = set()
    carried: set[ir.Value] = set()
    while values:
        value = values.pop()
        if value in after and value not in carried:
            carried.add(value)
            values.append(after[value])
        node = value.producer()
        if node is not None and node not in nodes:
            nodes.add(node)
            values += [v for v in node.inputs if v is not None]
    return nodes, carried


def layer_inputs(node: ir.Node) -> list[ir.Value]:
    """Return the input of a layer; of a recurrent one its hidden states as well."""
    values = [node.inputs[0]]
    if node.op_type in RECURRENT:
        values += [optional(node, HIDDEN_INPUT), node.outputs[0]]
    return [v for v in values if v is not None and v.name and constant(v) is None]


def rows_of(node: ir.Node, index: int, block: Arrays, thin: bool = False) -> NDArray[np.floating]:
    """Return the operands of one weight, (groups, rows, inputs): all rows, or those of `row_stride`."""
    x = block[str(node.inputs[0].name)]  # type: ignore[union-attr]
    if node.op_type in ("Conv", "ConvTranspose"):
        return _patches(node, x, thin)
    rows: NDArray[np.floating] = x.reshape(1, -1, x.shape[-1])
    if index > 1 and node.op_type in RECURRENT:
        rows = _hidden(node, block)
    return rows[:, row_stride(rows.shape[1])] if thin else rows


def _hidden(node: ir.Node, block: Arrays) -> NDArray[np.floating]:
    """Return the state before every step of a recurrent layer, (1, rows, units).

    With ``linear_before_reset`` 0 the candidate's product reads it times the reset gate; that is not treated
    separately.
    """
    units = dims(node.inputs[2])[-1]
    steps, batch = dims(node.inputs[0])[:2]
    hops = len(block[str(node.inputs[0].name)])  # type: ignore[union-attr]
    states = np.zeros((hops, steps, batch, units))
    initial = optional(node, HIDDEN_INPUT)
    if initial is not None:
        known = constant(initial)
        first = block[str(initial.name)] if known is None else known[None]
        states[:, 0] = first.reshape(-1, batch, units)
    if node.outputs[0].name:
        states[:, 1:] = block[node.outputs[0].name].reshape(hops, steps, batch, units)[:, :-1]
        return states.reshape(1, -1, units)
    return states[:, :1].reshape(1, -1, units)


def _patches(node: ir.Node, x: Float32, thin: bool) -> Float32:
    """Return the inputs of each output of a convolution, in the order of its weights; 0 outside the input."""
    s = conv_shape(node, list(dims(node.inputs[1])[2:]))
    taps = transpose_taps if node.op_type == "ConvTranspose" else conv_taps
    size, count = s.in_h * s.in_w, s.out_h * s.out_w
    images = x.reshape(-1, s.groups, s.in_c // s.groups, size)
    images = np.concatenate([images, np.zeros_like(images[..., :1])], axis=-1)
    places = np.full((s.k_h, s.k_w, s.out_h, s.out_w), size)
    grid = np.arange(size).reshape(s.in_h, s.in_w)
    for ky, kx, (iy, oy), (ix, ox) in taps(s):
        places[ky, kx, oy, ox] = grid[iy, ix]
    rows = np.arange(len(images) * count)[row_stride(len(images) * count) if thin else slice(None)]
    seen = places.reshape(-1, count)[:, rows % count].T
    patches = images[rows[:, None] // count, :, :, seen]  # rows, taps, groups, channels
    return patches.transpose(2, 0, 3, 1).reshape(s.groups, len(rows), -1)


def row_stride(rows: int) -> slice:
    """Return a slice with a constant step over a number of rows, about `ROWS` of them.

    The step is coprime to their number. One that shares a factor with a picture's width never meets some of its
    columns. After a transposed convolution of stride 2 it misses half of the taps.
    """
    step = max(rows // ROWS, 1)
    while math.gcd(step, rows) > 1:
        step -= 1
    return slice(None, None, step)
