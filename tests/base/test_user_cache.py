"""Where the user's cache is: what the environment says, and the form of each system."""

import sys
from pathlib import Path

import pytest

from edgekit.base.user_cache import cache_folder


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder, and no variable that names a cache."""
    for name in ("EDGEKIT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)


@pytest.mark.parametrize(
    ("system", "place"),
    [
        ("linux", ".cache/edgekit"),
        ("darwin", "Library/Caches/edgekit"),
        ("win32", "AppData/Local/edgekit/Cache"),
    ],
)
def test_each_system_has_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, place: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert cache_folder() == tmp_path / place
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own" / "edgekit"


def test_the_variable_moves_it_or_switches_it_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "moved"))
    assert cache_folder() == tmp_path / "moved"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEKIT_CACHE", "here")
    assert cache_folder() == tmp_path / "here"
    for word in ("off", "OFF"):
        monkeypatch.setenv("EDGEKIT_CACHE", word)
        assert cache_folder() is None


def test_a_user_without_a_home_folder_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() is None
