"""Calibration: real streams run through the float network hop by hop, states carried."""

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.errors import CalibrationError, Problem, UsageError
from edgekit.base.layout import Layout, frames_to_hops
from edgekit.base.npz import read_npz
from edgekit.base.wav import read_together, read_wav
from edgekit.export.diffusion.description import condition_values
from edgekit.export.running import HopRunner
from edgekit.graph.layouts import pcm_layout
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.quantize.calibrate.held_out import Parts
from edgekit.quantize.calibrate.observers import Observer

Clip = Mapping[str, NDArray[Any]]
CLEAN = ".clean.wav"
BLOCK_HOPS = 64  # hops whose tensors are in memory at once,
BLOCK_VALUES = 1 << 27  # and values of these tensors


@dataclass(frozen=True)
class Calibration:
    """Independent clips: each maps every stream input to (hops, *shape), a session constant to (*shape).

    `source` is how the user named it; only its last component goes into files. `clean` has (samples,) without
    noise by the index of a clip, where they are known. `notes` say how recordings were changed while they were read.
    """

    clips: tuple[Clip, ...]
    source: str
    clean: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The last component of the source, without the machine's path."""
        return Path(self.source).name


def observe(
    model: Model,
    calibration: Calibration,
    parts: Parts | None = None,
    again: Callable[[Clip], Clip] | None = None,
) -> dict[str, Observer]:
    """Run every clip from zero state and return an observer for each float tensor of the graph.

    `parts` of the calibration see the same. Every clip runs a second time as what `again` makes of it, where given.
    """
    graph = model.ir.graph
    states = {pair.input: pair.output for pair in model.states}
    made = [value for node in graph for value in node.outputs if value.name]
    inner, fed = (
        [str(v.name) for v in values if v.dtype == ir.DataType.FLOAT]
        for values in (made, graph.inputs)
    )
    recorded = [*inner, *(name for name in fed if name not in states)]
    observers = {name: Observer() for name in [*inner, *fed]}
    shapes = {str(v.name): dims(v) for v in (*graph.inputs, *made)}
    values = sum(int(np.prod(shapes[name])) for name in recorded)
    block = max(1, min(BLOCK_HOPS, BLOCK_VALUES // max(1, values)))
    runner = HopRunner(model, recorded)
    for index, clip, is_copy in _heard(calibration.clips, again):
        for number, found in enumerate(runner.blocks(clip, block)):
            seen = {name: found[states.get(name, name)] for name in observers}
            for name, observer in observers.items():
                observer.update(seen[name])
            if parts is not None:
                parts.see(index, number * block, seen, is_copy)
    return observers


def _heard(
    clips: Sequence[Clip], again: Callable[[Clip], Clip] | None
) -> Iterator[tuple[int, Clip, bool]]:
    """Each clip with its number, as it is and as it is heard again, and whether it is the latter."""
    for index, clip in enumerate(clips):
        yield index, clip, False
        if again is not None:
            yield index, again(clip), True


def calibration_folder(source: str) -> Path | None:
    """The folder that a source of a calibration names, None of a ``package.module:factory``; before any work.

    Raises `CalibrationError` where it is neither.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder
    if ":" in source and not folder.exists():
        return None
    found = "is not a folder" if folder.exists() else "does not exist"
    raise CalibrationError(_problem(f"calibration source {source!r}", found))


def load_calibration(source: str, model: Model) -> Calibration:
    """Read a folder of .wav or .npz, or call ``package.module:factory`` that yields dictionaries of inputs.

    It may yield arrays where there is one input: a recording, calls, or a batch of which each is a call.
    Of a denoiser these may be conditions alone, (images, *shape), see `edgekit.judge.sampling.own_trajectories`.
    ``x.clean.wav`` beside ``x.wav`` is its clean form, and no clip. Of a network of several PCM inputs a clip is a
    file for each: ``x.mic.wav`` and ``x.ref.wav``.

    Raises `CalibrationError` listing every file that does not fit.
    """
    folder = calibration_folder(source)
    if folder is None:
        return _from_factory(source, model)
    found_files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".wav", ".npz"))
    streams = _sound_inputs(model)
    is_input = {f".{name}.wav".lower() for name in streams} if len(streams) > 1 else set[str]()
    files = [
        path for path in found_files if not path.name.lower().endswith(CLEAN) or CLEAN in is_input
    ]
    if not files:
        raise CalibrationError(
            _problem(f"calibration folder {source!r}", "holds no .wav and no .npz file")
        )
    clips: list[Clip] = []
    clean: dict[int, NDArray[np.float32]] = {}
    changed: Counter[str] = Counter()
    together, problems = _recordings(files, streams, model)
    for stem, recording in together:
        try:
            beside = stem.with_name(f"{stem.name}{CLEAN}")
            if beside.is_file() and CLEAN not in is_input:
                clean[len(clips)] = _read_clean(beside, model)
            if isinstance(recording, Path):
                clip = _read_npz(recording, model)
            else:
                clip, notes = _read_wavs(recording, streams, model)
                changed.update(notes)
            clips.append(clip)
        except CalibrationError as error:
            problems += error.problems
    if problems:
        raise CalibrationError(problems)
    said = tuple(
        f"calibration: {text}, in {n} of {len(together)} files" for text, n in changed.items()
    )
    return Calibration(_alike(clips, source), source, clean, said)


def from_examples(examples: Clip, model: Model) -> Calibration:
    """Calibrate on a factory's example inputs, (hops, *shape). The caller says so to the user."""
    types = {str(v.name): v.dtype.numpy() for v in model.given_inputs if v.dtype is not None}
    clip = {name: np.asarray(examples[name], dtype) for name, dtype in types.items()}
    return Calibration((clip,), "example inputs")


def _from_factory(source: str, model: Model) -> Calibration:
    module_name, _, function = source.partition(":")
    try:
        made: Iterable[Any] = getattr(importlib.import_module(module_name), function)()
        clips = tuple(_checked(_by_name(clip, model, source), model, source) for clip in made)
    except CalibrationError:
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        raise CalibrationError(_problem(f"calibration factory {source!r}", found)) from error
    if not clips:
        raise CalibrationError(_problem(f"calibration factory {source!r}", "yields nothing"))
    return Calibration(_alike(clips, source), source)


def _by_name(clip: Any, model: Model, source: str) -> dict[str, NDArray[Any]]:
    """A dictionary as it is; an array as that of the only input: of one call, or a batch of calls, as many hops."""
    if isinstance(clip, Mapping):
        return dict(clip)
    names = [str(value.name) for value in model.given_inputs]
    if len(names) != 1:
        found = f"yields an array for {len(names)} inputs: {', '.join(names)}"
        raise CalibrationError(_problem(f"calibration factory {source!r}", found))
    array, shape = np.asarray(clip), dims(model.given_inputs[0])
    is_batch = array.ndim == len(shape) and shape[:1] == (1,) and array.shape[1:] == shape[1:]
    return {names[0]: array[:, None] if is_batch else array}


def _alike(clips: Sequence[Clip], source: str) -> tuple[Clip, ...]:
    """All the same inputs: a denoiser's calls, or conditions alone."""
    if len({frozenset(clip) for clip in clips}) > 1:
        found = "holds calls of the network, and conditions without calls"
        raise CalibrationError(_problem(f"calibration source {source!r}", found))
    return tuple(clips)


def _sound_inputs(model: Model) -> dict[str, tuple[Layout, tuple[int, ...]]]:
    """Layout and shape of each input by name, where all of them are PCM; else nothing."""
    found = {str(v.name): (pcm_layout(model, v), dims(v)) for v in model.given_inputs}
    known = {name: (layout, shape) for name, (layout, shape) in found.items() if layout is not None}
    return known if len(known) == len(found) and not model.constants else {}


def _recordings(
    files: Sequence[Path], streams: Mapping[str, Any], model: Model
) -> tuple[list[tuple[Path, Path | dict[str, Path]]], list[Problem]]:
    """The recordings of a folder by path without their endings: a .npz, or a .wav for each input.

    Of a network of several inputs, ``x.mic.wav`` and ``x.ref.wav`` are one recording of the inputs mic and ref.
    """
    if not streams:
        return _without_sound(files, model)
    found: list[tuple[Path, Path | dict[str, Path]]] = []
    groups: dict[Path, dict[str, Path]] = {}
    problems = []
    for file in files:
        name = next((n for n in streams if file.stem.lower().endswith(f".{n}".lower())), None)
        if file.suffix.lower() == ".npz":
            found.append((file.with_suffix(""), file))
        elif len(streams) == 1:
            found.append((file.with_suffix(""), dict.fromkeys(streams, file)))
        elif name is None:
            where, named = f"calibration file {file.name!r}", [f"NAME.{n}.wav" for n in streams]
            of, step = f"a network of {len(streams)} inputs", "end its name in that of an input"
            problems.append(Problem(where, of, " and ".join(named), step))
        else:
            stem = file.with_name(file.stem[: -len(name) - 1])
            if stem not in groups:
                found.append((stem, groups.setdefault(stem, {})))
            groups[stem][name] = file
    for stem, group in groups.items():
        if missing := [name for name in streams if name not in group]:
            listed = ", ".join(f"{stem.name}.{name}.wav" for name in missing)
            where, step = f"calibration clip {stem.name!r}", f"add {listed}"
            problems.append(Problem(where, f"no {', '.join(missing)}", ", ".join(streams), step))
    whole = [(s, r) for s, r in found if isinstance(r, Path) or r.keys() == streams.keys()]
    return whole, problems


def _without_sound(
    files: Sequence[Path], model: Model
) -> tuple[list[tuple[Path, Path | dict[str, Path]]], list[Problem]]:
    """The recordings for a network that takes no sound: .npz files alone."""
    sounds = [file for file in files if file.suffix.lower() != ".npz"]
    found: list[tuple[Path, Path | dict[str, Path]]] = [
        (file.with_suffix(""), file) for file in files if file not in sounds
    ]
    return found, [_no_sound(sounds, model)] if sounds else []


def _no_sound(files: Sequence[Path], model: Model) -> Problem:
    listed = ", ".join(f"{v.name} {list(v.shape or ())}" for v in model.given_inputs)
    step = (
        "export with --frontend, or with --hop if the input is PCM, with --layout INPUT=NCT if it has "
        "channels, or give .npz files"
    )
    if beside := [*model.constants, *model.controls]:
        step = f"give .npz files: they hold {', '.join(map(repr, beside))} as well"
    if pairs := list(_likely_states(model)):
        step = f"if these are states, declare them: {' '.join(pairs)}; else {step}"
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return Problem(
        f"calibration file {files[0].name!r}{more}",
        f"is audio, but the network takes {listed}",
        "audio for networks that take PCM and nothing else",
        step,
    )


def _likely_states(model: Model) -> Iterator[str]:
    """Options that pair inputs that are no PCM with outputs of their shapes, in order."""
    taken = {pair.output for pair in model.states}
    free = [value for value in model.ir.graph.outputs if str(value.name) not in taken]
    inputs = [value for value in model.given_inputs if pcm_layout(model, value) is None]
    for value in inputs if len(inputs) < len(model.given_inputs) else ():
        same = (o for o in free if (o.dtype, dims(o)) == (value.dtype, dims(value)))
        if (follows := next(same, None)) is not None:
            free.remove(follows)
            yield f"--state {value.name}:{follows.name}"


def _read_wavs(
    files: Mapping[str, Path], streams: Mapping[str, tuple[Layout, tuple[int, ...]]], model: Model
) -> tuple[Clip, tuple[str, ...]]:
    """The hops of a recording, and how it was changed."""
    hop, rate = model.stream.hop_samples, model.stream.sample_rate_hz
    assert hop is not None
    channels = {n: layout.pcm_channels(shape, hop) or 1 for n, (layout, shape) in streams.items()}
    try:
        clips = read_together(files, channels, rate)
    except UsageError as error:
        raise CalibrationError(
            replace(
                p,
                where=f"calibration, {p.where}",
                next_step=f"{p.next_step}, or give --calibration other clips",
            )
            for p in error.problems
        ) from error
    clip = {}
    for name, recording in clips.items():
        whole = recording.samples.shape[1] // hop * hop
        if whole == 0:
            found = f"has {recording.samples.shape[1]} samples, less than one hop"
            raise CalibrationError(_problem(f"calibration file {files[name].name!r}", found))
        clip[name] = frames_to_hops(recording.samples[:, :whole], *streams[name])
    return clip, tuple(dict.fromkeys(note for c in clips.values() for note in c.notes))


def _read_clean(file: Path, model: Model) -> NDArray[np.float32]:
    try:
        return read_wav(file, model.stream.sample_rate_hz).samples
    except UsageError as error:
        found = error.problems[0].found
        raise CalibrationError(_problem(f"calibration file {file.name!r}", found)) from error


def _read_npz(file: Path, model: Model) -> Clip:
    try:
        return _checked(read_npz(file), model, file.name)
    except CalibrationError:
        raise
    except UsageError as error:
        found = error.problems[0].found
        raise CalibrationError(_problem(f"calibration file {file.name!r}", found)) from error


def _checked(clip: dict[str, NDArray[Any]], model: Model, where: str) -> Clip:
    """Check names, shapes, equal lengths and finiteness; cut what has its whole time axis into hops."""
    clip = {name: _in_hops(np.asarray(array), name, model) for name, array in clip.items()}
    values = {str(v.name): v for v in model.given_inputs}
    if model.sampler is not None and model.sampler.roles.x not in clip:
        values = condition_values(model) or values
    wanted = {name: dims(value) for name, value in values.items()}
    constants, problems = set(model.constants), []
    for name, shape in wanted.items():
        if name not in clip:
            found: str | None = f"holds {sorted(clip)}, not input {name!r}"
        else:
            found = _fault(clip[name], name, shape, name not in constants)
        if found:
            problems.append(_problem(f"{where!r}", found))
    streams = [clip[name] for name in wanted if name in clip and name not in constants]
    if len({len(np.asarray(array)) for array in streams if np.ndim(array)}) > 1:
        problems.append(_problem(f"{where!r}", "arrays differ in their number of hops"))
    if problems:
        raise CalibrationError(problems)
    types = {name: v.dtype.numpy() for name, v in values.items() if v.dtype is not None}
    return {name: np.asarray(clip[name], types[name]) for name in wanted}


def _fault(array: NDArray[Any], name: str, shape: tuple[int, ...], is_stream: bool) -> str | None:
    """What is wrong with the array of an input of this shape; None where it fits."""
    if (
        array.shape[1 if is_stream else 0 :] != shape
        or array.size == 0
        or array.dtype.kind not in "fiub"
    ):
        one = f"({'hops, ' if is_stream else ''}{str(shape)[1:]}"
        return f"array {name!r} is {array.dtype} {list(array.shape)}, the network wants {one}"
    return None if np.isfinite(array).all() else f"array {name!r} holds NaN or infinity"


def _in_hops(array: NDArray[Any], name: str, model: Model) -> NDArray[Any]:
    """(hops, *shape) of an input with a known time axis that comes in one piece; others as they are."""
    times = {
        str(v.name): (model.timing[str(v.name)].axis, dims(v))
        for v in model.stream_inputs
        if str(v.name) in model.timing
    }
    axis, shape = times.get(name, (0, ()))
    if array.ndim != len(shape) or not array.ndim:
        return array
    hops = array.shape[axis] // shape[axis]
    whole = np.moveaxis(array, axis, 0)[: hops * shape[axis]]
    if whole.shape[1:] != (*shape[:axis], *shape[axis + 1 :]):
        return array
    return np.moveaxis(whole.reshape(hops, shape[axis], *whole.shape[1:]), 1, axis + 1)


def _problem(where: str, found: str) -> Problem:
    return Problem(
        where,
        found,
        "a folder of mono .wav at the network's rate, or of .npz with arrays named as the inputs "
        "(first axis: hops), or package.module:factory that yields such arrays",
        "give --calibration such a source, with a few different clips of 3 s or more",
    )
