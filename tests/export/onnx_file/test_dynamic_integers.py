"""Files of onnxruntime's dynamic quantization: float layers that keep the weights, and streams of them."""

from pathlib import Path

import onnx
import pytest
from onnx import helper
from onnxruntime.quantization import quantize_dynamic
from stream_networks import Net

from edgekit.export.from_onnx import from_onnx
from edgekit.export.onnx_file.dynamic_integers import in_float
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An LSTM and a product of (1, 6, T), with rounded inputs and weights."""
    net, folder = Net(), tmp_path_factory.mktemp("dynamic")
    frames = net.add("Transpose", net.recurrent("x", 6, "LSTM"), perm=[0, 2, 1])
    (folder / "net.onnx").write_bytes(
        net.model([1, 6, "T"], net.add("MatMul", frames, net.weight(6, 4)))
    )
    quantize_dynamic(folder / "net.onnx", folder / "small.onnx")
    return Path(folder / "small.onnx").read_bytes()


def kinds(data: bytes) -> set[str]:
    return {node.op_type for node in onnx.load_model_from_string(data).graph.node}


def test_rounded_layers_become_float_layers(quantized: bytes) -> None:
    assert {"DynamicQuantizeLSTM", "MatMulInteger"} <= kinds(quantized)
    data, notes = in_float(quantized, products=True)
    assert {"LSTM", "MatMul"} <= kinds(data)
    assert not {"DynamicQuantizeLSTM", "DynamicQuantizeLinear", "MatMulInteger"} & kinds(data)
    assert len(notes) == 2


def test_an_import_keeps_products_and_is_near_the_file(quantized: bytes) -> None:
    model = from_onnx(quantized, name="net", shapes={"x": [1, 6, 12]})  # at least 25 dB from it
    assert any("DynamicQuantizeLSTM to 8 bits" in note for note in model.notes)


def test_it_streams(quantized: bytes) -> None:
    model = stream(onnx_offline(quantized, name="net"))
    assert (model.stream.hop_samples, model.stream.delay_samples) == (1, 0)


def test_other_files_stay_as_they_are() -> None:
    assert in_float(b"DynamicQuantizeLSTM", products=True) == (b"DynamicQuantizeLSTM", [])
    node = helper.make_node("DynamicQuantizeLSTM", ["x", "w", "r"], ["y"], domain="com.microsoft")
    data = helper.make_model(helper.make_graph([node], "g", [], [])).SerializeToString()
    assert in_float(data, products=True) == (data, [])
