"""What is a build, a network, or neither."""

from pathlib import Path

import pytest
import tiny_build

from edgekit.base.errors import UsageError
from edgekit.verbs.inspection import inspect


def test_a_build_is_told_by_its_manifest(tmp_path: Path) -> None:
    build = tiny_build.write(tmp_path / "build")
    found = inspect(str(build))
    assert found.kind == "build" and found.manifest == tiny_build.manifest() and found.page is None
    assert found.to_dict()["manifest"]["target"] == "c99"
    with pytest.raises(UsageError, match="give the folder around it"):
        inspect(str(build / "manifest.json"))
    with pytest.raises(UsageError, match="options of a network alone"):
        inspect(str(build), shapes={"x": [1]})
    with pytest.raises(UsageError, match="no report"):
        inspect(str(build), tmp_path / "page.html")
    (build / "report.html").write_text("page")
    inspect(str(build), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == "page"


def test_what_is_neither_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        inspect(str(tmp_path / "nothing"))
