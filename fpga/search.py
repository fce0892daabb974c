"""The engine for a network and a part: every parallelism is tried, the best that fits is taken."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edgekit.base.errors import ModelError, Problem
from edgekit.fpga.cycles import LayerCycles, frame_cycles
from edgekit.fpga.layout import slots_layout
from edgekit.fpga.network import Network
from edgekit.fpga.program import Program, assemble
from edgekit.fpga.resources import Part, Resources, block_rams, estimate, most_buffer_beats
from edgekit.fpga.schedule import network_cycles
from edgekit.fpga.spec import MOST_ACCUMULATOR_BITS, MOST_PLANES, MOST_SIDE, EngineSpec, Goal
from edgekit.fpga.timing import program_cycles

LANES = (2, 4, 8, 16, 32)
SHAPES = ((1, 2), (1, 1), (3, 2), (2, 1), (3, 1), (4, 1))  # columns per lane
LEAST_ROWS = 512  # of a memory: the depth of a block RAM
LEAST_GROUPS, MOST_GROUPS = (
    16,
    64,
)  # of the depthwise path's tables; more channels take several passes


@dataclass(frozen=True)
class Choice:
    """An engine for a network: its description, program, cycles and resources."""

    spec: EngineSpec
    program: Program
    cycles: tuple[LayerCycles, ...]
    resources: Resources

    @property
    def frame_cycles(self) -> int:
        """Cycles of one picture."""
        return frame_cycles(self.cycles)

    @property
    def frames_per_second(self) -> float:
        """Pictures in a second, one after another."""
        return 1e6 * self.spec.clock_mhz / self.frame_cycles


def choose(network: Network, part: Part, goal: Goal = "fps", dmax: int = 7) -> Choice:
    """Return the engine with the most frames per second, or, for ``small``, the one with the fewest LUTs.

    Its buffer is as large as the network needs; the remaining block RAM is for logic next to the engine.
    Raises `ModelError` where none fits the part, or the network has a layer that no engine holds.
    """
    found = list(candidates(network, part, dmax))
    if not found:
        raise ModelError(_too_large(network, part, dmax))
    if goal == "small":
        best = min(found, key=lambda choice: (choice.resources.luts, -choice.frames_per_second))
    else:
        best = max(found, key=lambda choice: (choice.frames_per_second, -choice.resources.luts))
    spec = replace(best.spec, buffer_beats=best.program.memory["buffer"])
    program = replace(best.program, spec=spec)
    walked = zip(best.cycles, program_cycles(program), strict=True)
    cycles = tuple(replace(row, walked=count) for row, count in walked)
    return Choice(spec, program, cycles, estimate(spec, part.family))


def candidates(network: Network, part: Part, dmax: int) -> Iterator[Choice]:
    """Every engine of the search that fits the part.

    Raises `ModelError` where the network has a layer that no engine holds.
    """
    for lanes, columns in _sizes():
        spec = fit_engine(network, part, lanes, columns, dmax)
        resources = estimate(spec, part.family)
        if resources.fits(part):
            program = assemble(network, spec)
            yield Choice(spec, program, network_cycles(program), resources)


def _sizes() -> Iterator[tuple[int, int]]:
    """Lanes and columns of every engine of the search."""
    for lanes in LANES:
        for times, parts in SHAPES:
            columns, rest = divmod(lanes * times, parts)
            if not rest and (columns % lanes == 0 or lanes % columns == 0):
                yield lanes, columns


def _too_large(network: Network, part: Part, dmax: int) -> Problem:
    """Return the resources of a network's smallest engine, where a part does not have them."""
    specs = [fit_engine(network, part, lanes, columns, dmax) for lanes, columns in _sizes()]
    sized = [(estimate(spec, part.family), spec) for spec in specs]
    least, spec = min(sized, key=lambda pair: (pair[0].rams, pair[0].luts))
    rams = block_rams(spec, part.family)
    row = max(
        (layer for layer in network.layers if layer.path == "depthwise"),
        key=lambda layer: layer.x.width,
        default=None,
    )
    lines = "" if row is None else f", for rows of {row.x.width} pixels as in {row.name!r}"
    found = (
        f"no engine for this network fits it; the smallest takes {least.luts} LUT, {least.ffs} flip-flops, "
        f"{least.dsps} multipliers, {least.rams} block RAMs ({rams['line buffer']} of the line buffer{lines}; "
        f"{rams['weights']} of weights)"
    )
    allowed = (
        f"{part.luts} LUT, {part.ffs} flip-flops, {part.dsps} multipliers, {part.rams} block RAMs"
    )
    return Problem(
        f"part {part.name}", found, allowed, "choose a larger --part, or smaller pictures"
    )


def fit_engine(network: Network, part: Part, lanes: int, columns: int, dmax: int) -> EngineSpec:
    """The engine of this parallelism with memories as the network needs and the part has."""
    layout = slots_layout(network, lanes)
    planes = [(layer, len(layout.planes_of(layer.x))) for layer in network.layers]
    rows = 2 * max((layer.kernel**2 * n for layer, n in planes if layer.path == "dense"), default=1)
    sums = max((layer.accumulator_bits for layer in network.layers), default=0)
    line_beats = min(max(_power(widest(network)), LEAST_ROWS), MOST_SIDE + 1)
    groups = max(
        (min(n, line_beats // layer.x.width) for layer, n in planes if layer.path == "depthwise"),
        default=1,
    )
    spec = EngineSpec(
        lanes=lanes,
        columns=columns,
        dmax=dmax,
        weight_bits=network.weight_bits,
        line_beats=line_beats,
        buffer_beats=0,
        weight_beats=max(_power(rows), LEAST_ROWS),
        plane_rows=min(
            max(_power(max((n for _, n in planes), default=1)), LEAST_ROWS), MOST_PLANES
        ),
        groups=min(max(_power(groups), LEAST_GROUPS), MOST_GROUPS),
        accumulator_bits=min(max(sums, network.weight_bits + 10), MOST_ACCUMULATOR_BITS),
        port_bytes=part.port_bytes,
        clock_mhz=part.clock_mhz,
    )
    return replace(spec, buffer_beats=most_buffer_beats(spec, part))


def widest(network: Network) -> int:
    """Pixels of the longest row of a depthwise layer."""
    rows = (layer.x.width for layer in network.layers if layer.path == "depthwise")
    return max(rows, default=1)


def _power(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()
