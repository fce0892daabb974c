"""The files of a calibration folder, by name: ``x.wav``, ``x.clean.wav``, ``x.mic.wav``, ``x.knob.npy``, ``x.npz``.

Any ending of `SOUNDS` may stand in place of ``.wav``, and any of `TABLES` in place of ``.npy``.
"""

import zipfile
from collections.abc import Sequence, Set
from pathlib import Path

from edgekit.base.errors import Problem
from edgekit.base.tables import TABLES, is_table

CLEAN = ".clean"  # ends the name of a clip's clean form, before the ending of the file
SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif")
ARRAYS, ARRAY = ".npz", ".npy"


WANTED = (
    "a folder of recordings (.wav, .flac, .ogg, .opus, .mp3, .aiff), of .csv with a line for each moment, or of .npz "
    "with arrays named as the inputs (hops, or whole recordings), or package.module:factory that yields such arrays"
)
STEP = "give --calibration such a source, with a few different clips of 3 s or more"


def source_problem(source: str) -> Problem | None:
    """Return why a source of a calibration is neither a folder nor of the form ``package.module:factory``."""
    folder = Path(source)
    if folder.is_dir() or (":" in source and not folder.exists()):
        return None
    where = f"calibration source {source!r}"
    if folder.exists():
        return Problem(
            where, "is not a folder", WANTED, "give --calibration the folder that holds it"
        )
    return Problem(where, "does not exist", WANTED, STEP)


def content_problem(source: str, folder: Path, more: Sequence[str] = ()) -> Problem | None:
    """Return why a folder has no clips: no file that may belong to one, nor one with an ending of `more`."""
    endings = {path.suffix.lower() or "no ending" for path in folder.rglob("*") if path.is_file()}
    if not endings.isdisjoint((*SOUNDS, ARRAYS, ARRAY, *TABLES, *more)):
        return None
    others = f", only {', '.join(sorted(endings))}" if endings else ""
    found = f"holds no recording, no .csv and no .npz file{others}"
    return Problem(f"calibration folder {source!r}", found, WANTED, STEP)


def is_sound(path: Path) -> bool:
    """Whether a file is a recording, by its name."""
    return path.suffix.lower() in SOUNDS


def is_clean(path: Path) -> bool:
    """Whether a file is the clean form of a clip, by its name."""
    return is_sound(path) and path.stem.lower().endswith(CLEAN)


def clean_form(clip: Path) -> Path | None:
    """Return the file with the clean form of a clip, given without ending; None where there is none."""
    paths = (clip.with_name(f"{clip.name}{CLEAN}{ending}") for ending in SOUNDS)
    return next((path for path in paths if path.is_file()), None)


def clip_files(folder: Path) -> list[Path]:
    """Return the files of a folder that may belong to clips, sorted.

    Among recordings or .npz, a table such as ``labels.csv`` belongs to none: only ``x.knob.csv`` of a clip ``x`` does.
    """
    wholes, arrays = (_list_files(folder, e) for e in ((*SOUNDS, ARRAYS), (ARRAY, *TABLES)))
    if wholes:
        clips = {stem for path in wholes for stem in _stems(path)}
        arrays = [path for path in arrays if not is_table(path) or _is_array_of(path, clips)]
    return sorted([*wholes, *arrays])


def _list_files(folder: Path, endings: Sequence[str]) -> list[Path]:
    return [p for p in folder.rglob("*") if p.suffix.lower() in endings and p.is_file()]


def _stems(path: Path) -> tuple[Path, Path]:
    """Return the clips that a recording or .npz may belong to: ``a.mic`` and ``a`` of ``a.mic.wav``."""
    stem = path.with_suffix("")
    return stem, stem.with_suffix("")


def _is_array_of(path: Path, clips: Set[Path]) -> bool:
    """Whether a file is named as ``x.knob.csv`` of a clip ``x``."""
    stem = path.with_suffix("")
    return stem.suffix != "" and stem.with_suffix("") in clips


def stem_of(path: Path, name: str) -> Path | None:
    """Return the clip whose input of this `name` a file holds, as ``a`` of ``a.mic.wav``; None where it does not."""
    ending = f".{name}".lower()
    if not path.stem.lower().endswith(ending):
        return None
    return path.with_name(path.stem[: -len(ending)])


def files_without(folder: Path, name: str) -> list[Path]:
    """Return the clips of a folder without data for an input that is no sound, each by one of its files."""
    files = clip_files(folder)
    held = {stem for path in files if (stem := stem_of(path, name)) and path.suffix != ARRAYS}
    return [path for path in files if _is_clip_without(path, name, held)]


def _is_clip_without(path: Path, name: str, held: set[Path]) -> bool:
    """Whether a file is of a clip that lacks an input; `held` are the clips that have it in separate files."""
    if path.suffix.lower() == ARRAYS:
        return name not in _names(path)
    if not (is_sound(path) or is_table(path)) or is_clean(path):
        return False
    clip = path.with_suffix("")
    return held.isdisjoint((clip, clip.with_suffix("")))


def _names(path: Path) -> set[str]:
    """The arrays of a .npz; of one that cannot be read all there may be, since it is refused later."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(ARRAY) for name in archive.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile):
        return _AllNames()


class _AllNames(set[str]):
    """A set that holds each name."""

    def __contains__(self, name: object) -> bool:
        return True
