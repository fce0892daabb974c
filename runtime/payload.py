"""One file for a device with Python: the part of EdgeKit that runs builds, a build, and what to do with it."""

import io
import zipfile
from importlib.resources import files
from pathlib import Path

from edgekit.runtime.manifest import MANIFEST_NAME, Manifest

WHOLE = "edgekit.runtime"
PARTS = ("__init__.py", "errors.py", "noise.py", "npz.py", "steps.py")
ENGINES = {
    "onnxruntime": "*.onnx",
    "litert": "*.tflite",
}  # by target, what a device needs of the build
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
from edgekit.errors import EdgeKitError
from edgekit.runtime.worker import work
try:
    work(sys.argv[0], {hops})
except EdgeKitError as error:
    lacks(str(error))
"""


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
        for name in PARTS:
            add(f"edgekit/{name}", (root / name).read_bytes())
        for source in sorted(files(WHOLE).iterdir(), key=lambda item: item.name):
            if source.name.endswith(".py"):
                add(f"edgekit/runtime/{source.name}", source.read_bytes())
        build = [MANIFEST_NAME, *(path.name for path in directory.glob(ENGINES[manifest.target]))]
        for name in (*sorted(build), "golden/input.npz"):
            add(f"build/{name}", (directory / name).read_bytes())
    return content.getvalue()
