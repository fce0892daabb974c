"""A calibration of zeros is refused."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.base.errors import CalibrationError
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.silence import refuse_silence

TEXT = """<ir_version: 10, opset_import: ["" : 21]>
g (float[3] x) => (float[3] y) { y = Tanh (x) }"""


def test_one_value_beside_zero_in_one_clip_is_enough() -> None:
    model, silent = Model(ir.from_onnx_text(TEXT)), np.zeros((4, 3), np.float32)
    with pytest.raises(CalibrationError, match="holds only zeros"):
        refuse_silence(model, Calibration(({"x": silent}, {"x": silent}), "folder/quiet"))
    heard = silent.copy()
    heard[2, 1] = 1e-6
    refuse_silence(model, Calibration(({"x": silent}, {"x": heard}), "folder/quiet"))
