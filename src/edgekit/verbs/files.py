"""The verb that streams a file through a build: `run`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.clip_files import SOUNDS, is_sound
from edgekit.base.errors import Problem, UsageError
from edgekit.base.input_arrays import (
    InputForm,
    convert_numbers,
    in_hops,
    list_arrays,
    list_forms,
    read_input,
    save_step,
)
from edgekit.base.npz import read_npz, write_npz
from edgekit.base.output import folder_problem, output_problem, replacement_path
from edgekit.base.picture_files import picture_paths
from edgekit.base.pictures import PICTURE_FILES
from edgekit.base.progress import Progress
from edgekit.base.tables import TABLES
from edgekit.base.wav import needs
from edgekit.runtime.audio.files import (
    check_outs,
    check_sound,
    list_tensors,
    read_sources,
    run_clips,
)
from edgekit.runtime.build_folder.input_fit import fit_inputs
from edgekit.runtime.build_folder.manifest import Manifest, Tensor
from edgekit.runtime.pictures.files import pictures_of, run_pictures
from edgekit.runtime.rows import check_rows, run_clips_to_rows, write_csv
from edgekit.runtime.runners.rtl import RtlRunner
from edgekit.runtime.stream import Stream
from edgekit.verbs.doctor import require
from edgekit.verbs.stream_setup import StreamSetup

SOUND = "a recording"
ARRAYS = ".npz, .npy, .csv or .tsv"
ARRAY_FILES = (".npz", ".npy", *TABLES)
RUNS = (
    *((SOUND, ending) for ending in (".wav", ".npz", ".csv", ".json")),
    *((ARRAYS, ending) for ending in (".npz", ".csv")),
)


def run(
    directory: str | Path,
    source: Path | Mapping[str, Path],
    out: Path | Mapping[str, Path],
    opening: StreamSetup,
    progress: Progress,
    found: Path | None = None,
) -> tuple[str, ...]:
    """See `edgekit.api.run`."""
    if isinstance(source, Path) and (source.is_dir() or source.suffix.lower() in PICTURE_FILES):
        return _run_pictures(directory, source, out, opening, progress, found)
    if found is not None:
        what, step = f"'{source}'", "leave it out"
        raise UsageError(Problem("--found", what, "a picture, or a folder of pictures", step))
    sources = list(source.values()) if isinstance(source, Mapping) else [source]
    outs = list(out.values()) if isinstance(out, Mapping) else [out]
    _check_files(sources, outs)
    if is_sound(sources[0]):
        return _run_sounds(directory, source, out, opening, progress)
    return _run_arrays(directory, source, outs[0], opening, progress)


def _run_arrays(
    directory: str | Path,
    source: Path | Mapping[str, Path],
    out: Path,
    opening: StreamSetup,
    progress: Progress,
) -> tuple[str, ...]:
    """Run the hops of a .npz, or of a .npy or table for each input, through a build."""
    arrays, changes = _read_arrays(Manifest.load(Path(directory)), source)
    manifest = opening.check(directory, arrays)
    _fit_streams(source, arrays, manifest)
    progress("compile", 0, 1)
    stream, notes = opening.open(directory)
    hops = max((len(array) for array in arrays.values() if array.ndim), default=0)
    results = stream.run(arrays, lambda done: progress("stream", done, hops))
    files = source.values() if isinstance(source, Mapping) else [source]
    with replacement_path(out, *files) as temporary:
        if out.suffix.lower() == ".csv":
            write_csv(temporary, results)
        else:
            write_npz(temporary, results)
    return *changes, *notes, *_took(stream)


def _read_arrays(
    manifest: Manifest, source: Path | Mapping[str, Path]
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Return the arrays of a build's inputs by name, in hops where their time axis is known, and notes."""
    forms = {tensor.name: _form(tensor) for tensor in manifest.inputs}
    if isinstance(source, Path) and source.suffix.lower() == ".npz":
        read = read_npz(source)
        cut = {n: in_hops(a, forms[n]) if n in forms else a for n, a in read.items()}
        return _in_types(cut, forms, {name: source for name in cut})
    inputs = manifest.stream_inputs
    files = source if isinstance(source, Mapping) else _single(inputs, source, "input")
    arrays, notes = {}, dict[str, None]()
    for name, path in files.items():
        arrays[name], changes = read_input(path, forms[name])
        notes |= dict.fromkeys(changes)
    converted, changes = _in_types(arrays, forms, files)
    return converted, (*notes, *changes)


