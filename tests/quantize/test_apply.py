"""QDQ out: an ordinary ONNX file, types by the scheme, and the oracle within reach of onnxruntime."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from builds import float_model, int8_model, noise
from zoo import ZOO

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.operators.oracle import Oracle
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.compare import tensor_report
from edgekit.quantize.recipe import RECIPES

FLOOR_DB = {"attention": 30, "tcn": 30, "conv_recurrent": 30, "dual_path": 30}


@pytest.mark.parametrize("name", ZOO)
def test_opens_in_onnxruntime_as_it_is_and_passes_the_checker(name: str) -> None:
    data = int8_model(name).to_bytes()
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])


@pytest.mark.rows(4)
@pytest.mark.parametrize("name", ZOO)
def test_oracle_and_onnxruntime_agree_and_both_are_near_float(name: str) -> None:
    model, quantized = float_model(name), int8_model(name)
    inputs = noise(model, 100, seed=5)
    (reference,) = run_hops(model, inputs).values()
    (qdq,) = run_hops(quantized, inputs).values()
    (integer,) = Oracle(quantized).run_hops(inputs).values()
    floor = FLOOR_DB.get(name, 35)
    assert snr_db(reference, integer) >= floor
    assert snr_db(reference, qdq) >= floor
    assert snr_db(qdq, integer) >= floor


@pytest.mark.parametrize("name", ["tcn", "vision", "conv_recurrent", "lstm_vad"])
def test_no_weighted_operator_stays_in_float(name: str) -> None:
    weighted = {"Conv", "ConvTranspose", "Gemm", "GRU", "LSTM"}
    nodes = [n for n in to_integer(int8_model(name)).ir.graph if n.op_type in weighted]
    assert nodes
    assert all(node.domain == INTEGER_DOMAIN for node in nodes)


@pytest.mark.parametrize("name", ["gru_mask", "tcn", "vision", "lstm_vad"])
def test_a_quantized_file_is_imported_as_it_is(name: str) -> None:
    quantized = int8_model(name)
    again = from_onnx(quantized.to_bytes(), name=name)
    inputs = noise(quantized, 20)
    for key, array in Oracle(quantized).run_hops(inputs).items():
        np.testing.assert_array_equal(Oracle(again).run_hops(inputs)[key], array)
    kinds = [[n.op_type for n in to_integer(m).ir.graph if n.domain] for m in (quantized, again)]
    assert kinds[0] == kinds[1]


def test_same_calibration_same_bytes() -> None:
    model = float_model("gru_mask")
    calibration = Calibration((noise(model, 30),), "x")
    assert quantize(model, calibration).to_bytes() == quantize(model, calibration).to_bytes()


def test_unknown_recipes_are_refused() -> None:
    model = float_model("vision")
    with pytest.raises(UsageError, match="unknown"):
        quantize(model, Calibration((noise(model, 2),), "x"), "w2a2")


def test_the_report_shows_where_noise_enters() -> None:
    model, quantized = float_model("gru_mask"), int8_model("gru_mask")
    rows = {row.name: row for row in tensor_report(model, quantized, noise(model, 20))}
    assert rows["x_finite"].dtype == "int8"
    assert 30 < rows["x_finite"].snr_db < 60
    assert rows["h1_next"].dtype == "int16"
    assert all(row.minimum <= row.maximum for row in rows.values())
    assert any(row.dtype == "float32" for row in rows.values())


@pytest.mark.parametrize("rounding", ["nearest", "gptq", "shaped"])
def test_a_cell_of_a_constant_sequence_stays_in_float(rounding: str) -> None:
    """Its states alone change, as of a cell that a number sets off."""
    rng = np.random.default_rng(0)
    shapes = {"seq": (1, 1, 4), "w": (1, 18, 4), "r": (1, 18, 6), "into": (8, 6), "out": (6, 8)}
    arrays = {name: rng.standard_normal(shape) / 3 for name, shape in shapes.items()}
    text = """<ir_version: 10, opset_import: ["": 21]> net (float[1,8] x) => (float[1,8] y)
      <int64[3] state = {1, 1, 6}, int64[2] row = {1, 6}> {
        sums = MatMul (x, into)  bent = Tanh (sums)  first = Reshape (bent, state)
        none, last = GRU <hidden_size = 6> (seq, w, r, , , first)
        end = Reshape (last, row)  y = MatMul (end, out)
      }"""
    parsed = onnx.parser.parse_model(text)
    parsed.graph.initializer.extend(
        onnx.numpy_helper.from_array(array.astype(np.float32), name)
        for name, array in arrays.items()
    )
    model = from_onnx(parsed.SerializeToString(), name="net")
    clip = {"x": rng.standard_normal((40, 1, 8)).astype(np.float32)}
    made = quantize(model, Calibration((clip,), "x"), replace(RECIPES["w8a8"], rounding=rounding))
    assert snr_db(run_hops(model, clip)["y"], run_hops(made, clip)["y"]) > 30
