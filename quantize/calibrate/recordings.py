"""Groups files of a calibration folder to clips: sounds and arrays of several inputs by their names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.clip_files import ARRAYS, CLEAN, clip_files, is_clean, is_sound, stem_of
from edgekit.base.errors import Problem
from edgekit.base.input_arrays import InputForm, read_input
from edgekit.base.layout import Layout
from edgekit.graph.layouts import layout_with_channels, pcm_layout
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims

Sounds = Mapping[str, tuple[Layout, tuple[int, ...]]]


@dataclass
class Recording:
    """The files of a clip.

    Attributes:
        stem: the common part of their path.
        archive: a .npz with arrays of inputs by name; then it has no other files.
        sounds: a recording by input.
        arrays: a .npy or table by input.
    """

    stem: Path
    archive: Path | None = None
    sounds: dict[str, Path] = field(default_factory=dict)
    arrays: dict[str, Path] = field(default_factory=dict)

    @property
    def names(self) -> AbstractSet[str]:
        """Inputs with a separate file."""
        return self.sounds.keys() | self.arrays.keys()

    def add(self, path: Path, name: str) -> None:
        """Add the file of an input."""
        table = self.sounds if is_sound(path) else self.arrays
        table[name] = path


def sound_inputs(model: Model) -> dict[str, tuple[Layout, tuple[int, ...]]]:
    """Return layout and shape of each input that reads PCM, by name; controls and session constants do not."""
    found = {}
    for value in model.stream_inputs:
        layout = None if value.name in model.controls else pcm_layout(model, value)
        if layout is not None:
            found[str(value.name)] = layout, dims(value)
    return found


def input_forms(model: Model) -> dict[str, InputForm]:
    """Return what each input wants of a file, by name."""
    forms = {}
    for value in model.given_inputs:
        name, is_stream = str(value.name), value.name not in model.constants
        axis = model.timing[name].axis if is_stream and name in model.timing else None
        assert value.dtype is not None
        forms[name] = InputForm(name, dims(value), value.dtype.numpy().name, axis, is_stream)
    return forms


def read_arrays(
    files: Mapping[str, Path], model: Model
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Return the arrays in .npy and tables of a clip by input, and notes on what was left out.

    Raises:
        UsageError: a file cannot be read, or a table does not fit its input.
    """
    arrays, notes = {}, dict[str, None]()
    for name, form in input_forms(model).items():
        if name in files:
            arrays[name], changes = read_input(files[name], form)
            notes |= dict.fromkeys(changes)
    return arrays, tuple(notes)


def recordings(
    folder: Path, sounds: Sounds, model: Model, values: AbstractSet[str]
) -> tuple[list[Recording], list[Problem]]:
    """Return the clips of a folder, sorted, and the problems of its files.

    With several sound inputs, ``x.mic.wav`` and ``x.ref.wav`` are one clip of the inputs mic and ref. For any network,
    ``x.knob.npy`` or ``x.knob.csv`` holds the values of input knob in clip ``x``; with one input, ``x.csv`` does.

    Args:
        folder: the folder with the files.
        sounds: the inputs that read PCM.
        model: the network.
        values: names of inputs that need no file.
    """
    archives, wavs, problems = list[Recording](), list[Path](), list[Problem]()
    groups: dict[Path, Recording] = {}
    for path in _files_to_read(folder, sounds):
        if path.suffix.lower() == ARRAYS:
            archives.append(Recording(path.with_suffix(""), archive=path))
        elif is_sound(path) and not sounds:
            wavs.append(path)
        elif (named := _stem_and_name(path, sounds, model, values)) is None:
            problems.append(_name_problem(path, sounds, model))
        else:
            stem, name = named
            group = groups.setdefault(stem, Recording(stem))
            if name in group.names:
                problems.append(_second_file(path, name))
            group.add(path, name)
    if wavs:
        problems.append(_no_sound(wavs, model))
    whole, gaps = _whole_groups(groups.values(), sounds, model, values)
    return sorted([*archives, *whole], key=lambda clip: clip.stem), problems + gaps


def _files_to_read(folder: Path, sounds: Sounds) -> list[Path]:
    """Return the files of a folder without clean forms, unless an input has the name of these."""
    clean_is_input = len(sounds) > 1 and any(f".{name}".lower() == CLEAN for name in sounds)
    return [path for path in clip_files(folder) if clean_is_input or not is_clean(path)]


def _stem_and_name(
    path: Path, sounds: Sounds, model: Model, values: AbstractSet[str]
) -> tuple[Path, str] | None:
    """Return the clip that a file belongs to, and its input; None if the name matches no input."""
    if is_sound(path) and len(sounds) == 1:
        return path.with_suffix(""), next(iter(sounds))
    names = list(sounds) if is_sound(path) else [str(v.name) for v in model.given_inputs]
    for name in sorted(names, key=len, reverse=True):
        if (stem := stem_of(path, name)) is not None:
            return stem, name
    return None if is_sound(path) else _only_input(path, set(names) - values)


