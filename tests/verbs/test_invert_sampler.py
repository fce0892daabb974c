"""What images are inverted, and to which file."""

from pathlib import Path

import numpy as np
import pytest
import tiny_build

from edgekit.base.errors import UsageError
from edgekit.base.progress import silent
from edgekit.verbs.invert_sampler import invert


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    build, images = tiny_build.write(tmp_path / "build"), tmp_path / "x.npz"
    np.savez(images, a=np.zeros(1), b=np.zeros(1))
    with pytest.raises(UsageError, match=r"a, b; allowed: an array 'x'"):
        invert(build, images, 0, None, None, silent)
    with pytest.raises(UsageError, match=r"allowed: .npz"):
        invert(build, images, 0, None, tmp_path / "out.npy", silent)
    np.savez(images, x=np.zeros(1))
    with pytest.raises(UsageError, match="sampler"):
        invert(build, images, 0, None, None, silent)
