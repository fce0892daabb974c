"""Where a page of results may be written."""

from pathlib import Path

import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.bench.compare_results import compare, page_problems


def test_a_page_is_html_and_not_the_results(tmp_path: Path) -> None:
    assert page_problems(tmp_path / "a.html", None) == []
    (problem,) = page_problems(tmp_path / "a.txt", None)
    assert problem.where == "--out" and problem.allowed == "a .html"
    results = tmp_path / "r.html"
    results.write_text("{}")
    assert page_problems(results, results)


def test_results_that_are_none_leave_no_page(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text("nothing")
    with pytest.raises(UsageError, match="no usable line"):
        compare(tmp_path / "r.jsonl", tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()
