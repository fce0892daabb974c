"""GroupNormalization as an InstanceNormalization of groups."""

import numpy as np
import pytest
from pass_networks import draw, ops, parse, run

from edgekit.export.passes.groupnorm import SplitGroupNorm


@pytest.mark.parametrize("size", ["5", "3,2"])
def test_it_is_the_same_normalization(size: str) -> None:
    text = f"""(float[2,6,{size}] x) => (float[2,6,{size}] y) {{
      y = GroupNormalization <num_groups = 3, epsilon = 0.01> (x, scale, bias) }}"""
    model = parse(text, scale=draw(6), bias=draw(6, seed=2))
    _, (expected,) = run(model)
    SplitGroupNorm()(model)
    assert ops(model)["InstanceNormalization"] == 1 and "GroupNormalization" not in ops(model)
    np.testing.assert_allclose(run(model)[1][0], expected, atol=1e-5)


def test_its_scale_may_be_computed() -> None:
    text = """(float[4,6] x) => (float[4,6] y) {
      more = Add (scale, one)
      y = GroupNormalization <num_groups = 3> (x, more, bias) }"""
    model = parse(text, scale=draw(6), one=draw(1), bias=draw(6, seed=2))
    _, (expected,) = run(model)
    SplitGroupNorm()(model)
    assert "GroupNormalization" not in ops(model)
    np.testing.assert_allclose(run(model)[1][0], expected, atol=1e-5)
