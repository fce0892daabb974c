"""Patterns, their masks, and how they are recognised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.base.errors import UsageError
from edgekit.graph.sparsity import PATTERNS, follows, mask_of, pattern_of, read_pattern

PATTERN = st.sampled_from(PATTERNS)


@given(PATTERN, st.integers(0, 9), st.integers(1, 70), st.integers(0, 2))
def test_a_mask_keeps_the_largest_of_each_group(pattern, seed, inputs, axis) -> None:
    shape = [3, 4, 5]
    shape[axis] = inputs
    weights = np.random.default_rng(seed).standard_normal(shape)
    mask = np.moveaxis(mask_of(weights, pattern, axis), axis, -1)
    rows = np.abs(np.moveaxis(weights, axis, -1))
    for first in range(0, inputs, pattern.group):
        part = slice(first, first + pattern.group)
        own, kept = rows[..., part], mask[..., part]
        count = min(pattern.kept, own.shape[-1])
        assert (kept.sum(-1) == count).all()
        least = np.where(kept, own, np.inf).min(-1)
        assert (np.where(kept, 0, own).max(-1) <= least).all()


@given(PATTERN, st.integers(0, 9), st.integers(2, 60))
def test_what_a_mask_keeps_is_recognised(pattern, seed, inputs) -> None:
    weights = np.random.default_rng(seed).standard_normal((6, inputs))
    kept = np.where(mask_of(weights, pattern, 1), weights, 0)
    found = pattern_of(kept)
    assert follows(kept, pattern) and found is not None
    assert found.kept * pattern.group <= pattern.kept * found.group or inputs < pattern.group
    weights[2, :5] = 1.0
    assert not follows(weights, pattern) or inputs == 2


def test_equal_weights_keep_the_first() -> None:
    assert mask_of(np.ones((1, 5)), PATTERNS[2], 1).tolist() == [[True, False, False, False, True]]


@pytest.mark.parametrize("text", ["3:4", "4:1", "1:32", "", "1-4"])
def test_other_patterns_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="2:4, 2:8, 1:4, 1:8, 1:16"):
        read_pattern(text)
