"""How long an engine would take whose deformable layers were less restricted: a model, of reads that collide.

The line buffer has a bank per row, three copies of each: three reads of a row in a cycle. A rounded d reads nine beats
of three rows, three of each: one cycle. A fractional d reads four pixels around each tap, so six beats of each of two
neighbouring rows: two cycles. Bounded offsets of their own for every tap put the 36 reads anywhere in the rows that
they reach: the mean of the fullest bank, rows spread evenly. Without a bound no line buffer holds what may be read: 36
beats come through the memory port. `full` is dense over the channels, in the 1x1 array, fed in the same way.
"""

import numpy as np

from edgekit.fpga.cycles import depthwise_compute, groups_of
from edgekit.fpga.search import Choice
from edgekit.fpga.spec import DMAX, TAPS, EngineSpec, Variant

CORNERS = 4  # pixels around a fractional place
COPIES = 3  # of each row's bank
OFFSETS = {
    "plain": 0,
    "rounded": 1,
    "square": 1,
}  # channels of the convolution that makes them; others 18
DRAWS = 20_000


def deformable_cycles(
    variant: Variant, spec: EngineSpec, channels: int, height: int, width: int
) -> int:
    """Cycles of one deformable layer of a variant, without the convolution that makes its offsets."""
    beats = height * width * groups_of(channels, spec.lanes)
    gathered = beats * TAPS * CORNERS * groups_of(spec.lanes, spec.port_bytes)
    if variant == "full":
        products = beats * TAPS * groups_of(channels, spec.columns)
        return max(gathered, products)
    if variant == "depthwise":
        return gathered
    scan = depthwise_compute(spec, channels, height, width, deform=variant != "plain")
    return round(scan * {"plain": 1.0, "rounded": 1.0, "square": 2.0}.get(variant, collisions()))


def collisions() -> float:
    """Cycles that the reads of nine taps with bounded offsets of their own take, on average."""
    random = np.random.default_rng(0)
    rows = 2 * (DMAX + 1) + 1
    upper = random.integers(0, rows, (DRAWS, TAPS))
    reads = np.zeros((DRAWS, rows + 1), int)
    for tap in range(TAPS):
        for row in (upper[:, tap], upper[:, tap] + 1):
            np.add.at(reads, (np.arange(DRAWS), row), CORNERS // 2)
    return float((-(-reads.max(axis=1) // COPIES)).mean())


def network_ms(variant: Variant, choice: Choice) -> float:
    """Milliseconds of a network, found for rounded layers, whose deformable layers are of this variant."""
    spec, cycles = choice.spec, 0
    network = choice.program.network
    dilations = {layer.dilation for layer in network.layers}
    for layer, row in zip(network.layers, choice.cycles, strict=True):
        channels, height, width = layer.x.shape
        if layer.y in dilations:
            cycles += row.total * groups_of(OFFSETS.get(variant, 2 * TAPS), spec.columns)
        elif layer.dilation is not None:
            own = depthwise_compute(spec, channels, height, width, deform=True)
            cycles += row.total - own + deformable_cycles(variant, spec, channels, height, width)
        else:
            cycles += row.total
    return cycles / spec.clock_mhz / 1e3


def layer_ms(variant: Variant, spec: EngineSpec) -> float:
    """Milliseconds of the layer that the paper times: 256 channels of 64x64 pixels."""
    return deformable_cycles(variant, spec, 256, 64, 64) / spec.clock_mhz / 1e3
