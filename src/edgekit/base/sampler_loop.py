"""The one loop that runs every `StepTable`: sampling, its inverse, and the networks that it calls."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.base.random_normals import normals
from edgekit.base.sampler_table import FIRST, Arrays, StepTable

Other = Callable[[Arrays], Array]  # of the loop's inputs by name, (n, ...)


@dataclass(frozen=True)
class Step:
    """One network call: row, call (1 is the unconditional one), the row's time, graph and group."""

    row: int
    call: int
    time: float
    graph: int
    group: int


Network = Callable[[Arrays, Step], Sequence[Array]]


def image_seeds(seed: int, first: int, count: int) -> NDArray[np.uint64]:
    """Return the C function's seeds of images `first` and so on: ``seed + (image << 32)``."""
    images = np.arange(first, first + count, dtype=np.uint64)
    return (images << np.uint64(32)) + np.uint64(seed)


def sample(
    table: StepTable,
    network: Network,
    shape: Sequence[int],
    n: int,
    seed: int,
    conditions: Mapping[str, Array] | None = None,
    dtype: DTypeLike = np.float32,
    progress: Callable[[int, int], None] | None = None,
    *,
    first: int = 0,
    others: Mapping[str, Other] | None = None,
) -> Array:
    """Run the rows of a table on `n` images at once; return x (n, *shape), or the output of the network `last` for it.

    Args:
        table: the sampler.
        network: gets its inputs by name, each (n, ...), and the step; returns its outputs, (n, *shape).
        shape: of one image, channels first.
        n: images.
        seed: from 0 to 2^32 - 1; image i of a seed is the same for every n.
        conditions: name -> (n, ...): the network's other inputs, and y.
        dtype: of the update's arithmetic; C uses float32.
        progress: gets the number of rows done, and the number of rows.
        first: number of the first image.
        others: the table's other networks, by role: each gets the conditions, and x, by name.

    Raises:
        UsageError: a seed outside its range, a condition that is missing or of another length.
    """
    given, others = dict(conditions or {}), others or {}
    if "y" in others:
        given[str(table.roles.y)] = others["y"](given)
    _check_call(table, given, shape, n, seed)
    loop = _Loop(table, tuple(shape), image_seeds(seed, first, n), given, np.dtype(dtype))
    for row in range(table.rows):
        is_first = table.graph[row] == FIRST and "first" in others
        loop.update(
            row, loop.first(row, others["first"]) if is_first else loop.outputs(row, network)
        )
        if progress:
            progress(row + 1, table.rows)
    x = loop.end()
    return others["last"]({**given, table.roles.x: x}) if "last" in others else x


