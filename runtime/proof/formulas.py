"""Loops that compute one result of each place: their expression, and the elements that it takes."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgekit.runtime.proof.syntax import Reader, Tree
from edgekit.runtime.proof.values import Value

Operands = dict[int, list[Tree]]


@cache
def formula_tree(text: str) -> Tree:
    """The tree of an expression in x0, x1, ..."""
    (statement,) = Reader(f"{text};").statements
    found: Tree = statement[1]
    return found


def taken_operands(tree: Value, formula: Value) -> Operands | None:
    """What stands for x0, x1, ... where an expression is a formula; None where it is another one."""
    found: Operands = {}
    return found if all(_pairs(tree, formula, found)) else None


def _pairs(tree: Value, formula: Value, found: Operands) -> Iterator[bool]:
    """Yield for each part of a formula whether it is there; note what stands for its operands."""
    match formula:
        case ("name", str(name)) if name[:1] == "x" and name[1:].isdigit():
            found.setdefault(int(name[1:]), []).append(tree)
        case tuple() | list():
            is_alike = type(tree) is type(formula) and len(tree) == len(formula)
            yield is_alike
            if is_alike:
                for part, wanted in zip(tree, formula, strict=True):
                    yield from _pairs(part, wanted, found)
        case _:
            yield tree == formula


@cache
def elements_by_place(dims: tuple[int, ...], of: tuple[int, ...]) -> NDArray[np.int64]:
    """For each result, flat, the element that it takes of an operand with these sizes, which is broadcast.

    Sizes of 1 before those of the result have no meaning: a slope of PRelu may have more of them.
    """
    own = of[max(len(of) - len(dims), 0) :]
    numbers = np.arange(np.prod(of, dtype=int)).reshape(own)
    return np.broadcast_to(numbers, dims).ravel()
