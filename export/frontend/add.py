"""A PCM front end: frames or STFT before the network and overlap-add after it, in the same graph."""

from dataclasses import replace
from fractions import Fraction

import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.export.frontend.features import KINDS
from edgekit.export.frontend.joined_models import Second, put_beside
from edgekit.export.frontend.layout import Layout, layout_of
from edgekit.export.frontend.micro import MICRO
from edgekit.export.frontend.micro_nodes import frames_of_input
from edgekit.export.frontend.mlperf import MLPERF
from edgekit.export.frontend.nodes import FrontendBuilder
from edgekit.export.frontend.spec import FrontendSpec, silent_bands
from edgekit.export.frontend.writer import RESERVED
from edgekit.export.own_operators.functions import define_functions
from edgekit.graph.model import Model, OutputDelay, StreamInfo, StreamingFacts
from edgekit.graph.nodes import static_shape

# By the kind of front end: outputs that become sound again; the first is the network's input.
CONTENTS = {
    "complex": ("spectrum", "bins"),
    "mag": ("bins",),
    "logpow": ("bins",),
    "frame": ("frame",),
    **dict.fromkeys((*KINDS, MICRO, MLPERF), ("bins",)),
}


def add_frontend(
    model: Model, form: FrontendSpec, sample_rate: int | None, then: Model | None = None
) -> Model:
    """Return a model that reads ``pcm`` (1, hop) float32 and, if possible, returns ``pcm_out`` in the same form.

    ``stft:N_FFT:HOP:WINDOW`` replaces the first stream input by the transform of the last N_FFT samples: the complex
    spectrum, N_FFT/2 + 1 bins by 2 (real, imaginary) or 2 by bins. With ``mag`` it is ``sqrt(re^2 + im^2)``, with
    ``logpow`` ``log10(max(re^2 + im^2, 1e-12))``. ``frame:LENGTH:HOP`` puts the last LENGTH samples there. ``mel``,
    ``mfcc`` and ``erb`` put features there, see `edgekit.export.frontend.features`; no output becomes sound then. Unit
    axes may stand anywhere.

    The first stream output becomes ``pcm_out`` if it is a spectrum as above, of a network that reads one, or a real
    gain per bin. It is transformed back, times the synthesis window, and overlap-added. LENGTH samples after ``frame``
    are too, without a window. Any other output stays unchanged, with a note. `then` stands between inverse transform
    and synthesis window and reads LENGTH samples. With ``full`` the networks start with the first frame that holds
    N_FFT samples. Until then their states stay zero, and the output is silent.

    The hop defines the frames of a call: it counts frames if the network was rewritten along a time axis, else
    samples, HOP per frame. With stacked features, ``stack`` states how many are new in a call; those before the stream
    are of silence.

    The new states are ``stft_history`` and ``istft_overlap`` (``frame_history``, ``frame_overlap``),
    both (1, LENGTH - HOP), and ``stft_waiting``, the spectra that wait for late gains. Features have
    ``feature_history`` and ``pcen_smooth``. The delay is that of the networks, plus LENGTH - HOP samples if the output
    is PCM. NaN, infinity, anything beyond `frontend_nodes.PCM_LIMIT` and anything below `frontend_nodes.PCM_FLOOR` in
    the PCM read as 0.

    Args:
        model: the network.
        form: of the front end.
        sample_rate: Hz; None keeps the model's rate.
        then: a second network, after the first.

    Raises:
        UsageError: the specification does not fit the networks.
    """
    _check_outputs(model, *([] if then is None else [then]))
    joined, second = (model, None) if then is None else put_beside(model, then)
    frames = _checked_frames(joined, form, second)
    rate = joined.stream.sample_rate_hz if sample_rate is None else sample_rate
    graph_model = joined.ir.clone()
    builder = FrontendBuilder(graph_model, form, frames, _late(joined, form), rate)
    result, has_sound = _add_nodes(builder, joined, second)
    define_functions(graph_model)
    notes = [] if has_sound or form.features else [_no_sound(result, form, second)]
    notes += silent_bands(form, rate)
    left = {value.name for value in graph_model.graph.outputs}
    info = _stream(joined, form, frames, rate, has_sound)
    return Model(graph_model).describe(
        states=[*joined.states, *builder.new.states],
        stream=info,
        streaming=_streaming_facts(
            joined, form, info, "pcm_out" if has_sound else str(result.name)
        ),
        timing={name: vars(time) for name, time in joined.timing.items() if name in left},
        end_state=None,
        frontend=str(form),
        notes=[*joined.notes, *notes, *_beside_pcm(joined, second)],
    )


