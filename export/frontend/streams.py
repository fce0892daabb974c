"""An STFT before each stream whose layout has frequency bins, and back behind each such output: any channels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import MOST_CHANNELS, Layout
from edgekit.export.frontend.guard import insert_finite
from edgekit.export.frontend.nodes import PCM_LIMIT, POWER_FLOOR
from edgekit.export.frontend.spec import FrontendSpec
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.export.own_operators.functions import define_functions
from edgekit.graph.model import Model, StreamInfo, Streaming
from edgekit.graph.nodes import static_shape, unused_name, value_names

ORDER = "CTFP"  # of the axes of a spectrum inside the front end: channels, frames, bins, 2
KINDS = ("complex", "mag", "logpow")
PCM = "NCT"  # layout of what takes the place of a spectrum


@dataclass(frozen=True)
class Held:
    """How an input or output holds spectra, or a number per bin: `letters` of its axes in order, sizes of all."""

    letters: str
    sizes: dict[str, int]
    shape: tuple[int, ...]

    @property
    def dims(self) -> list[int]:
        """In `ORDER`; without parts 1."""
        return [self.sizes[letter] for letter in ORDER]

    @property
    def places(self) -> list[int]:
        """For each axis here the axis of `ORDER`; those that it has not are 1 and stand behind."""
        missing = [letter for letter in ORDER if letter not in self.letters]
        return [ORDER.index(letter) for letter in (*self.letters, *missing)]

    @staticmethod
    def of(layout: Layout, shape: Sequence[int], form: FrontendSpec) -> "Held | None":
        """Read a shape by its layout; None where the sizes are not those of the front end."""
        sizes = {"C": 1, "T": 1, "F": form.bins, "P": 2 if "P" in "".join(layout.axes) else 1}
        sizes["T"] = layout.extent("T", shape) or 1
        for axis, size in zip(layout.axes, shape, strict=True):
            if "C" in axis:
                sizes["C"] = size // prod(sizes[letter] for letter in axis if letter != "C")
        wanted = [prod(sizes.get(letter, 1) for letter in axis) for axis in layout.axes]
        if wanted != list(shape) or not 1 <= sizes["C"] <= MOST_CHANNELS:
            return None
        letters = "".join(letter for letter in "".join(layout.axes) if letter in ORDER)
        return Held(letters, sizes, tuple(shape))


def has_spectra(model: Model) -> bool:
    """Whether the layout of an input declares frequency bins."""
    layouts = model.layouts
    return any(_has_bins(layouts.get(str(value.name))) for value in model.stream_inputs)


def add_stream_frontends(model: Model, form: FrontendSpec, sample_rate: int | None) -> Model:
    """Return a model that takes PCM (1, channels, hop) for each input whose layout has bins, and gives it alike.

    Each keeps its name. A layout says where channels, frames, bins and parts are: ``N(PC)FT`` has the real parts
    of all channels before the imaginary ones. An output with parts is a spectrum, one without them a gain
    per bin of the first such input, for all of its channels or for each. Other inputs and outputs stay what they are.

    The states are ``NAME_history``, ``NAME_overlap`` and ``NAME_waiting``, (channels, ...) each.

    Args:
        model: a network with declared layouts.
        form: of the front end, the same for all streams.
        sample_rate: Hz; None keeps what the model says.

    Raises:
        UsageError: layouts that do not fit the front end, all of them.
    """
    inputs, outputs = (
        _with_bins(model, model.stream_inputs),
        _with_bins(model, model.stream_outputs),
    )
    held, frames = _checked(model, form, inputs, outputs)
    graph_model = model.ir.clone()
    graph = graph_model.graph
    ends = {str(v.name): v for v in (*graph.inputs, *graph.outputs)}
    builder, first = StreamsBuilder(graph_model, form, frames), str(inputs[0].name)
    for name in map(_name, inputs):
        builder.add_analysis(ends[name], held[name])
    for name in map(_name, outputs):
        time = model.timing.get(name)  # of a network that counts frames
        late = 0 if time is None else time.delay_frames
        builder.add_synthesis(ends[name], held[name], held[first], late)
    graph.sort()
    define_functions(graph_model)
    unit = form.hop if first in model.timing else 1
    delays, known = _delays(model, form, unit, {_name(value) for value in outputs}), model.stream
    info = StreamInfo(
        frames * form.hop,
        known.sample_rate_hz if sample_rate is None else sample_rate,
        max(delays.values(), default=0),
        known.minimum_hop_samples and known.minimum_hop_samples * unit,
    )
    return Model(graph_model).describe(
        states=[*model.states, *builder.new.states],
        stream=info,
        streaming=_streaming(model, delays, unit),
        timing={name: vars(time) for name, time in model.timing.items() if name not in held},
        layouts={n: PCM if n in held else str(text) for n, text in model.layouts.items()},
        end_state=None,
        frontend=str(form),
    )


def _delays(model: Model, form: FrontendSpec, unit: int, sounds: set[str]) -> dict[str, int]:
    """The delay of each output in samples of the PCM; `unit` is what the network counts."""
    rows = model.streaming.outputs if model.streaming else ()
    own = {output.name: output.delay_samples * unit for output in rows}
    return {
        name: own.get(name, model.stream.delay_samples or 0) + form.overlap * (name in sounds)
        for name in map(_name, model.stream_outputs)
    }


class StreamsBuilder:
    """Writes the nodes.

    Attributes:
        new: the writer, which knows the states.
        spectra: (channels, frames, bins, 2) of each transformed input.
    """

    def __init__(self, model: ir.Model, form: FrontendSpec, frames: int) -> None:
        """Take the graph to change, in place, and how many frames a call has."""
        self.model, self.graph, self.form, self.frames = model, model.graph, form, frames
        self.new = FrontendWriter(model.graph)
        self.spectra: list[ir.Value] = []
        self.windows = [
            self.new.constant(name, window)
            for name, window in zip(("window", "synthesis_window"), form.windows(), strict=True)
        ]

    def add_analysis(self, source: ir.Value, held: Held) -> None:
        """Put PCM of the same name and its analysis in the place of a graph input."""
        graph, form, name = self.graph, self.form, str(source.name)
        channels = held.sizes["C"]
        source.name = unused_name(value_names(graph), f"network/{name}")
        pcm = self.new.graph_input(name, (1, channels, self.frames * form.hop))
        graph.inputs[list(graph.inputs).index(source)] = pcm
        history = self._state(f"{name}_history", (channels, form.overlap))
        flat = self.new.reshape(pcm, f"{name}_flat", (channels, self.frames * form.hop))
        spectra, following = [], []
        olds = self._split(history, f"{name}_old", 0, channels)
        for c, (part, old) in enumerate(
            zip(self._split(flat, f"{name}_channel", 0, channels), olds, strict=True)
        ):
            for f, hop in enumerate(self._split(part, f"{name}_hop_{c}", 1, self.frames)):
                shapes = {
                    f"{name}_spectrum_{c}_{f}": (1, form.bins, 2),
                    f"{name}_kept_{c}_{f}": (1, form.overlap),
                }
                spectrum, old = self.new.node("STFT", [hop, old, self.windows[0]], shapes)
                spectra.append(spectrum)
            following.append(old)
        shape = (channels, self.frames, form.bins, 2)
        whole = self._joined(spectra, f"{name}_spectra", (channels * self.frames, *shape[2:]), 0)
        whole = self.new.reshape(whole, f"{name}_spectrum", shape)
        self.spectra.append(whole)
        self.new.follow(
            history, self._joined(following, f"{name}_kept", (channels, form.overlap), 0)
        )
        fed = self.new.reshape(self._features(whole, name), f"{name}_fed", tuple(held.dims))
        fed = self.new.transpose(fed, held.places, f"{name}_in_order")
        source.replace_all_uses_with(self.new.reshape(fed, f"{name}_shaped", held.shape))
        self._put_first()
        insert_finite(self.model, pcm, PCM_LIMIT)

    def add_synthesis(self, result: ir.Value, held: Held, first: Held, late: int) -> None:
        """Put PCM of the same name in the place of a graph output of spectra, or of gains of the `first` input."""
        graph, form, name = self.graph, self.form, str(result.name)
        place = list(graph.outputs).index(result)
        result.name = unused_name(value_names(graph), f"network/{name}")
        ordered = tuple(held.dims[axis] for axis in held.places)
        value = self.new.reshape(result, f"{name}_result", ordered)
        back = [held.places.index(axis) for axis in range(len(ORDER))]
        value = self.new.transpose(value, back, f"{name}_result_in_order")
        channels = held.sizes["C"]
        if held.sizes["P"] == 1:
            channels = first.sizes["C"]
            awaited = self._awaited(self.spectra[0], name, late)
            filtered = {f"{name}_filtered": (channels, self.frames, form.bins, 2)}
            (value,) = self.new.node("Mul", [awaited, value], filtered)
        samples = self.frames * form.hop
        overlap = self._state(f"{name}_overlap", (channels, form.overlap))
        pieces, following = [], []
        flat = self.new.reshape(value, f"{name}_flat", (channels * self.frames, form.bins, 2))
        parts = self._split(flat, f"{name}_frame", 0, channels * self.frames)
        for c, left in enumerate(self._split(overlap, f"{name}_old", 0, channels)):
            own = []
            for f, part in enumerate(parts[c * self.frames : (c + 1) * self.frames]):
                shapes = {
                    f"{name}_piece_{c}_{f}": (1, form.hop),
                    f"{name}_left_{c}_{f}": (1, form.overlap),
                }
                piece, left = self.new.node("ISTFT", [part, left, self.windows[1]], shapes)
                own.append(piece)
            pieces.append(self._joined(own, f"{name}_channel_{c}", (1, samples), 1))
            following.append(left)
        pcm = self._joined(pieces, f"{name}_channels", (channels, samples), 0)
        dims = self.new.constant(f"{name}_pcm_dims", (1, channels, samples))
        (pcm,) = self.new.node("Reshape", [pcm, dims], {f"{name}_pcm": (1, channels, samples)})
        pcm.name = name
        graph.outputs[place] = pcm
        whole = self._joined(following, f"{name}_left", (channels, form.overlap), 0)
        self.new.follow(overlap, whole)
        graph.extend(self.new.take())

    def _awaited(self, spectrum: ir.Value, name: str, late: int) -> ir.Value:
        """The spectra to which gains belong that come `late` frames after them."""
        if not late:
            return spectrum
        shape = list(static_shape(spectrum) or ())
        waiting = self._state(f"{name}_waiting", (shape[0], late, *shape[2:]))
        every_shape = (shape[0], late + self.frames, *shape[2:])
        (every,) = self.new.node(
            "Concat", [waiting, spectrum], {f"{name}_every": every_shape}, axis=1
        )
        end = self.frames + late
        self.new.follow(waiting, self.new.slice(every, f"{name}_late", 1, self.frames, end))
        return self.new.slice(every, f"{name}_awaited", 1, 0, self.frames)

    def _features(self, spectrum: ir.Value, name: str) -> ir.Value:
        """What the network reads of (channels, frames, bins, 2)."""
        if self.form.kind == "complex":
            return spectrum
        shape = static_shape(spectrum) or ()
        (squares,) = self.new.node("Mul", [spectrum, spectrum], {f"{name}_squares": shape})
        axes = self.new.constant(f"{name}_axes", [3])
        bins = {f"{name}_power": shape[:3]}
        (power,) = self.new.node("ReduceSum", [squares, axes], bins, keepdims=0)
        if self.form.kind == "mag":
            return self.new.node("Sqrt", [power], {f"{name}_magnitude": shape[:3]})[0]
        floor = self.new.constant(f"{name}_floor", np.float32(POWER_FLOOR))
        unit = self.new.constant(f"{name}_log10", np.float32(1 / np.log(10)))
        (floored,) = self.new.node("Max", [power, floor], {f"{name}_floored": shape[:3]})
        (logarithm,) = self.new.node("Log", [floored], {f"{name}_log": shape[:3]})
        return self.new.node("Mul", [logarithm, unit], {f"{name}_log_power": shape[:3]})[0]

    def _state(self, name: str, shape: tuple[int, ...]) -> ir.Value:
        return self.new.state(unused_name(value_names(self.graph), name), shape)

    def _split(self, value: ir.Value, name: str, axis: int, count: int) -> Sequence[ir.Value]:
        if count == 1:
            return [value]
        shape = list(static_shape(value) or ())
        shape[axis] //= count
        shapes = {f"{name}_{index}": tuple(shape) for index in range(count)}
        return self.new.node("Split", [value], shapes, axis=axis, num_outputs=count)

    def _joined(
        self, parts: Sequence[ir.Value], name: str, shape: tuple[int, ...], axis: int
    ) -> ir.Value:
        return (
            parts[0]
            if len(parts) == 1
            else self.new.node("Concat", parts, {name: shape}, axis=axis)[0]
        )

    def _put_first(self) -> None:
        """Insert what was written before everything else."""
        if len(self.graph):
            self.graph.insert_before(self.graph[0], self.new.take())
        else:
            self.graph.extend(self.new.take())


def _has_bins(layout: Layout | None) -> bool:
    return layout is not None and "F" in "".join(layout.axes)


def _with_bins(model: Model, values: Sequence[ir.Value]) -> list[ir.Value]:
    return [value for value in values if _has_bins(model.layouts.get(_name(value)))]


def _name(value: ir.Value) -> str:
    return str(value.name)


def _streaming(model: Model, delays: dict[str, int], unit: int) -> Streaming | None:
    """What the rewrite of the network found, in samples of the PCM."""
    if (found := model.streaming) is None:
        return None
    outputs = tuple(
        replace(
            output,
            delay_samples=delays[output.name],
            crop_samples=output.crop_samples * unit,
            caused_by=output.caused_by or "istft",
        )
        for output in found.outputs
    )
    rates = (Fraction(tensor.rate) / unit for tensor in found.tensors)
    tensors = tuple(
        replace(tensor, rate=f"{rate.numerator}/{rate.denominator}")
        for tensor, rate in zip(found.tensors, rates, strict=True)
    )
    return Streaming(outputs, tensors)


def _checked(
    model: Model, form: FrontendSpec, inputs: Sequence[ir.Value], outputs: Sequence[ir.Value]
) -> tuple[dict[str, Held], int]:
    """How each stream holds its spectra, and frames of a call, after everything that does not fit was refused."""
    where, problems, held = f"--frontend {form}", list[Problem](), dict[str, Held]()
    if form.kind not in KINDS or form.full:
        found = "full" if form.full else form.kind
        allowed = f"stft with {', '.join(KINDS)}, not full, where layouts have bins"
        problems.append(
            Problem(where, found, allowed, "leave out the layouts, or use such an stft")
        )
    if model.frontend is not None:
        found = f"the network already has {model.frontend}"
        problems.append(Problem(where, found, "one front end", "leave the option out"))
    for value in (*inputs, *outputs):
        layout, shape = model.layouts[_name(value)], static_shape(value) or ()
        fits = Held.of(layout, shape, form)
        if problem := _misfit(
            f"{where}: '{value.name}'", fits, layout, shape, form, value in inputs
        ):
            problems.append(problem)
        elif fits is not None:
            held[_name(value)] = fits
    frames = {row.sizes["T"] for row in held.values()}
    if len(frames) > 1:
        found = "frames in a call: " + ", ".join(f"{n} {h.sizes['T']}" for n, h in held.items())
        problems.append(Problem(where, found, "as many in each", "correct --layout"))
    count, hop = max(frames, default=1), model.stream.hop_samples
    counted = count if _name(inputs[0]) in model.timing else count * form.hop
    if hop not in (None, counted):
        found = f"hop {form.hop}, but the network's hop is {hop}"
        step = "correct --hop or --frontend"
        problems.append(Problem(where, found, "the same hop, or times it", step))
    problems += _gain_problems(where, held, inputs, outputs)
    if problems:
        raise UsageError(problems)
    return held, count


def _misfit(
    where: str,
    held: Held | None,
    layout: Layout,
    shape: Sequence[int],
    form: FrontendSpec,
    is_input: bool,
) -> Problem | None:
    """Why a stream does not hold what the front end makes."""
    found, step = f"{list(shape)} as {layout}", "correct --layout or --frontend"
    parts = form.kind == "complex"
    if held is None:
        return Problem(where, found, f"F {form.bins}, P 2, C up to {MOST_CHANNELS}", step)
    if is_input and (held.sizes["P"] == 2) != parts:
        allowed = (
            "P, real and imaginary part" if parts else f"no P: {form.kind} is one number a bin"
        )
        return Problem(where, found, allowed, step)
    return None


def _gain_problems(
    where: str, held: dict[str, Held], inputs: Sequence[ir.Value], outputs: Sequence[ir.Value]
) -> list[Problem]:
    """Gains for another number of channels than the first input has."""
    first = held.get(_name(inputs[0]))
    gains = {str(v.name): held[str(v.name)] for v in outputs if str(v.name) in held}
    return [
        Problem(
            f"{where}: '{name}'",
            f"gains of {gain.sizes['C']} channels",
            f"1 or {first.sizes['C']}, as '{inputs[0].name}' has",
            "correct --layout",
        )
        for name, gain in gains.items()
        if first and gain.sizes["P"] == 1 and gain.sizes["C"] not in (1, first.sizes["C"])
    ]
