"""The verb `invert`: find the noise with which a build of a sampler reproduces images."""

from collections.abc import Mapping
from pathlib import Path

from numpy.typing import ArrayLike

from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.base.npz import read_npz, write_npz
from edgekit.base.output import output_problem, replacement_path
from edgekit.base.progress import Progress
from edgekit.base.sampler_loop import check_invertible
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.sampler import Sampler, checked_images, inversion_conditions, table_of
from edgekit.verbs.open_stream import open_stream
from edgekit.verbs.samples import check_conditions, x_shape


def invert(
    directory: str | Path,
    images: Path,
    seed: int,
    conditions: Mapping[str, ArrayLike] | None,
    out: str | Path | None,
    progress: Progress,
) -> dict[str, Float32]:
    """See `edgekit.api.invert`."""
    file = None if out is None else Path(out)
    _check_file(file)
    array = _load_images_npz(images)
    folder = Path(directory)
    manifest = Manifest.load(folder)
    table = table_of(manifest)
    check_invertible(table)
    x = checked_images(array, x_shape(manifest))
    given = {**(conditions or {}), **inversion_conditions(table, x)}
    check_conditions(folder, manifest, given, len(x), seed)
    progress("compile", 0, 1)
    sampler = Sampler(open_stream(folder)[0], folder)
    maps = sampler.invert(x, seed, conditions, lambda done, rows: progress("invert", done, rows))
    if file is not None:
        with replacement_path(file) as temporary:
            write_npz(temporary, maps)
    return maps


def _check_file(file: Path | None) -> None:
    if file is None:
        return
    if file.suffix.lower() != ".npz":
        found = file.suffix or "no ending"
        raise UsageError(Problem(f"output '{file}'", found, ".npz", "name such a file"))
    if problem := output_problem(file):
        raise UsageError(problem)


def _load_images_npz(images: Path) -> Array:
    """The array ``x`` of a .npz, or its only one."""
    arrays = read_npz(images)
    if "x" not in arrays and len(arrays) != 1:
        found, allowed = ", ".join(arrays) or "no array", "an array 'x'"
        raise UsageError(Problem(f"images '{images}'", found, allowed, "call it x"))
    return arrays.get("x", next(iter(arrays.values())))