class _Loop:
    """The state of the loop: x, x_T, the x0 of the last row."""

    def __init__(
        self,
        table: StepTable,
        shape: tuple[int, ...],
        seeds: NDArray[np.uint64],
        conditions: Arrays,
        dtype: np.dtype[Any],
    ) -> None:
        self.table, self.shape, self.seeds, self.dtype = table, shape, seeds, dtype
        self.conditions = conditions
        self.y = (
            conditions[table.roles.y].astype(dtype) if table.needs_y and table.roles.y else None
        )
        self.x: Array = self.begin()
        self.start = self.x
        self.x0 = np.zeros_like(self.x)

    def begin(self) -> Array:
        """Return x_T: the sum of its parts."""
        table, number = self.table, self.dtype.type
        terms: list[Array] = []
        if table.start_noise:
            terms.append(number(table.start_noise) * self.noise(0))
        if self.y is not None and table.start_y:
            terms.append(number(table.start_y) * self.y)
        if table.start_scale:
            terms.append(number(table.start_scale) * self.own(table.roles.start))
        whole = (len(self.seeds), *self.shape)
        if table.start_mean is not None:
            mean = table.start_mean.astype(self.dtype)
            mean = mean if mean.size == 1 else mean.reshape(self.shape)
            terms.append(np.broadcast_to(mean, whole))
        x: Array = terms[0] if terms else np.zeros(whole, self.dtype)
        for term in terms[1:]:
            x = x + term
        return x

    def end(self) -> Array:
        """Return the x that the last row left, and the residual."""
        residual = self.table.roles.residual
        return self.x if residual is None else self.x + self.own(residual)

    def own(self, name: str | None) -> Array:
        """A condition that the rows read."""
        return np.asarray(self.conditions[str(name)], self.dtype)

    def drawn(self, row: int) -> Array:
        """The z of a row."""
        name = self.table.roles.noise
        return self.noise(1 + row) if name is None else self.own(name)[:, row]

    def noise(self, draw: int) -> Array:
        flat = normals(self.seeds, draw, math.prod(self.shape))
        return flat.reshape(len(self.seeds), *self.shape).astype(self.dtype)

    def call(self, row: int, call: int) -> tuple[Arrays, Step]:
        """The network's inputs, and the step."""
        table, roles, n = self.table, self.table.roles, len(self.seeds)
        step = Step(row, call, float(table.time[row]), int(table.graph[row]), int(table.group[row]))
        inputs = {**self.conditions, roles.x: self.x}
        if roles.time is not None:
            inputs[roles.time] = np.full(n, step.time, np.float32)
        if roles.group is not None:
            inputs[roles.group] = np.full(n, step.group, np.int64)
        if call:
            for name, value in roles.null.items():
                inputs[name] = np.full_like(self.conditions[name], value)
        return inputs, step

    def outputs(self, row: int, network: Network) -> list[Array]:
        """Return the network's outputs at a row, call by call."""
        calls = range(self.table.calls)
        return [output for call in calls for output in network(*self.call(row, call))]

    def first(self, row: int, network: Other) -> list[Array]:
        """Return the output of the network `first` at a row; its other outputs are zero."""
        made = network(self.call(row, 0)[0])
        return [made, *(np.zeros_like(made) for _ in range(self.table.v.shape[1] - 1))]

    def update(self, row: int, outputs: Sequence[Array]) -> None:
        """One row of the table."""
        total, x0 = self.mean(row, outputs)
        if self.table.uses("s"):
            total = total + self.dtype.type(self.table.s[row]) * self.drawn(row)
        self.x, self.x0 = total, x0

    def mean(self, row: int, outputs: Sequence[Array]) -> tuple[Array, Array]:
        """Return the row's update of x without its noise, and its x0."""
        table, number = self.table, self.dtype.type
        x0 = self.estimate(row, outputs)
        total = number(table.a[row]) * self.x
        if table.uses("b"):
            total = total + number(table.b[row]) * x0
        for k, output in enumerate(outputs):
            if np.any(table.e[:, k]):
                total = total + number(table.e[row, k]) * output
        for name, term in (("c", self.y), ("d", self.start), ("h", self.x0)):
            if table.uses(name):
                total = total + number(getattr(table, name)[row]) * term
        return total, x0

    def estimate(self, row: int, outputs: Sequence[Array]) -> Array:
        """The row's x0."""
        table, number = self.table, self.dtype.type
        if not table.needs_x0:
            return self.x0
        x0: Array = number(table.u[row]) * self.x
        for k, output in enumerate(outputs):
            if np.any(table.v[:, k]):
                x0 = x0 + number(table.v[row, k]) * output
        if table.uses("w"):
            x0 = x0 + number(table.w[row]) * self.y
        if table.bias is not None:
            channels = table.bias[row].astype(self.dtype)
            x0 = x0 + channels.reshape(-1, *[1] * (len(self.shape) - 1))
        if table.clip is not None:
            x0 = np.clip(x0, number(-table.clip), number(table.clip))
        return x0


def _check_call(
    table: StepTable, conditions: Arrays, shape: Sequence[int], n: int, seed: int
) -> None:
    seeds = [Problem("seed", str(seed), "0 to 4294967295", "choose another")]
    problems = [] if 0 <= seed < 1 << 32 else seeds
    problems += _condition_problems(table.own_conditions((1, *shape)), table, conditions, n)
    problems += _shape_problems(table, shape)
    if problems:
        raise UsageError(problems)


def _condition_problems(
    own: Mapping[str, tuple[int, ...]], table: StepTable, conditions: Arrays, n: int
) -> Iterator[Problem]:
    """Yield problems with the conditions of `n` images; `own` are those that the rows read, with shapes for one."""
    for name in sorted({*table.roles.null, *own} - conditions.keys()):
        allowed = f"an array whose first axis is {n} images"
        yield Problem(f"condition '{name}'", "not given", allowed, "give it")
    for name, array in conditions.items():
        where, found = f"condition '{name}'", f"shape {array.shape}"
        if array.ndim == 0 or len(array) != n:
            yield Problem(where, found, f"first axis {n}", "one per image")
        elif name in own and array.shape[1:] != own[name][1:]:
            yield Problem(where, found, f"{(n, *own[name][1:])}", "reshape it")


def _shape_problems(table: StepTable, shape: Sequence[int]) -> Iterator[Problem]:
    """Yield problems of a table with an image of this shape."""
    if (mean := table.start_mean) is not None and mean.size not in (1, math.prod(shape)):
        found, allowed = f"{mean.size} values", f"1 or {math.prod(shape)}"
        yield Problem("step table, start_mean", found, allowed, "make the table again")
    if table.bias is not None and table.bias.shape[1] != shape[0]:
        found, allowed = f"{table.bias.shape[1]} channels", f"{shape[0]}"
        yield Problem("step table, bias", found, allowed, "make the table again")


