"""``edgekit bundle`` says what it signed."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli import app
from edgekit.verbs.bundles import Bundle

WORDS = ["bundle", "build", "-o", "new.bin", "--key", "key.pem", "--release"]


@pytest.mark.parametrize("release", ["0", "4294967296"])
def test_a_release_out_of_range_is_refused(release: str) -> None:
    error = CliRunner().invoke(app, [*WORDS, release]).exception
    assert isinstance(error, UsageError) and "from 1 to 4294967295" in str(error)


def test_what_was_signed_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    def bundle(directory: Path, out: Path, **options: Any) -> Bundle:
        assert (directory, out) == (Path("build"), Path("new.bin"))
        return Bundle(options["release"], "ab", "cd", 12, "ef")

    monkeypatch.setattr(api, "bundle", bundle)
    facts = json.loads(CliRunner().invoke(app, [*WORDS, "3", "--json"]).stdout)
    assert facts["path"] == "new.bin" and facts["release"] == 3 and facts["weights_bytes"] == 12
    assert "public_key" in CliRunner().invoke(app, [*WORDS, "3"]).stdout
