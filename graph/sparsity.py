"""N:M sparsity: of each M consecutive weights along the input dimension at most N are not zero."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Array, Booleans
from edgekit.base.errors import Problem, UsageError

_Weights = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Pattern:
    """At most `kept` non-zero weights in each group of `group`.

    Groups are counted from the first input. If the inputs are no multiple of `group`, the last group is shorter, and
    keeps the same number.
    """

    kept: int
    group: int

    def __str__(self) -> str:
        """Return the pattern as users write it: 1:4."""
        return f"{self.kept}:{self.group}"

    def groups(self, inputs: int) -> int:
        """Return the number of groups, including a shorter last one."""
        return -(-inputs // self.group)

    def slots(self, inputs: int) -> int:
        """Return the number of weights of one output that may be nonzero; a partial last group counts as whole."""
        return self.groups(inputs) * self.kept


PATTERNS = (Pattern(1, 16), Pattern(1, 8), Pattern(1, 4), Pattern(2, 8), Pattern(2, 4))
"""What is pruned to and recognised, the sparsest first."""


def read_pattern(text: str) -> Pattern:
    """Return the pattern of this text, as 1:4.

    Raises:
        UsageError: it is none of `PATTERNS`.
    """
    for pattern in PATTERNS:
        if str(pattern) == text.strip():
            return pattern
    allowed = ", ".join(str(pattern) for pattern in reversed(PATTERNS))
    raise UsageError([Problem("pattern", f"'{text}'", allowed, "name one of these")])


def expression_problem(layers: str | None) -> Problem | None:
    """Return why a text is no regular expression for names of layers; None if it is one."""
    try:
        re.compile(layers or "")
    except re.error as error:
        step = "correct it, or leave --layers out"
        return Problem("--layers", f"'{layers}': {error}", "a regular expression", step)
    return None


def group_inputs(rows: Array, pattern: Pattern) -> Array:
    """(..., inputs) as (..., groups, group); a shorter last group is filled with zeros."""
    inputs = rows.shape[-1]
    missing = pattern.groups(inputs) * pattern.group - inputs
    padded = np.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, missing)])
    return padded.reshape(*rows.shape[:-1], pattern.groups(inputs), pattern.group)


def mask_of(weights: _Weights, pattern: Pattern, axis: int) -> Booleans:
    """Return a mask of the largest magnitudes of each group; of equal ones the first stay.

    Args:
        weights: of any shape.
        pattern: number of weights kept per group.
        axis: the input dimension.
    """
    rows = np.moveaxis(np.abs(weights), axis, -1)
    groups = group_inputs(rows, pattern)
    order = np.argsort(-groups, axis=-1, kind="stable")
    mask = np.zeros(groups.shape, bool)
    np.put_along_axis(mask, order[..., : pattern.kept], True, axis=-1)
    flat = mask.reshape(*rows.shape[:-1], -1)[..., : rows.shape[-1]]
    return np.moveaxis(flat, -1, axis)


def follows(rows: Array, pattern: Pattern) -> bool:
    """Whether the last axis of these weights keeps the pattern."""
    return bool((np.count_nonzero(group_inputs(rows, pattern), axis=-1) <= pattern.kept).all())


def zeros_to_keep(rows: Array) -> Booleans | None:
    """Return a mask of weights (outputs, inputs, ...) that may be nonzero in a pattern; None without a pattern."""
    if rows.ndim < 2 or not rows.any():
        return None
    pattern = pattern_of(np.moveaxis(rows, 1, -1))
    return None if pattern is None or rows.shape[1] < 2 * pattern.group else rows != 0


def pattern_of(rows: Array) -> Pattern | None:
    """Return the sparsest pattern that the last axis of these weights keeps; None if none does."""
    return next((pattern for pattern in PATTERNS if follows(rows, pattern)), None)
