"""Ranges of knobs as ``--knob`` gives them."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.targets.c.plugin.ranges import Range, read_ranges


def test_a_range_for_each_value() -> None:
    assert read_ranges("gain", "-60:0:-20,0:1:0.5") == [Range(-60, 0, -20), Range(0, 1, 0.5)]


@pytest.mark.parametrize("text", ["", "1:2", "2:1:1", "0:1:2", "0:inf:1", "a:b:c", "0:1:0,"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="LEAST:MOST:DEFAULT") as error:
        read_ranges("gain", text)
    assert "--knob 'gain'" in str(error.value)
