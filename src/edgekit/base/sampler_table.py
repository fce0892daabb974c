"""A sampler as data: `StepTable`, and the one loop that runs every table.

Each row is a linear update. With e the network's outputs, y a condition, x_T the start and prev the x0 of the
row before::

    x0 = clip(u x + sum(v_k e_k) + w y + bias[channel])
    x <- a x + b x0 + sum(e_k-coefficients e_k) + c y + d x_T + h prev + s z

x_T is made of noise, y, a start that is given, and a mean; z is counted (`edgekit.base.random_normals`) or given,
row by row.
With given noise a residual is added after the last row, so that the rows can give back any image: see `invert`.

The loop computes terms in this order in float32, product and sum rounded separately. It leaves out those whose
coefficient is zero in all rows; ``<name>_sample`` of a C build does the same, bit for bit.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from edgekit.base.arrays import Array, Float64, Int64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject

Arrays = dict[str, Array]
MAX_ROWS = 1 << 16
MAX_OUTPUTS = 16
COLUMNS = ("u", "w", "a", "b", "c", "d", "h", "s")  # one coefficient per row
CHOICES = ("graph", "group")  # integers
OPTIONAL = ("bias", "ab")  # columns that a table may lack
FIRST = 2  # the graph of a row that runs the network `first`
NETWORKS = ("first", "y", "last")  # besides the denoiser, in the order of the list
OWN = ("start", "noise", "residual")  # roles that no input of the network has
NOT_THE_TRAJECTORY = frozenset({"group", "v", "bias", "s"})  # the part that quantization may change


@dataclass(frozen=True)
class Roles:
    """The inputs of the network that the loop fills.

    Attributes:
        x: the noisy tensor.
        time: the time, or, where it was folded, the index of the step; None where the network has none.
        group: the row's scale group; None where there are no groups.
        y: the condition that the rows add; it need not be an input of the network.
        start: the condition that x_T is made of, no input of the network.
        noise: the condition that is z, (rows, *shape) of an image, no input of the network; None where z is counted.
        residual: with given noise, the condition that is added after the last row.
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
        time: the value of the network's time input.
        u, w, a, b, c, d, h, s: coefficients (rows,).
        v: (rows, outputs) of the network outputs in x0; outputs count call by call.
        e: (rows, outputs) of the network outputs in x.
        bias: (rows, channels), or None.
        graph: int (rows,), the graph of the build that runs: 0 is the whole network.
        group: int (rows,), the group whose scales are used.
        clip: limit of |x0|, or None.
        start_noise, start_y, start_scale, start_mean: x_T is ``start_noise z + start_y y + start_scale start +
            start_mean``, the last a number or an array like x, or None.
        ab: (rows,) of variance-preserving samplers, the cumulative product of x ahead of each row, or None.
        roles: the network's inputs.
        cut: names of the tensors between encoder and decoder, where rows of graph 1 run the decoder alone; found by
            the build where there are none.
        networks: digests of the other networks by role: ``first`` runs at rows of graph `FIRST`, x -> e. ``y`` computes
            what roles.y names from conditions, once per image; ``last`` computes the output from the last x.
        folded: whether `time` holds indices of rows, because tables replace the parts that depend on the time.
    """

    time: Float64
    u: Float64
    v: Float64
    w: Float64
    a: Float64
    b: Float64
    e: Float64
    c: Float64
    d: Float64
    h: Float64
    s: Float64
    graph: Int64
    group: Int64
    bias: Float64 | None = None
    clip: float | None = None
    start_noise: float = 1.0
    start_y: float = 0.0
    start_scale: float = 0.0
    start_mean: Float64 | None = None
    ab: Float64 | None = None
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
        """Make a table of columns by name; missing ones are zero.

        Raises:
            UsageError: columns of other lengths or kinds, values that are not finite.
        """
        return StepTable(
            np.asarray(time, np.float64),
            clip=clip,
            start_noise=start_noise,
            start_y=start_y,
            start_scale=start_scale,
            start_mean=None if start_mean is None else np.asarray(start_mean, np.float64),
            networks=dict(networks or {}),
            roles=roles,
            folded=folded,
            cut=tuple(cut),
            **_column_arrays(columns, len(np.asarray(time)), outputs),
        ).require_valid()

    @property
    def rows(self) -> int:
        """The number of rows: network calls, the two of a guided row counted once."""
        return len(self.time)

    @property
    def calls(self) -> int:
        """Network calls per row: 2 with classifier-free guidance."""
        return 2 if self.roles.null else 1

    @property
    def digest(self) -> str:
        """``sha256:...`` of the trajectory, without the parts that quantization changes (groups, corrections)."""
        facts = {k: v for k, v in self.facts().items() if k not in NOT_THE_TRAJECTORY}
        return f"sha256:{hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()}"

    def with_(self, **columns: Any) -> "StepTable":
        """Return a copy with columns replaced.

        Raises:
            UsageError: as `of`.
        """
        return replace(self, **columns).require_valid()

    def require_valid(self) -> "StepTable":
        """Return the table itself.

        Raises:
            UsageError: the findings of `problems`.
        """
        if problems := self.problems():
            raise UsageError(problems)
        return self

    def part(self, first: int, last: int) -> "StepTable":
        """Return the rows `first` to ``last - 1``.

        Raises:
            UsageError: there are none.
        """
        names = ("time", "v", "e", *COLUMNS, *CHOICES, "bias", "ab")
        arrays = {name: getattr(self, name) for name in names}
        rows = slice(max(first, 0), last)
        return self.with_(**{n: None if a is None else a[rows] for n, a in arrays.items()})

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

    def facts(self) -> JsonObject:
        """Return plain lists and numbers for JSON, columns of zeros left out; `from_facts` reads them."""
        facts: JsonObject = {"outputs": int(self.v.shape[1]), "time": self.time.tolist()}
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
        """Read the result of `facts`; its origin is not trusted.

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
                time,
                outputs,
                roles,
                given,
                clip=clip,
                folded=folded,
                cut=cut,
                start_mean=mean,
                networks=networks,
                **scalars,
            )
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


