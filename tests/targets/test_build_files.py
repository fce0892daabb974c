"""A build's files in a folder: read when they are asked for; a folder without a network is refused."""

from pathlib import Path

import pytest
import tiny_build

from edgekit.base.errors import UsageError
from edgekit.targets.build import Build
from edgekit.targets.build_files import FilesOf, read_model, write_build


def test_files_that_were_written_are_read_from_the_folder(tmp_path: Path) -> None:
    files = {"net.c": b"int x;", "replay/main.c": b"int y;"}
    written = write_build(Build(files, tiny_build.manifest()), tmp_path)
    assert isinstance(written.files, FilesOf) and dict(written.files) == files
    (tmp_path / "net.c").write_bytes(b"changed")
    assert written.files["net.c"] == b"changed"
    with pytest.raises(KeyError):
        written.files["manifest.json"]


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No such file.*a build's network"):
        read_model(tmp_path)
