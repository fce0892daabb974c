"""The files of a calibration folder, by name: ``x.wav``, ``x.clean.wav``, ``x.mic.wav``, ``x.knob.npy``, ``x.npz``."""

import zipfile
from pathlib import Path

from edgekit.base.errors import Problem

CLEAN = ".clean.wav"  # ends the name of a clip's clean form
SOUND, ARRAYS, ARRAY = ".wav", ".npz", ".npy"


WANTED = (
    "a folder of mono .wav at the network's rate, or of .npz with arrays named as the inputs "
    "(first axis: hops), or package.module:factory that yields such arrays"
)
STEP = "give --calibration such a source, with a few different clips of 3 s or more"


def source_problem(source: str) -> Problem | None:
    """Return why a source of a calibration is neither a folder nor of the form ``package.module:factory``."""
    folder = Path(source)
    if folder.is_dir() or (":" in source and not folder.exists()):
        return None
    found = "is not a folder" if folder.exists() else "does not exist"
    return Problem(f"calibration source {source!r}", found, WANTED, STEP)


def clip_files(folder: Path) -> list[Path]:
    """Return the files of a folder that may belong to clips, sorted."""
    endings = (SOUND, ARRAYS, ARRAY)
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings)


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
    if path.suffix.lower() != SOUND or path.name.lower().endswith(CLEAN):
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
