"""Defects that kernels once had are found when they are put back."""

from pathlib import Path

import pytest
from c_kernels import needs_cc
from kernel_defects import DEFECTS, Defect, finder, obstacle

pytestmark = [needs_cc, pytest.mark.slow]
EACH = pytest.mark.parametrize(
    "defect", DEFECTS, ids=[f"{defect.commit}-{defect.file}" for defect in DEFECTS]
)


@EACH
def test_a_defect_is_found(defect: Defect, tmp_path: Path) -> None:
    if reason := obstacle(defect):
        pytest.skip(reason)
    assert finder(defect, tmp_path) == defect.found_by


@EACH
def test_nothing_is_found_without_it(defect: Defect, tmp_path: Path) -> None:
    if reason := obstacle(defect):
        pytest.skip(reason)
    assert finder(defect, tmp_path, damaged=False) is None
