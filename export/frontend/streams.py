"""Front ends of several channels and streams: before each such input, and inverse after outputs of spectra."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import onnx_ir as ir

from edgekit.export.frontend.frame_layout import (
    SPECTRA,
    FrameLayout,
    gain_input,
    held_streams,
    hop_unit,
)
from edgekit.export.frontend.spec import Forms, silent_bands, specs_text
from edgekit.export.frontend.stream_nodes import StreamsBuilder
from edgekit.export.own_operators.functions import define_functions
from edgekit.graph.model import Model, OutputDelay, StatePair, StreamInfo, StreamingFacts
from edgekit.graph.nodes import static_shape

PCM = "NCT"  # layout of the stream that replaces a spectrum


def add_stream_frontends(model: Model, forms: Forms, sample_rate: int | None) -> Model:
    """Return a model that reads PCM (1, channels, hop) for each input with a front end, and returns the same form.

    Each keeps its name. A layout states the axes of channels, frames, bins and parts: ``N(PC)FT`` has the real parts
    of all channels before the imaginary ones. Features of bands come from each channel, ``gcc`` from each pair of
    channels, ``intensity`` from four; those joined by ``+`` are consecutive channels. An output with parts is a
    spectrum. One without them is a gain per bin of the first input of the same spectra, for all of its channels or for
    each. Other inputs and outputs stay unchanged.

    The states are ``NAME_history``, ``NAME_stack``, ``NAME_pcen``, ``NAME_overlap`` and ``NAME_waiting``,
    (channels, ...) each.

    Args:
        model: a network, with declared layouts where a stream has channels.
        forms: one front end for all inputs whose layout has bins, or that of each by name.
        sample_rate: Hz; None keeps the model's rate.

    Raises:
        UsageError: layouts that do not fit the front ends, all of them.
    """
    inputs, outputs = held_streams(model, forms)
    rate = model.stream.sample_rate_hz if sample_rate is None else sample_rate
    unit = hop_unit(model, inputs)
    assert unit is not None
    graph_model = model.ir.clone()
    states = _add_nodes(graph_model, model, rate, inputs, outputs)
    define_functions(graph_model)
    delays, known = _delays(model, unit, outputs), model.stream
    info = StreamInfo(
        next(iter(inputs.values())).samples,
        rate,
        max(delays.values(), default=0),
        known.minimum_hop_samples and known.minimum_hop_samples * unit,
    )
    held_names = {*inputs, *outputs}
    used = dict.fromkeys(held.form for held in inputs.values())
    return Model(graph_model).describe(
        states=[*model.states, *states],
        stream=info,
        streaming=_streaming_facts(model, delays, unit, outputs),
        timing={n: vars(time) for n, time in model.timing.items() if n not in held_names},
        layouts=_layouts(model, held_names),
        end_state=None,
        frontend=specs_text(forms),
        notes=[
            *model.notes,
            *(note for form in used for note in silent_bands(form, rate)),
            *_no_sound(model, inputs, outputs),
        ],
    )


def _add_nodes(
    graph_model: ir.Model,
    model: Model,
    rate: int | None,
    inputs: Mapping[str, FrameLayout],
    outputs: Mapping[str, FrameLayout],
) -> Sequence[StatePair]:
    """Put analyses and syntheses into the graph; return their states."""
    graph = graph_model.graph
    ends = {str(v.name): v for v in (*graph.inputs, *graph.outputs)}
    builder = StreamsBuilder(graph_model, rate)
    for name, held in inputs.items():
        builder.add_analysis(ends[name], held)
    for name, held in outputs.items():
        time = model.timing.get(name)  # of a network that counts frames
        late = 0 if time is None else time.delay_frames
        of = None if held.sizes["P"] == 2 else gain_input(inputs, held.form)
        builder.add_synthesis(ends[name], held, builder.spectra[of] if of else None, late)
    graph.sort()
    return builder.new.states


def _no_sound(
    model: Model, inputs: Mapping[str, FrameLayout], outputs: Mapping[str, FrameLayout]
) -> list[str]:
    """Return notes on outputs after spectra that stay unchanged because no layout describes them."""
    if all(held.form.kind not in SPECTRA for held in inputs.values()):
        return []
    return [
        f"output '{value.name}' {list(static_shape(value) or ())} is given out as it is; if it is spectra or gains, "
        f"add --layout {value.name}=LETTERS"
        for value in model.stream_outputs
        if value.name not in outputs and value.name not in model.layouts
    ]


def _layouts(model: Model, held: set[str]) -> dict[str, str]:
    kept = {name: str(layout) for name, layout in model.layouts.items() if name not in held}
    return kept | dict.fromkeys(sorted(held), PCM)


def _delays(model: Model, unit: int, outputs: Mapping[str, FrameLayout]) -> dict[str, int]:
    """Return the delay of each output in samples of the PCM; `unit` is PCM samples per unit of the network."""
    rows = model.streaming.outputs if model.streaming else ()
    own = {output.name: output.delay_samples * unit for output in rows}
    return {
        name: own.get(name, (model.stream.delay_samples or 0) * unit)
        + (outputs[name].form.overlap if name in outputs else 0)
        for name in (str(value.name) for value in model.stream_outputs)
    }


def _streaming_facts(
    model: Model, delays: dict[str, int], unit: int, outputs: Mapping[str, FrameLayout]
) -> StreamingFacts | None:
    """Return the facts of the rewrite in samples of the PCM; outputs may differ in their delay."""
    if (found := model.streaming) is None:
        return _facts_of_delays(delays, outputs)
    rows = tuple(
        replace(
            output,
            delay_samples=delays[output.name],
            crop_samples=output.crop_samples * unit,
            caused_by=output.caused_by or ("istft" if output.name in outputs else None),
        )
        for output in found.outputs
    )
    rates = (Fraction(tensor.rate) / unit for tensor in found.tensors)
    tensors = tuple(
        replace(tensor, rate=f"{rate.numerator}/{rate.denominator}")
        for tensor, rate in zip(found.tensors, rates, strict=True)
    )
    return StreamingFacts(rows, tensors)


def _facts_of_delays(
    delays: dict[str, int], outputs: Mapping[str, FrameLayout]
) -> StreamingFacts | None:
    """Return the output delays of a network that was not rewritten; None if all are equal."""
    if len(set(delays.values())) < 2:
        return None
    late = {name: "istft" if name in outputs else None for name in delays}
    return StreamingFacts(
        tuple(OutputDelay(name, delays[name], cause) for name, cause in late.items()), ()
    )
