"""Defects that kernels once had are found when they are put back."""

from pathlib import Path

import pytest
from c_kernels import ISAS, needs_cc
from kernel_defects import DEFECTS, Defect, damaged_text, finder, obstacle

from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.devices import profile

EACH = pytest.mark.parametrize(
    "defect", DEFECTS, ids=[f"{defect.commit}-{defect.file}" for defect in DEFECTS]
)


@EACH
def test_a_kernel_has_the_text_that_a_defect_changes(defect: Defect) -> None:
    row = ISAS.get(defect.where)
    on_device = defect.where not in (*ISAS, "c99")
    folders = row.folders if row else profile(defect.where).kernels if on_device else ()
    found = kernel_files({defect.kernel}, "", folders, defect.same_bits)
    assert damaged_text(defect, found[defect.file].decode()) != found[defect.file].decode()


@needs_cc
@pytest.mark.slow
@EACH
def test_a_defect_is_found(defect: Defect, tmp_path: Path) -> None:
    if reason := obstacle(defect):
        pytest.skip(reason)
    assert finder(defect, tmp_path) == defect.found_by


@needs_cc
@pytest.mark.slow
@EACH
def test_nothing_is_found_without_it(defect: Defect, tmp_path: Path) -> None:
    if reason := obstacle(defect):
        pytest.skip(reason)
    assert finder(defect, tmp_path, damaged=False) is None
