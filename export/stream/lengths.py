"""Selects two lengths for reading an offline network: short, multiples of its strides, without a loop along time."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.export.passes.metadata import place_of
from edgekit.export.stream.module_probe import Calls, SlowestTensor, find_slowest, most_grown
from edgekit.export.stream.periods import MOST, period, rough_period
from edgekit.export.stream.sources import Offline
from edgekit.export.stream.tensor_timing import grown_module
from edgekit.export.stream.torch_network import TooShort
from edgekit.graph.nodes import array_of, static_shape

# Where a network is read first, in samples: short, since some grow with the length; then multiples of what
# strides and frames mostly are.
LENGTHS = (24, 240, 480, 720, 960, 1920, 3840, 5040, 7680, 15360, 30720)
ATTEMPTS = 4
FEW = 4  # frames of an input that is very slow
FRAMES, SLOW = 24, 8192  # so many frames, unless that is more samples
FEWEST = 8  # samples of a frame whose number is found exactly
TOLD = 2  # pairs of lengths that must agree; a network may have another form at useless lengths


def two_lengths(offline: Offline, times: int = 1) -> tuple[ir.Model, ir.Model, tuple[int, int]]:
    """Import the network at two lengths that are multiples of its `period`, `times` the least.

    Raises:
        ModelError: problems at every length that was tried, or with the facts from two lengths.
    """
    error: ModelError | None = None
    told = 0
    for samples in _probe_lengths(offline, _first_lengths(offline), times):
        try:
            offline.at(times * samples), offline.at(2 * times * samples)
        except TooShort as found:
            error = error or found
            continue
        except ModelError as found:
            told, error = told + (offline.probe is not None), error or found
            if told == TOLD:
                break
            continue
        _refuse_loop(offline, times * samples)
        try:
            return _multiples(offline, times * samples)
        except ModelError as found:
            told, error = told + 1, found
        if told == TOLD:
            break
    assert error is not None
    raise error


def _first_lengths(offline: Offline) -> Sequence[int]:
    """Return lengths with `LENGTHS` frames of the slowest input, whose branch may have other strides."""
    unit = offline.unit
    lengths = (unit * (n if unit == 1 or unit * n <= MOST // 4 else FEW) for n in LENGTHS)
    return list(dict.fromkeys(lengths))


def _probe_lengths(offline: Offline, lengths: Sequence[int], times: int) -> Sequence[int]:
    """Return the lengths from the first one at which the slowest tensor has `FRAMES`, found by running the network.

    Raises:
        ModelError: a loop along time.
    """
    if offline.probe is None:
        return lengths
    for place, samples in enumerate(lengths):
        try:
            short, long = offline.probe(times * samples), offline.probe(2 * times * samples)
            _find_loops(offline, short, long, times * samples)
            if (tensor := find_slowest(short, long)) is None:
                continue
            slowest = _stride(offline, tensor, times * samples)
            least = slowest * min(FRAMES, max(2, int(SLOW / slowest)))
            if samples >= least:
                return lengths[place:]
            if least.denominator == 1 and least % offline.unit == 0:
                offline.probe(times * int(least)), offline.probe(2 * times * int(least))
                return [int(least), *lengths[place:]]
        except TooShort:
            continue
    return lengths


def _stride(offline: Offline, tensor: SlowestTensor, samples: int) -> Fraction:
    """Return the samples for each frame of the slowest tensor.

    Twice as many samples do not give twice as many frames of a transform whose first frame reaches beyond the start:
    then the lengths at which one more frame comes show it.
    """
    rough = Fraction(samples, tensor.frames)
    assert offline.probe is not None
    if rough < FEWEST or rough > SLOW:
        return rough
    try:
        first = _next_frame(offline, tensor, samples, 2 * ceil(rough))
        second = _next_frame(offline, tensor, first, 2 * ceil(rough))
    except (TooShort, IndexError):
        return rough
    return Fraction(second - first)


def _next_frame(offline: Offline, tensor: SlowestTensor, samples: int, most: int) -> int:
    """Return the least length with one more frame of a tensor, at most so many samples later."""
    assert offline.probe is not None
    unit = offline.unit
    before, low, high = tensor.size(offline.probe(samples)), 0, -(-most // unit)
    while high - low > 1:
        middle = (low + high) // 2
        grown = tensor.size(offline.probe(samples + middle * unit)) > before
        low, high = (low, middle) if grown else (middle, high)
    return samples + high * unit


def _find_loops(offline: Offline, short: Calls, long: Calls, samples: int) -> None:
    """Find the loops along time of torch code whose calls grow with the length, where its export grows too."""
    assert (
        offline.probe is not None and offline.nodes is not None and offline.find_loops is not None
    )
    if not len(short.shapes) < len(long.shapes) < len(offline.probe(3 * samples).shapes):
        return
    counts = offline.nodes(samples), offline.nodes(2 * samples)
    if counts[0] < counts[1] and (problems := offline.find_loops(samples)):
        _refuse_growth(most_grown(short, long), counts, samples, problems)


def _refuse_loop(offline: Offline, samples: int) -> None:
    """Refuse a network whose node count grows with its length: another length would not show more."""
    short, long = offline.at(samples).ir.graph, offline.at(2 * samples).ir.graph
    if len(short) < len(long) < len(offline.at(3 * samples).ir.graph):
        _refuse_growth(grown_module(short, long), (len(short), len(long)), samples)


def _refuse_growth(
    where: str, nodes: tuple[int, int], samples: int, problems: Sequence[str] = ()
) -> None:
    found = f"a loop or a scan along time: {nodes[0]} nodes at {samples} samples, {nodes[1]} at {2 * samples}"
    found = "; ".join([found, *problems])
    step = (
        "let every iteration compute the same from its frame and its states; or use a recurrent layer, a "
        "cumulative sum, SelectiveSSM or DiagonalSSM of edgekit.export.own_operators"
    )
    raise ModelError(Problem(where, found, "the same operators at every length", step))


def _refuse_padded(short: ir.Graph, long: ir.Graph) -> None:
    """Refuse two lengths that a network pads to the same one, so that inside of it nothing grows."""
    for node, twin in zip(short, long, strict=False):
        if node.op_type != "Slice" or twin.op_type != "Slice":
            continue
        before = static_shape(node.inputs[0]), static_shape(node.outputs[0])
        after = static_shape(twin.inputs[0]), static_shape(twin.outputs[0])
        if before[0] == after[0] and before[1] != after[1] and array_of(node.inputs[0]) is None:
            found = f"two lengths are padded to the same one, {before[0]}"
            step = "pad to a multiple of a few frames, not to one length"
            raise ModelError(Problem(place_of(node), found, "a network that grows", step))


def _multiples(offline: Offline, samples: int) -> tuple[ir.Model, ir.Model, tuple[int, int]]:
    """Return the network at a first length and at nearly twice that, both multiples of its period."""
    longer, least = 2 * samples, 1
    for _ in range(ATTEMPTS):
        try:
            first, second = offline.at(samples).ir, offline.at(longer).ir
        except TooShort as error:
            raise _strides_problem(samples, least) from error
        _refuse_padded(first.graph, second.graph)
        try:
            least = period(first.graph, second.graph, offline.rates)
        except (
            ModelError
        ):  # where padding fills up to a multiple, lengths that are none have another form
            least = rough_period(first.graph, offline.rates)
            if samples % least == 0:
                raise
        # of the slowest tensor too there must be frames that show how its constants go on
        frames = min(FRAMES, max(2, SLOW // least))
        if samples % least == longer % least == 0 and samples >= frames * least:
            return first, second, (samples, longer)
        samples = least * max(frames, -(-samples // least))
        longer = 2 * samples - least  # not a multiple of many hops: the proof can use it too
    raise _strides_problem(samples, least)


def _strides_problem(samples: int, least: int) -> ModelError:
    found = f"at {samples} samples its strides in time seem to multiply to {least}"
    step = (
        "remove what depends on the length, as a table of fixed size or a view of frames by frames"
    )
    return ModelError(Problem("the network", found, "the same strides at every length", step))
