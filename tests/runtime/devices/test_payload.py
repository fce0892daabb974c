"""One file for a device with Python: the runtime, a build, and what to do with it."""

import io
import zipfile
from pathlib import Path

import pytest
import tiny_build

from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.payload import python_program


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "golden").mkdir()
    for name in ("model.onnx", "golden/input.npz", "leaky.c"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_it_holds_the_runtime_and_what_the_target_needs_and_no_more(build: Path) -> None:
    digest = "sha256:" + "0" * 64
    files = {"model.onnx": digest, "leaky.c": digest}
    manifest = tiny_build.manifest(target="onnxruntime", files=files)
    data = python_program(build, manifest, 7)
    assert data == python_program(build, manifest, 7)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        assert "edgekit/runtime/devices/worker.py" in names and "edgekit/base/errors.py" in names
        assert not [name for name in names if name.startswith(("edgekit/export", "build/leaky"))]
        assert archive.read("build/model.onnx") == b"model.onnx"
        assert b"work(sys.argv[0], 7)" in archive.read("__main__.py")
        read = Manifest.from_json(archive.read("build/manifest.json").decode())
    assert read.files == {"model.onnx": digest}