def _only_input(path: Path, needed: AbstractSet[str]) -> tuple[Path, str] | None:
    """Return the clip of an array that has no input in its name, and the only input that needs a file."""
    return (path.with_suffix(""), next(iter(needed))) if len(needed) == 1 else None


def _whole_groups(
    groups: Iterable[Recording], sounds: Sounds, model: Model, values: AbstractSet[str]
) -> tuple[list[Recording], list[Problem]]:
    """Return the clips with files for every input that needs one, and the missing files of the others."""
    inputs = [str(value.name) for value in model.given_inputs]
    others = [name for name in inputs if name not in sounds.keys() | values]
    whole, lacking, problems = list[Recording](), list[Recording](), list[Problem]()
    for group in groups:
        if missing := [name for name in sounds if name not in group.names | values]:
            problems.append(_missing_sounds(group, missing, sounds))
        elif group.names >= set(others):
            whole.append(group)
        else:
            lacking.append(group)
    if lacking:
        problems.append(_sound_alone(lacking, others, model))
    return whole, problems


def _missing_sounds(group: Recording, missing: Sequence[str], sounds: Sounds) -> Problem:
    clip = group.stem.name
    files = [f"{clip}.{name}.wav" if len(sounds) > 1 else f"{clip}.wav" for name in missing]
    found, step = f"no {', '.join(missing)}", f"add {', '.join(files)}"
    return Problem(f"calibration clip {clip!r}", found, ", ".join(sounds), step)


def _name_problem(path: Path, sounds: Sounds, model: Model) -> Problem:
    """Return the problem of a file whose name matches no input."""
    where = f"calibration file {path.name!r}"
    names = list(sounds) if is_sound(path) else [str(v.name) for v in model.given_inputs]
    listed = " and ".join(f"NAME.{name}{path.suffix.lower()}" for name in names)
    step = _unless_states("end its name in that of an input", model)
    return Problem(where, f"a network of {len(names)} inputs", listed, step)


def _second_file(path: Path, name: str) -> Problem:
    """Return the problem of a file that gives an input of a clip its values a second time."""
    found, step = f"a second file for input '{name}' of this clip", "leave one of them out"
    return Problem(f"calibration file {path.name!r}", found, "one file for each input", step)


def _no_sound(files: Sequence[Path], model: Model) -> Problem:
    """Return the problem of sounds for a network without sound input."""
    layouts = ((v, layout_with_channels(model, v)) for v in model.given_inputs)
    named = next((f"{v.name}={layout}" for v, layout in layouts if layout), "INPUT=NCT")
    step = (
        f"export with --frontend, or with --hop if the input is PCM, with --layout {named} if it has "
        "channels, or give .csv or .npz files"
    )
    return _is_audio(files, model, "audio for networks that take PCM", step)


def _sound_alone(clips: Sequence[Recording], others: Sequence[str], model: Model) -> Problem:
    """Return the problem of clips that lack values of inputs other than sound."""
    missing = [name for name in others if any(name not in clip.names for clip in clips)]
    files = [next(iter({**clip.sounds, **clip.arrays}.values())) for clip in clips]
    step = " ".join(_way(name, clips[0], model) for name in missing)
    allowed = f"clips with a value of {', '.join(map(repr, missing))} as well"
    return _is_audio(files, model, allowed, f"add {step}")


def _way(name: str, clip: Recording, model: Model) -> str:
    """Return the option or file by which a user gives an input its values."""
    if name in model.controls:
        return f"--set {name}=LEAST:MOST"
    if name in model.constants:
        return f"--set {name}=FILE.npy"
    return f"{clip.stem.name}.{name}.npy"


def _is_audio(files: Sequence[Path], model: Model, allowed: str, step: str) -> Problem:
    listed = ", ".join(f"{v.name} {list(v.shape or ())}" for v in model.given_inputs)
    step = _unless_states(step, model)
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    where = f"calibration file {files[0].name!r}{more}"
    return Problem(where, f"is audio, but the network takes {listed}", allowed, step)


def _unless_states(step: str, model: Model) -> str:
    """Return the next step: declare states if some inputs look like them, else `step`."""
    pairs = list(_likely_states(model))
    return f"if these are states, declare them: {' '.join(pairs)}; else {step}" if pairs else step


def _inputs_beside_sound(model: Model) -> list[ir.Value]:
    """Return the streams that are no PCM, if another one is."""
    known = {*model.controls, *model.constants}
    streams = [value for value in model.given_inputs if value.name not in known]
    inputs = [value for value in streams if pcm_layout(model, value) is None]
    return inputs if len(inputs) < len(streams) else []


def _likely_states(model: Model) -> Iterator[str]:
    """Yield options that pair inputs that are no PCM with outputs of their shapes, in order."""
    taken = {pair.output for pair in model.states}
    free = [value for value in model.ir.graph.outputs if str(value.name) not in taken]
    for value in _inputs_beside_sound(model):
        same = (o for o in free if (o.dtype, dims(o)) == (value.dtype, dims(value)))
        if (follows := next(same, None)) is not None:
            free.remove(follows)
            yield f"--state {value.name}:{follows.name}"
