"""`--quiet` prints errors alone, `--verbose` times and the user's tracebacks."""

import json
import subprocess
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


PRINTS = """
import os
import numpy as np
import torch
print("import")
class Net(torch.nn.Module):
    def forward(self, x):
        print("forward")
        return 2 * x
def make():
    print("factory")
    os.system("echo child")
    os.write(1, b"C\\n")
    return Net(), torch.zeros(1, 4)
def metric(outputs, exact, clean):
    print("metric")
    return 1.0
def clips():
    print("clips")
    return [np.full((8, 1, 4), level, np.float32) for level in (1, 2, 3, 4)]
"""


def test_json_is_alone_on_stdout_though_user_code_prints(tmp_path: Path) -> None:
    (tmp_path / "prints.py").write_text(PRINTS)
    words = "export prints:make --target onnxruntime --recipe w8a8 --calibration prints:clips -o b"
    judged = "--metric prints:metric --min-snr 0 --json"
    command = [sys.executable, "-m", "edgekit", *words.split(), *judged.split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["manifest"]["target"] == "onnxruntime"
    printed = set(done.stderr.splitlines())
    assert printed >= {"import", "factory", "child", "C", "forward", "metric", "clips"}


def test_json_of_an_error_is_alone_on_stdout(run: Run, tmp_path: Path) -> None:
    (tmp_path / "prints_and_fails.py").write_text("print('import')\nmake = None\n")
    code, out, err = run("export", "prints_and_fails:make", "--target", "host", "-o", "b", "--json")
    assert code == 2 and json.loads(out)["error"]["exit_code"] == 2 and "import" in err


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
