"""torch's own Transformer layers are traced with any mask; its table of operators is made once, and kept as it is."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgekit.export import torch_shapes
from edgekit.export.from_torch import from_torch
from edgekit.export.torch_shapes import one_table_of_operators
from edgekit.export.torch_source import TorchModule


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        place = torch.arange(x.shape[1])
        lag = place[:, None] - place
        return self.encoder(x, mask=(lag > 3) | (lag < -1))  # type: ignore[no-any-return]


def test_an_encoder_with_a_band_for_its_mask():
    fused = torch.backends.mha.get_fastpath_enabled()
    module = TorchModule("masked", Masked().eval(), {"x": torch.randn(1, 9, 8)})
    model, _ = from_torch(module, name="net")  # verified there
    assert "Softmax" in {node.op_type for node in model.ir.graph}
    assert torch.backends.mha.get_fastpath_enabled() == fused


def test_operators_of_one_export_are_not_those_of_the_next():
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    def own(x: object) -> object:
        return x

    made = ONNXRegistry.from_torchlib
    with one_table_of_operators():
        first, second = (ONNXRegistry.from_torchlib(opset_version=18) for _ in range(2))
        first.register_op(torch.ops.aten.relu.default, own)
        third, newer = (ONNXRegistry.from_torchlib(opset_version=n) for n in (18, 23))
    assert ONNXRegistry.from_torchlib == made
    assert first.get_decomps(torch.ops.aten.relu.default)[0].onnx_function is own
    for table in (second, third):
        assert len(table.functions) == len(made(opset_version=18).functions)
        assert all(row.onnx_function is not own for row in table.functions["aten::relu"])
    assert (third.opset_version, newer.opset_version) == (18, 23)


def test_the_table_is_that_of_functions_whose_sources_were_parsed(monkeypatch: pytest.MonkeyPatch):
    from onnxscript.values import TracedOnnxFunction
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    parsed: Any = TracedOnnxFunction.function_ir
    whole = ONNXRegistry.from_torchlib().functions
    monkeypatch.setattr(torch_shapes, "TABLES", {})
    with one_table_of_operators():
        quick = ONNXRegistry.from_torchlib().functions
    assert TracedOnnxFunction.function_ir is parsed
    assert {target: [str(row.signature) for row in rows] for target, rows in quick.items()} == {
        target: [str(row.signature) for row in rows] for target, rows in whole.items()
    }
    traced = [row.onnx_function for rows in whole.values() for row in rows]
    traced = [function for function in traced if isinstance(function, TracedOnnxFunction)]
    assert len(traced) > 400
    assert all(function.function_ir.domain == function.opset.domain for function in traced[::10])


@pytest.mark.slow
def test_an_import_of_torchvision_between_two_exports_adds_its_operators():
    program = """
from edgekit.export.torch_shapes import one_table_of_operators
from torch.onnx._internal.exporter._registration import ONNXRegistry
with one_table_of_operators():
    before = ONNXRegistry.from_torchlib(opset_version=18).functions
    import torchvision
    after = ONNXRegistry.from_torchlib(opset_version=18).functions
print(*sorted(set(after) - set(before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "torchvision::deform_conv2d" in done.stdout.split(), done.stderr
