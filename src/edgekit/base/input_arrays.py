"""Arrays for the inputs of a network from files: .npy, and tables; whole recordings are cut into hops."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.base.npz import read_array
from edgekit.base.tables import Table, is_table, read_table

FILL_NOTE = "last lines that fill no hop left out"
NUMBERS = "fiub"  # kinds of dtype


@dataclass(frozen=True)
class InputForm:
    """What an input wants of a file.

    Attributes:
        name: of the input.
        shape: of one hop, or of a session constant.
        dtype: as NumPy names it.
        time_axis: of one hop; None where it is not known.
        is_stream: whether it gets a value each hop; else it is a session constant.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    time_axis: int | None = None
    is_stream: bool = True


def read_input(path: Path, form: InputForm) -> tuple[Array, tuple[str, ...]]:
    """Return the array of a .npy, .npz or table for an input, and notes on what was left out.

    Of a table, an array has the input's type and (hops, *shape), or (*shape) for a session constant. Other arrays are
    as `in_hops` returns them.

    Raises:
        UsageError: the file cannot be read; a table does not fit the input.
    """
    if not is_table(path):
        return in_hops(read_array(path, form.name), form), ()
    values, notes = _fit_table(path, read_table(path), form)
    return convert_numbers(f"file '{path}'", values, form.dtype), notes


def list_arrays(arrays: Mapping[str, Array]) -> str:
    """Return names, types and shapes of arrays, for a message."""
    shown = (f"{name} {array.dtype} {list(array.shape)}" for name, array in arrays.items())
    return ", ".join(shown) or "no array"


def list_forms(forms: Iterable[InputForm]) -> str:
    """Return names, types and shapes of the arrays that inputs want, for a message."""
    return ", ".join(_wanted_array(form) for form in forms)


def _wanted_array(form: InputForm) -> str:
    sizes = [str(size) for size in form.shape]
    if not form.is_stream:
        return f"{form.name} {form.dtype} [{', '.join(sizes)}]"
    hops = f"{form.name} {form.dtype} [{', '.join(['hops', *sizes])}]"
    if form.time_axis is None:
        return hops
    sizes[form.time_axis] = "frames"
    return f"{hops} or a whole recording [{', '.join(sizes)}]"


def save_step(forms: Sequence[InputForm], file: str) -> str:
    """Return the call of numpy that writes a file with an array for each input."""
    given = (f"{form.name}={form.name}.astype('{form.dtype}')" for form in forms)
    if all(form.name.isidentifier() for form in forms):
        return f"numpy.savez('{file}', {', '.join(given)})"
    pairs = (f"'{form.name}': x{n}.astype('{form.dtype}')" for n, form in enumerate(forms))
    return f"numpy.savez('{file}', **{{{', '.join(pairs)}}})"


def in_hops(array: Array, form: InputForm) -> Array:
    """Return (hops, *shape) of a whole recording with a known time axis; other arrays unchanged."""
    shape, axis = form.shape, form.time_axis
    if axis is None or not form.is_stream or array.ndim != len(shape) or not array.ndim:
        return array
    whole = np.moveaxis(array, axis, 0)
    if whole.shape[1:] != (*shape[:axis], *shape[axis + 1 :]):
        return array
    return _cut(whole, form, axis)


def _cut(frames: Array, form: InputForm, axis: int) -> Array:
    """Cut (frames, ...), the other axes in the order of the input, into (hops, *shape)."""
    shape = form.shape
    hops = frames.shape[0] // shape[axis]
    whole = frames[: hops * shape[axis]]
    others = (*shape[:axis], *shape[axis + 1 :])
    return np.moveaxis(whole.reshape(hops, shape[axis], *others), 1, axis + 1)


def _fit_table(path: Path, table: Table, form: InputForm) -> tuple[Array, tuple[str, ...]]:
    notes = tuple(f"column '{date}' left out" for date in table.dates)
    if table.has_clock and not _fits(table, form) and _fits(table.without_clock(), form):
        notes = (*notes, f"column '{table.titles[0]}' left out")
        table = table.without_clock()
    if not _fits(table, form):
        raise UsageError(_misfit(path, table, form))
    if not form.is_stream:
        return table.values.reshape(form.shape), notes
    lines, columns = table.values.shape
    axis = _time_axis(columns, form)
    if axis is None:
        return table.values.reshape(lines, *form.shape), notes
    if lines < form.shape[axis]:
        found, allowed = f"{lines} lines", f"{form.shape[axis]} or more: a hop of {form.name}"
        raise UsageError(Problem(f"file '{path}'", found, allowed, "give a longer recording"))
    if lines % form.shape[axis]:
        notes = (*notes, FILL_NOTE)
    return _cut(table.values, form, axis), notes


def _fits(table: Table, form: InputForm) -> bool:
    """Whether a table has the columns of an input, or the numbers of a session constant."""
    size, columns = math.prod(form.shape), table.values.shape[1]
    if not form.is_stream:
        return table.values.size == size
    return columns > 0 and (columns == size or _time_axis(columns, form) is not None)


def _time_axis(columns: int, form: InputForm) -> int | None:
    """Return the axis along which lines follow each other; None where a line holds a whole hop, or none fits."""
    size = math.prod(form.shape)
    known = range(len(form.shape)) if form.time_axis is None else (form.time_axis,)
    axes = [axis for axis in known if columns * form.shape[axis] == size]
    return axes[0] if len(axes) == 1 and columns != size else None


def _misfit(path: Path, table: Table, form: InputForm) -> Problem:
    lines, columns = table.values.shape
    titles = f" ({', '.join(table.titles)})" if table.titles else ""
    found, size = f"{lines} lines of {columns} columns{titles}", math.prod(form.shape)
    where, shown = f"file '{path}'", f"'{form.name}' {list(form.shape)}"
    if not form.is_stream:
        return Problem(where, found, f"the {size} numbers of {shown}", "give as many numbers")
    allowed = f"a line for each hop of {shown} with {size} columns"
    if form.time_axis is not None and (frame := size // form.shape[form.time_axis]) != size:
        allowed = f"a line for each frame of {shown} with {frame} columns, or {allowed}"
    step = "leave out columns that are no input, and write time downwards"
    if form.time_axis is None:
        step += f", or export with --time-axis {form.name}:AXIS and --hop"
    return Problem(where, found, allowed, step)


def convert_numbers(where: str, array: Array, dtype: str) -> Array:
    """Return an array of numbers in the type of an input; arrays of other things stay as they are.

    Floats may lose digits in a narrower float. Every other value must stay what it is.

    Args:
        where: what a message calls the array.
        array: of any shape.
        dtype: as NumPy names it.

    Raises:
        UsageError: the type does not hold a value.
    """
    if array.dtype.kind not in NUMBERS or array.dtype == dtype:
        return array
    if (value := unheld_value(array, dtype)) is not None:
        found, step = f"{value}, which {dtype} does not hold", "round, scale or correct the numbers"
        raise UsageError(Problem(where, found, f"{dtype}, or numbers that it holds", step))
    return array.astype(dtype)


def unheld_value(array: Array, dtype: str) -> Any:
    """Return the first number that a type does not hold, or None; a narrower float holds all but what overflows."""
    wanted = np.dtype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        made = array.astype(wanted)
        if wanted.kind == array.dtype.kind == "f":
            lost = np.isinf(made) & np.isfinite(array)
        else:
            lost = (made != array) | (made.astype(array.dtype) != array)
    return array[lost][0] if lost.any() else None
