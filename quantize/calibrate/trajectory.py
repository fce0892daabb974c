"""Calibration of a noise estimator: its own calls, recorded while the float network samples.

The input of a network depends on the step, so the calls come from real sampling, with their time and conditions. A
table of images by rows selects the kept calls: see `uniform`, `normal` and `diverse`.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Array, Booleans, Int64
from edgekit.base.errors import CalibrationError, Problem
from edgekit.base.sampler_loop import Network, Other, Step, sample
from edgekit.base.sampler_table import FIRST, Arrays, StepTable
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.quantize.calibrate.clips import Calibration, Clip

Kept = Booleans  # (images, rows)
LABEL = "trajectories"
IN_MEMORY = 256 << 20  # bytes of one input's calls; more lie in a file that goes with the process
MEAN, SPREAD = 0.4, 0.4  # of NDTC, in parts of the times (Shang et al., PTQ4DM, CVPR 2023)
DIVERSITY = 1.2  # lambda (Liu et al., EDA-DM, 2024)
NEAR = 0.1  # features closer than this part of their greatest distance count as dense


def rows_of(calls: Clip, table: StepTable) -> Int64:
    """Return the row of each call, (calls,), by the time that it had.

    Raises:
        CalibrationError: the network has no time input, or a call's time is none of the table's.
    """
    name = table.roles.time
    if name is None or name not in calls:
        where, found = "calibration", "calls of a network without a time input"
        raise CalibrationError(
            Problem(where, found, "calls with their times", "leave out step groups")
        )
    times = np.ravel(calls[name]).astype(np.float32)
    known = table.time.astype(np.float32)
    rows: Int64 = np.argmin(np.abs(times[:, None] - known), axis=1)
    if wrong := sorted(set(times[known[rows] != times].tolist())):
        found = f"{name} {', '.join(f'{time:g}' for time in wrong[:4])}: no time of the sampler"
        allowed = "calls of the network's own sampler: its schedule, spacing and steps"
        step = "record them again, or leave out --calibration: the export samples by itself"
        raise CalibrationError(Problem("calibration", found, allowed, step))
    return rows


def of_rows(calls: Clip, table: StepTable, rows: Sequence[int]) -> Clip:
    """Return the calls of some rows."""
    chosen = np.flatnonzero(np.isin(rows_of(calls, table), rows))
    return {name: array[chosen] for name, array in calls.items()}


def uniform(table: StepTable, calls: int) -> Kept:
    """Keep every row of as many images as needed (as Q-Diffusion, Li et al., ICCV 2023, does)."""
    images = max(1, round(calls / (table.rows * table.calls)))
    return np.ones((images, table.rows), bool)


def normal(table: StepTable, calls: int, seed: int) -> Kept:
    """Keep calls at times drawn from a normal distribution, nearer to the image than to the noise.

    NDTC of PTQ4DM: t = clamp(N(0.4 T, 0.4 T)); each is taken at the row of the nearest time.
    """
    random = np.random.default_rng(seed)
    n = max(1, calls // table.calls)
    # rows go from noise to image, however the network reads the time
    place = np.clip(random.normal(MEAN, SPREAD, n), 0, 1)
    rows = np.rint((1 - place) * (table.rows - 1)).astype(int)
    return _spread(np.bincount(rows, minlength=table.rows))


def diverse(table: StepTable, features: NDArray[np.floating[Any]], calls: int) -> Kept:
    """Keep more calls of rows that are close to many others and differ in direction from them.

    Density and diversity of EDA-DM: the number of rows with near features, and lambda times the sum of 1 - cosine.

    Args:
        table: the sampler.
        features: (rows, values), from the network on one image's trajectory.
        calls: approximate number of calls to keep.
    """
    flat = features.reshape(table.rows, -1).astype(np.float64)
    apart = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    length = np.maximum(np.linalg.norm(flat, axis=1), 1e-12)
    cosine = (flat @ flat.T) / np.outer(length, length)
    density = np.sum(apart <= NEAR * apart.max(), axis=1)
    weight = density / density.sum()
    spread = np.sum(1 - cosine, axis=1)
    if spread.sum() > 0:
        weight = weight + DIVERSITY * spread / spread.sum()
    counts = np.rint(weight / weight.sum() * calls / table.calls).astype(int)
    return _spread(np.maximum(counts, 1))


def _spread(counts: Int64) -> Kept:
    """Return so many images of each row as its count, from the images in turn."""
    images = int(counts.max())
    kept = np.zeros((images, len(counts)), bool)
    first = 0
    for row, count in enumerate(counts):
        kept[(first + np.arange(count)) % images, row] = True
        first += count
    return kept


def record(
    model: Model,
    network: Network,
    kept: Kept,
    seed: int,
    conditions: Mapping[str, Array],
    progress: Callable[[int, int], None] | None = None,
    others: Mapping[str, Other] | None = None,
) -> Calibration:
    """Sample images and keep the calls that a table names; the same seed records the same calls.

    They come row by row, the conditional calls of a row's images before the unconditional ones.

    Args:
        model: has the sampler; its inputs are recorded.
        network: the float network.
        kept: (images, rows), see `uniform`.
        seed: of the images.
        conditions: by name (images, ...), as `edgekit.base.sampler_loop.sample` takes them.
        progress: called with the number of finished rows, and their total.
        others: the other networks of the sampler; rows that run `first` are not recorded.
    """
    table = model.sampler
    assert table is not None
    kept = kept & (table.graph != FIRST)
    calls = int(kept.sum()) * table.calls
    shapes = {str(v.name): (dims(v), v.dtype.numpy()) for v in model.given_inputs if v.dtype}
    stored = {name: _room((calls, *s), dtype) for name, (s, dtype) in shapes.items()}
    place = 0

    def call_and_record(inputs: Arrays, step: Step) -> Sequence[Array]:
        nonlocal place
        chosen = kept[:, step.row]
        end = place + int(chosen.sum())
        for name, array in stored.items():
            array[place:end] = inputs[name][chosen].reshape(-1, *array.shape[1:])
        place = end
        return network(inputs, step)

    shape = shapes[table.roles.x][0][1:]
    sample(
        table, call_and_record, shape, len(kept), seed, conditions, progress=progress, others=others
    )
    return Calibration((stored,), LABEL)


def _room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array, in a file without a name if it is large."""
    if int(np.prod(shape)) * dtype.itemsize <= IN_MEMORY:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(prefix="edgekit-") as file:
        return np.memmap(file, dtype, "w+", shape=shape)
