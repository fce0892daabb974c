"""The verbs of Python: those of other modules are found by name, and nothing else."""

import inspect
from pathlib import Path
from typing import Any

import pytest

from edgekit import api
from edgekit.verbs import files


def test_every_verb_of_another_module_is_found() -> None:
    for name, module in api.MODULES.items():
        assert getattr(api, name).__module__.startswith(module.rpartition(".")[0])
    with pytest.raises(AttributeError, match="no attribute 'exprot'"):
        api.exprot  # type: ignore[attr-defined]  # noqa: B018


def test_every_verb_tells_its_progress() -> None:
    for name in ("export", "stream", "quantize", "run", "sample", "invert", "bench", "fleet"):
        assert inspect.signature(getattr(api, name)).parameters["progress"].default is api.silent


def test_files_by_name_reach_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    monkeypatch.setattr(files, "run", lambda *given: taken.extend(given) or ())
    api.run("build", {"a": "a.wav"}, "out.wav", controls=["k=1"], found="f.json")
    directory, source, out, opening, _, found = taken
    assert (directory, source, out) == ("build", {"a": Path("a.wav")}, Path("out.wav"))
    assert opening.turns == ["k=1"] and found == Path("f.json")
