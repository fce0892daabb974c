"""Input shapes: open dimensions are fixed by the user, and none but a batch may stay open."""

import re
from collections.abc import Mapping, Sequence

import onnx

from edgekit.base.errors import ModelError, Problem

Dim = int | str | None  # an open dimension is its name, or None without one
Dims = dict[str, list[Dim]]
NO_NAME = re.compile(r"\?|-?\d*")  # exporters write these without a name
NUMBERED = r"unk__\d+|DynamicDimension\.\d+"  # names that tf2onnx and Paddle give to what has none
BATCH = re.compile(rf"n|b|bs|.*batch.*|{NUMBERED}", re.IGNORECASE)


def forget_open_dims(graph: onnx.GraphProto, shapes: Mapping[str, Sequence[object]]) -> None:
    """Drop, in place, sizes below 1 and names as ``?`` of the graph's inputs: they mean nothing.

    An input without any shape gets the rank in `shapes`.

    Raises:
        ModelError: inputs without a shape that `shapes` does not have.
    """
    problems = []
    for value in graph.input:
        if value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape"):
            if value.name not in shapes:
                step = f"give all sizes of one hop: --shape {value.name}=DIMS"
                problems.append(Problem(f"input '{value.name}'", "no shape", "fixed sizes", step))
            for _ in shapes.get(value.name, ()):
                value.type.tensor_type.shape.dim.add()
        _forget_meaningless(value.type.tensor_type.shape)
    if problems:
        raise ModelError(problems)


def _forget_meaningless(shape: onnx.TensorShapeProto) -> None:
    for dim in shape.dim:
        if dim.WhichOneof("value") == "dim_value" and dim.dim_value < 1:
            dim.ClearField("dim_value")
        elif NO_NAME.fullmatch(dim.dim_param.strip()):
            dim.ClearField("dim_param")


def fix_dims(graph: onnx.GraphProto, shapes: Mapping[str, Sequence[int]]) -> list[str]:
    """Fix the dimensions of the graph's inputs in place; returns the assumptions.

    A named dimension that is fixed at one input holds for all inputs that have it. A first
    dimension without a name, or that is named as a batch, is 1 unless stated otherwise.

    Args:
        graph: the graph after `forget_open_dims`; its initializers do not count as inputs.
        shapes: input name -> all its dimensions.

    Raises:
        ModelError: an unknown input, a wrong rank, a dimension that the file fixes otherwise, or a
            dimension that is still open. All of them at once.
    """
    constants = {tensor.name for tensor in graph.initializer}
    inputs = {value.name: value for value in graph.input if value.name not in constants}
    found: Dims = {name: _dims(value) for name, value in inputs.items()}
    if problems := [*_unknown(shapes, found), *_contradictions(shapes, found)]:
        raise ModelError(problems)
    fixed = _solve(found, shapes)
    notes = _take_batches_as_one(fixed)
    still_open = [name for name, dims in fixed.items() if _is_open(dims)]
    if still_open:
        raise ModelError(_open(name, found[name]) for name in still_open)
    for name, value in inputs.items():
        _set_dims(value.type.tensor_type, fixed[name])
    return notes


def _set_dims(tensor: onnx.TypeProto.Tensor, dims: Sequence[Dim]) -> None:
    del tensor.shape.dim[:]
    for dim in dims:
        tensor.shape.dim.add().dim_value = int(dim or 0)


def _dims(value: onnx.ValueInfoProto) -> list[Dim]:
    return [
        dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
        for dim in value.type.tensor_type.shape.dim
    ]


def _is_open(dims: Sequence[Dim]) -> bool:
    return any(not isinstance(dim, int) for dim in dims)


def _unknown(shapes: Mapping[str, Sequence[int]], found: Dims) -> list[Problem]:
    return [
        Problem(
            f"--shape {name}",
            "the network has no such input",
            ", ".join(found) or "none",
            "use the name of an input",
        )
        for name in shapes
        if name not in found
    ]


def _contradictions(shapes: Mapping[str, Sequence[int]], found: Dims) -> list[Problem]:
    problems = []
    bound: dict[str, int] = {}
    for name, given in shapes.items():
        dims = found.get(name, list(given))
        fits = len(dims) == len(given) and all(
            bound.setdefault(dim, size) == size if isinstance(dim, str) else dim in (None, size)
            for dim, size in zip(dims, given, strict=True)
        )
        if not fits or any(size < 1 for size in given):
            problems.append(
                Problem(
                    f"--shape {name}={_text(given)}",
                    f"the network's input '{name}' is ({_text(dims)})",
                    "the same number of dimensions, the fixed ones as they are, all at least 1, "
                    "one size for each name",
                    "correct the shape",
                )
            )
    return problems


def _solve(found: Dims, shapes: Mapping[str, Sequence[int]]) -> Dims:
    bound = {
        dim: size
        for name, given in shapes.items()
        for dim, size in zip(found[name], given, strict=False)
        if isinstance(dim, str)
    }
    return {
        name: list(shapes[name])
        if name in shapes
        else [bound.get(dim, dim) if isinstance(dim, str) else dim for dim in dims]
        for name, dims in found.items()
    }


def _take_batches_as_one(fixed: Dims) -> list[str]:
    """Set open batches of inputs of at least two dimensions to 1, in place; return notes."""
    taken: dict[str, str | None] = {}
    for name, dims in fixed.items():
        batch = dims[0] if len(dims) > 1 else 1
        if isinstance(batch, int) or (batch is not None and not BATCH.fullmatch(batch)):
            continue
        dims[0] = 1
        taken[name] = batch
    named = {*taken.values()} - {None}
    for dims in fixed.values():
        dims[:] = [1 if dim in named else dim for dim in dims]
    return _batch_notes(taken)


def _batch_notes(taken: Mapping[str, str | None]) -> list[str]:
    """Return a note on inputs whose open first dimensions, here by name, became a batch of 1."""
    if not taken:
        return []
    if len(taken) > 1:
        names = ", ".join(f"'{name}'" for name in taken)
        return [
            f"inputs {names}: each open first dimension is taken as a batch of 1; "
            "--shape INPUT=DIMS sets another"
        ]
    ((name, batch),) = taken.items()
    called = "without a name" if batch is None else f"'{batch}'"
    return [
        f"input '{name}': its open first dimension {called} is taken as a batch of 1; "
        f"--shape {name}=DIMS sets another"
    ]


def _open(name: str, dims: Sequence[Dim]) -> Problem:
    count, shape = sum(not isinstance(dim, int) for dim in dims), _text(dims)
    if len(dims) > 1 and not isinstance(dims[0], int):
        dims = [1, *dims[1:]]  # a batch
    named = _text([dim for dim in dims if not isinstance(dim, int)])
    numbers = f" with numbers for {named}" if named else ""
    return Problem(
        f"input '{name}'",
        f"shape ({shape}) with {count} open dimension{'s' if count > 1 else ''}",
        "fixed sizes, or one open dimension that is time and --hop SAMPLES, which rewrites the network",
        f"give all sizes of one hop, --shape {name}={_text(dims)}{numbers}, or --hop",
    )


def _text(dims: Sequence[Dim]) -> str:
    return ",".join("?" if dim is None else str(dim) for dim in dims)