def _add_nodes(
    builder: FrontendBuilder, joined: Model, second: Second | None
) -> tuple[ir.Value, bool]:
    """Put the front end around and between the networks; return their output, and whether it becomes sound."""
    form, frames = builder.form, builder.frames
    inputs, outputs = (
        {value.name: value for value in side}
        for side in (builder.graph.inputs, builder.graph.outputs)
    )
    source, result = inputs[joined.signal_inputs[0].name], outputs[joined.stream_outputs[0].name]
    fed = _layout(joined, source, form, form.stack or frames)
    given = None if form.features else _layout(joined, result, form, frames)
    assert fed is not None
    builder.add_analysis(source, fed)
    if form.full:
        builder.hold_states(joined.states)
    if second is not None:
        to = layout_of(inputs[second.input], _samples(form))
        assert given is not None and to is not None
        builder.add_link(result, given, inputs[second.input], to)
        result = outputs[second.output]
        given = layout_of(result, _samples(form))
    if given is not None:
        builder.add_synthesis(result, given)
    return result, given is not None


def _counts_frames(model: Model, form: FrontendSpec) -> bool:
    """Whether the network's own samples are frames: it was rewritten along a time axis."""
    return form.kind != "frame" and model.signal_inputs[0].name in model.timing


def _late(model: Model, form: FrontendSpec) -> int:
    """Return the delay of the network's first output in frames, as far as its own time axis shows."""
    time = model.timing.get(str(model.stream_outputs[0].name))
    return time.delay_frames if time is not None and _counts_frames(model, form) else 0


def _frames(model: Model, form: FrontendSpec) -> int | None:
    """Return the number of frames in one call; None if the network's hop is not a whole number of frames."""
    hop = model.stream.hop_samples
    if (every := form.new_frames) is not None:
        return every if hop in (None, every * form.hop) else None
    if hop is None:
        return _frames_without_hop(model, form)
    if _counts_frames(model, form):
        return hop
    frames, rest = divmod(hop, form.hop)
    return None if rest or (form.kind == "frame" and frames > 1) else frames


def _frames_without_hop(model: Model, form: FrontendSpec) -> int:
    """Return the number of frames in a call of a network that counts neither frames nor samples."""
    if form.kind != MICRO or _counts_frames(model, form):
        return 1
    return frames_of_input(model.signal_inputs[0], form.width)


def _layout(model: Model, value: ir.Value, form: FrontendSpec, frames: int) -> Layout | None:
    time = model.timing.get(str(value.name))
    return layout_of(value, form, frames, None if time is None else time.axis)


def _stream(
    model: Model, form: FrontendSpec, frames: int, sample_rate: int | None, has_sound: bool
) -> StreamInfo:
    known = model.stream
    least, delay = known.minimum_hop_samples, known.delay_samples or 0
    if _counts_frames(model, form):
        least, delay = least and least * form.hop, _late(model, form) * form.hop
    return StreamInfo(
        frames * form.hop,
        sample_rate,
        delay + (form.overlap if has_sound else 0),
        least,
    )


def _streaming_facts(
    model: Model, form: FrontendSpec, info: StreamInfo, result: str
) -> StreamingFacts | None:
    """Return the facts of the rewrite in samples of the PCM; the network's first output leads to `result`."""
    if (found := model.streaming) is None:
        return None
    unit, first = form.hop if _counts_frames(model, form) else 1, model.stream_outputs[0].name
    outputs = tuple(
        OutputDelay(result, info.delay_samples or 0, output.caused_by or "istft")
        if output.name == first
        else replace(output, delay_samples=output.delay_samples * unit)
        for output in found.outputs
    )
    rates = (Fraction(tensor.rate) / unit for tensor in found.tensors)
    tensors = tuple(
        replace(tensor, rate=f"{rate.numerator}/{rate.denominator}")
        for tensor, rate in zip(found.tensors, rates, strict=True)
    )
    return StreamingFacts(outputs, tensors)


def _check_outputs(*models: Model) -> None:
    if problems := [
        Problem(
            f"network '{model.source.name}'", "all its outputs are states", "an output", "add it"
        )
        for model in models
        if not model.stream_outputs
    ]:
        raise UsageError(problems)


def _samples(form: FrontendSpec) -> FrontendSpec:
    """Return the form of a second network's streams: samples, whatever the first network reads."""
    return replace(form, kind="frame")


def _no_sound(result: ir.Value, form: FrontendSpec, second: Second | None) -> str:
    reason = "no gain per bin" + (" and no spectrum" if form.kind == "complex" else "")
    if form.kind == "frame" or second is not None:
        reason = f"not {form.length} samples"
    shape = list(static_shape(result) or ())
    return f"output '{result.name}' {shape} is given out as it is: it is {reason}"


def _beside_pcm(joined: Model, second: Second | None) -> list[str]:
    return [
        f"input '{value.name}' {list(static_shape(value) or ())} is taken with the PCM in each hop; "
        f"if it is a state, add --state {value.name}:OUTPUT" + _own_form(joined, value)
        for value in joined.signal_inputs[1:]
        if value.name not in joined.controls and (second is None or value.name != second.input)
    ]


