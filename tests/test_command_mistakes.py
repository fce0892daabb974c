"""A hundred mistakes at the command line and more: each is answered with what was found, what is allowed, what to do.

`python bench mistakes` makes them in processes of their own, and measures how long each answer takes.
"""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from robustness.mistakes import Mistake, faults, make_files, mistakes

from edgekit import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("mistakes")
    make_files(made)
    handler = signal.getsignal(signal.SIGTERM)
    yield made
    signal.signal(signal.SIGTERM, handler)
    for name in ("mine", "broken", "syntax"):
        sys.modules.pop(name, None)


def test_there_are_a_hundred() -> None:
    assert len(mistakes()) > 100


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda mistake: mistake.arguments)
def test_a_mistake_is_answered(
    mistake: Mistake,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["edgekit", *mistake.words()])
    before = set(folder.iterdir())
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert faults(mistake, int(ended.value.code or 0), said.out, said.err) == []
    assert set(folder.iterdir()) - before <= {folder / "__pycache__"}
