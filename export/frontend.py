"""A PCM front end: frames or STFT before the network and overlap-add behind it, in the same graph."""

from dataclasses import replace

from edgekit.errors import Problem, UsageError
from edgekit.export.chain import Second, put_beside
from edgekit.export.frontend_nodes import RESERVED, FrontendBuilder, content_of
from edgekit.export.frontend_spec import FrontendSpec, parse_spec
from edgekit.export.functions import define_functions
from edgekit.export.model import Model, StreamInfo
from edgekit.export.passes.graph import static_shape

# By the kind of front end: what becomes sound again behind a network; the first is what it reads.
CONTENTS = {
    "complex": ("spectrum", "bins"),
    "mag": ("bins",),
    "logpow": ("bins",),
    "frame": ("frame",),
}


def add_frontend(
    model: Model, spec: str, sample_rate: int | None, then: Model | None = None
) -> Model:
    """Return a model that eats ``pcm`` (1, hop) float32 and, where it can, gives ``pcm_out`` alike.

    ``stft:N_FFT:HOP:WINDOW`` puts the transform of the last N_FFT samples in the place of the first
    stream input: the complex spectrum, N_FFT/2 + 1 bins by 2 (real, imaginary) or 2 by bins; with
    ``mag`` its ``sqrt(re^2 + im^2)``, with ``logpow`` its ``log10(max(re^2 + im^2, 1e-12))``.
    ``frame:LENGTH:HOP`` puts the last LENGTH samples there. Unit axes may stand anywhere.

    The first stream output becomes ``pcm_out`` if it is a spectrum as above, of a network that reads
    one, or a real gain per bin: it is transformed back, times the synthesis window, and
    overlap-added. So are LENGTH samples behind ``frame``, without a window. Any other output stays
    what it is, and a note says so. `then` stands between inverse transform and synthesis window and
    reads LENGTH samples.

    The new states are ``stft_history`` and ``istft_overlap`` (``frame_history``, ``frame_overlap``),
    both (1, LENGTH - HOP). The delay is that of the networks, plus LENGTH - HOP samples where PCM
    comes out. NaN, infinity and anything beyond `frontend_nodes.PCM_LIMIT` in the PCM read as 0.

    Args:
        model: the network.
        spec: one of `frontend_spec.FORMS`.
        sample_rate: Hz; None keeps what the model says.
        then: a second network, behind the first.

    Raises:
        UsageError: the specification is wrong or does not fit the networks.
    """
    form = parse_spec(spec)
    _check_outputs(model, *([] if then is None else [then]))
    joined, second = (model, None) if then is None else put_beside(model, then)
    _check_fit(joined, form, spec, second)
    graph_model = joined.ir.clone()
    inputs, outputs = (
        {value.name: value for value in side}
        for side in (graph_model.graph.inputs, graph_model.graph.outputs)
    )
    builder = FrontendBuilder(graph_model, form)
    builder.add_analysis(inputs[joined.stream_inputs[0].name])
    result = outputs[joined.stream_outputs[0].name]
    content = content_of(result, form)
    if second is not None:
        builder.add_link(result, inputs[second.input])
        result = outputs[second.output]
        content = content_of(result, _samples(form))
    notes, delay = joined.notes, joined.stream.delay_samples or 0
    if content is None:
        found = f"output '{result.name}' {list(static_shape(result) or ())}"
        notes = (*notes, f"{found} is given out as it is: it is {_no_sound(form, second)}")
    else:
        builder.add_synthesis(result)
        delay += form.overlap
    define_functions(graph_model)
    rate = joined.stream.sample_rate_hz if sample_rate is None else sample_rate
    return Model(graph_model).describe(
        states=[*joined.states, *builder.states],
        stream=StreamInfo(form.hop, rate, delay),
        frontend=spec,
        notes=notes,
    )


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
    """What a second network reads and gives: samples, whatever the first one sees."""
    return replace(form, kind="frame")


def _no_sound(form: FrontendSpec, second: Second | None) -> str:
    if form.kind == "frame" or second is not None:
        return f"not {form.length} samples"
    return "no gain per bin" + (" and no spectrum" if form.kind == "complex" else "")


def _check_fit(joined: Model, form: FrontendSpec, spec: str, second: Second | None) -> None:
    where = f"--frontend {spec}"
    problems = []
    if joined.frontend is not None:
        problems.append(
            Problem(where, f"the network already has {joined.frontend}", "one front end",
                    "leave the option out")
        )  # fmt: skip
    if joined.stream.hop_samples not in (None, form.hop):
        problems.append(
            Problem(where, f"hop {form.hop}, but the network's hop is {joined.stream.hop_samples}",
                    "the same hop", "correct --hop or --frontend")
        )  # fmt: skip
    inputs, outputs = joined.stream_inputs, joined.stream_outputs
    ends = {value.name for value in (*inputs[:1], *outputs[:1])}
    ends |= set() if second is None else {second.input, second.output}
    kept = {value.name for value in (*joined.ir.graph.inputs, *joined.ir.graph.outputs)} - ends
    for name in sorted({str(name) for name in kept} & set(RESERVED)):
        problems.append(
            Problem(f"'{name}'", "the network has an input or output of this name",
                    "names other than " + ", ".join(RESERVED), "rename it")
        )  # fmt: skip
    contents = CONTENTS[form.kind]
    checks = [("input", inputs[0], form, contents[:1])]
    if second is not None:
        fed = next(value for value in inputs if value.name == second.input)
        checks.append(("output", outputs[0], form, contents))
        checks.append(("--then: input", fed, _samples(form), ("frame",)))
    for side, value, read_as, fitting in checks:
        if content_of(value, read_as) not in fitting:
            allowed = " or ".join(_described(content, form, side) for content in fitting)
            problems.append(
                Problem(f"{where}: {side} '{value.name}'", f"shape {static_shape(value)}",
                        f"{allowed}, plus any unit axes", "choose a --frontend that fits")
            )  # fmt: skip
    if problems:
        raise UsageError(problems)


def _described(content: str, form: FrontendSpec, side: str) -> str:
    if content == "spectrum":
        return f"the complex spectrum: ({form.bins}, 2) or (2, {form.bins})"
    if content == "frame":
        return f"the samples of a frame: ({form.length},)"
    feature = "the magnitude" if form.kind == "mag" else "the log power"
    return f"{'a gain per bin' if side == 'output' else feature}: ({form.bins},)"
