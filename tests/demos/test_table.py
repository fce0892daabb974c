"""The demos by name: what is refused before any work."""

from pathlib import Path

import pytest

from edgekit.base.errors import UsageError
from edgekit.demos.table import DEMOS, demo


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
    assert {target for target, _ in DEMOS.values()} == {"host", "fpga", "wasm"}
