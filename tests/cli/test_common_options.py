"""`--quiet` prints errors alone, `--verbose` times and the user's tracebacks."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_networks

from edgekit import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in a folder with a network and a factory that fails; returns code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    tiny_networks.recurrent(tmp_path / "net.onnx")
    (tmp_path / "wrong_factory.py").write_text("def make():\n    return {}['weights']\n")
    (tmp_path / "wrong_module.py").write_text("def make(:\n")
    (tmp_path / "sized.py").write_text("def make(size, *more, **rest):\n    return size\n")

    def edgekit(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edgekit", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return edgekit


def test_quiet_prints_errors_alone(run: Run) -> None:
    words = ("export", "net.onnx", "--target", "onnxruntime", "-o", "b")
    assert run(*words, "-q") == (0, "", "")
    code, out, err = run(*words, "-q")
    assert (code, out) == (2, "") and "holds a build" in err
    code, out, _ = run("inspect", "b", "--quiet", "--json")
    assert code == 0 and out.startswith("{")  # what was asked for
    assert run("inspect", "b")[1] != ""


def test_verbose_prints_the_time_of_each_stage(run: Run) -> None:
    code, _, err = run("export", "net.onnx", "--target", "onnxruntime", "-o", "b", "-v")
    assert code == 0 and "import: " in err and err.rstrip().endswith(" s")


def test_quiet_and_verbose_exclude_each_other(run: Run) -> None:
    code, _, err = run("targets", "-q", "-v")
    assert code == 2 and "given with --quiet" in err


def test_an_error_in_a_factory_is_its_line_and_with_verbose_its_traceback(run: Run) -> None:
    words = ("export", "wrong_factory:make", "--target", "host", "-o", "b")
    code, _, err = run(*words)
    line = "raised KeyError: 'weights', in wrong_factory.py line 2: return {}['weights']"
    assert code == 2 and line in err and "Traceback" not in err and "-v prints" in err
    code, _, err = run(*words, "-v")
    assert code == 2 and line in err and "Traceback" in err and 'wrong_factory.py", line 2' in err


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("wrong_module:make", "SyntaxError: invalid syntax, in wrong_module.py line 1: def make(:"),
        ("sized:make", "'sized:make': needs size"),
    ],
)
def test_a_factory_that_cannot_be_called_is_refused(run: Run, source: str, says: str) -> None:
    code, _, err = run("export", source, "--target", "host", "-o", "b")
    assert code == 2 and says in err
