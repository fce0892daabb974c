"""Builds whose files are changed after the export."""

import re
from pathlib import Path

from edgekit.runtime.build_folder.files import with_files
from edgekit.runtime.build_folder.manifest import Manifest


def spoil(build: Path) -> None:
    """Change one int8 weight in a build's sources, and its digest: what a wrong compiler would do."""
    (weights,) = build.glob("*_weights.c")
    text = weights.read_text()
    first = re.compile(r"(const int8_t \w+_w\[\d+\] = \{\s+-?)\d+")
    assert first.search(text)
    weights.write_text(first.sub(r"\g<1>99", text, count=1))
    renewed(build)


def renewed(build: Path) -> None:
    """Let the manifest know the files as they are."""
    manifest = with_files(Manifest.load(build), build)
    (build / "manifest.json").write_text(manifest.to_json())
