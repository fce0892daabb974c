"""Finds the streams of a network with a front end, and the layout of its values in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import MOST_CHANNELS, Layout
from edgekit.export.frontend.layout import layout_of
from edgekit.export.frontend.spec import Forms, FrontendSpec
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

ORDER = "CTFP"  # of the axes inside a front end: channels, frames, bins or bands, 2
SPECTRA = ("complex", "mag", "logpow")  # kinds that sound comes out of again


@dataclass(frozen=True)
class FrameLayout:
    """Layout of the frames in an input or output.

    Attributes:
        form: its front end.
        letters: letters of its axes in order, without those that are joined.
        sizes: size of each letter of `ORDER`.
        shape: shape of the tensor.
        heard: channels of its PCM.
        frames: number of frames that are new in a call.
    """

    form: FrontendSpec
    letters: str
    sizes: dict[str, int]
    shape: tuple[int, ...]
    heard: int
    frames: int

    @property
    def dims(self) -> list[int]:
        """Sizes in the order of `ORDER`; 1 without parts."""
        return [self.sizes[letter] for letter in ORDER]

    @property
    def places(self) -> list[int]:
        """Axis of `ORDER` for each axis here; missing ones are 1 and come last."""
        missing = [letter for letter in ORDER if letter not in self.letters]
        return [ORDER.index(letter) for letter in (*self.letters, *missing)]

    @property
    def samples(self) -> int:
        """PCM samples in a call, per channel."""
        return self.frames * self.form.hop

    @staticmethod
    def of(layout: Layout, shape: Sequence[int], form: FrontendSpec) -> "FrameLayout | None":
        """Read a shape by its layout; None if the sizes are not those of the front end."""
        sizes = _sizes_of_letters(layout, shape, form)
        wanted = [prod(sizes.get(letter, 1) for letter in axis) for axis in layout.axes]
        heard = form.heard(sizes["C"])
        if wanted != list(shape) or heard is None or sizes["T"] != (form.stack or sizes["T"]):
            return None
        letters = "".join(letter for letter in "".join(layout.axes) if letter in ORDER)
        return FrameLayout(form, letters, sizes, tuple(shape), heard, form.new_frames or sizes["T"])


def _sizes_of_letters(layout: Layout, shape: Sequence[int], form: FrontendSpec) -> dict[str, int]:
    """Return the size of each letter of `ORDER`: channels and frames from the shape, others from the front end."""
    sizes = {"C": 1, "T": 1, "F": form.width, "P": 2 if "P" in "".join(layout.axes) else 1}
    sizes["T"] = layout.extent("T", shape) or 1
    for axis, size in zip(layout.axes, shape, strict=True):
        if "C" in axis:
            sizes["C"] = size // prod(sizes[letter] for letter in axis if letter != "C")
    return sizes


def has_bins(layout: Layout | None) -> bool:
    """Whether the layout of a stream declares frequency bins, or bands."""
    return layout is not None and "F" in "".join(layout.axes)


def has_spectra(model: Model) -> bool:
    """Whether the layout of an input declares frequency bins."""
    return any(has_bins(model.layouts.get(str(value.name))) for value in model.stream_inputs)


def chosen_forms(model: Model, forms: Forms) -> dict[str, FrontendSpec]:
    """Return the front end of each input and output that has one.

    A single form applies to all inputs whose layout has bins, or to the first input if none has. An output whose
    layout has bins is transformed back like the first input with the same number of bins; bands stay bands. So is the
    first output without a layout whose sizes fit a spectrum or a gain per bin of one channel.
    """
    inputs = [str(value.name) for value in model.stream_inputs]
    with_bins = [name for name in inputs if has_bins(model.layouts.get(name))]
    chosen = (
        dict.fromkeys(with_bins or inputs[:1], forms)
        if isinstance(forms, FrontendSpec)
        else dict(forms)
    )
    given = [chosen[name] for name in inputs if name in chosen]
    for place, value in enumerate(model.stream_outputs):
        form = _form_back(model, value, given, is_first=place == 0)
        if form is not None:
            chosen.setdefault(str(value.name), form)
    return chosen


def _form_back(
    model: Model, value: ir.Value, given: Sequence[FrontendSpec], *, is_first: bool
) -> FrontendSpec | None:
    """Return the front end that makes sound of an output; None if the output stays unchanged."""
    spectra = [form for form in given if form.kind in SPECTRA]
    layout = model.layouts.get(str(value.name))
    if layout is None and is_first:
        mono = (_mono_layout(model, value, form) for form in spectra)
        layout = next(filter(None, mono), None)
    if layout is None or not has_bins(layout):
        return None
    shape = static_shape(value) or ()
    fitting = [form for form in given if FrameLayout.of(layout, shape, form) is not None]
    return next(filter(spectra.__contains__, fitting or spectra), None)


def held_streams(
    model: Model, forms: Forms
) -> tuple[dict[str, FrameLayout], dict[str, FrameLayout]]:
    """Return the frame layouts of all inputs and of all outputs that have a front end.

    Raises:
        UsageError: everything that does not fit.
    """
    problems, held = list[Problem](), dict[str, FrameLayout]()
    sides = model.stream_inputs, model.stream_outputs
    where = "--frontend" if not isinstance(forms, FrontendSpec) else f"--frontend {forms}"
    if model.frontend is not None:
        found = f"the network already has {model.frontend}"
        problems.append(Problem(where, found, "one front end", "leave the option out"))
    for name, form in chosen_forms(model, forms).items():
        found_held = _held_stream(model, name, form)
        if isinstance(found_held, Problem):
            problems.append(found_held)
        else:
            held[name] = found_held
    inputs, outputs = ({n: held[n] for v in side if (n := str(v.name)) in held} for side in sides)
    if not problems and not inputs:
        found = f"only of {', '.join(outputs)}"
        problems.append(Problem(where, found, "an input with it", "name one as INPUT=SPEC"))
    problems += [*_sample_problems(model, where, held, inputs), *_gain_problems(inputs, outputs)]
    if problems:
        raise UsageError(problems)
    return inputs, outputs


def _held_stream(model: Model, name: str, form: FrontendSpec) -> FrameLayout | Problem:
    """Return the frame layout of a stream, or the problem that prevents it."""
    place = f"--frontend {form}: '{name}'"
    ports = {str(value.name): value for value in (*model.stream_inputs, *model.stream_outputs)}
    if (value := ports.get(name)) is None:
        found = "no input or output of this name"
        return Problem(place, found, ", ".join(ports), "correct the name")
    problem = _unfit_form(place, form, is_input=value in model.stream_inputs)
    return _checked_layout(model, place, value, form) if problem is None else problem


def gain_input(inputs: Mapping[str, FrameLayout], form: FrontendSpec) -> str | None:
    """Return the input whose spectra the gains of this front end are for: the first of the same frames."""
    same = [
        name
        for name, held in inputs.items()
        if held.form.kind in SPECTRA
        and (held.form.length, held.form.hop, held.form.window)
        == (form.length, form.hop, form.window)
    ]
    return same[0] if same else None


def _frame_layout_of(model: Model, value: ir.Value, form: FrontendSpec) -> FrameLayout | None:
    shape, name = static_shape(value) or (), str(value.name)
    layout = model.layouts.get(name) or _mono_layout(model, value, form)
    return None if layout is None else FrameLayout.of(layout, shape, form)


def _mono_layout(model: Model, value: ir.Value, form: FrontendSpec) -> Layout | None:
    """Return the layout of a stream of one channel if its sizes allow only one; None if it has other axes."""
    shape, time = static_shape(value) or (), model.timing.get(str(value.name))
    axis = None if time is None else time.axis
    frames = form.stack or (1 if axis is None else shape[axis])
    found = layout_of(value, form, frames, axis)
    if found is None or found.content == "frame":
        return None
    letters = iter("TFP"[place] for place in found.order if frames > 1 or place > 0)
    return Layout(tuple("." if size == 1 else next(letters) for size in shape))


def _unfit_form(place: str, form: FrontendSpec, *, is_input: bool) -> Problem | None:
    """Return the reason why a stream cannot have this kind of front end."""
    if form.full:
        return Problem(
            place, "full", "not full, where streams are named or have bins", "leave it out"
        )
    if not is_input and form.kind not in SPECTRA:
        return Problem(place, form.kind, "stft: sound comes out of it", "leave the output out")
    if form.is_of_one_rate:
        found, allowed = f"{form.kind} of a named stream", "one stream, without a name"
        return Problem(place, found, allowed, f"give --frontend {form}")
    if form.kind == "frame":
        allowed = "stft, or features, where streams are named or have bins"
        return Problem(
            place, "frame", allowed, "let the network read its hop, or keep the past itself"
        )
    return None


def _checked_layout(
    model: Model, place: str, value: ir.Value, form: FrontendSpec
) -> FrameLayout | Problem:
    """Return the layout in which a stream holds the front end's values, or the problem that prevents it."""
    held, layout = _frame_layout_of(model, value, form), model.layouts.get(str(value.name))
    found = f"{list(static_shape(value) or ())} as {layout or 'no layout says'}"
    step = "correct --layout or --frontend" if layout else f"add --layout {value.name}=LETTERS"
    if held is None or held.heard > MOST_CHANNELS:
        return Problem(place, found, _wanted_shapes(form), step)
    has_parts = held.sizes["P"] == 2
    if value in model.stream_inputs and has_parts != (form.kind == "complex"):
        return Problem(place, found, _wanted_parts(form), step)
    if form.stack is not None and str(value.name) in model.timing:
        step = "leave out stack: a network that was rewritten along time keeps what it needs"
        return Problem(place, "stack with a time axis", "one of the two", step)
    return held


