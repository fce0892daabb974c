"""What a sampler is asked."""

from pathlib import Path

import pytest
import tiny_build

from edgekit.base.errors import UsageError
from edgekit.base.progress import silent
from edgekit.verbs.samples import SampleInputs, sample


def test_a_build_without_a_sampler_draws_nothing(tmp_path: Path) -> None:
    build = tiny_build.write(tmp_path / "build")
    with pytest.raises(UsageError, match="sampler"):
        sample(build, 1, 0, SampleInputs({}), None, silent)
    with pytest.raises(UsageError, match=r"\.npz or \.png"):
        sample(build, 1, 0, SampleInputs({}), tmp_path / "x.gif", silent)