def _in_types(
    arrays: Mapping[str, Array], forms: Mapping[str, InputForm], files: Mapping[str, Path]
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Return the arrays in the types of their inputs, and a note for each whose digits were rounded."""
    converted, notes = dict(arrays), list[str]()
    for name in arrays.keys() & forms.keys():
        dtype, given = forms[name].dtype, arrays[name]
        made = convert_numbers(f"file '{files[name]}', array '{name}'", given, dtype)
        if made is not given and not np.array_equal(made, given, equal_nan=True):
            notes.append(f"{name}: {given.dtype} rounded to {dtype}")
        converted[name] = made
    return converted, tuple(sorted(notes))


def _fit_streams(
    source: Path | Mapping[str, Path], arrays: Mapping[str, Array], manifest: Manifest
) -> None:
    """Refuse arrays that do not fit the streams of a build; others are checked as they are set."""
    others = {tensor.name for tensor in (*manifest.constants, *manifest.controls)}
    streams = {name: array for name, array in arrays.items() if name not in others}
    forms = [_form(tensor) for tensor in manifest.stream_inputs]
    step = save_step(forms, source.name if isinstance(source, Path) else "a.npz")
    if streams.keys() != {form.name for form in forms} and isinstance(source, Path):
        found, where = f"holds {list_arrays(streams)}", f"file '{source}'"
        raise UsageError(Problem(where, found, f"an array for each of {list_forms(forms)}", step))
    fit_inputs(streams, manifest.stream_inputs, step, hops=True)


def _form(tensor: Tensor) -> InputForm:
    """Return what an input wants of a file."""
    axis = tensor.axes.axis("T") if tensor.axes else tensor.time.axis if tensor.time else None
    is_stream = tensor.role != "constant"
    return InputForm(tensor.name, tensor.shape, tensor.dtype, axis, is_stream)


def _run_sounds(
    directory: str | Path,
    source: Path | Mapping[str, Path],
    out: Path | Mapping[str, Path],
    opening: StreamSetup,
    progress: Progress,
) -> tuple[str, ...]:
    """Run recordings through a build; they are read before it is compiled."""
    manifest = opening.check(directory)
    inputs, outputs = manifest.stream_inputs, manifest.stream_outputs
    given = source if isinstance(source, Mapping) else _single(inputs, source, "input")
    rows = out if isinstance(out, Path) and out.suffix.lower() != ".wav" else None
    made: Mapping[str, Path] = {}
    if rows is not None:
        check_rows(manifest, rows)
    else:
        check_sound(manifest)
        made = out if isinstance(out, Mapping) else _single(outputs, out, "output")
        check_outs(manifest, made)
    require([name for path in given.values() for name in needs(path)])
    clips = read_sources(manifest, given)
    progress("compile", 0, 1)
    stream, notes = opening.open(directory)

    def told(done: int, total: int) -> None:
        progress("stream", done, total)

    if rows is not None:
        return *notes, *run_clips_to_rows(stream, clips, given, rows, told)
    return *notes, *run_clips(stream, clips, given, made, told)


def _run_pictures(
    directory: str | Path,
    source: Path,
    out: Path | Mapping[str, Path],
    opening: StreamSetup,
    progress: Progress,
    found: Path | None,
) -> tuple[str, ...]:
    """Run a picture, or a folder of pictures, through an engine."""
    if isinstance(out, Mapping):
        step = "name a picture, a folder or a .npz"
        raise UsageError(Problem("OUT", "a file for an output", "a file for all", step))
    sources = picture_paths(source) if source.is_dir() else [source]
    _check_picture_files(source, sources, out, found)
    require(("pillow",))
    pictures_of(opening.check(directory))
    progress("compile", 0, 1)
    stream, notes = opening.open(directory)
    made = run_pictures(stream, sources, out, found, lambda *n: progress("stream", *n))
    return (*notes, *made, *_took(stream))


def _check_picture_files(
    source: Path, sources: Sequence[Path], out: Path, found: Path | None
) -> None:
    """Refuse outputs of pictures that go with them badly, or cannot be written."""
    problems = [*_picture_out_problems(source, sources, out)]
    if not source.exists():
        what = Problem(f"file '{source}'", "does not exist", "a picture", "check the path")
        problems.insert(0, what)
    if found is not None and found.suffix.lower() != ".json":
        problems.append(Problem("--found", f"'{found.name}'", "a .json", "name such a file"))
    elif found is not None and (problem := output_problem(found, *sources)):
        problems.append(problem)
    if problems:
        raise UsageError(problems)


def _picture_out_problems(source: Path, sources: Sequence[Path], out: Path) -> Iterator[Problem]:
    """Yield the reasons why a file or folder cannot take pictures."""
    ending, is_folder = out.suffix.lower(), source.is_dir()
    endings = (".npz",) if is_folder else (*PICTURE_FILES, ".npz")
    if is_folder and (not ending or out.is_dir()):
        problem = folder_problem(out)
    elif ending not in endings:
        allowed = "a new folder, or a .npz" if is_folder else ", ".join(endings)
        what = f"'{out.name}' of {'a folder' if is_folder else 'a picture'}"
        problem = Problem("OUT", what, allowed, "name such a file")
    else:
        problem = output_problem(out, *sources)
    if problem is not None:
        yield problem


def _took(stream: Stream) -> tuple[str, ...]:
    """Return the cost in the RTL, where it ran."""
    return (stream.runner.took(),) if isinstance(stream.runner, RtlRunner) else ()


def _check_files(sources: Sequence[Path], outs: Sequence[Path]) -> None:
    """Refuse files of kinds that do not go together, and outputs that cannot be written."""
    if problem := _kinds_problem(sources, outs):
        raise UsageError(problem)
    if problems := [problem for out in outs if (problem := output_problem(out, *sources))]:
        raise UsageError(problems)
    if len({path.absolute() for path in outs}) < len(outs):
        raise UsageError(Problem("OUT", "one file twice", "a file for each output", "name another"))


def _kinds_problem(sources: Sequence[Path], outs: Sequence[Path]) -> Problem | None:
    """Return why files do not go together by their endings."""
    endings = _endings(sources), _endings(outs)
    from_sound = all(map(is_sound, sources))
    from_arrays = all(path.suffix.lower() in ARRAY_FILES for path in sources)
    kind = SOUND if from_sound else ARRAYS if from_arrays else endings[0]
    many = (len(sources) > 1 and ".npz" in endings[0]) or (len(outs) > 1 and endings[1] != ".wav")
    if (kind, endings[1]) in RUNS and not many:
        return None
    listed = (
        f"{', '.join(PICTURE_FILES)} to one of them or .npz; a recording is {', '.join(SOUNDS)}"
    )
    allowed = ", ".join([*map(" to ".join, RUNS), listed])
    step = "name two such files"
    if many:
        step = "only recordings, .npy and .csv come one for each stream, and only .wav go out so"
    return Problem("IN and OUT", " to ".join(endings), allowed, step)


def _endings(files: Sequence[Path]) -> str:
    return " and ".join(sorted({path.suffix.lower() or "no ending" for path in files}))


def _single(tensors: Sequence[Tensor], path: Path, side: str) -> dict[str, Path]:
    """The only stream of a side, with its file."""
    if len(tensors) != 1:
        step = " ".join(f"{tensor.name}=FILE" for tensor in tensors)
        found = f"'{path.name}' for {len(tensors)} {side}s"
        raise UsageError(
            Problem(f"{side}s", found, f"a file for each of {list_tensors(tensors)}", step)
        )
    return {tensors[0].name: path}


def named_files(
    directory: Path, texts: Sequence[str]
) -> tuple[Path | Mapping[str, Path], Path | Mapping[str, Path]]:
    """Divide ``IN OUT`` or ``NAME=IN ... NAME=OUT`` into inputs and outputs of a build, for `run`.

    Raises:
        UsageError: no build, names that it does not have, or too few or too many files.
    """
    manifest = Manifest.load(directory)
    sides = manifest.stream_inputs, manifest.stream_outputs
    place_of = {t.name: place for place in (1, 0) for t in sides[place]}
    by_name: list[dict[str, Path]] = [{}, {}]
    plain, problems = list[Path](), list[Problem]()
    for text in texts:
        name, _, path = text.partition("=")
        place = place_of.get(name)
        if _is_plain_file(text, place is not None):
            plain.append(Path(text))
        elif place is None or name in by_name[place]:
            found = "no input or output of this name" if place is None else "given twice"
            allowed = list_tensors([*sides[0], *sides[1]])
            problems.append(Problem(f"'{text}'", found, allowed, "correct it"))
        else:
            by_name[place][name] = Path(path)
    if not problems and len(plain) != 2 - sum(map(bool, by_name)):
        problems.append(_count_problem(len(texts), sides))
    if problems:
        raise UsageError(problems)
    return by_name[0] or plain.pop(0), by_name[1] or plain.pop()


def _is_plain_file(text: str, is_port: bool) -> bool:
    """Whether a text names a file alone, whose path may hold an equals sign."""
    name, is_pair, _ = text.partition("=")
    return not is_pair or Path(text).exists() or (not is_port and "/" in name)


def _count_problem(count: int, sides: Sequence[Sequence[Tensor]]) -> Problem:
    """Too few or too many files."""
    names = " ".join(f"{name}=FILE" for side in sides for name in sorted(t.name for t in side))
    found = f"{count} file{'s' * (count != 1)}"
    allowed = "IN and OUT, or a file for each stream, or --mic"
    return Problem("IN and OUT", found, allowed, f"edgekit run DIR {names}")
