"""The offline network at any length: an .onnx with an open time axis, or torch code."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, partial
from math import lcm
from pathlib import Path

import numpy as np
import onnx

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.export.double import double_runner
from edgekit.export.from_onnx import from_onnx, read_file
from edgekit.export.hop_runner import Arrays
from edgekit.export.onnx_file.constants import Constants
from edgekit.export.onnx_file.dims import BATCH
from edgekit.export.onnx_file.file_checks import parse
from edgekit.export.onnx_file.messages import plain
from edgekit.export.stream.guards import Guards, LengthNumber, read_guards
from edgekit.export.stream.module_probe import Calls, reached_nodes, record
from edgekit.export.stream.source_runs import file_run, length_numbers, module_run
from edgekit.export.torch_source import FORWARD_ERRORS
from edgekit.graph.model import Model

Dims = Sequence[int | str]  # an open dimension is its name
Rates = Mapping[str, Fraction]
DERIVED = re.compile(r"(?:(\d+)\*)?([A-Za-z_]\w*)")


class TooShort(ModelError):
    """A network does not run at a length."""


@dataclass(frozen=True)
class Offline:
    """A network that can be imported at any number of samples.

    Attributes:
        at: imports it, verified, with the time axis of its inputs at this length.
        notes: what was assumed and the user should know.
        examples: the factory's example inputs by name; None for a file.
        axes: the time axes of the inputs that have one.
        rates: input name -> frames of it in one sample of the reference stream; 1 for those left out.
        controls: inputs of which one value holds for a hop.
        probe: runs torch code at this length; like `at` it tells a length at which the network does not run by
            `TooShort`. None for a file.
        nodes: how many nodes of its export the inputs reach at this length.
        run: runs the source itself on whole inputs and returns its outputs in order; `TooShort` where it fails.
            None where the network is another one on purpose.
        run_in_double: the same in float64; None where the source has no such form.
        guards: reads on which lengths torch code depends; None for a file.
        numbers: what a file compares positions with, or cuts time at.
        multiple: what an .onnx says that every length is a multiple of.
    """

    at: Callable[[int], Model]
    notes: Sequence[str] = ()
    examples: Mapping[str, Array] | None = None
    axes: Mapping[str, int] = field(default_factory=dict)
    rates: Rates = field(default_factory=dict)
    controls: Sequence[str] = ()
    probe: Callable[[int], Calls] | None = None
    nodes: Callable[[int], int] | None = None
    run: Callable[[Arrays], Sequence[Array]] | None = None
    run_in_double: Callable[[Arrays], Sequence[Array]] | None = None
    guards: Callable[[int], Guards] | None = None
    numbers: Sequence[LengthNumber] = ()
    multiple: int = 1

    @property
    def unit(self) -> int:
        """The fewest samples that are whole frames of every input."""
        return lcm(self.multiple, *(rate.denominator for rate in self.rates.values()))


def onnx_offline(
    path_or_bytes: str | Path | bytes,
    *,
    name: str,
    time_axes: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Constants | None = None,
    session: Sequence[str] = (),
    rates: Rates | None = None,
) -> Offline:
    """An .onnx whose inputs leave one dimension open: time.

    An open first dimension of another name is the batch, 1. Dimensions called ``T`` and ``64*T``, as
    torch.export names derived ones, tell the rates of their inputs: the longest is the reference, and read at
    multiples of 64 alone.

    Args:
        path_or_bytes: the file, or its content.
        name: recorded as the source's name.
        time_axes: input name -> its time axis, where the file does not tell; then the inputs that
            are left out have no time.
        shapes: input name -> dimensions; what stands for the time axis does not matter.
        constants: input name -> value: these inputs become constants.
        session: names of inputs that stay the same for a session, so that they have no time.
        rates: see `Offline`.

    Raises:
        ModelError: not a usable file, or a time axis that cannot be told.
    """
    data = path_or_bytes if isinstance(path_or_bytes, bytes) else read_file(Path(path_or_bytes))
    proto = parse(data, shapes or {})
    borders = _borders(proto.graph, constants or {})
    given = time_axes or {}
    timed = {key: dims for key, dims in borders.items() if key in given or key not in session}
    own = told_rates(timed, shapes or {}) | dict(rates or {})
    axes = find_time(timed, given, shapes or {}, own)
    check_rates(own, axes)
    fixed, notes = _fixed_sizes(borders, axes, shapes or {})

    def at(samples: int) -> Model:
        lengths = {key: int(samples * own.get(key, 1)) for key in fixed}
        given = {k: _with_time(dims, axes.get(k), lengths[k]) for k, dims in fixed.items()}
        return from_onnx(data, name=name, shapes=given, constants=constants)

    multiple = max(
        (factor for factor, _ in _open_dimension_factors(timed, shapes or {}).values()), default=1
    )
    return Offline(
        cache(at),
        notes,
        axes=axes,
        rates=own,
        run=file_run(data, shapes or {}, constants or {}),
        run_in_double=file_run(data, shapes or {}, constants or {}, double_runner),
        numbers=length_numbers(proto.graph),
        multiple=multiple,
    )


def torch_offline(
    source: str,
    *,
    name: str,
    time_axes: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]] | None = None,
    rates: Rates | None = None,
) -> Offline:
    """A torch module; ``source`` and `shapes` as in `from_torch`.

    Args:
        source: ``package.module:factory``.
        name: recorded as the source's name.
        time_axes: input name -> its time axis.
        shapes: input name -> dimensions, where the factory gives no example inputs.
        rates: see `Offline`.
    """
    import torch

    from edgekit.export.from_torch import from_torch, quiet
    from edgekit.export.torch_source import load_module, trace_module

    if Path(source).suffix == ".pt2":
        found, allowed = (
            "its inputs have one length",
            "a network that can be read at several lengths",
        )
        step = "give the factory, or export an .onnx with an open time axis"
        raise ModelError(Problem(f"'{source}'", found, allowed, step))
    with quiet():
        loaded = load_module(source, shapes or {})
    examples = {key: tensor.detach().numpy() for key, tensor in loaded.kwargs.items()}
    borders: dict[str, Dims] = {key: array.shape for key, array in examples.items()}
    axes = find_time(borders, time_axes, shapes or {}, rates or {})
    check_rates(rates or {}, axes)

    def frames(name: str, samples: int) -> int:
        return int(samples * (rates or {}).get(name, 1))

    def given(samples: int) -> dict[str, torch.Tensor]:
        return {
            key: torch.from_numpy(repeat_along_time(array, axes.get(key), frames(key, samples)))
            for key, array in examples.items()
        }

    @cache
    def probe(samples: int) -> Calls:
        with quiet():
            try:
                return record(loaded.module, given(samples))
            except FORWARD_ERRORS as error:
                lengths = {key: frames(key, samples) for key in axes}
                raise _failing_forward(source, lengths, error, len(rates or {})) from error

    def at(samples: int) -> Model:
        probe(samples)
        return from_torch(replace(loaded, kwargs=given(samples)), name=name, offline=True)[0]

    def nodes(samples: int) -> int:
        with quiet():
            return reached_nodes(trace_module(replace(loaded, kwargs=given(samples))).program)

    def run(feed: Arrays, in_double: bool = False) -> Sequence[Array]:
        with quiet():
            try:
                return module_run(loaded, feed, in_double=in_double)
            except FORWARD_ERRORS as error:
                lengths = {key: feed[key].shape[axis] for key, axis in axes.items()}
                raise _failing_forward(source, lengths, error, len(rates or {})) from error

    def guards(samples: int) -> Guards:
        with quiet():
            return read_guards(loaded.module, given(samples), axes, samples, frames)

    return Offline(
        cache(at),
        examples=examples,
        axes=axes,
        rates=rates or {},
        probe=probe,
        nodes=nodes,
        run=run,
        run_in_double=partial(run, in_double=True),
        guards=guards,
    )


def _failing_forward(
    source: str, frames: Mapping[str, int], error: Exception, rates: int
) -> TooShort:
    lengths = ", ".join(f"{count} frames of {key}" for key, count in frames.items())
    found, allowed = f"forward fails: {plain(error)}", "a module that takes any length"
    where, step = f"'{source}' at {lengths}", "call it with such inputs in Python"
    if len(frames) > 1:
        verb = "correct" if rates else "give"
        step = f"{verb} --rate INPUT=SAMPLES for an input that has a frame for so many samples"
    return TooShort(Problem(where, found, allowed, step))


def repeat_along_time(array: Array, axis: int | None, frames: int) -> Array:
    """An input over and over along its time axis, until it has so many frames; without one as it is."""
    if axis is None:
        return np.asarray(array)
    return np.asarray(np.take(array, np.arange(frames) % array.shape[axis], axis))


def has_open_time(
    path: str | Path, shapes: Mapping[str, Sequence[int]], constants: Iterable[str]
) -> bool:
    """Whether an .onnx leaves a dimension open that is neither a batch nor given in `shapes`.

    The inputs in `constants` do not count.

    Raises:
        ModelError: not a usable file.
    """
    borders = _borders(parse(read_file(Path(path)), shapes).graph, constants)
    bound = {dim for name, dims in borders.items() if name in shapes for dim in dims}
    labels = {
        label for name, dims in borders.items() for _, label in _open(dims, name in shapes)
    } - bound
    return any(not BATCH.fullmatch(label) for label in labels)


def told_rates(
    borders: Mapping[str, Dims], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Fraction]:
    """The rates that open dimensions called ``T`` and ``64*T`` tell; none where the names differ otherwise."""
    found = _open_dimension_factors(borders, shapes)
    most = max((factor for factor, _ in found.values()), default=1)
    if len({symbol for _, symbol in found.values()}) != 1:
        return {}
    return {name: Fraction(n, most) for name, (n, _) in found.items() if n < most}


def _open_dimension_factors(
    borders: Mapping[str, Dims], shapes: Mapping[str, Sequence[int]]
) -> dict[str, tuple[int, str]]:
    """Of the last open dimension of each input its factor and its name: 64 and T of ``64*T``."""
    found: dict[str, tuple[int, str]] = {}
    for name, dims in borders.items():
        for _, label in _open(dims, name in shapes):
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
    borders: Mapping[str, Dims],
    axes: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]],
    rates: Rates | None = None,
) -> dict[str, int]:
    """Return input name -> time axis: the given ones, else the only open dimension of the inputs.

    Inputs with a rate of their own may call theirs otherwise.

    Raises:
        ModelError: unknown inputs or axes, or not exactly one open dimension.
    """
    listed = "; ".join(f"{name} ({', '.join(map(str, dims))})" for name, dims in borders.items())
    step = "give --time-axis INPUT:AXIS for each input that has one"
    problems = [
        Problem(
            f"--time-axis {name}:{axis}", "not an axis of an input", listed, "count its axes from 0"
        )
        for name, axis in axes.items()
        if name not in borders or not -len(borders[name]) <= axis < len(borders[name])
    ]
    if problems:
        raise ModelError(problems)
    if axes:
        return {name: axis % len(borders[name]) for name, axis in axes.items()}
    found = {name: _open(dims, name in shapes) for name, dims in borders.items()}
    own = rates or {}
    names = {label for name, places in found.items() if name not in own for _, label in places}
    if (
        len(names) > 1
        or not any(found.values())
        or any(len(places) > 1 for places in found.values())
    ):
        many = f"{len(names)} open dimensions" if names else "no open dimension"
        raise ModelError(Problem("the time axis", f"{many}: {listed}", "one open dimension", step))
    return {name: places[0][0] for name, places in found.items() if places}


def _open(dims: Dims, given: bool) -> list[tuple[int, str]]:
    """Place and name of the dimensions that may be time."""
    places = [(axis, str(dim)) for axis, dim in enumerate(dims) if type(dim) is not int]
    batch = len(places) > 1 and places[0][0] == 0
    return [] if given else places[batch:]


def _fixed_sizes(
    borders: Mapping[str, Dims], axes: Mapping[str, int], shapes: Mapping[str, Sequence[int]]
) -> tuple[dict[str, list[int]], list[str]]:
    """All sizes but time, a batch being 1; and what is to be told of that."""
    fixed: dict[str, list[int]] = {}
    notes, problems = [], []
    for name, dims in borders.items():
        sizes = list(shapes.get(name, [dim if isinstance(dim, int) else 1 for dim in dims]))
        fixed[name] = sizes
        left = (
            [] if name in shapes else [n for n, dim in enumerate(dims) if not isinstance(dim, int)]
        )
        for axis in left:
            if axis == 0 != axes.get(name):
                notes.append(f"input '{name}': its open first dimension is taken as a batch of 1")
            elif axis != axes.get(name):
                found = f"its dimension '{dims[axis]}' is open beside time"
                step = f"--shape {name}={','.join(map(str, sizes))} with the sizes that it has"
                problems.append(Problem(f"input '{name}'", found, "fixed sizes but for time", step))
    if problems:
        raise ModelError(problems)
    return fixed, notes


def _borders(graph: onnx.GraphProto, constants: Iterable[str]) -> dict[str, Dims]:
    skipped = {tensor.name for tensor in graph.initializer} | set(constants)
    return {
        value.name: [
            dim.dim_value if dim.dim_value > 0 else dim.dim_param or "?"
            for dim in value.type.tensor_type.shape.dim
        ]
        for value in graph.input
        if value.name not in skipped
    }


def _with_time(dims: Sequence[int], axis: int | None, samples: int) -> list[int]:
    return [samples if place == axis else size for place, size in enumerate(dims)]
