"""`stream`: an offline network becomes one that reads a hop and carries its state, proven equal."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, floor, lcm, prod

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.export.hop_runner import Arrays
from edgekit.export.onnx_file.session_constants import declare_constants, declare_controls
from edgekit.export.own_operators.functions import define_functions
from edgekit.export.passes import simplify
from edgekit.export.passes.metadata import place_of
from edgekit.export.stream.known_frames import KnownFrames
from edgekit.export.stream.length_free_forms import with_length_free_forms
from edgekit.export.stream.length_proof import prove_lengths
from edgekit.export.stream.lengths import two_lengths
from edgekit.export.stream.needs import find_needs
from edgekit.export.stream.prove import prove
from edgekit.export.stream.recording_end import NO_END, RecordingEnd
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.attention import square
from edgekit.export.stream.rules.mirror_padding import run_on_padded
from edgekit.export.stream.rules.table import rule_of
from edgekit.export.stream.sources import Offline
from edgekit.export.stream.tensor_timing import Facts, find_facts
from edgekit.export.stream.time_joins import find_joins, with_selections
from edgekit.export.stream.torch_network import TooShort
from edgekit.export.stream.track import Later, Segments, Span, StreamingRefused, Track, Unseen
from edgekit.export.stream.values import INSIDE
from edgekit.export.torch_source import INVERSE_TRANSFORM
from edgekit.graph.model import Model, OutputDelay, StreamInfo, StreamingFacts, TensorTime, Timing
from edgekit.graph.nodes import static_shape

PROVEN_HOPS = (
    1,
    2,
    5,
)  # times the hop; the last one divides no length at which networks are read mostly
FLOAT_BYTES = 4
# times the least length at which a network is read, until a window of attention ends
LENGTHS = (1, 10, 40)
# windows with late first outputs that are tried without: each costs a rewrite
MOST_LATE = 12


class WindowUnseen(ModelError):
    """Raised if nothing prevents streaming except attention without an end within the length that was read."""


@dataclass(frozen=True)
class Analysis:
    """The offline network `short` at the smaller length, and the facts that two lengths show.

    Attention whose windows do not end within these lengths `reaches_back` to the start, if recordings have an end.
    """

    short: ir.Model
    facts: Facts
    needs: Mapping[ir.Value, Span]
    known: KnownFrames
    longest: int
    controls: Sequence[str] = ()
    end: RecordingEnd = NO_END
    reaches_back: bool = False


def stream(
    offline: Offline,
    *,
    hop: int | None = None,
    sample_rate: int | None = None,
    session: Sequence[str] = (),
    recordings: Callable[[Model], Sequence[Arrays]] | None = None,
    controls: Sequence[str] = (),
) -> Model:
    """Rewrite an offline network to one hop at a time, with the least delay, and prove it.

    A sample is one step of the time axis of the inputs. Inputs and outputs keep their names and
    axes; their time axis holds one hop. States are float32, start at zero, and are named after the
    layer that needs them. Where padding after the end matters, `Model.end_state` names the state
    that the runner sets at the end of a stream.

    A control is a stream input that holds one value per hop. With a time axis, every frame of the hop has that value;
    without one, all layers use it from the start of the hop.

    Args:
        offline: the network, see `sources`.
        hop: samples that one call consumes; None means the smallest possible.
        sample_rate: Hz.
        session: names of inputs that stay the same for a session.
        recordings: returns real inputs of the offline network for the proof, from one hop of it.
        controls: names of inputs that are controls.

    Returns:
        A static, simplified network; `Model.stream` and `Model.streaming` hold its hop and delays.

    Raises:
        ModelError: every node that cannot be streamed, with a replacement.
        UsageError: a hop that the strides do not divide; names the smallest.
        VerificationError: the result is not the same network.
    """
    offline = replace(offline, controls=tuple(controls))
    analysis, models = _rewritten(with_length_free_forms(offline), hop)
    least, size = analysis.facts.minimum_hop(), min(models)
    model, source = models[size], offline.at(analysis.longest)
    described = model.describe(
        source=source.source,
        stream=replace(model.stream, sample_rate_hz=sample_rate),
        notes=[
            *offline.notes,
            *model.notes,
            *(note for note in source.notes if note == INVERSE_TRANSFORM),
        ],
    )
    hop_network = declare_controls(declare_constants(described, session), controls)
    real = () if recordings is None else recordings(hop_network)
    prove(offline, models, least, analysis.longest, real)
    notes = prove_lengths(
        offline, analysis.short.graph, analysis.facts, models, partial(rewrite, analysis)
    )
    return hop_network.describe(notes=[*hop_network.notes, *notes]) if notes else hop_network


def _rewritten(offline: Offline, hop: int | None) -> tuple[Analysis, dict[int, Model]]:
    """Read the network at a length that covers the reach of its attention, and rewrite it to each proven hop."""
    analysis = analyse(offline, LENGTHS[0])
    longer = [n for n in LENGTHS[1:] if offline.end.includes(n * analysis.longest)]
    while True:
        size = _hop_size(analysis, hop, offline)
        try:
            return analysis, _rewrite_all(analysis, size)
        except Segments as segments:
            facts = replace(analysis.facts, segment=lcm(analysis.facts.segment, segments.samples))
            analysis = replace(analysis, facts=facts)
        except WindowUnseen:
            found = _read_longer(offline, longer)
            if found is None and (offline.end.samples is None or analysis.reaches_back):
                raise
            analysis = found or replace(analysis, reaches_back=True)


def _rewrite_all(analysis: Analysis, size: int) -> dict[int, Model]:
    """Return the network of each hop that the proof compares, multiples of this size."""
    return {n * size: rewrite(analysis, n * size) for n in PROVEN_HOPS}


def _hop_size(analysis: Analysis, hop: int | None, offline: Offline) -> int:
    """Return the hop in samples; the smallest one where none is asked for.

    Raises:
        UsageError: the strides do not divide it.
    """
    least = analysis.facts.minimum_hop()
    size = least if hop is None else hop
    if size < 1 or size % least:
        rates = " and the rates of its inputs" if offline.rates else ""
        allowed = f"a multiple of {least}, which the strides in time{rates} multiply to"
        raise UsageError(Problem("--hop", str(hop), allowed, f"the smallest hop is {least}"))
    return size


def _read_longer(offline: Offline, longer: list[int]) -> Analysis | None:
    """Read the network at the next greater length, to see windows of its attention end.

    Args:
        offline: the network.
        longer: the lengths, as multiples of the least; the first one is taken out.

    Returns:
        Its facts; None where it does not run at that length, or none is left.
    """
    if not longer:
        return None
    try:
        return analyse(offline, longer.pop(0))
    except TooShort:
        return None


def analyse(offline: Offline, times: int = 1) -> Analysis:
    """Read the network at two lengths, `times` the least, and find its facts."""
    short, long, samples = two_lengths(offline, times)
    facts = find_facts(short.graph, long.graph, samples)
    if (joins := find_joins(short.graph, facts)).growing:
        offline = with_selections(offline, joins)
        short, long = (offline.at(count).ir for count in samples)
        facts = find_facts(short.graph, long.graph, samples)
    known = KnownFrames(short, offline.at, samples[0])
    needs = find_needs(short.graph, facts)
    return Analysis(short, facts, needs, known, samples[1], offline.controls, offline.end)


def rewrite(analysis: Analysis, hop: int) -> Model:
    """Rewrite to a hop that is a multiple of the least one; not proven yet.

    Raises:
        ModelError: every node that cannot be streamed.
    """
    model, repeats = _rewrite_plan(analysis, hop, ())
    if not repeats:
        return model
    sooner, lates = _rewrite_plan(analysis, hop, None)
    if _delays(sooner) == _delays(model):
        return model
    for name in lates[:MOST_LATE]:
        fewer, _ = _rewrite_plan(analysis, hop, [other for other in lates if other != name])
        if _delays(fewer) == _delays(sooner):
            sooner, lates = fewer, [other for other in lates if other != name]
    return sooner


def _delays(model: Model) -> list[int]:
    return [time.delay_frames for time in model.timing.values()]


def _rewrite_plan(
    analysis: Analysis, hop: int, lates: Collection[str] | None
) -> tuple[Model, list[str]]:
    """Rewrite with late first outputs of some windows; returns also the names of all windows that could have them."""
    floors: dict[ir.Value, int] = {}
    while True:
        try:
            return _rewrite(analysis, hop, floors, lates)
        except Later as late:
            floors[late.scores] = late.delay


def _time_axes(analysis: Analysis, outputs: Mapping[str, Track]) -> dict[str, Timing]:
    """Return the time axes of inputs and outputs by name."""
    timing = {
        str(value.name): Timing(time.axis, 0, time.offset)
        for value in analysis.short.graph.inputs
        if (time := analysis.facts.time(value)) and value.name not in analysis.controls
    }
    for name, track in outputs.items():
        timing[name] = Timing(track.axis, track.delay, track.time.offset)
    return timing


def _rewrite(
    analysis: Analysis,
    hop: int,
    floors: Mapping[ir.Value, int],
    lates: Collection[str] | None,
) -> tuple[Model, list[str]]:
    writer = Rewriter(
        analysis.short, analysis.facts, analysis.needs, analysis.known, hop, floors, lates
    )
    writer.along.end, writer.reaches_back = analysis.end, analysis.reaches_back
    offline = analysis.short.graph
    for value in offline.inputs:
        _input(writer, value, str(value.name) in analysis.controls)
    _translate(writer, offline)
    outputs = _outputs(writer, offline)
    graph = writer.new.graph
    model = ir.Model(graph, ir_version=analysis.short.ir_version)
    define_functions(model)
    simplify(model)
    tensors = tuple(_tensor(writer, track) for track in writer.tracks.values())
    facts = StreamingFacts(tuple(_delay(track, name) for name, track in outputs.items()), tensors)
    delay = max(output.delay_samples for output in facts.outputs)
    places = {str(value.name): place for place, value in enumerate(graph.inputs)}
    notes = [*writer.along.notes]
    described = Model(model).describe(
        states=sorted(writer.new.states, key=lambda pair: places[pair.input]),
        stream=StreamInfo(hop, None, delay, analysis.facts.minimum_hop()),
        timing=_time_axes(analysis, outputs),
        end_state=writer.new.end_state,
        streaming=facts,
        notes=notes,
        **_declared_hops(analysis.end, hop, notes),
    )
    return described, list(dict.fromkeys(writer.repeats))


def _declared_hops(end: RecordingEnd, hop: int, notes: Sequence[str]) -> dict[str, int]:
    """Return the hops of the longest recording, if the notes say that the stream depends on it."""
    return {} if end.samples is None or not notes else {"most_hops": ceil(end.samples / hop)}


def _input(writer: Rewriter, value: ir.Value, is_control: bool) -> None:
    """Add an input of the offline network to the hop; all frames have the value of a control."""
    name, shape, time = str(value.name), writer.hop_shape(value), writer.facts.time(value)
    if time is None:
        writer.set_fixed(value, writer.new.input(name, shape, value.dtype))
    elif not is_control:
        writer.set(value, writer.new.input(name, shape, value.dtype), 0, after=True)
    else:
        one = (*shape[: time.axis], 1, *shape[time.axis + 1 :])
        held = writer.new.input(name, one, value.dtype)
        if shape != one:
            whole = writer.new.constant(shape, f"{name}.shape", np.int64)
            held = writer.new.one(f"{name}.held", "Expand", held, whole)
        writer.set(value, held, 0)


def _translate(writer: Rewriter, offline: ir.Graph) -> None:
    problems, refused = dict[ir.Node, Problem](), set[ir.Value]()
    unseen = True
    for node in offline:
        if refused.intersection(value for value in node.inputs if value is not None):
            refused.update(node.outputs)
            continue
        try:
            _one(writer, node)
        except StreamingRefused as error:
            problems[node] = Problem(place_of(node), error.found, error.allowed, error.step)
            refused.update(node.outputs)
            unseen = unseen and isinstance(error, Unseen)
    if problems:
        caches = _cache_problems(offline, refused, problems)
        raise (WindowUnseen if unseen else ModelError)(caches or problems.values())


def _cache_problems(
    offline: ir.Graph, refused: Collection[ir.Value], nodes: Iterable[ir.Node]
) -> list[Problem]:
    """Return the outputs that hold the last frames of layers, if nothing else of a network is refused."""
    streams = [f"'{value.name}'" for value in offline.outputs if value not in refused]
    if not streams or any(node.op_type != "Slice" for node in nodes):
        return []
    found = "it holds the last frames of layers, as a cache for the next call does"
    step = (
        f"let the network return {', '.join(streams)} alone, as EdgeKit keeps such frames itself; or give it the "
        "inputs of one hop and the cache, leave out --time-axis, and pair both with --state INPUT:{}"
    )
    return [
        Problem(
            f"output '{value.name}'", found, "outputs that grow with time", step.format(value.name)
        )
        for value in offline.outputs
        if value in refused
    ]


def _one(writer: Rewriter, node: ir.Node) -> None:
    if any(value in writer.squares for value in node.inputs if value is not None):
        run_on_padded(writer, node, partial(square, writer, node))
        return
    if not any(writer.track(value) for value in node.inputs):
        results = writer.new.copy(node, [writer.fixed(value) for value in node.inputs])
        for output, result in zip(node.outputs, results, strict=True):
            writer.set_fixed(output, result)
        return
    run_on_padded(writer, node, partial(rule_of(node).rewrite, writer, node))


def _outputs(writer: Rewriter, offline: ir.Graph) -> dict[str, Track]:
    """Put the outputs before those of the states, none earlier than its time."""
    found, values = {}, []
    for value in offline.outputs:
        track, name = writer.track(value), str(value.name)
        if track is None or track.outer > 1:
            still = "it does not carry time", "outputs with a time axis", "leave it out"
            raise ModelError(Problem(f"output '{name}'", *(still if track is None else INSIDE)))
        track = writer.delayed(writer.solid(value), 0, name)
        output = writer.new.one(f"{name}.output", "Identity", track.value)
        output.name = name
        values.append(output)
        found[name] = track
    graph = writer.new.graph
    states = list(graph.outputs)
    graph.outputs.clear()
    graph.outputs.extend([*values, *states])
    return found


def _delay(track: Track, name: str) -> OutputDelay:
    crop = max(0, floor(-track.time.offset / track.time.rate))
    return OutputDelay(name, ceil(track.delay_samples), track.cause, crop)


def _tensor(writer: Rewriter, track: Track) -> TensorTime:
    value, rate = track.offline, track.time.rate
    producer = value.producer()
    node = str(producer.name) if producer is not None else None
    states = writer.states.get(value, [])
    names = tuple(str(state.name) for state in states)
    kept = sum(prod(static_shape(state) or ()) for state in states) * FLOAT_BYTES
    text = f"{rate.numerator}/{rate.denominator}"
    return TensorTime(str(value.name), node, track.axis, text, track.delay, names, kept)
