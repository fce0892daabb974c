"""The verb `invert`: the noise with which a build of a sampler gives images back."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgekit.base.errors import Problem, UsageError
from edgekit.base.npz import read_npz, write_npz
from edgekit.base.output import output_problem, replacing
from edgekit.base.progress import Progress
from edgekit.runtime.sampler import Sampler
from edgekit.verbs.open_stream import open_stream


def invert(
    directory: str | Path,
    images: Path,
    seed: int,
    conditions: Mapping[str, ArrayLike] | None,
    out: str | Path | None,
    progress: Progress,
) -> dict[str, NDArray[np.float32]]:
    """See `edgekit.api.invert`."""
    file = None if out is None else Path(out)
    if file is not None and file.suffix.lower() != ".npz":
        found = file.suffix or "no ending"
        raise UsageError(Problem(f"output '{file}'", found, ".npz", "name such a file"))
    if file is not None and (problem := output_problem(file)):
        raise UsageError(problem)
    arrays = read_npz(images)
    if "x" not in arrays and len(arrays) != 1:
        found, allowed = ", ".join(arrays) or "no array", "an array 'x'"
        raise UsageError(Problem(f"images '{images}'", found, allowed, "call it x"))
    x = arrays.get("x", next(iter(arrays.values())))
    progress("compile", 0, 1)
    sampler = Sampler(open_stream(directory)[0], Path(directory))
    maps = sampler.invert(x, seed, conditions, lambda done, rows: progress("invert", done, rows))
    if file is not None:
        with replacing(file) as temporary:
            write_npz(temporary, maps)
    return maps
