"""`make test` tries the same random examples each time; `make stream-fuzz` tries new ones."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

import edgekit  # noqa: F401 (before any test imports onnxruntime: it switches its telemetry off)

# A process for each core runs the tests: more threads in each wait for one another.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

settings.register_profile("same", derandomize=True)
if "STREAM_FUZZ" not in os.environ:
    settings.load_profile("same")

# Without the last net of the command line, so that what it would catch fails the test.
os.environ["EDGEKIT_DEBUG"] = "1"

# Tests press Ctrl-C: a run that was started in the background has been told to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def few_calls() -> Iterator[None]:
    """A denoiser is calibrated on 24 of its own calls, in place of 512: enough for tests of anything but its dB."""
    from edgekit.verbs.export import quantizing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantizing, "CALIBRATION_CALLS", 24)
        yield
