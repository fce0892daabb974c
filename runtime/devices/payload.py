"""One file for a device with Python: the part of EdgeKit that runs builds, a build, and the measurement to make."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from edgekit.runtime.build_folder.manifest import MANIFEST_NAME, Manifest

WHOLE = ("base", "runtime")  # folders of Python files; neither needs torch or onnx
TAKEN = {
    "onnxruntime": "*.onnx",
    "litert": "*.tflite",
}  # by target, the files of the build that a device needs
NO_REPLAY = 3  # exit code of a device that lacks something
MAIN = """\
import sys

def lacks(what):
    sys.stderr.write(what + "\\n")
    sys.exit({code})

if sys.version_info < (3, 11):
    lacks("found Python %d.%d; needed: 3.11 or newer" % sys.version_info[:2])
try:
    import numpy
except ImportError:
    lacks("numpy is not installed for " + sys.executable)
from edgekit.base.errors import EdgeKitError
from edgekit.runtime.devices.worker import work
try:
    work(sys.argv[0], {hops})
except EdgeKitError as error:
    lacks(str(error))
"""


def sources(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    """Yield the Python files under `folder`, in one order, with their paths under `name`."""
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from sources(item, f"{name}/{item.name}")
        elif item.name.endswith(".py"):
            yield f"{name}/{item.name}", item


def python_program(directory: Path, manifest: Manifest, hops: int) -> bytes:
    """Return a zip that Python runs: golden hops, then `hops` in each round under the clock.

    The same build gives the same bytes.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, data: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)

        add("__main__.py", MAIN.format(code=NO_REPLAY, hops=hops).encode())
        root = files("edgekit")
        add("edgekit/__init__.py", (root / "__init__.py").read_bytes())
        for folder in WHOLE:
            for name, source in sources(root / folder, f"edgekit/{folder}"):
                add(name, source.read_bytes())
        build = sorted(path.name for path in directory.glob(TAKEN[manifest.target]))
        taken = (*build, "golden/input.npz")
        digests = {name: manifest.files[name] for name in taken if name in manifest.files}
        add(f"build/{MANIFEST_NAME}", replace(manifest, files=digests).to_json().encode())
        for name in taken:
            add(f"build/{name}", (directory / name).read_bytes())
    return content.getvalue()
