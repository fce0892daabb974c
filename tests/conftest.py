"""`make test` tries the same random examples each time; `make stream-fuzz` tries new ones."""

import gc
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import settings
from jsonschema import Draft202012Validator

import edgekit  # noqa: F401 (before any test imports onnxruntime: it switches its telemetry off)
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners import toolchain
from edgekit.verbs.bench import log as bench_log

# A process for each core runs the tests: more threads in each wait for one another.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# What tests compile is compiled once, by its content, and stays out of the user's own cache.
CACHE = Path(__file__).parent.parent / ".venv" / "cache"
os.environ.setdefault("EDGEKIT_CACHE", str(CACHE))
if "EDGEKIT_TEST_PROCESSOR" in os.environ:  # a row of `make test-processors`
    import processors

    processors.limit_own_kernels()

settings.register_profile("same", derandomize=True)
if "STREAM_FUZZ" not in os.environ:
    settings.load_profile("same")

# Without the last net of the command line, so that what it would catch fails the test.
os.environ["EDGEKIT_DEBUG"] = "1"

# Tests press Ctrl-C: a run that was started in the background has been told to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before those with a mark are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test with the mark `rows` all rows but that many become slow: a draw by their names, always the same."""
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("rows") and not item.get_closest_marker("slow"):
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for rows in tests.values():
        (count,) = next(rows[0].iter_markers("rows")).args
        for row in sorted(rows, key=lambda row: crc32(row.nodeid.encode()))[count:]:
            row.add_marker("slow")


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end, so the collector looks at them less often."""
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True, scope="session")
def builds_compile_quickly(pytestconfig: pytest.Config) -> Iterator[None]:
    """`make test` compiles builds of this machine at -O1, with the same bits; the slow tests as exports do, at -O3."""
    with pytest.MonkeyPatch.context() as patch:
        if "not slow" in pytestconfig.getoption("markexpr"):
            quick = ["-O1" if flag == "-O3" else flag for flag in toolchain.FLAGS]
            patch.setattr(toolchain, "FLAGS", tuple(quick))
        yield


@pytest.fixture(scope="module")
def few_calls() -> Iterator[None]:
    """A denoiser is calibrated on 24 of its own calls, in place of 512: enough for tests of anything but its dB."""
    from edgekit.verbs.export import quantizing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantizing, "CALIBRATION_CALLS", 24)
        yield


def published(name: str) -> Draft202012Validator:
    """The schema of that name, as docs/ publish it."""
    text = (Path(__file__).parent.parent / "docs" / f"{name}.schema.json").read_text()
    return Draft202012Validator(json.loads(text))


@pytest.fixture(autouse=True, scope="session")
def files_are_as_published() -> Iterator[None]:
    """Every manifest and every line of results that a test writes is held against the schema that docs/ publish."""
    manifests, write = published("manifest"), Manifest.to_json
    results, append = published("results"), bench_log.append

    def checked(manifest: Manifest) -> str:
        manifests.validate(json.loads(written := write(manifest)))
        return written

    def appended(path: Path, *facts: Any, **more: Any) -> None:
        append(path, *facts, **more)
        results.validate(json.loads(path.read_bytes().splitlines()[-1]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Manifest, "to_json", checked)
        patch.setattr(bench_log, "append", appended)
        yield
