"""``edgekit serve`` prints the address for people and programs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli import app


def test_the_address_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(directory: Path, port: int | None, *, ready: Callable[[str], None]) -> None:
        ready(f"http://127.0.0.1:{port}/{directory}")

    monkeypatch.setattr(api, "serve", serve)
    words = ["serve", "page", "--port", "80"]
    assert "http://127.0.0.1:80/page   Ctrl-C ends" in CliRunner().invoke(app, words).stdout
    found = CliRunner().invoke(app, [*words, "--json"]).stdout
    assert json.loads(found) == {"url": "http://127.0.0.1:80/page"}
    error = CliRunner().invoke(app, ["serve", "page", "--port", "70000"]).exception
    assert isinstance(error, UsageError) and "from 0 to 65535" in str(error)
