"""Lengths of fast transforms, and transforms of rows."""

import pytest

from edgekit.export.passes.canonical_forms.spectral import FAST_FROM
from edgekit.export.stream.hopgraph import HopGraph
from edgekit.export.stream.rules.spectra import append_zero_padding, fast_length, is_fast_length


@pytest.mark.parametrize("least", [1, FAST_FROM, 97, 121, 1025])
def test_the_next_length_of_small_factors(least):
    found = fast_length(least)
    assert found >= max(least, FAST_FROM) and is_fast_length(found)
    assert not any(map(is_fast_length, range(max(least, FAST_FROM), found)))


def test_odd_lengths_and_other_factors_are_not_fast():
    assert [n for n in (120, 125, 126, 128, 132) if is_fast_length(n)] == [120, 128]


def test_no_padding_is_no_node():
    new = HopGraph(4, {"": 21})
    value = new.constant([[1, 2]], "rows")
    assert append_zero_padding(new, value, [0, 0, 0, 0], "pad") is value
    assert append_zero_padding(new, value, [0, 1, 0, 0], "pad") is not value