def _column_shapes(rows: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the columns that every table has, but for `time`."""
    each_row = dict[str, tuple[int, ...]].fromkeys((*COLUMNS, *CHOICES), (rows,))
    return {**each_row, "v": (rows, outputs), "e": (rows, outputs)}


def _column_arrays(
    columns: Mapping[str, ArrayLike | None], rows: int, outputs: int
) -> dict[str, Any]:
    """Return arrays of all columns but `time`; a missing one is zeros, or None where a table may lack it."""
    shapes = _column_shapes(rows, outputs)
    if unknown := columns.keys() - shapes.keys() - {*OPTIONAL}:
        raise ValueError(f"no column {', '.join(sorted(unknown))}")
    zeros = {name: np.zeros(shape) for name, shape in shapes.items()}
    values = {**zeros, **{name: array for name, array in columns.items() if array is not None}}
    return {
        name: np.asarray(array, np.int64 if name in CHOICES else np.float64)
        for name, array in values.items()
    }


def _problems(table: StepTable) -> Sequence[Problem]:
    found = [*_column_problems(table), *_array_problems(table), *_scalar_problems(table)]
    if not found and table.needs_y and table.roles.y is None:
        found.append(_problem("y", "rows that add y", "a role y"))
    if table.start_scale and table.roles.start is None:
        found.append(_problem("start", "a start that is given", "a role start"))
    return found + _network_problems(table)


def _column_problems(table: StepTable) -> Iterator[Problem]:
    """Yield problems with the columns that every table has, and with their number."""
    rows, outputs = len(table.time), table.v.shape[-1] if table.v.ndim else 0
    if not 1 <= rows <= MAX_ROWS:
        yield _problem("rows", str(rows), f"1 to {MAX_ROWS}")
    if not outputs or outputs % table.calls:
        yield _problem("outputs", str(outputs), f"a multiple of {table.calls} calls")
    for name, shape in {"time": (rows,), **_column_shapes(rows, outputs)}.items():
        array = getattr(table, name)
        if array.shape != shape:
            yield _problem(name, f"shape {array.shape}", f"{shape}")
        elif not np.isfinite(array).all():
            yield _problem(name, "values that are not finite", "numbers")
        elif name in CHOICES and array.size and array.min() < 0:
            yield _problem(name, f"{array.min()}", "integers from 0 up")


def _array_problems(table: StepTable) -> Iterator[Problem]:
    """Yield problems with the arrays that a table may lack."""
    bias, ab, mean, rows = table.bias, table.ab, table.start_mean, len(table.time)
    if bias is not None and (bias.ndim != 2 or len(bias) != rows or not np.isfinite(bias).all()):
        yield _problem("bias", f"shape {bias.shape}", f"numbers ({rows}, channels)")
    if ab is not None and (ab.shape != (rows,) or not ((ab > 0) & (ab <= 1)).all()):
        yield _problem("ab", f"shape {ab.shape}", f"numbers above 0 up to 1, ({rows},)")
    if mean is not None and (mean.ndim != 1 or not mean.size or not np.isfinite(mean).all()):
        allowed = "numbers (1,) or as many as x has"
        yield _problem("start_mean", f"shape {mean.shape}", allowed)


def _scalar_problems(table: StepTable) -> Iterator[Problem]:
    """Yield problems with the factors of the start, and with the limit of x0."""
    clip = 1.0 if table.clip is None else table.clip
    scalars = (table.start_noise, table.start_y, table.start_scale, clip)
    if not all(map(math.isfinite, scalars)) or clip <= 0:
        yield _problem("start and clip", f"{scalars}", "numbers, clip above 0")


def _network_problems(table: StepTable) -> list[Problem]:
    """Return problems with the networks other than the denoiser."""
    found = []
    known = table.networks.keys() <= set(NETWORKS)
    if not known or not all(type(digest) is str for digest in table.networks.values()):
        allowed = f"digests of {', '.join(NETWORKS)}"
        found.append(_problem("networks", str(dict(table.networks)), allowed))
    if "y" in table.networks and table.roles.y is None:
        found.append(_problem("networks, y", "no role y", "what the network makes"))
    if "first" in table.networks and list(np.flatnonzero(table.graph == FIRST)) != [0]:
        allowed = f"graph {FIRST} in row 0"
        found.append(_problem("networks, first", "not in row 0 alone", allowed))
    return found


def _problem(where: str, what: str, allowed: str) -> Problem:
    return Problem(f"step table, {where}", what, allowed, "make the table again")
