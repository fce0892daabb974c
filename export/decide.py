"""Decisions after a network: its scores become ``detected``, ``label`` and ``score``, by nodes with state."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.decide import DETECTED, LABEL, MAX_HOPS, SCORE, Decide
from edgekit.base.errors import Problem, UsageError
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.model import Model, StreamInfo, StreamingFacts
from edgekit.graph.nodes import static_shape

STATES = (
    "decide_past",
    "decide_smooth",
    "decide_on",
    "decide_wait",
    "decide_label",
    "decide_hops",
)
NAMES = (DETECTED, LABEL, SCORE, *STATES, *(f"{state}_next" for state in STATES))
LOWEST = -3e38  # below every score


def add_decisions(model: Model, decide: Decide) -> Model:
    """Return a model that decides once per hop on the scores in its first stream output.

    `Decide.function`, if given, makes the scores. They are smoothed: by the mean of the last hops (those before the
    stream count as 0), or by ``s += (1 - exp(-hop / pole)) * (score - s)`` from 0 on. A label is on from the hop in
    which its score reaches ``on`` to that in which it falls below ``off``. If a label switches on and no other
    detection is younger than ``hold``, the hop is a detection. Of several labels the highest score wins, of equal ones
    the first. Ignored labels never switch on. No label is on in the first hops, for the time ``start``.

    Three outputs replace the first one. ``detected``, bool (1,), shows whether this hop is a detection. ``label``,
    int32 (1,), is that of the last detection, at first -1. ``score``, float32 (1,), is the highest smoothed score of
    the labels that are not ignored. Everything is computed in float32.

    Raises:
        UsageError: the output holds no scores, or a time cannot be read as hops.
    """
    hop_s = _hop_s(model.stream)
    graph_model = model.ir.clone()
    graph = graph_model.graph
    result = next((v for v in graph.outputs if v.name == _first_output_name(model)), None)
    count = 0 if result is None else math.prod(static_shape(result) or (0,))
    if problems := _problems(model, decide, result, count, hop_s):
        raise UsageError(problems)
    assert result is not None
    new = FrontendWriter(graph, "decide", NAMES)
    new.free_names(result)
    labels = decide.labels or tuple(map(str, range(count)))
    heard = np.array([name not in decide.ignore for name in labels])
    scores = _smooth_scores(new, decide, _scores(new, result, decide, count), hop_s)
    hops = {word: _hops(decide, word, hop_s) for word in ("hold", "start")}
    outputs = _decision_outputs(new, decide, scores, heard, hops)
    place = list(graph.outputs).index(result)
    graph.outputs[place : place + 1] = outputs
    graph.extend(new.take())
    timing = {name: vars(time) for name, time in model.timing.items() if name != result.name}
    return Model(graph_model).describe(
        states=[*model.states, *new.states],
        streaming=_streaming_of_outputs(model, str(result.name), graph, outputs),
        timing=timing,
        decide={"text": decide.text, "labels": list(labels)},
    )


def _streaming_of_outputs(
    model: Model, scores: str, graph: ir.Graph, outputs: Sequence[ir.Value]
) -> StreamingFacts | None:
    """Return the streaming facts after `outputs` replace the scores, the first output."""
    info = model.streaming
    if info is None:
        return None
    names = {scores, *(str(value.name) for value in graph.outputs)}
    (first, *rest) = (row for row in info.outputs if row.name in names)
    return replace(info, outputs=(*(replace(first, name=str(v.name)) for v in outputs), *rest))


def _first_output_name(model: Model) -> str | None:
    outputs = model.stream_outputs
    return str(outputs[0].name) if outputs else None


def _hop_s(stream: StreamInfo) -> float | None:
    hop, rate = stream.hop_samples, stream.sample_rate_hz
    return None if hop is None or rate is None else hop / rate


def _problems(
    model: Model, decide: Decide, result: ir.Value | None, count: int, hop_s: float | None
) -> list[Problem]:
    where = f"--decide {decide.text}"
    if result is None or result.dtype != ir.DataType.FLOAT or count < 1:
        return [Problem(where, "no scores", "a float32 output first", "add it")]
    taken = {str(value.name) for value in (*model.ir.graph.inputs, *model.ir.graph.outputs)}
    found = "the network has an input or output of this name"
    names = sorted((taken - {str(result.name)}) & set(NAMES))
    return [
        *_score_problems(model, decide, result, count, f"{where}: output '{result.name}'"),
        *_time_problems(decide, where, hop_s),
        *(Problem(f"'{name}'", found, "another", "rename it") for name in names),
    ]


def _score_problems(
    model: Model, decide: Decide, result: ir.Value, count: int, where: str
) -> list[Problem]:
    time, shape = model.timing.get(str(result.name)), static_shape(result) or ()
    if time is not None and shape[time.axis] != 1:
        found, step = f"{shape[time.axis]} frames in a hop", "take the smallest --hop"
        return [Problem(where, found, "one frame of scores in a hop", step)]
    if max(shape, default=1) != count:
        found = f"shape {list(shape)}"
        return [Problem(where, found, "a score per label, and unit axes", "reshape it")]
    if decide.labels is not None and len(decide.labels) != count:
        found = f"{count} scores, {len(decide.labels)} labels"
        return [Problem(where, found, "a label for each", "correct labels=...")]
    if decide.labels is None and set(decide.ignore) - {*map(str, range(count))}:
        found, allowed = ", ".join(decide.ignore), f"0 to {count - 1}, or names in labels=..."
        return [Problem(f"{where}: ignore", found, allowed, "correct it")]
    if len(decide.ignore) == count:
        return [Problem(f"{where}: ignore", "all labels", "some of them", "correct it")]
    return []


def _time_problems(decide: Decide, where: str, hop_s: float | None) -> list[Problem]:
    problems = []
    for word, given in decide.times.items():
        if given.unit and hop_s is None:
            found = "the length of a hop is not known"
            step = "add --sample-rate and --hop, or give a number of hops"
            problems.append(Problem(f"{where}: {word}", found, "a time in hops", step))
        elif not round(given.hops(hop_s)) <= MAX_HOPS:
            found = f"{given.hops(hop_s):g} hops"
            problems.append(Problem(f"{where}: {word}", found, f"up to {MAX_HOPS}", "shorten it"))
    return problems


def _hops(decide: Decide, word: str, hop_s: float | None) -> int | None:
    """Return a time in whole hops, at least 1; None if it is not given."""
    time = decide.times.get(word)
    return None if time is None else max(1, round(time.hops(hop_s)))


def _scores(new: FrontendWriter, result: ir.Value, decide: Decide, count: int) -> ir.Value:
    row = new.reshape(result, "scores", (1, count))
    if decide.function == "softmax":
        return new.node("Softmax", [row], {"probabilities": (1, count)}, axis=1)[0]
    if decide.function == "sigmoid":
        return new.node("Sigmoid", [row], {"probabilities": (1, count)})[0]
    return row


def _smooth_scores(
    new: FrontendWriter, decide: Decide, scores: ir.Value, hop_s: float | None
) -> ir.Value:
    shape = static_shape(scores) or ()
    window = _hops(decide, "smooth", hop_s)
    if window is not None and window > 1:
        past = new.state("decide_past", (window - 1, shape[1]))
        (every,) = new.node("Concat", [past, scores], {"window": (window, shape[1])}, axis=0)
        new.follow(past, new.slice(every, "window_kept", 0, 1, window))
        axes, part = new.constant("over", [0]), new.constant("part", np.float32(1 / window))
        (total,) = new.node("ReduceSum", [every, axes], {"total": shape}, keepdims=1)
        return new.node("Mul", [total, part], {"smoothed": shape})[0]
    if decide.pole is not None:
        step = np.float32(-math.expm1(-1 / decide.pole.hops(hop_s)))
        state, factor = new.state("decide_smooth", shape), new.constant("follow", step)
        (off,) = new.node("Sub", [scores, state], {"off": shape})
        (way,) = new.node("Mul", [off, factor], {"way": shape})
        (smoothed,) = new.node("Add", [state, way], {"smoothed": shape})
        new.follow(state, new.node("Identity", [smoothed], {"smoothed_kept": shape})[0])
        return smoothed
    return scores


@dataclass(frozen=True)
class _Constants:
    """Constants of decisions: a number below every score, 0.5, 0 and 1."""

    lowest: ir.Value
    half: ir.Value
    zero: ir.Value
    one: ir.Value


def _decision_outputs(
    new: FrontendWriter,
    decide: Decide,
    scores: ir.Value,
    heard: Array,
    hops: Mapping[str, int | None],
) -> list[ir.Value]:
    """Return detected, label and score."""
    shape, one = static_shape(scores) or (), (1, 1)
    lowest = new.constant("lowest", np.float32(LOWEST))
    if not heard.all():
        mask = new.constant("heard", heard[None])
        (scores,) = new.node("Where", [mask, scores, lowest], {"scores_heard": shape})
    was_on, wait, last = (
        new.state(name, dims)
        for name, dims in (("decide_on", shape), ("decide_wait", one), ("decide_label", one))
    )
    numbers = (
        new.constant(f"number_{name}", np.float32(value))
        for name, value in (("half", 0.5), ("zero", 0), ("one", 1))
    )
    constants = _Constants(lowest, *numbers)
    started = _is_started(new, hops["start"], constants.one)
    beginning = _scores_of_beginnings(new, decide, scores, (was_on, started), constants)
    axes = new.constant("label_axis", [1])
    detection = _detection(new, beginning, axes, wait, hops["hold"] or 1, constants)
    label = _label_of_detection(new, beginning, detection, last, constants.one)
    (highest,) = new.node("ReduceMax", [scores, axes], {"highest": one}, keepdims=1)
    outputs = []
    for name, value in ((DETECTED, detection), (LABEL, label), (SCORE, highest)):
        output = new.reshape(value, name, (1,))
        output.name, output.type = name, value.type
        outputs.append(output)
    return outputs


def _is_started(new: FrontendWriter, start: int | None, one: ir.Value) -> ir.Value | None:
    """Return whether a stream is past its first `start` hops, bool (1, 1); None where none are left out."""
    if start is None:
        return None
    shape, enough = (1, 1), new.constant("start", np.float32(start))
    count = new.state("decide_hops", shape)
    (more,) = new.node("Add", [count, one], {"hops_more": shape})
    new.follow(count, new.node("Min", [more, enough], {"hops_counted": shape})[0])
    return new.logic("GreaterOrEqual", [count, enough], {"is_started": shape})


def _scores_of_beginnings(
    new: FrontendWriter,
    decide: Decide,
    scores: ir.Value,
    past: tuple[ir.Value, ir.Value | None],
    constants: _Constants,
) -> ir.Value:
    """Return the scores of labels that switch on in this hop, and the lowest number for all others.

    `past` has the labels that were on, and whether the stream has started.
    """
    shape, (was_on, started) = static_shape(scores) or (), past
    thresholds = [
        new.constant(f"level_{i}", np.float32(v)) for i, v in enumerate((decide.on, decide.off))
    ]
    above_on, above_off = (
        new.logic("GreaterOrEqual", [scores, level], {name: shape})
        for level, name in zip(thresholds, ("reaches_on", "stays_on"), strict=True)
    )
    was = new.logic("Greater", [was_on, constants.half], {"was_on": shape})
    goes_on = new.logic("And", [was, above_off], {"goes_on": shape})
    is_on = new.logic("Or", [above_on, goes_on], {"is_on": shape})
    if started is not None:
        is_on = new.logic("And", [is_on, started], {"is_on_started": shape})
    was_off = new.logic("Not", [was], {"was_off": shape})
    begins = new.logic("And", [is_on, was_off], {"begins": shape})
    on = new.node("Where", [is_on, constants.one, constants.zero], {"on_kept": shape})[0]
    new.follow(was_on, on)
    return new.node("Where", [begins, scores, constants.lowest], {"beginning": shape})[0]


def _detection(
    new: FrontendWriter,
    beginning: ir.Value,
    axes: ir.Value,
    wait: ir.Value,
    hold: int,
    constants: _Constants,
) -> ir.Value:
    """Return whether this hop is a detection: a label switches on, and the last detection is `hold` hops old."""
    one = (1, 1)
    (top,) = new.node("ReduceMax", [beginning, axes], {"top": one}, keepdims=1)
    any_begins = new.logic("Greater", [top, constants.lowest], {"any_begins": one})
    is_free = new.logic("Less", [wait, constants.half], {"is_free": one})
    detection = new.logic("And", [any_begins, is_free], {"detection": one})
    full = new.constant("hold", np.float32(hold - 1))
    (less,) = new.node("Sub", [wait, constants.one], {"wait_less": one})
    (left,) = new.node("Max", [less, constants.zero], {"wait_left": one})
    new.follow(wait, new.node("Where", [detection, full, left], {"wait_kept": one})[0])
    return detection


def _label_of_detection(
    new: FrontendWriter, beginning: ir.Value, detection: ir.Value, last: ir.Value, unit: ir.Value
) -> ir.Value:
    """Return the label of the last detection, int32; the state `last` holds it plus 1, so that 0 is none."""
    one = (1, 1)
    (index,) = new.node("ArgMax", [beginning], {"index": one}, axis=1, keepdims=1)
    index.dtype = ir.DataType.INT64
    (number,) = new.node("Cast", [index], {"number": one}, to=int(ir.DataType.FLOAT))
    (above,) = new.node("Add", [number, unit], {"number_above": one})
    (label,) = new.node("Where", [detection, above, last], {"label_kept": one})
    new.follow(last, label)
    (lowered,) = new.node("Sub", [label, unit], {"label_number": one})
    (whole,) = new.node("Cast", [lowered], {"label_whole": one}, to=int(ir.DataType.INT32))
    whole.dtype = ir.DataType.INT32
    return whole