def _own_form(joined: Model, value: ir.Value) -> str:
    """Return the options that make an input a stream of sound, if it has the shape of the first input."""
    first = joined.signal_inputs[0]
    if static_shape(value) != static_shape(first):
        return ""
    return (
        f"; if it is a stream of sound, --frontend {first.name}=SPEC --frontend {value.name}=SPEC"
    )


def _checked_frames(joined: Model, form: FrontendSpec, second: Second | None) -> int:
    """Return the number of frames in one call; refuse everything that does not fit."""
    where, frames = f"--frontend {form}", _frames(joined, form)
    problems = _hop_problems(joined, form, where, frames, second is not None)
    problems += _name_problems(joined, second)
    problems += _layout_problems(joined, form, where, frames or 1, second)
    if problems:
        raise UsageError(problems)
    return frames or 1


def _hop_problems(
    joined: Model, form: FrontendSpec, where: str, frames: int | None, two: bool
) -> list[Problem]:
    """Return problems: a front end exists already, hops do not fit, or one frame per call is not possible."""
    problems = []
    if joined.frontend is not None:
        found = f"the network already has {joined.frontend}"
        problems.append(Problem(where, found, "one front end", "leave the option out"))
    if frames is None or (two and frames > 1):
        problems.append(_other_hop(joined, form, where, two))
    if form.features is not None:
        problems += _feature_problems(joined, form, where, two)
    if form.full and (frames or 1) > 1:
        found, allowed = f"full with {frames} frames in a call", "full with one frame in a call"
        problems.append(Problem(where, found, allowed, "leave out full, or --hop"))
    return problems


def _other_hop(joined: Model, form: FrontendSpec, where: str, two: bool) -> Problem:
    found = f"hop {form.hop}, but the network's hop is {joined.stream.hop_samples}"
    allowed = "the same hop" if two or form.kind == "frame" else "the same hop, or times it"
    if form.features is not None and form.stack is not None:
        allowed = f"{form.features.every * form.hop}, the new frames of a call"
    return Problem(where, found, allowed, "correct --hop or --frontend")


def _feature_problems(joined: Model, form: FrontendSpec, where: str, two: bool) -> list[Problem]:
    problems = []
    if two:
        found = "features with --then, which reads the samples of each frame"
        problems.append(Problem(where, found, "stft or frame", "leave out --then"))
    if form.stack is not None and _counts_frames(joined, form):
        found = f"stack with the time axis of input '{joined.signal_inputs[0].name}'"
        step = "leave out stack: a network that was rewritten along time keeps what it needs"
        problems.append(Problem(where, found, "one of the two", step))
    return problems


def _name_problems(joined: Model, second: Second | None) -> list[Problem]:
    """Return problems of remaining inputs and outputs whose names the front end uses."""
    inputs, outputs = joined.signal_inputs, joined.stream_outputs
    ends = {value.name for value in (*inputs[:1], *outputs[:1])}
    ends |= set() if second is None else {second.input, second.output}
    kept = {value.name for value in (*joined.ir.graph.inputs, *joined.ir.graph.outputs)} - ends
    found, allowed = "the network has an input or output of this name", ", ".join(RESERVED)
    return [
        Problem(f"'{name}'", found, f"names other than {allowed}", "rename it")
        for name in sorted({str(name) for name in kept} & set(RESERVED))
    ]


def _layout_problems(
    joined: Model, form: FrontendSpec, where: str, frames: int, second: Second | None
) -> list[Problem]:
    """Return problems of inputs and outputs whose shape is not that of frames."""
    inputs, outputs = joined.signal_inputs, joined.stream_outputs
    contents, problems = CONTENTS[form.kind], []
    checks = [("input", inputs[0], form, contents[:1])]
    frames = form.stack or frames
    if second is not None:
        fed = next(value for value in inputs if value.name == second.input)
        checks.append(("output", outputs[0], form, contents))
        checks.append(("--then: input", fed, _samples(form), ("frame",)))
    for side, value, read_as, fitting in checks:
        layout = _layout(joined, value, read_as, frames)
        if layout is None or layout.content not in fitting:
            place, found = f"{where}: {side} '{value.name}'", f"shape {static_shape(value)}"
            allowed = " or ".join(_describe_content(content, form, side) for content in fitting)
            allowed += f", {frames} times in a call" if frames > 1 else ""
            step = f"choose a --frontend that fits, or say by --layout {value.name}=LETTERS where channels are"
            problems.append(Problem(place, found, f"{allowed}, plus any unit axes", step))
    return problems


def _describe_content(content: str, form: FrontendSpec, side: str) -> str:
    if content == "spectrum":
        return f"the complex spectrum: ({form.bins}, 2) or (2, {form.bins})"
    if content == "frame":
        return f"the samples of a frame: ({form.length},)"
    if form.features is not None:
        return f"the features of a frame: ({form.width},)"
    feature = "the magnitude" if form.kind == "mag" else "the log power"
    return f"{'a gain per bin' if side == 'output' else feature}: ({form.bins},)"
