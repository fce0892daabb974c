"""`edgekit.deploy`: what it takes as a network and as calibration, what its build does, and what it refuses."""

import ast
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from near import assert_near
from tiny_build import needs_cc
from torch.utils.data import DataLoader, TensorDataset

import edgekit
from edgekit.base.errors import CalibrationError, UsageError

torch.manual_seed(0)
NET = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh())
FRAMES = np.random.default_rng(0).standard_normal((40, 1, 6)).astype(np.float32)
X = torch.from_numpy(FRAMES)


def expected() -> np.ndarray:
    return np.asarray(NET(X).detach())


def program() -> torch.export.ExportedProgram:
    return torch.export.export(NET.eval(), (X[0],))


def proto() -> onnx.ModelProto:
    made = torch.onnx.export(program(), dynamo=True, verbose=False)
    assert made is not None
    return made.model_proto


def saved(folder: Path) -> Path:
    onnx.save(proto(), folder / "net.onnx")
    return folder / "net.onnx"


@pytest.mark.parametrize(
    ("network", "example"),
    [
        (lambda _: NET, FRAMES[0]),
        (lambda _: NET, (X[0],)),
        (lambda _: NET, {"input": X[0]}),
        (lambda _: program(), None),
        (lambda _: proto(), None),
        (saved, None),
    ],
    ids=["module", "tuple", "names", "program", "proto", "path"],
)
def test_every_form_of_a_network(
    network: Callable[[Path], Any], example: Any, tmp_path: Path
) -> None:
    NET.train()
    build = edgekit.deploy(network(tmp_path), example, target="onnxruntime")
    assert build.manifest.target == "onnxruntime"
    np.testing.assert_allclose(build.run(FRAMES), expected(), atol=1e-6)
    np.testing.assert_allclose(build.run(FRAMES[3]), expected()[3], atol=1e-6)
    (name,) = (tensor.name for tensor in build.manifest.hop_inputs)
    (y,) = build.stream().run({name: FRAMES}).values()
    np.testing.assert_array_equal(y, build.run(FRAMES))
    assert build.report().lstrip().startswith("<!") and "Gemm" in build._repr_html_()
    shutil.rmtree(build.directory)
    with pytest.raises(UsageError, match=r"report\.html is gone; .* out=DIR keeps the build"):
        build.report()
    assert "was removed" in build._repr_html_() and "Gemm" not in build._repr_html_()


@pytest.mark.parametrize(
    "calibration",
    [
        FRAMES,
        {"input": FRAMES},
        (frame for frame in FRAMES),
        DataLoader(TensorDataset(X[:, 0], torch.arange(40)), batch_size=16),
    ],
    ids=["array", "names", "generator", "DataLoader"],
)
def test_every_form_of_calibration(calibration: Any) -> None:
    build = edgekit.deploy(NET, X[0], target="onnxruntime", recipe="w8a8", calibration=calibration)
    error = np.asarray(build.run(FRAMES)) - expected()
    assert 1e-5 < np.abs(error).max() < 0.05
    assert build.manifest.quantization["recipe"] == "w8a8"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"network": 3}, "a int"),
        ({"network": "net.onnx", "example": X[0]}, "given with a str"),
        ({"network": NET, "example": X[0], "calibration": 3}, "calibration: a int"),
        ({"network": NET, "example": X[0], "target": "toaster"}, "toaster"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        edgekit.deploy(**arguments)


def test_an_array_for_two_inputs_is_refused() -> None:
    class Two(torch.nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return a + b

    build = edgekit.deploy(Two(), (X[0], X[0]), target="onnxruntime")
    with pytest.raises(UsageError, match="one array"):
        build.run(FRAMES)
    np.testing.assert_array_equal(build.run({"a": FRAMES, "b": FRAMES})["add"], FRAMES + FRAMES)  # type: ignore[call-overload]
    with pytest.raises(CalibrationError, match="an array for 2 inputs"):
        edgekit.deploy(Two(), (X[0], X[0]), target="onnxruntime", recipe="w8a8", calibration=FRAMES)


def test_a_recording_of_an_offline_network_comes_back_whole() -> None:
    net = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 5, padding=2), torch.nn.ReLU())
    x = torch.randn(1, 2, 137)
    build = edgekit.deploy(net, x[..., :40], target="onnxruntime", time_axes={"input": 2})
    assert_near(build.run(x.numpy()), net(x).detach(), 2 * (2 * 5 + 1))
    assert_near(build.run(x.numpy()), net(x).detach(), 2 * (2 * 5 + 1))


def shown(cells: list[str]) -> list[Any]:
    """What the cells of a notebook show, run one after the other: each ends with an expression, or shows None."""
    names: dict[str, Any] = {}
    values = []
    for cell in cells:
        *lines, last = ast.parse(cell).body
        if not isinstance(last, ast.Expr):
            lines.append(last)
        exec(compile(ast.Module(lines, []), "cell", "exec"), names)
        is_value = isinstance(last, ast.Expr)
        values.append(
            eval(compile(ast.Expression(last.value), "cell", "eval"), names) if is_value else None
        )
    return values


@needs_cc
def test_the_cells_of_the_notebook_run_and_show_the_build() -> None:
    path = Path(__file__).parent.parent / "docs" / "notebooks" / "deploy.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    _, stated, measured, hops, build = shown(
        ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    )
    assert stated > 20 and measured > 20 and len(hops) == 2
    assert "4 layers" in build._repr_html_() and "The network" in build.report()


@needs_cc
def test_the_code_of_the_page_runs() -> None:
    page = (Path(__file__).parent.parent / "docs" / "reference" / "api.md").read_text(
        encoding="utf-8"
    )
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["y"].shape == (200, 1, 4) and names["page"] == names["build"].report()
