"""Calibration: real streams run through the float network hop by hop, states carried."""

import importlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.errors import CalibrationError, Problem, UsageError
from edgekit.base.npz import read_npz
from edgekit.base.wav import read_wav
from edgekit.export.diffusion.description import condition_values
from edgekit.export.running import run_blocks
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
    model: Model, calibration: Calibration, parts: Parts | None = None
) -> dict[str, Observer]:
    """Run every clip from zero state and return an observer for each float tensor of the graph.

    `parts` of the calibration see the same.
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
    for index, clip in enumerate(calibration.clips):
        for number, found in enumerate(run_blocks(model, dict(clip), recorded, block)):
            seen = {name: found[states.get(name, name)] for name in observers}
            for name, observer in observers.items():
                observer.update(seen[name])
            if parts is not None:
                parts.see(index, number * block, seen)
    return observers


def load_calibration(source: str, model: Model) -> Calibration:
    """Read a folder of .wav or .npz, or call ``package.module:factory`` that yields input dictionaries.

    Of a denoiser these may be conditions alone, (images, *shape), see `edgekit.verbs.export.sampling.own_trajectories`.
    ``x.clean.wav`` beside ``x.wav`` is its clean form, and no clip.

    Raises `CalibrationError` listing every file that does not fit.
    """
    if ":" in source and not Path(source).exists():
        return _from_factory(source, model)
    folder = Path(source)
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise CalibrationError(_problem(f"calibration source {source!r}", found))
    found_files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".wav", ".npz"))
    files = [path for path in found_files if not path.name.lower().endswith(CLEAN)]
    if not files:
        raise CalibrationError(
            _problem(f"calibration folder {source!r}", "holds no .wav and no .npz file")
        )
    clips: list[Clip] = []
    clean: dict[int, NDArray[np.float32]] = {}
    problems: list[Problem] = []
    changed: Counter[str] = Counter()
    for file in files:
        try:
            if (beside := file.with_name(f"{file.stem}{CLEAN}")).is_file():
                clean[len(clips)] = np.ravel(next(iter(_read_wav(beside, model)[0].values())))
            if file.suffix.lower() == ".wav":
                clip, notes = _read_wav(file, model)
                changed.update(notes)
            else:
                clip = _read_npz(file, model)
            clips.append(clip)
        except CalibrationError as error:
            problems += error.problems
    if problems:
        raise CalibrationError(problems)
    said = tuple(
        f"calibration: {text}, in {n} of {len(files)} files" for text, n in changed.items()
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
        made: Iterable[Clip] = getattr(importlib.import_module(module_name), function)()
        clips = tuple(_checked(dict(clip), model, source) for clip in made)
    except CalibrationError:
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        raise CalibrationError(_problem(f"calibration factory {source!r}", found)) from error
    if not clips:
        raise CalibrationError(_problem(f"calibration factory {source!r}", "yields nothing"))
    return Calibration(_alike(clips, source), source)


def _alike(clips: Sequence[Clip], source: str) -> tuple[Clip, ...]:
    """All the same inputs: a denoiser's calls, or conditions alone."""
    if len({frozenset(clip) for clip in clips}) > 1:
        found = "holds calls of the network, and conditions without calls"
        raise CalibrationError(_problem(f"calibration source {source!r}", found))
    return tuple(clips)


def _read_wav(file: Path, model: Model) -> tuple[Clip, tuple[str, ...]]:
    """The hops of a recording, and how it was changed."""
    inputs = model.given_inputs
    hop, rate = model.stream.hop_samples, model.stream.sample_rate_hz
    shape = dims(inputs[0]) if inputs else ()
    if len(inputs) != 1 or hop is None or int(np.prod(shape)) != hop:
        listed = ", ".join(f"{v.name} {list(v.shape or ())}" for v in inputs)
        step = "export with --frontend, or with --hop if the input is PCM, or give .npz files"
        if model.constants:
            step = f"give .npz files: they hold {', '.join(map(repr, model.constants))} as well"
        raise CalibrationError(
            Problem(
                f"calibration file {file.name!r}",
                f"is audio, but the network takes {listed}",
                "audio for networks that take PCM and nothing else",
                step,
            )
        )
    try:
        recording = read_wav(file, rate)
    except UsageError as error:
        found = error.problems[0].found
        raise CalibrationError(_problem(f"calibration file {file.name!r}", found)) from error
    samples = recording.samples
    hops = len(samples) // hop
    if hops == 0:
        raise CalibrationError(
            _problem(
                f"calibration file {file.name!r}", f"has {len(samples)} samples, less than one hop"
            )
        )
    hops_of = samples[: hops * hop].reshape(hops, *shape)
    return {str(inputs[0].name): hops_of}, recording.notes


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
