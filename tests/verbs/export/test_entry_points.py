"""What a request needs is looked for before the work is loaded."""

from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.base.errors import ToolError, UsageError
from edgekit.verbs import doctor
from edgekit.verbs.export.entry_points import check_tools, prune


def test_a_missing_tool_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    request: Any = SimpleNamespace(source="net.onnx", needs=["verilator"])
    with pytest.raises(ToolError, match="verilator is not installed"):
        check_tools(request)


def test_a_factory_that_is_not_there_is_told() -> None:
    request: Any = SimpleNamespace(source="no_such_module:build", needs=[])
    with pytest.raises(UsageError, match="no_such_module"):
        prune(request, lambda *_: None)
    check_tools(SimpleNamespace(source="os:getcwd", needs=[]))
