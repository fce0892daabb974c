"""A sampler as data: `StepTable`, and the one loop that runs every table.

Each row is a linear update. With e the network's outputs, y a condition, x_T the start and prev the x0 of the
row before::

    x0 = clip(u x + sum(v_k e_k) + w y + bias[channel])
    x <- a x + b x0 + sum(e_k-coefficients e_k) + c y + d x_T + h prev + s z

x_T is made of noise, y, a start that is given, and a mean; z is counted (`edgekit.base.noise`) or given, row by row.
With given noise a residual is added behind the last row, so that the rows can give back any image: see `invert`.

The loop computes terms in this order in float32, product and sum rounded apart, and leaves out those whose
coefficient is zero in all rows; ``<name>_sample`` of a C build does the same, bit for bit.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from edgekit.base.errors import Problem, UsageError
from edgekit.base.noise import normals

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
Other = Callable[[Arrays], NDArray[Any]]  # of the loop's inputs by name, (n, ...)
MAX_ROWS = 1 << 16
MAX_OUTPUTS = 16
COLUMNS = ("u", "w", "a", "b", "c", "d", "h", "s")  # one coefficient per row
CHOICES = ("graph", "group")  # integers
FIRST = 2  # the graph of a row that runs the network `first`
NETWORKS = ("first", "y", "last")  # beside the denoiser, in the order in which they are listed
OWN = ("start", "noise", "residual")  # roles that no input of the network has
NOT_THE_TRAJECTORY = frozenset({"group", "v", "bias", "s"})  # what quantization may change


@dataclass(frozen=True)
class Roles:
    """Which inputs of the network the loop fills.

    Attributes:
        x: the noisy tensor.
        time: the time, or, where it was folded, the index of the step; None where the network has none.
        group: the row's scale group; None where there are no groups.
        y: the condition that the rows add; it need not be an input of the network.
        start: the condition that x_T is made of, no input of the network.
        noise: the condition that is z, (rows, *shape) of an image, no input of the network; None where z is counted.
        residual: with given noise, the condition that is added behind the last row.
        null: values that conditions have in the unconditional call of classifier-free guidance.
    """

    x: str = "x"
    time: str | None = "t"
    group: str | None = None
    y: str | None = None
    start: str | None = None
    noise: str | None = None
    residual: str | None = None
    null: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class StepTable:
    """The rows of a sampler; arrays of float64, first axis rows, see the formulas above.

    Attributes:
        time: what the network's time input gets.
        u, w, a, b, c, d, h, s: coefficients (rows,).
        v: (rows, outputs) of the network outputs in x0; outputs count call by call.
        e: (rows, outputs) of the network outputs in x.
        bias: (rows, channels), or None.
        graph: int (rows,), which of the build's graphs runs: 0 is the whole network.
        group: int (rows,), whose scales are used.
        clip: limit of |x0|, or None.
        start_noise, start_y, start_scale, start_mean: x_T is ``start_noise z + start_y y + start_scale start +
            start_mean``, the last one number or as many as x has, or None.
        ab: (rows,) of variance-preserving samplers, the cumulative product of x ahead of each row, or None.
        roles: the network's inputs.
        cut: names of the tensors between encoder and decoder, where rows of graph 1 run the decoder alone; found by
            the build where there are none.
        networks: digests of the other networks by what they do: ``first`` runs at rows of graph `FIRST`, x -> e; ``y``
            makes of conditions, once per image, what roles.y names; ``last`` makes of the last x what is given out.
        folded: whether `time` holds indices of rows, because what depends on the time became tables.
    """

    time: Floats
    u: Floats
    v: Floats
    w: Floats
    a: Floats
    b: Floats
    e: Floats
    c: Floats
    d: Floats
    h: Floats
    s: Floats
    graph: NDArray[np.int64]
    group: NDArray[np.int64]
    bias: Floats | None = None
    clip: float | None = None
    start_noise: float = 1.0
    start_y: float = 0.0
    start_scale: float = 0.0
    start_mean: Floats | None = None
    ab: Floats | None = None
    networks: Mapping[str, str] = field(default_factory=dict)
    roles: Roles = Roles()
    folded: bool = False
    cut: tuple[str, ...] = ()

    @staticmethod
    def of(
        time: ArrayLike,
        outputs: int,
        roles: Roles,
        columns: Mapping[str, ArrayLike | None],
        *,
        clip: float | None = None,
        start_noise: float = 1.0,
        start_y: float = 0.0,
        start_scale: float = 0.0,
        start_mean: ArrayLike | None = None,
        networks: Mapping[str, str] | None = None,
        folded: bool = False,
        cut: Sequence[str] = (),
    ) -> "StepTable":
        """Make a table of columns by name; those that are left out are zero.

        Raises:
            UsageError: columns of other lengths or kinds, values that are not finite.
        """
        rows = len(np.asarray(time))
        shapes: dict[str, tuple[int, ...]] = {name: (rows,) for name in (*COLUMNS, *CHOICES)}
        shapes |= {"v": (rows, outputs), "e": (rows, outputs)}
        if unknown := columns.keys() - shapes.keys() - {"bias", "ab"}:
            raise ValueError(f"no column {', '.join(sorted(unknown))}")
        arrays: dict[str, Any] = {}
        for name, shape in shapes.items():
            kind = np.int64 if name in CHOICES else np.float64
            given = columns.get(name)
            arrays[name] = np.zeros(shape, kind) if given is None else np.asarray(given, kind)
        bias, ab = (
            None if array is None else np.asarray(array, np.float64)
            for array in (columns.get("bias"), columns.get("ab"))
        )
        made = StepTable(
            np.asarray(time, np.float64),
            bias=bias,
            clip=clip,
            start_noise=start_noise,
            start_y=start_y,
            start_scale=start_scale,
            start_mean=None if start_mean is None else np.asarray(start_mean, np.float64),
            ab=ab,
            networks=dict(networks or {}),
            roles=roles,
            folded=folded,
            cut=tuple(cut),
            **arrays,
        )
        if problems := made.problems():
            raise UsageError(problems)
        return made

    @property
    def rows(self) -> int:
        """How many rows there are: network calls, the two of a guided row counted once."""
        return len(self.time)

    @property
    def calls(self) -> int:
        """Network calls per row: 2 with classifier-free guidance."""
        return 2 if self.roles.null else 1

    @property
    def digest(self) -> str:
        """``sha256:...`` of the trajectory: all but what quantization changes (groups, corrections)."""
        facts = {k: v for k, v in self.facts().items() if k not in NOT_THE_TRAJECTORY}
        return f"sha256:{hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()}"

    def with_(self, **columns: Any) -> "StepTable":
        """Return a copy with columns replaced.

        Raises:
            UsageError: as `of`.
        """
        made = replace(self, **columns)
        if problems := made.problems():
            raise UsageError(problems)
        return made

    def uses(self, column: str) -> bool:
        """Whether any row has a coefficient other than zero there."""
        values = getattr(self, column)
        return values is not None and bool(np.any(values))

    @property
    def needs_y(self) -> bool:
        """Whether the rows add the condition y."""
        return self.uses("w") or self.uses("c") or self.start_y != 0

    def own_conditions(self, x: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Return the conditions that the rows themselves read, in order, with their shapes for an x (1, ...)."""
        roles, shape = self.roles, tuple(x)
        own = {
            roles.y: shape if self.needs_y and "y" not in self.networks else None,
            roles.start: shape if self.start_scale else None,
            roles.noise: (1, self.rows, *shape[1:]),
            roles.residual: shape,
        }
        return {name: of for name, of in own.items() if name is not None and of is not None}

    @property
    def needs_x0(self) -> bool:
        """Whether the update uses x0."""
        return self.uses("b") or self.uses("h")

    def problems(self) -> list[Problem]:
        """Return everything that is wrong with the table."""
        return list(_problems(self))

    def facts(self) -> dict[str, Any]:
        """Return plain lists and numbers for JSON, columns of zeros left out; `from_facts` reads them."""
        facts: dict[str, Any] = {"outputs": int(self.v.shape[1]), "time": self.time.tolist()}
        for name in (*COLUMNS, *CHOICES, "v", "e", "bias", "start_mean", "ab"):
            if self.uses(name):
                facts[name] = getattr(self, name).tolist()
        scalars = {
            "clip": self.clip,
            "start_noise": self.start_noise,
            "start_y": self.start_y,
            "folded": self.folded,
            "cut": list(self.cut),
        }
        scalars |= {"start_scale": self.start_scale} if self.start_scale else {}
        facts |= {"networks": dict(self.networks)} if self.networks else {}
        roles = {k: v for k, v in vars(self.roles).items() if v is not None or k not in OWN}
        return facts | scalars | {"roles": {**roles, "null": dict(self.roles.null)}}

    @staticmethod
    def from_facts(facts: Mapping[str, Any]) -> "StepTable":
        """Read what `facts` gave; its origin is not trusted.

        Raises:
            UsageError: keys that are missing or unknown, values of another kind.
        """
        given = dict(facts)
        try:
            roles = Roles(**given.pop("roles"))
            outputs, time = given.pop("outputs"), given.pop("time")
            scalars = {name: float(given.pop(name)) for name in ("start_noise", "start_y")}
            scalars["start_scale"] = float(given.pop("start_scale", 0.0))
            mean, networks = given.pop("start_mean", None), dict(given.pop("networks", {}))
            clip = given.pop("clip")
            _check_roles(roles)
            if type(outputs) is not int or not 1 <= outputs <= MAX_OUTPUTS:
                raise ValueError(f"outputs {outputs!r}")
            clip = None if clip is None else float(clip)
            folded, cut = bool(given.pop("folded")), [str(name) for name in given.pop("cut")]
            return StepTable.of(
                time, outputs, roles, given, clip=clip, folded=folded, cut=cut, start_mean=mean,
                networks=networks, **scalars,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            allowed = "the step table that an export writes"
            raise UsageError(
                Problem("sampler", f"{type(error).__name__}: {error}", allowed, "export again")
            ) from error


def _check_roles(roles: Roles) -> None:
    others = (roles.time, roles.group, roles.y, roles.start, roles.noise, roles.residual)
    names = [roles.x, *(name for name in others if name is not None)]
    if not all(type(name) is str for name in (*names, *roles.null)):
        raise ValueError("a role that is no text")
    if not all(type(v) in (int, float) and math.isfinite(v) for v in roles.null.values()):
        raise ValueError("a null value that is no number")


def _problems(table: StepTable) -> Sequence[Problem]:
    found: list[Problem] = []

    def complain(where: str, what: str, allowed: str) -> None:
        found.append(Problem(f"step table, {where}", what, allowed, "make the table again"))

    rows = len(table.time)
    outputs = table.v.shape[-1] if table.v.ndim else 0
    shapes: dict[str, tuple[int, ...]] = {n: (rows,) for n in ("time", *COLUMNS, *CHOICES)}
    shapes |= {"v": (rows, outputs), "e": (rows, outputs)}
    if not 1 <= rows <= MAX_ROWS:
        complain("rows", str(rows), f"1 to {MAX_ROWS}")
    if not outputs or outputs % table.calls:
        complain("outputs", str(outputs), f"a multiple of {table.calls} calls")
    for name, shape in shapes.items():
        array = getattr(table, name)
        if array.shape != shape:
            complain(name, f"shape {array.shape}", f"{shape}")
        elif not np.isfinite(array).all():
            complain(name, "values that are not finite", "numbers")
        elif name in CHOICES and array.size and array.min() < 0:
            complain(name, f"{array.min()}", "integers from 0 up")
    bias, clip = table.bias, 1.0 if table.clip is None else table.clip
    if bias is not None and (bias.ndim != 2 or len(bias) != rows or not np.isfinite(bias).all()):
        complain("bias", f"shape {bias.shape}", f"numbers ({rows}, channels)")
    ab, mean = table.ab, table.start_mean
    if ab is not None and (ab.shape != (rows,) or not ((ab > 0) & (ab <= 1)).all()):
        complain("ab", f"shape {ab.shape}", f"numbers above 0 up to 1, ({rows},)")
    if mean is not None and (mean.ndim != 1 or not mean.size or not np.isfinite(mean).all()):
        complain("start_mean", f"shape {mean.shape}", "numbers (1,) or as many as x has")
    scalars = (table.start_noise, table.start_y, table.start_scale, clip)
    if not all(map(math.isfinite, scalars)) or clip <= 0:
        complain("start and clip", f"{scalars}", "numbers, clip above 0")
    if not found and table.needs_y and table.roles.y is None:
        complain("y", "rows that add y", "a role y")
    if table.start_scale and table.roles.start is None:
        complain("start", "a start that is given", "a role start")
    known = table.networks.keys() <= set(NETWORKS)
    if not known or not all(type(digest) is str for digest in table.networks.values()):
        complain("networks", str(dict(table.networks)), f"digests of {', '.join(NETWORKS)}")
    if "y" in table.networks and table.roles.y is None:
        complain("networks, y", "no role y", "what the network makes")
    if "first" in table.networks and list(np.flatnonzero(table.graph == FIRST)) != [0]:
        complain("networks, first", "not in row 0 alone", f"graph {FIRST} in row 0")
    return found


@dataclass(frozen=True)
class Step:
    """One network call: row, call (1 is the unconditional one), the row's time, graph and group."""

    row: int
    call: int
    time: float
    graph: int
    group: int


Network = Callable[[Arrays, Step], Sequence[NDArray[Any]]]


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
    conditions: Mapping[str, NDArray[Any]] | None = None,
    dtype: DTypeLike = np.float32,
    progress: Callable[[int, int], None] | None = None,
    first: int = 0,
    others: Mapping[str, Other] | None = None,
) -> NDArray[Any]:
    """Run the rows of a table on `n` images at once; returns x (n, *shape), or what the network `last` makes of it.

    Args:
        table: the sampler.
        network: gets its inputs by name, each (n, ...), and the step; returns its outputs, (n, *shape).
        shape: of one image, channels first.
        n: images.
        seed: from 0 to 2^32 - 1; image i of it is the same whatever n is.
        conditions: name -> (n, ...): the network's other inputs, and y.
        dtype: of the update's arithmetic; float32 is what C does.
        progress: is told how many rows are done, and how many there are.
        first: number of the first image.
        others: the table's other networks, by what they do: each gets the conditions, and x, by name.

    Raises:
        UsageError: a seed outside its range, a condition that is missing or of another length.
    """
    given, others = dict(conditions or {}), others or {}
    if "y" in others:
        given[str(table.roles.y)] = others["y"](given)
    _check_call(table, given, shape, n, seed)
    loop = _Loop(table, tuple(shape), image_seeds(seed, first, n), given, np.dtype(dtype))
    for row in range(table.rows):
        outputs: list[NDArray[Any]] = []
        if table.graph[row] == FIRST and "first" in others:
            made = others["first"](loop.call(row, 0)[0])
            outputs = [made, *(np.zeros_like(made) for _ in range(table.v.shape[1] - 1))]
        else:
            for call in range(table.calls):
                outputs += network(*loop.call(row, call))
        loop.update(row, outputs)
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
        self.x: NDArray[Any] = self.begin()
        self.start = self.x
        self.x0 = np.zeros_like(self.x)

    def begin(self) -> NDArray[Any]:
        """x_T: the sum of what it is made of."""
        table, number = self.table, self.dtype.type
        terms: list[NDArray[Any]] = []
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
        x: NDArray[Any] = terms[0] if terms else np.zeros(whole, self.dtype)
        for term in terms[1:]:
            x = x + term
        return x

    def end(self) -> NDArray[Any]:
        """What the last row left, and the residual."""
        residual = self.table.roles.residual
        return self.x if residual is None else self.x + self.own(residual)

    def own(self, name: str | None) -> NDArray[Any]:
        """A condition that the rows read."""
        return np.asarray(self.conditions[str(name)], self.dtype)

    def drawn(self, row: int) -> NDArray[Any]:
        """The z of a row."""
        name = self.table.roles.noise
        return self.noise(1 + row) if name is None else self.own(name)[:, row]

    def noise(self, draw: int) -> NDArray[Any]:
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

    def update(self, row: int, outputs: Sequence[NDArray[Any]]) -> None:
        """One row of the table."""
        total, x0 = self.mean(row, outputs)
        if self.table.uses("s"):
            total = total + self.dtype.type(self.table.s[row]) * self.drawn(row)
        self.x, self.x0 = total, x0

    def mean(self, row: int, outputs: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """What a row makes of x without its noise, and its x0."""
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

    def estimate(self, row: int, outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The row's x0."""
        table, number = self.table, self.dtype.type
        if not table.needs_x0:
            return self.x0
        x0: NDArray[Any] = number(table.u[row]) * self.x
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
    problems = []
    if not 0 <= seed < 1 << 32:
        problems.append(Problem("seed", str(seed), "0 to 4294967295", "choose another"))
    own = table.own_conditions((1, *shape))
    for name in sorted({*table.roles.null, *own} - conditions.keys()):
        allowed = f"an array whose first axis is {n} images"
        problems.append(Problem(f"condition '{name}'", "not given", allowed, "give it"))
    for name, array in conditions.items():
        if array.ndim == 0 or len(array) != n:
            found, allowed = f"shape {array.shape}", f"first axis {n}"
            problems.append(Problem(f"condition '{name}'", found, allowed, "one per image"))
        elif name in own and array.shape[1:] != own[name][1:]:
            found, allowed = f"shape {array.shape}", f"{(n, *own[name][1:])}"
            problems.append(Problem(f"condition '{name}'", found, allowed, "reshape it"))
    if (mean := table.start_mean) is not None and mean.size not in (1, math.prod(shape)):
        found, allowed = f"{mean.size} values", f"1 or {math.prod(shape)}"
        problems.append(Problem("step table, start_mean", found, allowed, "make the table again"))
    if table.bias is not None and table.bias.shape[1] != shape[0]:
        found, allowed = f"{table.bias.shape[1]} channels", f"{shape[0]}"
        problems.append(Problem("step table, bias", found, allowed, "make the table again"))
    if problems:
        raise UsageError(problems)


def invert(
    table: StepTable,
    network: Network,
    images: NDArray[Any],
    seed: int,
    conditions: Mapping[str, NDArray[Any]] | None = None,
    dtype: DTypeLike = np.float32,
    progress: Callable[[int, int], None] | None = None,
    first: int = 0,
) -> Arrays:
    """Return start, noise and residual that make a table give back images: Huberman-Spiegelglas et al. (CVPR 2024).

    Edit-friendly noise: x at each row's level is drawn of the image by noise of its own,
    ``x_t = sqrt(ab_t) x0 + sqrt(1 - ab_t) z``, and what the rows must add from one to the next is their noise. Its
    deviation is above 1; that is the method. Each x is computed anew with what was found, so errors do not add up.

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
    if (problem := _not_inverted(table)) is not None:
        raise UsageError(problem)
    roles, n, kind = table.roles, len(images), np.dtype(dtype)
    start, noise, residual = str(roles.start), str(roles.noise), str(roles.residual)
    maps = np.zeros((n, table.rows, *images.shape[1:]), kind)
    given = {**(conditions or {}), start: images, noise: maps, residual: images}
    shape = images.shape[1:]
    _check_call(table, given, shape, n, seed)
    loop = _Loop(table, tuple(shape), image_seeds(seed, first, n), given, kind)
    assert table.ab is not None
    level = np.append(table.ab, 1.0)

    def noised(row: int) -> NDArray[Any]:
        signal, rest = (kind.type(v) for v in np.sqrt([level[row], 1 - level[row]]))
        return np.asarray(signal * images.astype(kind) + rest * loop.noise(row))

    loop.x = loop.start = noised(0)
    for row in range(table.rows):
        outputs: list[NDArray[Any]] = []
        for call in range(table.calls):
            outputs += network(*loop.call(row, call))
        if row + 1 < table.rows:
            mean, _ = loop.mean(row, outputs)
            maps[:, row] = (noised(row + 1) - mean) / kind.type(table.s[row])
        loop.update(row, outputs)
        if progress:
            progress(row + 1, table.rows)
    return {start: loop.start, noise: maps, residual: images.astype(kind) - loop.x}


def _not_inverted(table: StepTable) -> Problem | None:
    """Why a table has no start and noise that give an image back."""
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


def reusing(
    whole: Callable[[Arrays], Arrays],
    decoder: Callable[[Arrays], Arrays],
    outputs: Sequence[str],
    kept: Sequence[str],
) -> Network:
    """Return the network of a table with encoder propagation, of one image at a time.

    Args:
        whole: runs at rows of graph 0; gives the `outputs` and what is `kept`.
        decoder: runs at rows of graph 1, on the inputs and what was kept at the last such row, call by call.
        outputs: names of the network's outputs.
        kept: names of the tensors of the cut.
    """
    memory: dict[int, Arrays] = {}

    def network(inputs: Arrays, step: Step) -> Sequence[NDArray[Any]]:
        if step.graph == 0:
            made = whole(inputs)
            memory[step.call] = {name: made[name] for name in kept}
        else:
            made = decoder({**inputs, **memory[step.call]})
        return [made[name] for name in outputs]

    return network


def one_by_one(network: Callable[[Arrays, Step], Sequence[NDArray[Any]]]) -> Network:
    """Return a network of batches made of one whose inputs and outputs have a first axis of 1."""

    def batched(inputs: Arrays, step: Step) -> Sequence[NDArray[Any]]:
        n = len(next(iter(inputs.values())))
        each = [
            network({name: array[i : i + 1] for name, array in inputs.items()}, step)
            for i in range(n)
        ]
        return [np.concatenate(parts) for parts in zip(*each, strict=True)]

    return batched
