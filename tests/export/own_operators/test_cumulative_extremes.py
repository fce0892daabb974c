"""What has run up from the start: torch's operators become one node, along any axis."""

import onnx_ir as ir
import torch

from edgekit.export.own_operators.cumulative_extremes import translations


def test_a_sum_of_exponentials_is_one_node_only_where_it_is_to_stream() -> None:
    aten = torch.ops.aten
    extremes = {aten.cummax.default, aten.cummin.default}
    assert set(translations(offline=False)) == extremes
    assert set(translations(offline=True)) == extremes | {aten.logcumsumexp.default}


def test_the_axis_that_runs_up_becomes_the_last(monkeypatch) -> None:
    nodes = []
    module = "edgekit.export.own_operators.cumulative_extremes"

    class Operators:
        """Records what is appended."""

        def __getattr__(self, name):
            return lambda x, **attributes: nodes.append((name, attributes)) or x

    monkeypatch.setattr(f"{module}.opset", Operators)
    monkeypatch.setattr(f"{module}.node_of", lambda name, inputs: getattr(Operators(), name))
    x = ir.Value(name="x", shape=ir.Shape((2, 3, 4)))
    translations(offline=True)[torch.ops.aten.cummin.default](x, 1)
    swap = ("Transpose", {"perm": [0, 2, 1]})
    assert nodes == [("Neg", {}), swap, ("CumMax", {}), swap, ("Neg", {}), ("Cast", {"to": 7})]
