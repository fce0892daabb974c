"""Sums of layers: the largest that is proved is exact, and one that could overflow is refused."""

from fractions import Fraction

import numpy as np
import pytest
from exact_integers import RANGES, rounded
from numpy.typing import NDArray
from onnx import helper
from operator_cases import f, network

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer


def layer_of(weights: NDArray[np.int8], dtype: type[np.signedinteger]) -> Model:
    """A quantized Gemm of one output, its input as `dtype`, its result as int16."""
    grids = {"x": (0.01, dtype), "w": (0.01, np.int8), "y": (100.0, np.int16)}
    arrays = {f"{n}_scale": np.float32(scale) for n, (scale, _) in grids.items()}
    arrays |= {f"{n}_zero": kind(0) for n, (_, kind) in grids.items()}
    nodes = [helper.make_node("DequantizeLinear", ["w_q", "w_scale", "w_zero"], ["w"])]
    for source, name in (("x", "x"), ("y_real", "y")):
        grid = [f"{name}_scale", f"{name}_zero"]
        nodes.append(helper.make_node("QuantizeLinear", [source, *grid], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", *grid], [f"{name}_dq"]))
        if name == "x":
            nodes.append(helper.make_node("Gemm", ["x_dq", "w"], ["y_real"]))
    operands = {"x": f(1, len(weights)), "w_q": weights[:, None], **arrays}
    return from_onnx(network("layer", nodes, operands, ["y_dq"]).onnx, name="layer")


@pytest.mark.parametrize(("dtype", "worst"), [(np.int8, -128), (np.int16, -32768)])
def test_the_largest_sum_that_is_proved_is_exact(dtype: type[np.signedinteger], worst: int) -> None:
    model = layer_of(np.full(60_000, -127, np.int8), dtype)
    x = np.full((1, 1, 60_000), worst * 0.01, np.float32)
    oracle = Oracle(model)
    (gemm,) = (node for node in oracle.graph if node.op_type == "Gemm")
    mult, shift = (int(gemm.attributes[n].as_tensor().numpy()[0]) for n in ("mult", "shift"))
    found = oracle.run_hops({"x": x})["y_dq"].item()
    exact = rounded(Fraction(worst * -127 * 60_000 * mult, 2**shift), 0, RANGES["s16"])
    assert found == pytest.approx(exact * 100)
    assert exact > 0


def test_a_sum_that_could_overflow_is_refused() -> None:
    model = layer_of(np.full(70_000, 127, np.int8), np.int8)
    with pytest.raises(ModelError, match="integer sums reach 2266950000"):
        to_integer(model)
    Oracle(layer_of(np.full(70_000, 127, np.int8), np.int16))
