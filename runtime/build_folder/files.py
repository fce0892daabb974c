"""The files of a build and their digests: whether a folder still matches the export."""

import hashlib
from dataclasses import replace
from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import replacement_path
from edgekit.runtime.build_folder.manifest import MANIFEST_NAME, Manifest

PIECE = 1 << 20


def with_files(manifest: Manifest, directory: Path) -> Manifest:
    """Return the manifest with the digest of every file of the folder but its own."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    names = [path.relative_to(directory).as_posix() for path in paths]
    digests = {name: file_digest(directory / name) for name in names if name != MANIFEST_NAME}
    return replace(manifest, files=digests)


def file_digest(path: Path) -> str:
    """Return ``sha256:...`` of a file."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            total.update(piece)
    return f"sha256:{total.hexdigest()}"


def open_build(directory: Path) -> Manifest:
    """Return the manifest of a build folder whose files match it; neither is trusted.

    A manifest without digests does not check files: that of a build before an export's end, or an old one.

    Raises:
        UsageError: no build there, a manifest that cannot be used, or files that are missing or changed.
    """
    manifest = Manifest.load(directory)
    problems = []
    for name, expected in manifest.files.items():
        path = directory / name
        try:
            same = path.is_file() and file_digest(path) == expected
            found = None if same else "changed" if path.is_file() else "missing"
        except OSError as error:
            found = error.strerror or "cannot be read"
        if found is not None:
            where, allowed = (
                f"build '{directory}', file '{name}'",
                "the file as the export wrote it",
            )
            step = "export the network again; to edit a file, copy it out of the build first"
            problems.append(Problem(where, found, allowed, step))
    if problems:
        raise UsageError(problems)
    return manifest


def replace_text(directory: Path, name: str, text: str) -> None:
    """Write a new text of a file that the manifest knows, and its digest there."""
    manifest = Manifest.load(directory)
    with (
        replacement_path(directory / name) as path,
        replacement_path(directory / MANIFEST_NAME) as beside,
    ):
        path.write_text(text, encoding="utf-8")
        files = dict(manifest.files)
        if name in files:
            files[name] = file_digest(path)
        beside.write_text(replace(manifest, files=files).to_json(), encoding="utf-8")