def _wanted_parts(form: FrontendSpec) -> str:
    if form.kind == "complex":
        return "P, real and imaginary part"
    return f"no P: {form.kind} is one number a {'bin' if form.kind in SPECTRA else 'band'}"


def _wanted_shapes(form: FrontendSpec) -> str:
    sees = {heard: form.channels(heard) for heard in range(1, MOST_CHANNELS + 1)}
    listed = [f"{count} of {heard}" for heard, count in sees.items() if count is not None]
    channels = f"C up to {MOST_CHANNELS}"
    if form.hears_directions:
        channels = f"C {', '.join(listed[:4])}{', ...' if len(listed) > 4 else ''} channels of PCM"
    return ", ".join(
        [
            f"F {form.width}",
            *(["P 2"] if form.kind == "complex" else []),
            *([] if form.stack is None else [f"T {form.stack}"]),
            channels,
        ]
    )


def _sample_problems(
    model: Model, where: str, held: Mapping[str, FrameLayout], inputs: Mapping[str, FrameLayout]
) -> list[Problem]:
    """Return problems of streams with different samples per call, and of a hop of the network unlike theirs."""
    samples = {row.samples for row in held.values()}
    if len(samples) > 1:
        found = "samples in a call: " + ", ".join(f"{n} {h.samples}" for n, h in held.items())
        step = "correct HOP, --layout or --rate"
        return [Problem(where, found, "as many in each stream: frames times HOP", step)]
    hop = model.stream.hop_samples
    if not inputs or not samples or hop is None:
        return []
    if hop_unit(model, inputs) is None:
        name, first = next(iter(inputs.items()))
        found = f"{first.frames} frames of {first.form.hop} samples for '{name}', but the network's hop is {hop}"
        step = "correct --hop or --frontend"
        return [Problem(where, found, "the same hop, or times it", step)]
    return []


