"""Input shapes: open dimensions are fixed by the user, and none may stay open."""

from collections.abc import Mapping, Sequence

import onnx

from edgekit.errors import ModelError, Problem

Dims = dict[str, list[int | str | None]]  # an open dimension is its name, or None without one


def fix_dims(graph: onnx.GraphProto, shapes: Mapping[str, Sequence[int]]) -> None:
    """Fix the dimensions of the graph's inputs in place.

    A named dimension that is fixed at one input holds for all inputs that have it.

    Args:
        graph: the graph; its initializers do not count as inputs.
        shapes: input name -> all its dimensions.

    Raises:
        ModelError: an unknown input, a wrong rank, a dimension that the file fixes otherwise, or a
            dimension that is still open. All of them at once.
    """
    constants = {tensor.name for tensor in graph.initializer}
    inputs = {value.name: value for value in graph.input if value.name not in constants}
    found: Dims = {name: _dims(value) for name, value in inputs.items()}
    problems = [*_unknown(shapes, found), *_contradictions(shapes, found)]
    if problems:
        raise ModelError(problems)
    fixed = _solve(found, shapes)
    if open_problems := [_open(name, dims) for name, dims in fixed.items() if _is_open(dims)]:
        raise ModelError(open_problems)
    for name, value in inputs.items():
        tensor = value.type.tensor_type
        del tensor.shape.dim[:]
        for dim in fixed[name]:
            tensor.shape.dim.add().dim_value = int(dim or 0)


def _dims(value: onnx.ValueInfoProto) -> list[int | str | None]:
    return [
        dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
        for dim in value.type.tensor_type.shape.dim
    ]


def _is_open(dims: Sequence[int | str | None]) -> bool:
    return any(not isinstance(dim, int) or dim < 1 for dim in dims)


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
        # An input without any shape information has rank 0 here: the user says which it has.
        fits = not dims or (
            len(dims) == len(given)
            and all(
                bound.setdefault(dim, size) == size if isinstance(dim, str) else dim in (None, size)
                for dim, size in zip(dims, given, strict=True)
            )
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


def _open(name: str, dims: Sequence[int | str | None]) -> Problem:
    count = sum(not isinstance(dim, int) or dim < 1 for dim in dims)
    return Problem(
        f"input '{name}'",
        f"shape ({_text(dims)}) with {count} open dimension{'s' if count > 1 else ''}",
        "fixed sizes; rewriting an offline network with an open time axis is not in this version",
        f"give all sizes of one hop: --shape {name}="
        + ",".join(str(dim) if isinstance(dim, int) and dim > 0 else "1" for dim in dims),
    )


def _text(dims: Sequence[int | str | None]) -> str:
    return ",".join("?" if dim is None else str(dim) for dim in dims)
