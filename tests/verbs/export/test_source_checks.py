"""What is wrong with a source before it is loaded."""

from pathlib import Path
from typing import Any

import pytest
from tiny_networks import FRONTEND, recurrent

from edgekit.export.frontend.spec import parse_forms
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.source_checks import source_problems

FACTORY = "package.module:factory"


@pytest.mark.parametrize(
    ("source", "options", "where", "found"),
    [
        ("gone.onnx", {}, "model 'gone.onnx'", "does not exist"),
        ("module.function", {}, "model 'module.function'", "neither a file nor a factory"),
        (FACTORY, {"constants": {"a": 1}}, "--constant a", "not an .onnx"),
        (FACTORY, {"frontend": parse_forms(FRONTEND)}, "--frontend", "no sample rate"),
        (FACTORY, {"replace": {"pad": None}, "causal": True}, "--causal", "streaming form"),
    ],
)
def test_each_is_named(source: str, options: dict[str, Any], where: str, found: str) -> None:
    (problem,) = source_problems(source, ImportOptions(**options))
    assert problem.where == where and found in problem.found


def test_a_second_network_needs_two_files_and_a_front_end(tmp_path: Path) -> None:
    path = str(recurrent(tmp_path / "net.onnx"))
    found = source_problems(FACTORY, ImportOptions(then="gone.onnx"))
    assert [problem.found for problem in found] == [
        "does not exist",
        f"after '{FACTORY}'",
        "no --frontend",
    ]
    options = ImportOptions(then=path, frontend=parse_forms(FRONTEND), sample_rate=16_000)
    assert source_problems(path, options) == []
