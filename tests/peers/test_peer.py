"""The table of peers."""

from pathlib import Path

import pytest
import tiny_build

from edgekit import api
from edgekit.base.environment import VARIABLE
from edgekit.base.errors import ToolError


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("peers") / "build"
    api.export("zoo:raw", "host", folder)
    return folder


@tiny_build.needs_cc
def test_a_peer_that_is_not_there_is_named_with_its_commands(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(ToolError, match=r"litert is not installed .*pip install 'litert-torch=="):
        api.bench(build, against=["litert"])
