"""The verb `sample`: images of a build with a sampler, and the checks of them before it is compiled."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import ArrayLike

from edgekit.base.arrays import Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.base.progress import Progress
from edgekit.runtime.build_folder.files import open_build
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.sampler import (
    Sampler,
    conditions,
    given_conditions,
    given_files,
    other_manifests,
    table_of,
)
from edgekit.verbs.open_stream import open_stream
from edgekit.verbs.pictures import picture_problem, sample_problem, write_samples


@dataclass(frozen=True)
class SampleInputs:
    """The inputs of sampling: conditions by name, and .npz files with the start and the noise."""

    conditions: Mapping[str, ArrayLike]
    start: Path | None = None
    noise: Path | None = None


def sample(
    directory: Path,
    n: int,
    seed: int,
    given: SampleInputs,
    out: Path | None,
    progress: Progress,
) -> Float32:
    """See `edgekit.api.sample`."""
    if out is not None and (problem := sample_problem(out)):
        raise UsageError([*_build_problems(directory), problem])
    manifest = open_build(directory)
    files = given_files(table_of(manifest), given.start, given.noise)
    every = {**given.conditions, **files}
    check_conditions(directory, manifest, every, n, seed)
    if out is not None and (problem := picture_problem(out, image_shape(directory, manifest))):
        raise UsageError(problem)
    progress("compile", 0, 1)
    sampler = Sampler(open_stream(directory)[0], directory)
    x = sampler.sample(n, seed, every, lambda done, rows: progress("sample", done, rows))
    if out is not None:
        write_samples(out, x, every)
    return x


def _build_problems(directory: Path) -> tuple[Problem, ...]:
    """Why a folder is no build with a sampler."""
    try:
        table_of(open_build(directory))
    except UsageError as error:
        return error.problems
    return ()


def check_conditions(
    directory: Path, manifest: Manifest, given: Mapping[str, ArrayLike], n: int, seed: int
) -> None:
    """Refuse conditions and seeds that a build does not take.

    Raises:
        UsageError: all problems, or a build without a sampler.
    """
    table = table_of(manifest)
    tensors = conditions(manifest, table, other_manifests(directory, manifest))
    given_conditions(tensors, table, given, n, seed)


def image_shape(directory: Path, manifest: Manifest) -> tuple[int, ...]:
    """Return the shape of one image that a build draws, (channels, ...)."""
    last = other_manifests(directory, manifest).get("last")
    if last is not None:
        return last.stream_outputs[0].shape[1:]
    return x_shape(manifest)


def x_shape(manifest: Manifest) -> tuple[int, ...]:
    """Return the shape of one x of a build with a sampler, (channels, ...)."""
    x = table_of(manifest).roles.x
    return next(tensor.shape[1:] for tensor in manifest.stream_inputs if tensor.name == x)
