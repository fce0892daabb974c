"""Environments of their own: where they are, and what is said where they are missing."""

from pathlib import Path

import pytest

from edgekit.base.environment import VARIABLE, Environment
from edgekit.base.errors import ToolError

OWN = Environment("own", ("package==1", "other>=2"))


def test_an_interpreter_is_found_below_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert not OWN.is_here
    with pytest.raises(ToolError, match=r"own is not installed in .*pip install 'package==1'"):
        OWN.python()
    python = tmp_path / "own" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    assert OWN.is_here and OWN.python() == python


def test_without_the_variable_it_is_among_the_users_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert OWN.folder == Path.home() / ".cache" / "edgekit" / "peers" / "own"
