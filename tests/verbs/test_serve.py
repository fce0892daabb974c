"""A folder over HTTP on this machine alone."""

import threading
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.serve import serve


def test_files_of_the_folder_come_with_headers_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("hello")
    (folder / "inner").mkdir()
    (tmp_path / "secret").write_text("no")
    (folder / "link").symlink_to(tmp_path / "secret")
    told: list[str] = []
    ready = threading.Event()

    def tell(url: str) -> None:
        told.append(url)
        ready.set()

    threading.Thread(target=serve, args=(folder, 0), kwargs={"ready": tell}, daemon=True).start()
    assert ready.wait(10)
    with urllib.request.urlopen(told[0]) as answer:
        assert answer.read() == b"hello" and answer.headers["Cache-Control"] == "no-store"
    for path in ("link", "inner/", "../secret"):
        with pytest.raises(HTTPError) as refused:
            urllib.request.urlopen(f"{told[0]}{path}")
        assert refused.value.code == 404


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no index\.html"):
        serve(tmp_path)
