"""A network as a build of LiteRT, and what no file of one network holds."""

import pytest
from one_node import network

from edgekit.targets.litert.lower import MODEL_NAME, check_litert, lower_litert

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_a_build_is_one_file_and_its_facts() -> None:
    model = network("float[2,3] x", "float[2,3] y", "y = Tanh (x)")
    build = lower_litert(model, "litert")
    assert check_litert(model) == [] and list(build.files) == [MODEL_NAME]
    assert build.files[MODEL_NAME][4:8] == b"TFL3"
    assert [tensor.name for tensor in build.manifest.stream_outputs] == ["y"]


def test_every_operator_without_a_form_is_named() -> None:
    nodes = "a = Det (x)\nb = Det (z)\ny = Add (a, b)"
    model = network("float[2,2] x, float[2,2] z", "float[] y", nodes)
    found = check_litert(model)
    assert [problem.where.split()[0] for problem in found] == ["Det", "Det"]
    assert {problem.found for problem in found} == {"the target has no such operator"}
