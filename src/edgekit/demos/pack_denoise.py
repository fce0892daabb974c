"""Writes denoise_w8a8.zip, the denoiser's build in portable C that an install without onnx plays.

Run ``python -m edgekit.demos.pack_denoise`` when the version changes. Builds of a version keep running, so a change in
lowering needs no new one.
"""

import tempfile
import zipfile
from pathlib import Path

from edgekit.base.progress import silent
from edgekit.demos.show_denoise import BUNDLED, KEPT, show


def pack(build: Path, file: Path) -> None:
    """Write the files of a build into a .zip: the same bytes for the same files."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in build.rglob("*") if path.is_file()):
            name = path.relative_to(build).as_posix()
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        made = show("c99", Path(scratch) / "demo", silent, counted=False)
        pack(made.directory / KEPT, BUNDLED)
    print(f"{BUNDLED.name}: {BUNDLED.stat().st_size} bytes")
