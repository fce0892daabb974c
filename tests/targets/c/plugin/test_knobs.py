"""A knob for each value of each control, with the range that was given for it."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.runtime.build_folder.manifest import Tensor
from edgekit.targets.c.plugin.knobs import knobs_of
from edgekit.targets.c.plugin.ranges import Range

CONTROLS = [
    Tensor("gain", (1,), "float32", "control"),
    Tensor("bands", (1, 3), "float32", "control"),
]


def test_values_are_numbered_and_share_one_range_or_have_their_own() -> None:
    knobs = knobs_of(CONTROLS, {"gain": "-60:0:-20", "bands": "0:1:0"})
    assert [knob.label for knob in knobs] == ["gain", "bands 1", "bands 2", "bands 3"]
    assert [knob.range for knob in knobs] == [Range(-60, 0, -20), *[Range(0, 1, 0)] * 3]
    assert [knob.range for knob in knobs_of(CONTROLS, {})] == [None] * 4


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UsageError) as error:
        knobs_of(CONTROLS, {"pitch": "0:1:0", "bands": "0:1:0,0:1:0", "gain": "1:0:0"})
    found = [problem.found for problem in error.value.problems]
    assert found == ["no such control", "'1:0:0'", "2 ranges"]
