"""The last net of the command line: what nobody expected says where it was, and what to report."""

import errno
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_networks

from edgekit import api, cli
from edgekit.base.errors import InternalError, ToolError
from edgekit.cli.net import DEBUG, explain_error


def broken(error: BaseException) -> Callable[..., None]:
    """A verb that fails in its second stage."""

    def verb(*_: object, progress: Callable[[str, int, int], None], **__: object) -> None:
        progress("import", 0, 1)
        progress("lower", 0, 1)
        raise error

    return verb


@pytest.mark.parametrize(
    "error", [KeyError("cubic"), ZeroDivisionError("by 0"), RecursionError(), AssertionError()]
)
@pytest.mark.parametrize("as_json", [False, True])
def test_an_unexpected_error_names_its_stage_and_the_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    as_json: bool,
) -> None:
    path = tiny_networks.recurrent(tmp_path / "net.onnx")
    monkeypatch.setattr(api, "export", broken(error))
    monkeypatch.delenv(DEBUG)
    flags = ["--json"] if as_json else []
    command = [
        "edgekit",
        "export",
        str(path),
        "--target",
        "host",
        "-o",
        str(tmp_path / "o"),
        *flags,
    ]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    said = capsys.readouterr()
    text = json.loads(said.out)["error"]["message"] if as_json else said.err
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for part in ("in stage 'lower'", type(error).__name__, f"net.onnx, sha256:{digest}", DEBUG):
        assert part in text.replace("\n", "")
    assert "Traceback" not in said.err and str(tmp_path) not in text


@pytest.mark.slow
def test_without_the_net_the_traceback_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "export", broken(KeyError("cubic")))
    monkeypatch.setenv(DEBUG, "1")
    monkeypatch.setattr(sys, "argv", ["edgekit", "export", "x.onnx", "--target", "host", "-o", "o"])
    with pytest.raises(KeyError):
        cli.main()


def test_what_is_no_defect_is_told_as_such() -> None:
    assert isinstance(explain_error(KeyError("a"), [], []), InternalError)
    told = explain_error(MemoryError(), ["verify"], [])
    assert isinstance(told, ToolError) and "memory ran out in stage 'verify'" in str(told)
    told = explain_error(OSError(errno.EIO, "Input/output error", "a.wav"), [], [])
    assert type(told) is ToolError and str(told) == "a.wav: Input/output error"
    told = explain_error(ModuleNotFoundError("no", name="onnx.helper"), [], [])
    assert "onnx is not installed" in str(told)
