"""Calibration: real streams run through the float network hop by hop, states carried."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Float32
from edgekit.base.clip_files import (
    ARRAYS,
    STEP,
    WANTED,
    clean_form,
    content_problem,
    source_problem,
    stem_of,
)
from edgekit.base.errors import CalibrationError, Problem, UsageError
from edgekit.base.input_arrays import NUMBERS, in_hops, list_forms, save_step, unheld_value
from edgekit.base.layout import frames_to_hops
from edgekit.base.npz import read_npz
from edgekit.base.settings import NO_SETTINGS, InputSettings
from edgekit.base.user_code import import_attribute, no_exit, user_error
from edgekit.base.wav import read_together, read_wav
from edgekit.export.block_runner import BlockRunner
from edgekit.export.diffusion.description import condition_values
from edgekit.graph.model import Model
from edgekit.graph.nodes import named_outputs
from edgekit.operators.geometry import dims
from edgekit.quantize.calibrate.held_out import Parts
from edgekit.quantize.calibrate.input_values import InputValues
from edgekit.quantize.calibrate.observers import Observer
from edgekit.quantize.calibrate.recordings import (
    Recording,
    Sounds,
    input_forms,
    read_arrays,
    recordings,
    sound_inputs,
)
from edgekit.quantize.calibrate.rest import observe_rest

Clip = Mapping[str, Array]
BLOCK_HOPS = 64  # hops whose tensors are in memory at once,
BLOCK_VALUES = 1 << 27  # and values of these tensors


@dataclass(frozen=True)
class Calibration:
    """Independent clips: each maps every stream input to (hops, *shape), a session constant to (*shape).

    `source` is the user's name for it; only its last component goes into files. `clean` maps the index of a clip to
    its (samples,) without noise, if known. `notes` state how recordings were changed on reading.
    """

    clips: tuple[Clip, ...]
    source: str
    clean: Mapping[int, Float32] = field(default_factory=dict)
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

    `parts` of the calibration observe the same. With `again`, every clip also runs as the copy that it returns.
    """
    states = {pair.input: pair.output for pair in model.states}
    floats = _float_tensors(model)
    run_tensors = {name: value for name, value in floats.items() if name not in states}
    observers = {name: Observer() for name in floats}
    runner, block = BlockRunner(model, list(run_tensors)), _hops_at_once(run_tensors.values())
    for index, clip, is_copy in _clips_with_copies(calibration.clips, again):
        for number, found in enumerate(runner.blocks(clip, block)):
            seen = {name: found[states.get(name, name)] for name in observers}
            _update_all(observers, seen)
            if parts is not None:
                parts.see(index, number * block, seen, is_copy)
    observe_rest(model, calibration.clips, runner, observers, _hops_at_once(floats.values()))
    if parts is not None:
        parts.keep_rests(observers)
    return observers


def _update_all(observers: Mapping[str, Observer], seen: Mapping[str, Float32]) -> None:
    for name, observer in observers.items():
        observer.update(seen[name])


