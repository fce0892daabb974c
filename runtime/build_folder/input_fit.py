"""Arrays from outside, compared with the tensors of a manifest."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.runtime.build_folder.manifest import Tensor

Port = tuple[str, tuple[int, ...], np.dtype[Any]]  # name, shape and type of a tensor


def fit_inputs(
    inputs: Mapping[str, ArrayLike], tensors: Sequence[Tensor], step: str, hops: bool = False
) -> dict[str, Array]:
    """Return arrays by name, one for each tensor.

    Args:
        inputs: the user's arrays.
        tensors: the names, shapes and types that are needed.
        step: the advice where something does not fit.
        hops: whether each array has an extra first axis, the hops.

    Raises:
        UsageError: names, shapes or types that do not fit, all of them.
    """
    expected = {tensor.name: tensor for tensor in tensors}
    listed = ", ".join(f"{t.name} {list(t.shape)}" for t in tensors)
    problems = name_problems(expected.keys(), inputs.keys(), listed, step)
    arrays = {name: np.asarray(inputs[name]) for name in expected.keys() & inputs.keys()}
    misfits = (_misfit(array, expected[name], step, hops) for name, array in arrays.items())
    problems += [problem for problem in misfits if problem is not None]
    if hops and not problems and len({len(array) for array in arrays.values()}) > 1:
        found = ", ".join(f"{name} {len(array)}" for name, array in sorted(arrays.items()))
        problems.append(Problem("hops", found, "as many hops in each input", "cut to the shortest"))
    if problems:
        raise UsageError(problems)
    return arrays


def name_problems(
    expected: Set[str], given: Set[str], listed: str, step: str, missing: str = "missing"
) -> list[Problem]:
    """Return the problems of inputs that are missing or unknown; `listed` names the known ones."""
    return [
        Problem(f"input '{name}'", missing if name in expected else "unknown", listed, step)
        for name in sorted(expected ^ given)
    ]


def _misfit(array: Array, tensor: Tensor, step: str, hops: bool) -> Problem | None:
    """Return why an array does not fit a tensor, with an axis of hops or without one."""
    where, axes = f"input '{tensor.name}'", ("hops",) if hops else ()
    if array.ndim < len(axes) or array.shape[len(axes) :] != tensor.shape:
        wanted = f"{[*axes, *tensor.shape]}".replace("'", "")
        return Problem(where, f"shape {list(array.shape)}", wanted, step)
    if array.dtype != tensor.dtype:
        return Problem(where, str(array.dtype), tensor.dtype, f".astype('{tensor.dtype}')")
    return None


def ports_of(tensors: Sequence[Tensor]) -> list[Port]:
    """Return the properties that `matching_arrays` compares."""
    return [(tensor.name, tensor.shape, np.dtype(tensor.dtype)) for tensor in tensors]


def matching_arrays(inputs: Mapping[str, ArrayLike], ports: Sequence[Port]) -> list[Array] | None:
    """Return the arrays in order where `fit_inputs` would take each as it is; None where not. Takes a microsecond."""
    if not isinstance(inputs, dict) or len(inputs) != len(ports):
        return None
    arrays = []
    for name, shape, dtype in ports:
        array = inputs.get(name)
        if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
            return None
        arrays.append(array)
    return arrays
