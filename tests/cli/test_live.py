"""The screen of a live stream."""

from typing import Any

import pytest

from edgekit.cli.live import computing_summary, level, losses, picture, show
from edgekit.runtime.audio.live import LiveFacts

FACTS: dict[str, Any] = {
    "hops": 1000,
    "hop_us": 5000.0,
    "median_us": 1200.0,
    "max_us": 7000.0,
    "deadline_misses": 2,
    "dropped_hops": 3,
    "late_samples": 480,
    "xruns": {"input_overflow": 1, "output_underflow": 0},
    "in_dbfs": -30.0,
    "out_dbfs": None,
    "dry": False,
    "latency_samples": 512,
    "latency_ms": 32.0,
}


def test_a_bar_is_half_full_at_half_of_the_range() -> None:
    assert level("in", -30.0) == f"in    {'#' * 20}{'.' * 20} -30.0 dBFS"
    assert level("in", None).endswith("silent") and "#" not in level("in", None)
    assert level("in", 6.0).count("#") == 40


def test_what_was_lost_is_named() -> None:
    facts = LiveFacts(**FACTS)
    assert losses(facts) == "input overflow 1, 480 samples late, 3 hops left out"
    assert computing_summary(facts) == "1.2 ms each, longest 7; 2 of 1,000 took longer than 5 ms"
    quiet = LiveFacts(**{**FACTS, "xruns": {}, "late_samples": 0, "dropped_hops": 0})
    assert losses(quiet) == "nothing"
    assert computing_summary(LiveFacts(**{**FACTS, "median_us": None})) == "none yet"


def test_a_build_that_decides_shows_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    text = picture(LiveFacts(**{**FACTS, "plays": False}))
    assert "nothing yet" in text and "\nout " not in text
    show(LiveFacts(**FACTS))
    assert "32 ms and what the device adds" in capsys.readouterr().out
