"""The onnxruntime target: its int8 kernels, its states, and the example of docs/guides/onnxruntime.md."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from builds import float_model, int8_model, lowered, noise

from edgekit.runtime.stream import Stream

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "onnxruntime.md"
HOPS = 20


def kernels(model: bytes, folder: Path) -> Counter[str]:
    """The operators that onnxruntime makes of a model."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.graph_optimization_level, options.log_severity_level = level, 3
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    graph = onnx.load(folder / "optimized.onnx").graph
    return Counter(node.op_type for node in graph.node)


def test_products_of_integers_run_in_int8_kernels(tmp_path: Path) -> None:
    build = lowered(int8_model("vision"), tmp_path, "onnxruntime")
    found = kernels(build.files["model.onnx"], tmp_path)
    assert found["QLinearConv"] == 5 and found["QGemm"] == 1
    assert not found["Conv"] and not found["Gemm"]
    attention = lowered(int8_model("attention"), tmp_path, "onnxruntime")
    found = kernels(attention.files["model.onnx"], tmp_path)
    assert found["QGemm"] == 5 and found["QLinearMatMul"] == 2
    assert not found["Gemm"] and not found["MatMul"]


def test_the_stated_opset_is_what_is_written(tmp_path: Path) -> None:
    build = lowered(int8_model("tcn"), tmp_path, "onnxruntime")
    model = onnx.load_model_from_string(build.files["model.onnx"])
    assert {i.domain: i.version for i in model.opset_import}[""] == 21
    assert model.ir_version == 10
    page = PAGE.read_text(encoding="utf-8")
    assert "opset 21 and IR version 10" in page and "onnxruntime 1.20 or newer" in page


@pytest.mark.parametrize("make", [float_model, int8_model])
def test_the_example_with_bound_states_is_the_stream(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make("tcn")
    lowered(model, tmp_path, "onnxruntime")
    inputs = noise(model, HOPS)
    expected = Stream.open(tmp_path).run(inputs)
    code = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    for hop in range(HOPS):
        made = names["process"](hop, {name: array[hop] for name, array in inputs.items()})
        for name, array in made.items():
            np.testing.assert_array_equal(array, expected[name][hop])
