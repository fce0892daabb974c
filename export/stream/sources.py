"""The offline network at any length: an .onnx with an open time axis, or torch code."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import lcm
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.errors import ModelError, Problem
from edgekit.export.from_onnx import from_onnx, read_file
from edgekit.export.onnx_file.checking import parse
from edgekit.export.onnx_file.constants import Constants
from edgekit.export.onnx_file.dims import BATCH
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, attribute

Dims = Sequence[int | str]  # an open dimension is its name
UNIT = 240  # 16 * 3 * 5: what strides mostly divide
DOUBLINGS = 7


@dataclass(frozen=True)
class Offline:
    """A network that can be imported at any number of samples.

    Attributes:
        at: imports it, verified, with the time axis of its inputs at this length.
        strides: what the lengths should be multiples of, as far as that is known without an import.
        notes: what was assumed and the user should know.
        examples: the factory's example inputs by name; None for a file.
    """

    at: Callable[[int], Model]
    strides: int = 1
    notes: Sequence[str] = ()
    examples: Mapping[str, NDArray[np.float32]] | None = None


def onnx_offline(
    path_or_bytes: str | Path | bytes,
    *,
    name: str,
    time_axes: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Constants | None = None,
    session: Sequence[str] = (),
) -> Offline:
    """An .onnx whose inputs leave one dimension open: time.

    An open first dimension of another name is the batch, 1.

    Args:
        path_or_bytes: the file, or its content.
        name: recorded as the source's name.
        time_axes: input name -> its time axis, where the file does not tell; then the inputs that
            are left out have no time.
        shapes: input name -> dimensions; what stands for the time axis does not matter.
        constants: input name -> value: these inputs become constants.
        session: names of inputs that stay the same for a session, so that they have no time.

    Raises:
        ModelError: not a usable file, or a time axis that cannot be told.
    """
    data = path_or_bytes if isinstance(path_or_bytes, bytes) else read_file(Path(path_or_bytes))
    proto = parse(data, shapes or {})
    borders = _borders(proto.graph, constants or {})
    given = time_axes or {}
    timed = {key: dims for key, dims in borders.items() if key in given or key not in session}
    axes = find_time(timed, given, shapes or {})
    fixed, notes = _fixed(borders, axes, shapes or {})

    def at(samples: int) -> Model:
        given = {key: _with_time(dims, axes.get(key), samples) for key, dims in fixed.items()}
        return from_onnx(data, name=name, shapes=given, constants=constants)

    return Offline(cache(at), _strides(ir.from_proto(proto).graph), notes)


def torch_offline(
    source: str,
    *,
    name: str,
    time_axes: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> Offline:
    """A torch module; ``source`` and `shapes` as in `from_torch`.

    Args:
        source: ``package.module:factory``.
        name: recorded as the source's name.
        time_axes: input name -> its time axis.
        shapes: input name -> dimensions, where the factory gives no example inputs.
    """
    from edgekit.export.from_torch import from_torch, quiet
    from edgekit.export.torch_source import load_source

    def at(samples: int) -> Model:
        given = {
            key: _with_time(array.shape, axes.get(key), samples)
            for key, array in examples.items()
            if key in axes or key in (shapes or {})
        }
        return from_torch(source, name=name, shapes=given)[0]

    with quiet():
        inputs = load_source(source, shapes or {}).kwargs
    examples = {key: tensor.detach().numpy() for key, tensor in inputs.items()}
    borders: dict[str, Dims] = {key: array.shape for key, array in examples.items()}
    axes = find_time(borders, time_axes, shapes or {})
    return Offline(cache(at), examples=examples)


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


def find_time(
    borders: Mapping[str, Dims], axes: Mapping[str, int], shapes: Mapping[str, Sequence[int]]
) -> dict[str, int]:
    """Return input name -> time axis: the given ones, else the only open dimension of the inputs.

    Raises:
        ModelError: unknown inputs or axes, or not exactly one open dimension.
    """
    listed = "; ".join(f"{name} ({', '.join(map(str, dims))})" for name, dims in borders.items())
    step = "give --time-axis INPUT:AXIS for each input that has one"
    problems = [
        Problem(f"--time-axis {name}:{axis}", "not an axis of an input", listed, "correct it")
        for name, axis in axes.items()
        if name not in borders or not -len(borders[name]) <= axis < len(borders[name])
    ]
    if problems:
        raise ModelError(problems)
    if axes:
        return {name: axis % len(borders[name]) for name, axis in axes.items()}
    found = {name: _open(dims, name in shapes) for name, dims in borders.items()}
    names = {label for places in found.values() for _, label in places}
    if len(names) != 1 or any(len(places) > 1 for places in found.values()):
        many = "no open dimension" if not names else f"{len(names)} open dimensions"
        raise ModelError(Problem("the time axis", f"{many}: {listed}", "one open dimension", step))
    return {name: places[0][0] for name, places in found.items() if places}


def _open(dims: Dims, given: bool) -> list[tuple[int, str]]:
    """Place and name of the dimensions that may be time."""
    places = [(axis, str(dim)) for axis, dim in enumerate(dims) if type(dim) is not int]
    batch = len(places) > 1 and places[0][0] == 0
    return [] if given else places[batch:]


def _fixed(
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


def two_lengths(offline: Offline, times: int = 1) -> tuple[ir.Model, ir.Model, tuple[int, int]]:
    """Import the network at two lengths that its strides divide, `times` the least.

    Raises:
        ModelError: what is wrong at every length that was tried.
    """
    first, samples = _first(offline, times * lcm(UNIT, offline.strides))
    strides = _strides(first.ir.graph)
    if samples % strides:
        first, samples = _first(offline, times * lcm(UNIT, strides))
    longer = 2 * samples - strides  # not a multiple of many hops: the proof can use it too
    try:
        second = offline.at(longer)
    except ModelError:
        longer = 2 * samples
        second = offline.at(longer)
    return first.ir, second.ir, (samples, longer)


def _first(offline: Offline, unit: int) -> tuple[Model, int]:
    """The network at the smallest tried length that works."""
    error: ModelError | None = None
    for doubling in range(DOUBLINGS):
        try:
            return offline.at(unit << doubling), unit << doubling
        except ModelError as found:
            error = error or found
    assert error is not None
    raise error


def _strides(graph: ir.Graph) -> int:
    """A number of samples that the strides divide; those of other axes than time count too."""
    rates: dict[ir.Value, Fraction] = {}
    for node in graph:
        before = [rates[value] for value in node.inputs if value is not None and value in rates]
        rate = min(before, default=Fraction(1)) * _rate(node)
        rates.update(dict.fromkeys(node.outputs, rate))
    return lcm(1, *(rate.denominator for rate in rates.values()))


def _rate(node: ir.Node) -> Fraction:
    """Frames of the output for one of the input."""
    stride = lcm(1, *attribute(node, "strides", ()))
    if node.op_type in ("ConvTranspose", "Col2Im"):
        return Fraction(stride)
    if node.op_type == "Slice" and len(node.inputs) > 4:
        steps = array_of(node.inputs[4])
        stride = 1 if steps is None else lcm(1, *(abs(int(step)) for step in steps.ravel()))
    if node.op_type == "Gather":
        index = array_of(node.inputs[1])
        if index is not None and index.ndim == 2 and len(index) > 1:
            stride = int(index[1, 0] - index[0, 0])
    return Fraction(1, max(stride, 1))
