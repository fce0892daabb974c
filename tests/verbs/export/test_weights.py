"""The verbs that change weights, by their functions."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from tiny_networks import recurrent

from edgekit.base.errors import UsageError
from edgekit.verbs.export.weights import finetune, prune


def test_two_of_four_weights_stay(tmp_path: Path) -> None:
    source = recurrent(tmp_path / "net.onnx")
    rows = prune(str(source), "2:4", tmp_path / "out.onnx", smallest=0)
    assert {row.kept for row in rows} == {0.5}
    for array in onnx.load(tmp_path / "out.onnx").graph.initializer:
        weights = numpy_helper.to_array(array)
        if weights.shape == (8, 8):
            assert np.count_nonzero(weights) == 32


def test_nothing_is_trained_where_something_is_wrong(tmp_path: Path) -> None:
    source = recurrent(tmp_path / "net.onnx")
    with pytest.raises(UsageError, match="--steps: 0"):
        finetune(str(source), "w8a8", str(tmp_path), tmp_path / "out.onnx", steps=0)
    assert not (tmp_path / "out.onnx").exists()
