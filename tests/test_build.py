"""`Build`: what Python shows of it, and what a package shows of itself."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_build

import edgekit
from edgekit.base.errors import UsageError


def test_what_a_program_uses_is_listed_and_found() -> None:
    assert {"Build", "Stream", "UsageError", "api", "deploy", "frontend"} <= set(dir(edgekit))
    assert all(hasattr(edgekit, name) for name in dir(edgekit))
    assert {"export", "finetune", "targets"} <= set(dir(edgekit.api))
    assert all(callable(getattr(edgekit.api, name)) for name in dir(edgekit.api))
    with pytest.raises(AttributeError, match="no attribute 'deploi'"):
        edgekit.deploi  # type: ignore[attr-defined]  # noqa: B018


def test_the_list_of_names_imports_nothing() -> None:
    code = (
        "import sys, edgekit; dir(edgekit); "
        "print([name for name in sys.modules if name.startswith('edgekit.') or name == 'numpy'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_is_opened_and_its_repr_has_five_lines(tmp_path: Path) -> None:
    tiny_build.write(tmp_path / "mono")
    build = edgekit.Build.open(tmp_path / "mono")
    title, target, latency, memory, verified = repr(build).splitlines()
    assert title == f"build of {build.manifest.source['name']} in {tmp_path / 'mono'}"
    assert re.fullmatch(r"  target +c99, recipe float32", target)
    assert latency.split()[0] == "latency" and memory.split()[0] == "memory"
    assert re.fullmatch(r"  verified +not yet", verified)
    with pytest.raises(UsageError, match="nowhere"):
        edgekit.Build.open(tmp_path / "nowhere")


def test_a_repr_does_not_need_the_folder(tmp_path: Path) -> None:
    manifest = replace(tiny_build.manifest(), target="host")
    build = edgekit.Build(tmp_path / "gone", manifest)
    assert len(repr(build).splitlines()) == 5 and "was removed" in build._repr_html_()


def test_a_control_keeps_one_value_over_many_calls(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs onnx: pip install edgekit-deploy[export]")
    import numpy as np
    import onnx
    from onnx import TensorProto, helper

    def value(name: str, dims: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)

    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "gain"], ["y"])],
        "amplifier",
        [value("x", [1, 8]), value("gain", [1, 1])],
        [value("y", [1, 8])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, tmp_path / "amplifier.onnx")
    edgekit.api.export(
        str(tmp_path / "amplifier.onnx"), target="host", out=tmp_path / "build", controls=["gain"]
    )
    build = edgekit.Build.open(tmp_path / "build")
    calls = np.arange(24, dtype=np.float32).reshape(3, 1, 8)
    found = build.run({"x": calls, "gain": np.full((1, 1), 2.0, np.float32)})
    assert isinstance(found, dict) and np.array_equal(found["y"], 2 * calls)
