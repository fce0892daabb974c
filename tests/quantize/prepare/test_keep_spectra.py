"""What leads over a spectrum to a logarithm stays in float, and nothing else does."""

import onnx
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.quantize.prepare.keep_spectra import keep_spectra

HEAD = """
  <ir_version: 10, opset_import: ["": 21]> net (float[1,64] x, float[1,4] other) => (float[1,4] y, float[1,4] z)
  <float[33,4] bank = {BANK}, float[64] window = {WINDOW}, int64[3] dims = {1, 64, 1}, int64[1] axes = {2},
   float[4,4] w = {W}, float tiny = {1e-6}, int64 axis = {1}> {
  framed = Mul (x, window)  column = Reshape (framed, dims)  spectrum = DFT <onesided = 1> (column, , axis)
"""


def kept(body: str, sign: float = 1.0) -> list[str]:
    def numbers(count: int, factor: float) -> str:
        return "{" + ", ".join(f"{factor * (0.1 + i % 7)}" for i in range(count)) + "}"

    text = HEAD.replace("{BANK}", numbers(132, sign)).replace("{WINDOW}", numbers(64, 1))
    text = text.replace("{W}", numbers(16, -0.1)) + body + "}"
    model = keep_spectra(from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net"))
    assert isinstance(model, Model)
    return [node.op_type for node in model.ir.graph if FLOAT_NODE in node.metadata_props]


POWER = "squares = Mul (spectrum, spectrum)  power = ReduceSum <keepdims = 0> (squares, axes)"
END = "y = MatMul (logs, w)  z = MatMul (other, w)"


def test_the_whole_way_stays_and_the_layers_behind_it_do_not() -> None:
    found = kept(f"{POWER} bands = MatMul (power, bank) m = Max (bands, tiny) logs = Log (m) {END}")
    assert {"Mul", "DFT", "ReduceSum", "Max", "Log"} <= set(found)
    assert sum(name in ("MatMul", "Gemm") for name in found) == 1


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        (f"{POWER} bands = MatMul (power, bank) a = Abs (bands) m = Max (a, tiny) logs = Log (m) {END}", -1.0),
        (f"{POWER} bands = MatMul (power, bank) logs = Sqrt (bands) {END}", 1.0),
    ],
    ids=["a layer between", "no logarithm"],
)  # fmt: skip
def test_other_ways_are_left_to_the_recipe(body: str, sign: float) -> None:
    assert kept(body, sign) == []
