"""Where all comes from: licences of bundled files, and packages of the same bytes each time."""

import re
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from repository.release import build

ROOT = Path(__file__).parent.parent
DEMOS = ROOT / "src" / "edgekit" / "demos"
DATA = {".npz", ".onnx", ".wav"}
LICENCES = {
    "Apache-2.0",
    "CC0-1.0",
    "BSD-2-Clause and CC0-1.0",
    "BSD-2-Clause and public domain",
    "BSD-2-Clause",
    "MIT",
    "Festival's voices (MIT-like)",
    "flite's voices (MIT-like)",
    "Festival's voices (MIT-like), BSD-2-Clause and CC0-1.0",
}


def test_every_bundled_file_has_a_licence() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", (ROOT / "LICENCES.md").read_text(), re.MULTILINE
    )
    listed = {name: licence.strip() for name, licence, _ in rows}
    held = {p.relative_to(DEMOS).as_posix() for p in DEMOS.rglob("*") if p.suffix in DATA}
    assert listed.keys() == held and set(listed.values()) <= LICENCES
    stages = ("export", "quantize", "targets", "fpga", "runtime", "graph", "operators")
    other = [p for stage in stages for p in (ROOT / stage).rglob("*") if p.suffix in DATA]
    assert other == []


@pytest.mark.slow
def test_packages_are_the_same_bytes_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first = build(tmp_path / "first")
    time.sleep(2.1)  # beyond what the time in a .zip tells apart
    assert build(tmp_path / "second") == first and len(first) == 3
    with tarfile.open(next((tmp_path / "first").glob("*.tar.gz"))) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    assert held >= {
        "docs/reference/api.md",
        "bench/repository/release.py",
        "tests/conftest.py",
        "Makefile",
        "README.md",
    }
    wheel, demos = (
        {name for name in zipfile.ZipFile(path).namelist() if "dist-info" not in name}
        for path in sorted((tmp_path / "first").glob("*.whl"))
    )
    files = {
        path for path in DEMOS.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in demos if name.endswith(".py")} == wheel & demos == set()
    assert {
        f"edgekit/demos/{path.relative_to(DEMOS).as_posix()}" for path in files
    } <= wheel | demos
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700009999")
    assert build(tmp_path / "later") != first
