"""Layers that integers run as one operator: a call with pointers first, then scales and limits."""

import math

import onnx_ir as ir
import pytest

from edgekit.targets.c.emit.fused import check_magnitude


@pytest.mark.parametrize(("epsilon", "refused"), [(0.0, 0), (1e-6, 0), (-1e-6, 1), (math.inf, 1)])
def test_a_root_needs_a_number_that_is_not_negative(epsilon: float, refused: int) -> None:
    node = ir.node("Magnitude", [], {"epsilon": epsilon}, num_outputs=1, name="m")
    problems = check_magnitude(node)
    assert len(problems) == refused and all("0 or more" in p.allowed for p in problems)
