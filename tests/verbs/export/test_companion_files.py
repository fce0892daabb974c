"""What goes with the C of a build, and what does not."""

from typing import Any

import pytest

from edgekit.verbs.export.companion_files import read_companions
from edgekit.verbs.export.option_checks import read_options
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.targets import TARGETS


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        ("c99", {"bindings": ["cobol"]}, "--bindings 'cobol': unknown"),
        ("onnxruntime", {"bindings": ["cpp"]}, "--bindings cpp: target 'onnxruntime'"),
        ("c99", {"packages": {"zephyr": "1.2"}}, "--package zephyr: '1.2'"),
        ("host", {"packages": {"zephyr": ""}}, "target 'host', whose build is not C for others"),
        ("c99", {"packages": {"rpm": ""}}, "--package 'rpm': unknown"),
        ("c99", {"packages": {"zephyr": ""}, "sampler": "x.toml"}, "images of a sampler"),
    ],
)
def test_what_does_not_go_with_the_target(target: str, options: dict[str, Any], said: str) -> None:
    _, problems = read_companions(read_options(options, ExportOptions), TARGETS[target])
    assert any(said.replace("others", "other machines") in str(problem) for problem in problems)


def test_a_package_has_a_version_and_a_binding_is_there_once() -> None:
    given = {"packages": {"zephyr": "", "arduino": "2.0.0"}, "bindings": ["cpp", "cpp"]}
    found, problems = read_companions(read_options(given, ExportOptions), TARGETS["c99"])
    assert problems == [] and found.bindings == ("cpp",) and found.board is None
    assert found.packages["arduino"] == "2.0.0" and found.packages["zephyr"].count(".") == 2
