"""The demos by name: what is refused before any work."""

from pathlib import Path

import pytest

from edgekit.base.errors import ToolError, UsageError
from edgekit.demos import data_wheel, table
from edgekit.demos.table import DEMOS, demo, demos


def test_an_unknown_demo_is_told_its_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"demo 'sceene': unknown; .*'scene' is nearest"):
        demo("sceene", out=tmp_path / "out")


def test_target_and_folder_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        demo("wake", "cortex-m4", tmp_path)
    found = [problem.where for problem in caught.value.problems]
    assert found == ["demo 'wake'", f"output folder '{tmp_path}'"]


def test_every_demo_has_a_target_that_runs_here() -> None:
    assert {facts.target for facts in DEMOS.values()} == {"host", "fpga", "wasm"}


def test_every_demo_has_its_data_in_a_checkout_and_a_line() -> None:
    assert [row.name for row in demos()] == list(DEMOS)
    assert all(row.has_data for row in demos())
    assert len({row.shows for row in demos()}) == len(DEMOS)


def test_a_demo_without_data_or_packages_names_all_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_wheel, "FOLDER", tmp_path)
    monkeypatch.setattr(table, "how_to_get_missing", lambda names: ["soxr is not installed"])
    with pytest.raises(ToolError) as caught:
        demo("scene", out=tmp_path / "out")
    data, packages = str(caught.value).splitlines()
    assert data.startswith("demo 'scene': networks and recordings of most demos are in the second")
    assert "edgekit_deploy_demos-" in data and packages == "soxr is not installed"
    assert not (tmp_path / "out").exists()
