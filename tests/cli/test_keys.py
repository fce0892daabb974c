"""Keys come from a terminal alone."""

import sys
import time

import pytest

from edgekit.cli.keys import keys


def test_without_a_terminal_no_key_comes_and_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    monkeypatch.setattr(time, "sleep", slept.append)
    with keys() as poll:
        assert poll(0.25) == ""
    assert slept == [0.25]
