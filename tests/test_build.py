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
