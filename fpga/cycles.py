"""How many cycles an engine takes for a layer: what its data paths count, and what its memory port allows."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.fpga.network import Layer
from edgekit.fpga.spec import EngineSpec

DEPTHWISE_LATENCY = 9  # registers from a beat in to its result out
DENSE_LATENCY = 8
TABLE_BYTES = 7  # bias, multiplier and shift of a channel


@dataclass(frozen=True)
class LayerCycles:
    """Where a layer's cycles go.

    Attributes:
        name: of the layer.
        path: ``dense`` or ``depthwise``.
        macs: multiply-accumulates that the network needs.
        compute: cycles of the data path, filling and draining included.
        tables: cycles of loading biases and multipliers, and the first weights; nothing runs meanwhile.
        port: cycles that the memory port needs for what moves while the layer runs.
    """

    name: str
    path: str
    macs: int
    compute: int
    tables: int
    port: int

    @property
    def total(self) -> int:
        """Cycles of the layer."""
        return self.tables + max(self.compute, self.port)

    @property
    def stalled(self) -> int:
        """Cycles in which the data path waits for the memory port."""
        return self.total - self.tables - self.compute


def groups_of(channels: int, lanes: int) -> int:
    """Beats that hold the channels of a pixel."""
    return -(-channels // lanes)


def depthwise_passes(spec: EngineSpec, channels: int, width: int) -> list[int]:
    """Channel groups of each pass: as many as the line buffer and the tables hold."""
    groups = groups_of(channels, spec.lanes)
    most = min(spec.line_beats // width, spec.groups)
    if most == 0:
        raise ValueError(f"a row of {width} pixels does not fit {spec.line_beats} beats")
    return [min(most, groups - first) for first in range(0, groups, most)]


def depthwise_compute(
    spec: EngineSpec, channels: int, height: int, width: int, deform: bool
) -> int:
    """Cycles of a depthwise layer: each pass scans the picture and the rows of the line buffer's lead."""
    lead = spec.lead_rows if deform else 2
    passes = depthwise_passes(spec, channels, width)
    return sum((height + lead) * width * groups + DEPTHWISE_LATENCY for groups in passes)


def dense_compute(spec: EngineSpec, beats: int, pixels: int, outputs: int) -> int:
    """Cycles of a dense layer: `beats` of input for each beat of output."""
    return groups_of(outputs, spec.columns) * pixels * beats + DENSE_LATENCY


def layer_cycles(layer: Layer, spec: EngineSpec, beats: int, dram_bytes: int) -> LayerCycles:
    """Return the cycles of a layer.

    Args:
        layer: the layer.
        spec: the engine.
        beats: beats of x that a pixel is read as, for one tap.
        dram_bytes: of activations, read and written.
    """
    channels, height, width = layer.x.shape
    pixels = -(-height // layer.stride) * -(-width // layer.stride)
    outputs = layer.out_channels
    if layer.path == "depthwise":
        compute = depthwise_compute(spec, channels, height, width, layer.dilation is not None)
        weights = groups_of(outputs, spec.lanes) * spec.lanes * 9
        at_first = weights
    else:
        taps = layer.kernel**2
        compute = dense_compute(spec, taps * beats, pixels, outputs)
        at_first = taps * beats * spec.lanes * spec.columns
        weights = at_first * groups_of(outputs, spec.columns)
    first_bytes = at_first * spec.weight_bits // 8 + TABLE_BYTES * outputs
    later_bytes = (weights - at_first) * spec.weight_bits // 8
    return LayerCycles(
        layer.name,
        layer.path,
        layer.macs,
        compute,
        -(-first_bytes // spec.port_bytes),
        -(-(dram_bytes + later_bytes) // spec.port_bytes),
    )


def frame_cycles(layers: Sequence[LayerCycles]) -> int:
    """Cycles of one picture: layers run one after another."""
    return sum(layer.total for layer in layers)
