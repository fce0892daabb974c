"""Networks that other tools quantized: kept as they are, integer where their Q/DQ nodes allow it."""

import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from devices import needs_vnni, saturates
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import OPSET, Model
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer
from edgekit.targets.macs import float_layers
from edgekit.verbs.targets import TARGETS

Arrays = dict[str, NDArray]
MICROSOFT = ', "com.microsoft": 1'
NETWORK = """(float[1,3,12,10] x) => (float[1,5] y) {
  a = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
  b = Relu (a)
  c = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (b)
  d = Conv <pads = [1, 1, 1, 1], group = 4> (c, w2)
  e = LeakyRelu <alpha = 0.2> (d)
  f = Add (e, c)
  g = Concat <axis = 1> (f, d)
  h = Transpose <perm = [0, 2, 3, 1]> (g)
  i = MatMul (h, w3)
  j = Transpose <perm = [0, 3, 1, 2]> (i)
  k = GlobalAveragePool (j)
  l = Flatten (k)
  m = Gemm <transB = 1> (l, w4, b4)
  y = Sigmoid (m)
}"""


def parse(text: str, opset: int = OPSET, domains: str = "", **weights: NDArray) -> onnx.ModelProto:
    """A network of its text and constants."""
    header = f'<ir_version: 10, opset_import: ["": {opset}{domains}]> net'
    proto = onnx.parser.parse_model(f"{header} {text}")
    for name, array in weights.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), name))
    return proto


def imported(proto: onnx.ModelProto) -> Model:
    return from_onnx(proto.SerializeToString(), name="net")


def normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def float_network(folder: Path) -> Path:
    weights = {
        "w1": normal(4, 3, 3, 3) / 4,
        "b1": normal(4) / 4,
        "w2": normal(4, 1, 3, 3) / 2,
        "w3": normal(8, 6) / 2,
        "w4": normal(5, 6),
        "b4": normal(5),
    }
    onnx.save(parse(NETWORK, **weights), folder / "float.onnx")
    return folder / "float.onnx"


class Reader(CalibrationDataReader):
    def __init__(self) -> None:
        self.feeds = iter([{"x": normal(1, 3, 12, 10, seed=seed)} for seed in range(8)])

    def get_next(self) -> Arrays | None:
        return next(self.feeds, None)


def statically_quantized(
    folder: Path, layout: str, activations: str, weights: str, per_channel: bool
) -> Path:
    """What onnxruntime's quantizer makes of the network."""
    logging.disable(logging.WARNING)
    quantize_static(
        float_network(folder),
        folder / "quantized.onnx",
        Reader(),
        quant_format=QuantFormat[layout],
        activation_type=QuantType[activations],
        weight_type=QuantType[weights],
        per_channel=per_channel,
    )
    logging.disable(logging.NOTSET)
    return folder / "quantized.onnx"


def engine(data: bytes, feed: Arrays) -> list[NDArray]:
    """onnxruntime's result with its own integer kernels, where they do not saturate."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", str(int(saturates())))
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


GRID = [
    pytest.param(layout, activations, weights, per_channel, marks=marks)
    for layout, marks in (("QDQ", ()), ("QOperator", needs_vnni))
    for activations, weights in (("QUInt8", "QInt8"), ("QInt8", "QInt8"), ("QUInt8", "QUInt8"))
    for per_channel in (False, True)
]


@pytest.mark.rows(4)
@pytest.mark.parametrize(("layout", "activations", "weights", "per_channel"), GRID)
def test_what_onnxruntime_quantizes_runs_in_integers(
    layout: str, activations: str, weights: str, per_channel: bool, tmp_path: Path
) -> None:
    path = statically_quantized(tmp_path, layout, activations, weights, per_channel)
    model = from_onnx(path, name="net")
    assert model.quantization.recipe == "source"
    assert model.quantization.calibrated_on is None
    assert not TARGETS["host"].check(model)
    assert float_layers(model) == ()
    integer = to_integer(model).ir.graph
    assert {n.op_type for n in integer if n.outputs[0].dtype.name == "FLOAT"} == {"Dequantize"}
    x = np.stack([normal(1, 3, 12, 10, seed=seed) for seed in range(100, 130)])
    found = Oracle(model).run_hops({"x": x})["y"]
    theirs = np.stack([engine(path.read_bytes(), {"x": hop})[0] for hop in x])
    assert snr_db(run_hops(model, {"x": x})["y"], found) > 45
    scale = integer.outputs[0].producer().attributes["scale"].as_float()
    assert np.abs(found - theirs).max() / scale < 2.5
    assert np.abs(found - theirs).mean() / scale < 0.2


def test_a_network_whose_weights_alone_are_integers_is_float() -> None:
    text = """(float[1,4] x) => (float[1,3] y) {
      w = DequantizeLinear <axis = 1> (q, scales)
      y = MatMul (x, w)
    }"""
    q, scales = np.arange(-6, 6, dtype=np.int8).reshape(4, 3), np.float32([0.1, 0.2, 0.3])
    model = imported(parse(text, q=q, scales=scales))
    assert model.quantization.recipe == "float32"
    assert [node.op_type for node in model.ir.graph] == ["Gemm"]
    assert any("become float32, of 4 bytes each" in note for note in model.notes)
    x = normal(1, 4)
    assert np.allclose(run_hops(model, {"x": x[None]})["y"][0], x @ (q * scales), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["QDQ", pytest.param("QOperator", marks=needs_vnni)])
def test_a_build_equals_the_oracle_and_keeps_its_quantization(layout: str, tmp_path: Path) -> None:
    path = statically_quantized(tmp_path, layout, "QUInt8", "QUInt8", True)
    exported = api.export(str(path), "host", tmp_path / "out")
    assert exported.manifest.verification["bit_exact_with_oracle"] is True
    assert exported.manifest.quantization["recipe"] == "source"
    assert exported.manifest.macs_float == 0
    api.export(str(path), "onnxruntime", tmp_path / "other", recipe="float32")


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    path = str(statically_quantized(tmp_path, "QDQ", "QInt8", "QInt8", False))
    (tmp_path / "clips").mkdir()
    clips = str(tmp_path / "clips")
    np.savez(tmp_path / "clips" / "clip.npz", x=normal(4, 1, 3, 12, 10))
    with pytest.raises(UsageError, match="another tool quantized the network"):
        api.export(path, "host", tmp_path / "out", recipe="w8a8", calibration=clips)
    with pytest.raises(UsageError, match="another tool quantized the network"):
        api.quantize(path, "w8a8", clips, tmp_path / "out.onnx")
