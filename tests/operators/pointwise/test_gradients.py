"""Functions of one value in torch, with gradients."""

import numpy as np
import onnx_ir as ir
import pytest
from gradient_cases import as_tensor, is_float, torch
from operator_cases import CASES
from operator_models import draw, imported

from edgekit.operators.gradients import form_of
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.operators.pointwise.gradients import FUNCTIONS


@pytest.mark.slow
def test_every_function_of_one_value_has_a_gradient() -> None:
    assert FUNCTIONS.keys() == POINTWISE.keys()
    for name, case in CASES.items():
        (node, *_) = imported(case, "gradient").ir.graph
        if node.op_type not in POINTWISE or not is_float(node.outputs[0]):
            continue
        form = form_of(node)
        assert form is not None
        (operand,) = draw(case, 1).values()
        x = as_tensor(np.clip(operand[0], -50, 50)).requires_grad_()
        (y,) = form(node, [x])
        y.sum().backward()
        assert torch.isfinite(x.grad).all(), name


@pytest.mark.parametrize("name", ["Log", "Reciprocal", "Sqrt", "Div", "Pow"])
def test_of_what_is_rounded_to_zero_gradients_are_finite(name: str) -> None:
    """Their operands are sums or means that int8 may round to 0."""
    x = torch.tensor([0.0, -0.0, 0.25, 4.0]).requires_grad_()
    operands = {"Div": [torch.ones(4), x], "Pow": [x, torch.tensor(0.98)]}.get(name, [x])
    values = [ir.Value(name=f"x{number}") for number in range(len(operands))]
    node = ir.node(name, values)
    form = form_of(node)
    assert form is not None
    (y,) = form(node, operands)
    y[2:].sum().backward(retain_graph=True)
    assert x.grad is not None and not x.grad[:2].any()
    y.sum().backward()
    assert torch.isfinite(x.grad).all()
