"""Arrays that are given, against the tensors that a build takes."""

import numpy as np
import pytest

from edgekit.base.errors import UsageError
from edgekit.runtime.build_folder.input_fit import fit_inputs, matching_arrays, ports_of
from edgekit.runtime.build_folder.manifest import Tensor

TENSORS = (Tensor("x", (1, 4), "float32", "stream"), Tensor("ids", (2,), "int64", "stream"))
FITS = {"ids": np.zeros(2, np.int64), "x": np.ones((1, 4), np.float32)}


def test_arrays_that_fit_are_taken_as_they_are_and_in_order() -> None:
    arrays = matching_arrays(FITS, ports_of(TENSORS))
    assert arrays is not None
    assert arrays[0] is FITS["x"]
    assert arrays[1] is FITS["ids"]


@pytest.mark.parametrize(
    "inputs",
    [
        {"x": FITS["x"]},
        {**FITS, "y": FITS["x"]},
        {"x": FITS["x"], "y": FITS["ids"]},
        {**FITS, "x": np.ones((1, 4))},
        {**FITS, "x": np.ones(4, np.float32)},
    ],
)
def test_what_fitting_refuses_is_not_taken_as_it_is(inputs: dict[str, np.ndarray]) -> None:
    assert matching_arrays(inputs, ports_of(TENSORS)) is None
    with pytest.raises(UsageError):
        fit_inputs(inputs, TENSORS, "one array per stream input")


def test_lists_are_left_to_fitting() -> None:
    inputs = {**FITS, "ids": [0, 0]}
    assert matching_arrays(inputs, ports_of(TENSORS)) is None
    assert fit_inputs(inputs, TENSORS, "one array per stream input")["ids"].shape == (2,)


def test_inputs_of_different_hops_are_refused() -> None:
    inputs = {"ids": np.zeros((2, 2), np.int64), "x": np.ones((3, 1, 4), np.float32)}
    with pytest.raises(UsageError, match="as many hops in each input"):
        fit_inputs(inputs, TENSORS, "one array per stream input", hops=True)
