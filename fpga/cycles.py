"""The least cycles of an engine for a layer: those of its data paths, and those that its memory port allows.

The search uses these; `edgekit.fpga.timing` walks the program of the chosen engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.fpga.network import Layer
from edgekit.fpga.spec import EngineSpec

DEPTHWISE_LATENCY = 13  # from a beat in to its result out
DENSE_LATENCY = 11  # the levels of its adder tree left out
REFILL = 5  # from a bank's last use to the first row that fills it again, these left out too
POOL_LATENCY = 10
WORD = 4  # bytes of the program that are read in a cycle
TABLE_BYTES = 7  # bias, multiplier and shift of a channel


@dataclass(frozen=True)
class LayerCycles:
    """The cycles of a layer, by cause.

    Attributes:
        name: of the layer.
        path: ``dense`` or ``depthwise``.
        macs: multiply-accumulates that the network needs.
        compute: cycles of the data path, filling and draining included.
        tables: cycles of loading a layer's first weights and their scaling, or a depthwise layer's tables; the data
            path is idle meanwhile.
        port: cycles of the memory port for transfers while the layer runs.
        dram_bytes: of pictures and results that the layer reads from DRAM or writes there.
        weight_bytes: those of weights and tables.
        walked: all cycles of the layer, reading its record and waiting included; None where not known.
    """

    name: str
    path: str
    macs: int
    compute: int
    tables: int
    port: int
    dram_bytes: int
    weight_bytes: int
    walked: int | None = None

    @property
    def total(self) -> int:
        """Cycles of the layer: the walked ones, or the least."""
        return self.walked or self.tables + max(self.compute, self.port)

    @property
    def stalled(self) -> int:
        """Cycles in which nothing is computed or loaded: the path waits for memory, the engine begins the layer."""
        return self.total - self.tables - self.compute


def groups_of(channels: int, lanes: int) -> int:
    """Beats that hold the channels of a pixel."""
    return -(-channels // lanes)


def depthwise_passes(spec: EngineSpec, channels: int, width: int) -> list[int]:
    """Channel groups of each pass: the number that the line buffer and the tables hold."""
    groups = groups_of(channels, spec.lanes)
    most = min(spec.line_beats // width, spec.groups)
    if most == 0:
        raise ValueError(f"a row of {width} pixels does not fit {spec.line_beats} beats")
    return [min(most, groups - first) for first in range(0, groups, most)]


def depthwise_compute(
    spec: EngineSpec, channels: int, height: int, width: int, deform: bool, stride: int = 1
) -> int:
    """Cycles of a depthwise layer: each pass scans the picture and the rows of the line buffer's lead.

    It ends with the scan or, later mostly, with its last result.
    """
    lead = spec.lead_rows if deform else 2
    behind = (height - 1) % stride * width + (width - 1) % stride  # pixels after the last kept one
    return sum(
        (height + lead) * width * groups + max(DEPTHWISE_LATENCY - behind * groups, 0)
        for groups in depthwise_passes(spec, channels, width)
    )


def dense_compute(spec: EngineSpec, beats: int, pixels: int, outputs: int) -> int:
    """Cycles of a dense layer whose weights arrive a row a cycle: `beats` of input for each beat of output.

    A group lasts ``pixels * beats`` cycles. Of so few pixels that its bank is not filled again meanwhile, every second
    one waits.
    """
    groups, lasts = groups_of(outputs, spec.columns), pixels * beats
    levels = tree_levels(spec)
    waits = max(REFILL + levels + beats - lasts, 0)
    return groups * lasts + (groups - 1) // 2 * waits + DENSE_LATENCY + levels


def tree_levels(spec: EngineSpec) -> int:
    """Registers of the dense array's adder tree, after its sums of four."""
    quads = -(-spec.lanes // 4)
    return max((quads - 1).bit_length(), 1)


def layer_cycles(
    layer: Layer, spec: EngineSpec, planes: int, out_planes: int, dram_bytes: int
) -> LayerCycles:
    """Return the cycles of a layer.

    Args:
        layer: the layer.
        spec: the engine.
        planes: that x is read from, LANES channels each.
        out_planes: that y is written to.
        dram_bytes: of activations, read and written.
    """
    _, height, width = layer.x.shape
    pixels = -(-height // layer.stride) * -(-width // layer.stride)
    taps, slots = layer.kernel**2, out_planes * spec.lanes
    first = weights = tables = 0
    more = 0  # scaling that follows with the weights
    if layer.path == "depthwise":
        deform = layer.dilation is not None
        compute = depthwise_compute(spec, planes * spec.lanes, height, width, deform, layer.stride)
        first = weights = planes * spec.lanes * taps
        tables = TABLE_BYTES * slots
    elif layer.path == "dense":
        compute = dense_compute(spec, taps * planes, pixels, slots)
        first = taps * planes * spec.lanes * spec.columns
        groups = groups_of(slots, spec.columns)
        weights = first * groups
        tables = TABLE_BYTES * spec.columns
        more = tables * (groups - 1)
    else:
        compute = planes * pixels * taps + POOL_LATENCY
    first_bytes = first * spec.weight_bits // 8 + tables
    later_bytes = (weights - first) * spec.weight_bits // 8 + more
    return LayerCycles(
        layer.name,
        layer.path,
        layer.macs,
        compute,
        -(-first_bytes // WORD),
        -(-(dram_bytes + later_bytes) // spec.port_bytes),
        dram_bytes,
        first_bytes + later_bytes,
    )


def frame_cycles(layers: Sequence[LayerCycles]) -> int:
    """Cycles of one picture: layers run one after another."""
    return sum(layer.total for layer in layers)
