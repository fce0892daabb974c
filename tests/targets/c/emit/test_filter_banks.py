"""Products with banded matrices have the same bits as the whole matrix gives."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from builds import lowered
from tiny_build import needs_cc

from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.features import triangles
from edgekit.operators.oracle import Oracle
from edgekit.runtime.stream import Stream


@needs_cc
@pytest.mark.parametrize("node", ["y = MatMul (x, w)", "y = Gemm (x, w, b)"])
def test_c_gives_the_bits_of_sums_in_ascending_order(node: str, tmp_path: Path) -> None:
    bank = triangles("htk", 20, 128, 16000, 0, 8000).astype(np.float32) * np.float32(0.37)
    proto = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> net (float[3,65] x) => (float[3,20] y) {{ {node} }}'
    )
    bias = np.linspace(-1, 1, 20, dtype=np.float32)
    for name, array in {"w": bank, "b": bias}.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    model = from_onnx(proto.SerializeToString(), name="net")
    build = lowered(model, tmp_path / "build")
    assert not any(name.startswith(("ek_fc", "ek_matmul")) for name in build.files)
    assert build.manifest.macs_float < 3 * bank.size / 3
    x = np.random.default_rng(0).normal(size=(9, 3, 65)).astype(np.float32)
    found = Stream.open(tmp_path / "build").run({"x": x})["y"]
    exact = x.astype(np.float64) @ bank + (bias if "Gemm" in node else 0)
    np.testing.assert_allclose(found, exact, atol=1e-5)
    if "Gemm" not in node:
        np.testing.assert_array_equal(found, Oracle(model).run_hops({"x": x})["y"])