def invert(
    table: StepTable,
    network: Network,
    images: Array,
    seed: int,
    conditions: Mapping[str, Array] | None = None,
    dtype: DTypeLike = np.float32,
    progress: Callable[[int, int], None] | None = None,
    first: int = 0,
) -> Arrays:
    """Return start, noise and residual that make a table give back images: Huberman-Spiegelglas et al. (CVPR 2024).

    Edit-friendly noise: x at each row's level is drawn of the image by independent noise. The formula is ``x_t =
    sqrt(ab_t) x0 + sqrt(1 - ab_t) z``. The noise of the rows is the difference between one x and the next. By design
    its deviation is above 1. Each x is computed anew from this noise, so errors do not add up.

    Args:
        table: with given start and noise, and rows that all but the last draw.
        network: as `sample` calls it, and as it will be called.
        images: (n, *shape).
        seed: of the draws: row r reads draw r.
        conditions: name -> (n, ...): the network's other inputs.
        dtype: as in `sample`.
        progress: as in `sample`.
        first: number of the first image.

    Returns:
        By the names that the table's roles have for them: the start and the residual (n, *shape), the noise
        (n, rows, *shape).

    Raises:
        UsageError: a table whose rows cannot be inverted; conditions and seeds as `sample`.
    """
    check_invertible(table)
    roles, n, kind = table.roles, len(images), np.dtype(dtype)
    start, noise, residual = str(roles.start), str(roles.noise), str(roles.residual)
    maps = np.zeros((n, table.rows, *images.shape[1:]), kind)
    given = {**(conditions or {}), start: images, noise: maps, residual: images}
    shape = images.shape[1:]
    _check_call(table, given, shape, n, seed)
    loop = _Loop(table, tuple(shape), image_seeds(seed, first, n), given, kind)
    assert table.ab is not None
    level = np.append(table.ab, 1.0)

    def noised(row: int) -> Array:
        signal, rest = np.sqrt([level[row], 1 - level[row]]).astype(kind)
        return np.asarray(signal * images.astype(kind) + rest * loop.noise(row))

    loop.x = loop.start = noised(0)
    for row in range(table.rows):
        outputs = loop.outputs(row, network)
        if row + 1 < table.rows:
            mean, _ = loop.mean(row, outputs)
            maps[:, row] = (noised(row + 1) - mean) / kind.type(table.s[row])
        loop.update(row, outputs)
        if progress:
            progress(row + 1, table.rows)
    return {start: loop.start, noise: maps, residual: images.astype(kind) - loop.x}


def check_invertible(table: StepTable) -> None:
    """Refuse a table that `invert` does not take.

    Raises:
        UsageError: rows that cannot be inverted.
    """
    if (problem := _not_inverted(table)) is not None:
        raise UsageError(problem)


def _not_inverted(table: StepTable) -> Problem | None:
    """Return the reason why a table has no start and noise that reproduce an image."""
    roles = table.roles
    if (
        roles.start is None
        or roles.noise is None
        or (table.start_scale, table.start_noise) != (1, 0)
    ):
        found, allowed = "a start or noise of its own", 'start = "given" and noise = "given"'
    elif table.ab is None or table.needs_y:
        found, allowed = "rows that do not say how noisy x is", "a kind of DDIM or DDPM, without y"
    elif not table.s[:-1].all():
        found, allowed = "rows that draw nothing", "ddpm, or ddim with eta above 0"
    else:
        return None
    return Problem("inversion", found, allowed, "export with such a sampler.toml")


def network_with_reuse(
    whole: Callable[[Arrays], Arrays],
    decoder: Callable[[Arrays], Arrays],
    outputs: Sequence[str],
    kept: Sequence[str],
) -> Network:
    """Return the network of a table with encoder propagation, of one image at a time.

    Args:
        whole: runs at rows of graph 0; returns the `outputs` and the `kept` tensors.
        decoder: runs at rows of graph 1, on the inputs and the kept tensors of the last row of graph 0, call by call.
        outputs: names of the network's outputs.
        kept: names of the tensors of the cut.
    """
    memory: dict[int, Arrays] = {}

    def network(inputs: Arrays, step: Step) -> Sequence[Array]:
        if step.graph == 0:
            made = whole(inputs)
            memory[step.call] = {name: made[name] for name in kept}
        else:
            made = decoder({**inputs, **memory[step.call]})
        return [made[name] for name in outputs]

    return network


def one_by_one(network: Callable[[Arrays, Step], Sequence[Array]]) -> Network:
    """Return a network of batches made of one whose inputs and outputs have a first axis of 1."""

    def batched(inputs: Arrays, step: Step) -> Sequence[Array]:
        n = len(next(iter(inputs.values())))
        each = [
            network({name: array[i : i + 1] for name, array in inputs.items()}, step)
            for i in range(n)
        ]
        return [np.concatenate(parts) for parts in zip(*each, strict=True)]

    return batched
