"""int4 weights: the file runs in onnxruntime, the oracle agrees with it, and C equals the oracle in every bit."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from builds import float_model, int8_model, lowered, noise
from c_kernels import needs_cc
from slices import slow_except

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.runtime.stream import Stream
from edgekit.targets.c.packing.weights import int4_bytes

# fc and GRU, LSTM, grouped and strided convolutions, grouped transposed ones, vision
NETWORKS = ["gru_mask", "lstm_vad", "tcn", "conv_recurrent", "dual_path", "vision"]
FEW = slow_except(lambda name: name in ("gru_mask", "lstm_vad"), NETWORKS)
WIDE = Recipe("w4a16", "int4", "int16", products="int16", smooth_inputs="int16")
FORMS = {"w4a8": replace(RECIPES["w4a8"], rounding="nearest", bias_correction=False), "w4a16": WIDE}


@cache
def int4_model(name: str, recipe: str = "w4a8") -> Model:
    model = float_model(name)
    return quantize(model, Calibration((noise(model, 30, seed=1),), "noise"), FORMS[recipe])


@pytest.mark.parametrize(
    "name", slow_except(lambda name: name in ("gru_mask", "lstm_vad", "conv_recurrent"), NETWORKS)
)
def test_onnxruntime_runs_the_file_and_the_oracle_agrees(name: str) -> None:
    model = int4_model(name)
    proto = onnx.load_from_string(model.to_bytes())
    onnx.checker.check_model(proto, full_check=True)
    onnxruntime.InferenceSession(model.to_bytes(), providers=["CPUExecutionProvider"])
    narrow = [t for t in proto.graph.initializer if t.data_type == onnx.TensorProto.INT4]
    assert narrow
    assert all(len(t.raw_data) == (np.prod(t.dims) + 1) // 2 for t in narrow)
    inputs = noise(model, 40, seed=5)
    (qdq,) = run_hops(model, inputs).values()
    (integer,) = Oracle(model).run_hops(inputs).values()
    assert snr_db(qdq, integer) >= 30


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize("recipe", FORMS)
@pytest.mark.parametrize("name", FEW)
def test_c_equals_the_oracle_and_is_smaller(name: str, recipe: str, tmp_path: Path) -> None:
    model = int4_model(name, recipe)
    inputs = noise(model, 40, seed=5)
    inputs = {key: (np.rint(array * 32) / 32).astype(np.float32) for key, array in inputs.items()}
    build = lowered(model, tmp_path / "b")
    got = Stream.open(tmp_path / "b").run(inputs)
    for output, array in Oracle(model).run_hops(inputs).items():
        np.testing.assert_array_equal(got[output], array)
    assert any(file.endswith("_w4.c") for file in build.files)
    if recipe == "w4a8":
        wide = lowered(int8_model(name), tmp_path / "wide").manifest
        assert build.manifest.memory["weights_bytes"] < wide.memory["weights_bytes"]
        assert build.manifest.macs_int8 == wide.macs_int8 > 0


def test_a_file_with_int4_weights_can_be_taken_in_again() -> None:
    model = int4_model("dual_path")
    pairs = [(pair.input, pair.output) for pair in model.states]
    again = from_onnx(model.to_bytes(), name="again", states=pairs)
    inputs = noise(model, 12)
    (first,), (second,) = (Oracle(m).run_hops(inputs).values() for m in (model, again))
    np.testing.assert_array_equal(first, second)


def test_two_weights_share_a_byte_with_the_first_one_low() -> None:
    rows = np.array([[1, -2, 7], [-7, 0, -1]], np.int8)
    (packed,) = int4_bytes("ek_fc_s8_s8_w4", [rows])
    assert packed.view(np.uint8).tolist() == [0xE1, 0x07, 0x09, 0x0F]
    (flat,) = int4_bytes("ek_conv_transpose_s8_s8_w4", [rows])
    assert flat.view(np.uint8).tolist() == [0xE1, 0x97, 0xF0]
