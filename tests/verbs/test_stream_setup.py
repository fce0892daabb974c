"""What a run is told besides files."""

from pathlib import Path

import pytest
import tiny_build

from edgekit.base.errors import UsageError
from edgekit.verbs.stream_setup import StreamSetup


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return tiny_build.write(tmp_path / "build")


def test_all_that_does_not_fit_is_told_before_anything_is_compiled(build: Path) -> None:
    opening = StreamSetup(turns=["gain=1"], device="sim", seed=3, device_rate=1)
    with pytest.raises(UsageError) as refused:
        opening.check(build)
    text = str(refused.value)
    assert len(refused.value.problems) >= 3
    assert (
        "'sim' for a build for c99" in text
        and "gain" in text
        and "device at 1 Hz: out of range" in text
    )


def test_a_build_that_is_told_nothing_keeps_its_manifest(build: Path) -> None:
    assert StreamSetup().check(build) == tiny_build.manifest()
    behind = StreamSetup(device_rate=48_000).check(build)
    assert behind.stream["sample_rate_hz"] == 48_000
