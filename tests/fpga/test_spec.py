"""Engines that cannot be are refused, and what follows from the numbers of one that can."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.fpga.spec import EngineSpec


def test_values_that_no_engine_can_have_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        EngineSpec(weight_beats=3, line_beats=5000, groups=0, accumulator_bits=40)
    found = {problem.where for problem in caught.value.problems}
    names = ("weight_beats", "line_beats", "groups", "accumulator_bits")
    assert found == {f"engine {name}" for name in names}


@pytest.mark.parametrize(("dmax", "lead", "rows"), [(1, 2, 4), (3, 4, 8), (4, 5, 16), (7, 8, 16)])
def test_the_line_buffer_holds_what_the_largest_dilation_reaches(
    dmax: int, lead: int, rows: int
) -> None:
    spec = EngineSpec(dmax=dmax, weight_beats=64)
    assert (spec.lead_rows, spec.line_rows, spec.bank_beats) == (lead, rows, 32)
    assert rows >= 2 * dmax + 2 and rows & (rows - 1) == 0
