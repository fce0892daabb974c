"""The engine for a network and a part: every parallelism is tried, the best that fits is taken."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from edgekit.base.errors import ModelError, Problem
from edgekit.fpga.cycles import LayerCycles, frame_cycles
from edgekit.fpga.network import Layer, Network
from edgekit.fpga.program import Program, assemble
from edgekit.fpga.resources import Part, Resources, estimate, most_buffer_beats
from edgekit.fpga.schedule import network_cycles
from edgekit.fpga.spec import EngineSpec

Goal = Literal["fps", "small"]
GOALS: tuple[Goal, ...] = ("fps", "small")
LANES = (2, 4, 8, 16, 32)
SHAPES = ((1, 2), (1, 1), (3, 2), (2, 1), (3, 1), (4, 1))  # columns per lane
LEAST_ROWS = 512  # of a memory: the depth of a block RAM


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

    Raises `ModelError` where none fits the part.
    """
    found = list(candidates(network, part, dmax))
    if not found:
        raise ModelError(
            Problem(
                f"part {part.name}",
                "no engine for this network fits it",
                f"{part.luts} LUT, {part.dsps} multipliers, {part.rams} block RAMs",
                "choose a larger --part",
            )
        )
    if goal == "small":
        return min(found, key=lambda choice: (choice.resources.luts, -choice.frames_per_second))
    return max(found, key=lambda choice: (choice.frames_per_second, -choice.resources.luts))


def candidates(network: Network, part: Part, dmax: int) -> Iterator[Choice]:
    """Every engine of the search that fits the part."""
    for lanes in LANES:
        for times, parts in SHAPES:
            columns, rest = divmod(lanes * times, parts)
            if rest or (columns % lanes and lanes % columns):
                continue
            spec = fitted(network, part, lanes, columns, dmax)
            resources = estimate(spec, part.family)
            if spec.line_beats >= widest(network) and resources.fits(part):
                program = assemble(network, spec)
                yield Choice(spec, program, network_cycles(program), resources)


def fitted(network: Network, part: Part, lanes: int, columns: int, dmax: int) -> EngineSpec:
    """The engine of this parallelism with memories as the network needs and the part has."""
    dense = [layer for layer in network.layers if layer.path == "dense"]
    rows = 2 * max((layer.kernel**2 * weight_planes(layer, lanes) for layer in dense), default=1)
    most = max(layer.accumulator_bits for layer in network.layers)
    spec = EngineSpec(
        lanes=lanes,
        columns=columns,
        dmax=dmax,
        weight_bits=network.weight_bits,
        line_beats=max(_power(widest(network)), LEAST_ROWS),
        buffer_beats=0,
        weight_beats=max(_power(rows), LEAST_ROWS),
        accumulator_bits=most,
        port_bytes=part.port_bytes,
        clock_mhz=part.clock_mhz,
    )
    return replace(spec, buffer_beats=most_buffer_beats(spec, part))


def weight_planes(layer: Layer, lanes: int) -> int:
    """The most planes that a layer's channels can be spread over: each tensor's last one may be partly used."""
    by_tensor = Counter(layer.x.tensors)
    return sum(-(-count // lanes) + 1 for count in by_tensor.values())


def widest(network: Network) -> int:
    """Pixels of the longest row of a depthwise layer."""
    rows = (layer.x.width for layer in network.layers if layer.path == "depthwise")
    return max(rows, default=1)


def _power(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()