def _hops_at_once(tensors: Iterable[ir.Value]) -> int:
    """Return the number of hops of these tensors that fit in memory."""
    values = sum(int(np.prod(dims(value))) for value in tensors)
    return max(1, min(BLOCK_HOPS, BLOCK_VALUES // max(1, values)))


def _float_tensors(model: Model) -> dict[str, ir.Value]:
    """Return the float tensors by name: outputs of nodes, then inputs."""
    graph = model.ir.graph
    made = [value for node in graph for value in named_outputs(node)]
    floats = (value for value in (*made, *graph.inputs) if value.dtype == ir.DataType.FLOAT)
    return {str(value.name): value for value in floats}


def _clips_with_copies(
    clips: Sequence[Clip], again: Callable[[Clip], Clip] | None
) -> Iterator[tuple[int, Clip, bool]]:
    """Yield each clip with its number, unchanged and then as its copy, and whether it is the copy."""
    for index, clip in enumerate(clips):
        yield index, clip, False
        if again is not None:
            yield index, again(clip), True


def calibration_folder(source: str) -> Path | None:
    """Return the folder that a source of a calibration names, None of a ``package.module:factory``; before any work.

    Raises `CalibrationError` if it is neither.
    """
    if problem := source_problem(source):
        raise CalibrationError(problem)
    return folder if (folder := Path(source)).is_dir() else None


def load_calibration(
    source: str, model: Model, settings: InputSettings = NO_SETTINGS
) -> Calibration:
    """Read a folder of .wav, .csv or .npz, or call ``package.module:factory`` that yields dictionaries of inputs.

    It may yield arrays if there is one input: a recording, calls, or a batch of single calls.
    Of a denoiser these may be conditions alone, (images, *shape), see `edgekit.judge.sampling.own_trajectories`.
    ``x.clean.wav`` next to ``x.wav`` is its clean form, not a clip. With several PCM inputs a clip is one file each:
    ``x.mic.wav`` and ``x.ref.wav``; ``x.knob.npy`` or ``x.knob.csv`` holds the values of another input.
    Missing inputs come from `settings`.

    Raises `CalibrationError` listing every file that does not fit, `UsageError` of settings that do not.
    """
    folder, values = calibration_folder(source), InputValues(model, settings)
    made = (
        _from_factory(source, model, values)
        if folder is None
        else _from_folder(source, folder, model, values)
    )
    if problems := values.problems(len(made.clips)):
        raise CalibrationError(problems)
    return replace(made, notes=made.notes + values.notes(len(made.clips)))


def _from_folder(source: str, folder: Path, model: Model, values: InputValues) -> Calibration:
    sounds = sound_inputs(model)
    together, problems = recordings(folder, sounds, model, values.names)
    if not together and not problems:
        found = "holds clean forms of clips, but no clips"
        problem = _problem(f"calibration folder {source!r}", found)
        raise CalibrationError(content_problem(source, folder) or problem)
    clips: list[Clip] = []
    clean: dict[int, Float32] = {}
    changed: Counter[str] = Counter()
    for recording in together:
        try:
            clean_file = clean_form(recording.stem)
            if clean_file is not None and not _is_input(clean_file, sounds):
                clean[len(clips)] = _read_clean(clean_file, model)
            clip, notes = _read_recording(recording, sounds, model)
            changed.update(notes)
            where = (recording.archive or recording.stem).name
            clips.append(_check_clip(clip, model, where, values, len(clips)))
        except CalibrationError as error:
            problems += error.problems
    if problems:
        raise CalibrationError(problems)
    said = tuple(
        f"calibration: {text}, in {n} of {len(together)} files" for text, n in changed.items()
    )
    return Calibration(_refuse_unlike_clips(clips, source), source, clean, said)


def _is_input(path: Path, sounds: Sounds) -> bool:
    """Whether a clean form is an input that has this name."""
    return len(sounds) > 1 and any(stem_of(path, name) is not None for name in sounds)


def from_examples(examples: Clip, model: Model) -> Calibration:
    """Calibrate on a factory's example inputs, (hops, *shape). The caller informs the user."""
    types = {str(v.name): v.dtype.numpy() for v in model.given_inputs if v.dtype is not None}
    clip = {name: np.asarray(examples[name], dtype) for name, dtype in types.items()}
    return Calibration((clip,), "example inputs")


def _from_factory(source: str, model: Model, values: InputValues) -> Calibration:
    module_name, _, function = source.partition(":")
    try:
        with no_exit():
            made: Iterable[Any] = import_attribute(module_name, function)()
            clips = tuple(
                _check_clip(_by_name(clip, model, source, values), model, source, values, number)
                for number, clip in enumerate(made)
            )
    except CalibrationError:
        raise
    except Exception as error:
        where = f"calibration factory {source!r}"
        raise CalibrationError(_problem(where, user_error(error))) from error
    if not clips:
        raise CalibrationError(_problem(f"calibration factory {source!r}", "yields nothing"))
    return Calibration(_refuse_unlike_clips(clips, source), source)


def _by_name(clip: Any, model: Model, source: str, values: InputValues) -> dict[str, Array]:
    """Return a dictionary unchanged; an array as the only input: of one call, or a batch of calls as hops."""
    if isinstance(clip, Mapping):
        return dict(clip)
    inputs = [value for value in model.given_inputs if value.name not in values.names]
    if len(inputs) != 1:
        names = ", ".join(str(value.name) for value in inputs)
        found = f"yields an array for {len(inputs)} inputs: {names}"
        raise CalibrationError(_problem(f"calibration factory {source!r}", found))
    array, shape = np.asarray(clip), dims(inputs[0])
    is_batch = array.ndim == len(shape) and shape[:1] == (1,) and array.shape[1:] == shape[1:]
    return {str(inputs[0].name): array[:, None] if is_batch else array}


def _refuse_unlike_clips(clips: Sequence[Clip], source: str) -> tuple[Clip, ...]:
    """Refuse clips with different inputs: a denoiser's calls, or conditions alone."""
    if len({frozenset(clip) for clip in clips}) > 1:
        found = "holds calls of the network, and conditions without calls"
        raise CalibrationError(_problem(f"calibration source {source!r}", found))
    return tuple(clips)


def _read_recording(
    recording: Recording, sounds: Sounds, model: Model
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Return the arrays in the files of a clip, and the notes on how its sounds were changed."""
    try:
        if recording.archive is not None:
            return read_npz(recording.archive), ()
        arrays, notes = read_arrays(recording.arrays, model)
    except UsageError as error:
        problems = [replace(p, where=f"calibration, {p.where}") for p in error.problems]
        raise CalibrationError(problems) from error
    if not recording.sounds:
        return arrays, notes
    streams = {name: row for name, row in sounds.items() if name in recording.sounds}
    clip, changes = _read_wavs(recording.sounds, streams, model)
    return {**arrays, **clip}, (*notes, *changes)


def _read_wavs(
    files: Mapping[str, Path], streams: Sounds, model: Model
) -> tuple[Clip, tuple[str, ...]]:
    """Return the hops of a recording, and how it was changed."""
    hop, rate = model.stream.hop_samples, model.stream.sample_rate_hz
    assert hop is not None
    channels = {n: layout.pcm_channels(shape, hop) or 1 for n, (layout, shape) in streams.items()}
    try:
        clips = read_together(files, channels, dict.fromkeys(files, rate))
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


def _read_clean(file: Path, model: Model) -> Float32:
    try:
        return read_wav(file, model.stream.sample_rate_hz).samples
    except UsageError as error:
        found = error.problems[0].found
        raise CalibrationError(_problem(f"calibration file {file.name!r}", found)) from error


def _check_clip(
    clip: Mapping[str, Array], model: Model, where: str, settings: InputValues, number: int
) -> Clip:
    """Check names, shapes, equal lengths and finiteness; cut arrays of whole recordings into hops, add settings."""
    forms = input_forms(model)
    arrays = {name: np.asarray(array) for name, array in clip.items()}
    clip = {n: in_hops(array, forms[n]) if n in forms else array for n, array in arrays.items()}
    clip = settings.fill(clip, number)
    wanted = _inputs_of(clip, model)
    if problems := list(_clip_problems(clip, wanted, model, where)):
        raise CalibrationError(problems)
    types = {name: v.dtype.numpy() for name, v in wanted.items() if v.dtype is not None}
    return {name: np.asarray(clip[name], types[name]) for name in wanted}


def _inputs_of(clip: Clip, model: Model) -> Mapping[str, ir.Value]:
    """Return the inputs that a clip must have: only conditions for a sampler's clip without calls."""
    values = {str(v.name): v for v in model.given_inputs}
    if model.sampler is not None and model.sampler.roles.x not in clip:
        return condition_values(model) or values
    return values


def _clip_problems(
    clip: Clip, wanted: Mapping[str, ir.Value], model: Model, where: str
) -> Iterator[Problem]:
    """Yield the inputs in `wanted` that a clip lacks, and the arrays that do not fit."""
    hops = set[int]()
    for name, value in wanted.items():
        is_stream = name not in model.constants
        if name not in clip:
            yield _lacking_input(where, clip, name, model, list(wanted))
            continue
        if found := _fault(clip[name], value, is_stream):
            yield _unlike_inputs(where, found, model, list(wanted))
        if is_stream and np.ndim(clip[name]):
            hops.add(len(clip[name]))
    if len(hops) > 1:
        yield _problem(f"{where!r}", "arrays differ in their number of hops")


def _unlike_inputs(where: str, found: str, model: Model, wanted: Sequence[str]) -> Problem:
    """Return the problem of a clip's arrays, with those that are wanted and how to write them."""
    forms = [form for name, form in input_forms(model).items() if name in wanted]
    step = save_step(forms, where) if where.endswith(ARRAYS) else "give such arrays"
    return Problem(f"{where!r}", found, list_forms(forms), step)


def _lacking_input(
    where: str, clip: Clip, name: str, model: Model, wanted: Sequence[str]
) -> Problem:
    listed = ", ".join(f"{each!r} {list(np.shape(clip[each]))}" for each in sorted(clip))
    found = f"holds {listed or 'no array'}, not input {name!r}"
    problem, form = _unlike_inputs(where, found, model, wanted), "LEAST:MOST"
    if name not in (*model.controls, *model.constants):
        return problem
    form = "FILE.npy" if name in model.constants else form
    return replace(problem, next_step=f"add it, or say what it is with --set {name}={form}")


def _fault(array: Array, value: ir.Value, is_stream: bool) -> str | None:
    """Return the fault of an array for an input; None if it fits."""
    shape, listed = dims(value), f"array {value.name!r} is {array.dtype} {list(array.shape)}"
    if (
        array.shape[1 if is_stream else 0 :] != shape
        or array.size == 0
        or array.dtype.kind not in NUMBERS
    ):
        return f"{listed}, the network wants ({'hops, ' if is_stream else ''}{str(shape)[1:]}"
    if not np.isfinite(array).all():
        return f"array {value.name!r} holds NaN or infinity"
    dtype = "float32" if value.dtype is None else value.dtype.numpy().name
    lost = unheld_value(array, dtype)
    return None if lost is None else f"{listed} with {lost}, which {dtype} does not hold"


def _problem(where: str, found: str) -> Problem:
    return Problem(where, found, WANTED, STEP)
