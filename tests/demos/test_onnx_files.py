"""Files of demo networks hold no traces of the machine that wrote them."""

import onnx
import torch

from edgekit.demos.onnx_files import OPSET, export_onnx, strip_traces


class Scaled(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (torch.arange(3.0) + 1)


def test_constants_are_folded_and_no_path_is_left() -> None:
    model = export_onnx(Scaled().eval(), (torch.ones(1, 3),), ["x"], ["y"])
    assert [node.op_type for node in model.graph.node] == ["Mul"]
    assert model.opset_import[0].version == OPSET
    assert b".py" not in model.SerializeToString()


def test_documentation_and_metadata_are_removed() -> None:
    node = onnx.helper.make_node("Relu", ["x"], ["y"], doc_string="here")
    value = onnx.helper.make_tensor_value_info("x", 1, [1], doc_string="here")
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", [value], [], doc_string="here")
    )
    onnx.helper.set_model_props(model, {"where": "here"})
    strip_traces(model)
    assert b"here" not in model.SerializeToString()
