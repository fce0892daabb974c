"""Samples as files."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.pictures import GAP, grid, picture_problem, sample_problem, write_samples


def test_pictures_stand_side_by_side() -> None:
    x = np.stack([np.full((1, 2, 3), level, np.float32) for level in (-1, 0, 1)])
    whole = grid(x)
    assert whole.shape == (2 * (2 + GAP) - GAP, 2 * (3 + GAP) - GAP, 1)
    assert whole[0, 0, 0] == 0 and whole[0, 3 + GAP, 0] == 128 and whole[2 + GAP, 0, 0] == 255
    assert grid(2 * x).max() == 255


def test_a_picture_has_one_or_three_channels(tmp_path: Path) -> None:
    assert picture_problem(Path("a.png"), (3, 4, 4)) is None
    assert picture_problem(Path("a.npz"), (2, 4)) is None
    with pytest.raises(UsageError, match=r"write a \.npz"):
        write_samples(tmp_path / "a.png", np.zeros((1, 2, 4, 4), np.float32), {})
    problem = sample_problem(Path("a.jpg"))
    assert problem is not None and problem.allowed == ".npz or .png"


def test_arrays_keep_their_conditions(tmp_path: Path) -> None:
    write_samples(tmp_path / "a.npz", np.ones((2, 1), np.float32), {"label": [1, 2]})
    with np.load(tmp_path / "a.npz") as found:
        assert found["label"].tolist() == [1, 2] and found["x"].shape == (2, 1)