def hop_unit(model: Model, inputs: Mapping[str, FrameLayout]) -> int | None:
    """Samples of the PCM in one of the network's own hop; None if it has no whole number of them.

    A network that was rewritten along a time axis whose input has this front end counts frames; another counts samples.
    """
    hop, samples = model.stream.hop_samples, next(iter(inputs.values())).samples
    counts = [
        held.form.hop
        for name, held in inputs.items()
        if name in model.timing and hop in (None, held.frames)
    ]
    unit = counts[0] if counts else 1
    return unit if hop is None or hop * unit == samples else None


def _gain_problems(
    inputs: Mapping[str, FrameLayout], outputs: Mapping[str, FrameLayout]
) -> list[Problem]:
    """Return problems of gains without spectra, or for another number of channels."""
    problems = []
    for name, gain in outputs.items():
        if gain.sizes["P"] == 2:
            continue
        where, of = f"--frontend {gain.form}: '{name}'", gain_input(inputs, gain.form)
        if of is None:
            allowed = "gains of an input with the same N_FFT, HOP and WINDOW"
            problems.append(Problem(where, "gains of no spectrum", allowed, "correct --frontend"))
        elif gain.sizes["C"] not in (1, inputs[of].heard):
            found = f"gains of {gain.sizes['C']} channels"
            allowed = f"1 or {inputs[of].heard}, as '{of}' has"
            problems.append(Problem(where, found, allowed, "correct --layout"))
    return problems
