"""Networks run hop by hop in onnxruntime, from zero states."""

import numpy as np
import pytest
from onnx_texts import accumulating

from edgekit.base.errors import ModelError, UsageError
from edgekit.export.hop_runner import in_onnxruntime, run_hops, snr_db


@pytest.fixture(scope="module")
def accumulate():
    return accumulating()


def test_hops_carry_the_state_from_zero(accumulate):
    x = np.arange(10, dtype=np.float32).reshape(5, 1, 2)
    found = run_hops(accumulate, {"x": x}, tap=["x", "s", "s_next", "y"])
    total = np.cumsum(x, axis=0)
    np.testing.assert_array_equal(found["y"], total / 2)
    np.testing.assert_array_equal(found["s_next"], total)
    np.testing.assert_array_equal(found["s"][1:], total[:-1])
    np.testing.assert_array_equal(found["x"], x)
    assert list(run_hops(accumulate, {"x": x})) == ["y"]


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"x": np.zeros((3, 2), np.float32)},
        {"x": np.zeros((3, 1, 2))},
        {"x": np.zeros((0, 1, 2), np.float32)},
        {"x": np.zeros((3, 1, 2), np.float32), "s": np.zeros((3, 1, 2), np.float32)},
    ],
)
def test_inputs_that_do_not_fit_are_refused(accumulate, inputs):
    with pytest.raises(UsageError):
        run_hops(accumulate, inputs)


def test_an_unknown_tap_is_refused(accumulate):
    with pytest.raises(UsageError, match="nowhere"):
        run_hops(accumulate, {"x": np.zeros((1, 1, 2), np.float32)}, tap=["nowhere"])


def test_snr_is_in_db():
    reference = np.array([3.0, 4.0])
    assert snr_db(reference, reference) == np.inf
    assert snr_db(reference, reference + np.array([0.05, 0.0])) == pytest.approx(40)
    assert snr_db(np.zeros(2), reference) == -np.inf


def test_onnxruntime_refusals_are_model_errors():
    with pytest.raises(ModelError, match="onnxruntime"):
        in_onnxruntime(b"nothing")
