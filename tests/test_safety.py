"""The safety pack: every requirement has evidence that exists, and the page is that of the table."""

from pathlib import Path

import pytest
from make_safety import GROUPS, Requirement, has_evidence, page, requirements

PAGE = Path(__file__).parents[1] / "docs" / "safety" / "requirements.md"


@pytest.mark.parametrize("row", requirements(), ids=lambda row: row.id)
def test_a_requirement_has_evidence_that_exists(row: Requirement) -> None:
    assert row.evidence and row.text and row.extent
    assert [name for name in row.evidence if not has_evidence(name)] == []


def test_ids_are_those_of_groups_and_stand_once() -> None:
    ids = [row.id for row in requirements()]
    assert len(set(ids)) == len(ids) and {name[3] for name in ids} == {*GROUPS}


@pytest.mark.parametrize(
    "evidence",
    [
        "tests/test_safety.py::test_nothing",
        "tests/none.py::test_ids",
        "make nothing",
        "python bench nothing",
        "edgekit nothing",
    ],
)
def test_evidence_that_does_not_exist_is_found(evidence: str) -> None:
    assert not has_evidence(evidence)


def test_the_page_is_that_of_the_table() -> None:
    how = "python docs/make_safety.py > docs/safety/requirements.md"
    assert PAGE.read_text(encoding="utf-8") == page(), how
