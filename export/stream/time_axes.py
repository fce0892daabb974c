"""Finds the time axis of each input of a network, its rate, and the sizes of its other axes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import onnx

from edgekit.base.errors import ModelError, Problem

Dims = Sequence[int | str]  # an open dimension is its name
Rates = Mapping[str, Fraction]
DERIVED = re.compile(r"(?:(\d+)\*)?([A-Za-z_]\w*)")


def dims_of_inputs(graph: onnx.GraphProto, constants: Iterable[str]) -> dict[str, Dims]:
    """The dimensions of each input that is neither an initializer nor among the constants; ``?`` has no name."""
    skipped = {tensor.name for tensor in graph.initializer} | set(constants)
    return {
        value.name: [
            dim.dim_value if dim.dim_value > 0 else dim.dim_param or "?"
            for dim in value.type.tensor_type.shape.dim
        ]
        for value in graph.input
        if value.name not in skipped
    }


def open_dimensions(dims: Dims, *, has_shape: bool) -> list[tuple[int, str]]:
    """Return place and name of the dimensions that may be time; none if the user gives the shape."""
    places = [(axis, str(dim)) for axis, dim in enumerate(dims) if type(dim) is not int]
    batch = len(places) > 1 and places[0][0] == 0
    return [] if has_shape else places[batch:]


def _open_dimensions(
    inputs: Mapping[str, Dims], shapes: Mapping[str, Sequence[int]]
) -> dict[str, list[tuple[int, str]]]:
    """Return the dimensions that may be time, of each input that has some."""
    found = {name: open_dimensions(dims, has_shape=name in shapes) for name, dims in inputs.items()}
    return {name: places for name, places in found.items() if places}


def told_rates(
    inputs: Mapping[str, Dims], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Fraction]:
    """Return the rates of open dimensions called ``T`` and ``64*T``; none if the names differ otherwise."""
    found = _open_dimension_factors(inputs, shapes)
    most = max((factor for factor, _ in found.values()), default=1)
    if len({symbol for _, symbol in found.values()}) != 1:
        return {}
    return {name: Fraction(n, most) for name, (n, _) in found.items() if n < most}


def told_multiple(inputs: Mapping[str, Dims], shapes: Mapping[str, Sequence[int]]) -> int:
    """Return the number of which every length is a multiple, as open dimensions called ``64*T`` show."""
    factors = _open_dimension_factors(inputs, shapes).values()
    return max((factor for factor, _ in factors), default=1)


def _open_dimension_factors(
    inputs: Mapping[str, Dims], shapes: Mapping[str, Sequence[int]]
) -> dict[str, tuple[int, str]]:
    """Return factor and name of the last open dimension of each input: 64 and T for ``64*T``."""
    found: dict[str, tuple[int, str]] = {}
    for name, places in _open_dimensions(inputs, shapes).items():
        label = places[-1][1]
        told = DERIVED.fullmatch(label)
        found[name] = (int(told[1] or 1), told[2]) if told else (1, label)
    return found


def check_rates(rates: Rates, axes: Mapping[str, int]) -> None:
    """Raise a ModelError for every rate of an input that has no time axis."""
    listed = ", ".join(axes) or "none"
    if problems := [
        Problem(f"--rate {name}", "no input with a time axis", listed, "name one of these")
        for name in rates
        if name not in axes
    ]:
        raise ModelError(problems)


def find_time(
    inputs: Mapping[str, Dims],
    axes: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]],
    rates: Rates | None = None,
) -> dict[str, int]:
    """Return input name -> time axis: the given ones, else the only open dimension of the inputs.

    Inputs with another rate may have another name for it.

    Raises:
        ModelError: unknown inputs or axes, or not exactly one open dimension.
    """
    listed = "; ".join(f"{name} ({', '.join(map(str, dims))})" for name, dims in inputs.items())
    if axes:
        return _checked_axes(inputs, axes, listed)
    found = _open_dimensions(inputs, shapes)
    shared = [places for name, places in found.items() if name not in (rates or {})]
    names = {label for places in shared for _, label in places}
    if len(names) > 1 or max(map(len, found.values()), default=0) != 1:
        many = f"{len(names)} open dimensions" if names else "no open dimension"
        step = "give --time-axis INPUT:AXIS for each input that has one"
        raise ModelError(Problem("the time axis", f"{many}: {listed}", "one open dimension", step))
    return {name: places[0][0] for name, places in found.items()}


def _checked_axes(
    inputs: Mapping[str, Dims], axes: Mapping[str, int], listed: str
) -> dict[str, int]:
    ranks = {name: len(dims) for name, dims in inputs.items()}
    problems = [
        Problem(
            f"--time-axis {name}:{axis}", "not an axis of an input", listed, "count its axes from 0"
        )
        for name, axis in axes.items()
        if not -ranks.get(name, 0) <= axis < ranks.get(name, 0)
    ]
    if problems:
        raise ModelError(problems)
    return {name: axis % ranks[name] for name, axis in axes.items()}


def fixed_sizes(
    inputs: Mapping[str, Dims], axes: Mapping[str, int], shapes: Mapping[str, Sequence[int]]
) -> tuple[dict[str, list[int]], list[str]]:
    """Return all sizes but time, with a batch of 1; and notes for the user.

    Raises:
        ModelError: every open dimension other than time and the batch.
    """
    fixed: dict[str, list[int]] = {}
    notes, problems = [], []
    for name, dims in inputs.items():
        if name in shapes:
            fixed[name] = list(shapes[name])
            continue
        fixed[name] = [dim if isinstance(dim, int) else 1 for dim in dims]
        for axis, dim in enumerate(dims):
            if isinstance(dim, int) or axis == axes.get(name):
                continue
            if axis == 0:
                notes.append(f"input '{name}': its open first dimension is taken as a batch of 1")
            else:
                found = f"its dimension '{dim}' is open, and is not time"
                sizes = ",".join(map(str, fixed[name]))
                step = f"--shape {name}={sizes} with the sizes that it has"
                problems.append(Problem(f"input '{name}'", found, "fixed sizes but for time", step))
    if problems:
        raise ModelError(problems)
    return fixed, notes
