"""Functions of one value in torch, with gradients."""

import numpy as np
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
