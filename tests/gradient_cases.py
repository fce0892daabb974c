"""Operators in torch."""

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")


def is_float(value: ir.Value) -> bool:
    return value.dtype == ir.DataType.FLOAT


def as_tensor(array: NDArray[Any]) -> Any:
    return torch.from_numpy(np.array(array))
