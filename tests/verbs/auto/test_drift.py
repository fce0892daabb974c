"""Types are widened until sound does not drift after waits, and no wider than that takes."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from builds import float_model

from edgekit.quantize.search.space import Group, Option
from edgekit.verbs.auto import drift

NARROW, STORED, WIDE = range(3)  # options: int8, int16 that products read as int8, int16
COUNT = 6


def widened(
    monkeypatch: pytest.MonkeyPatch, steady: Callable[[Mapping[int, int]], bool]
) -> dict[int, int] | None:
    """Return the options of `COUNT` groups that are int8 at first, where this says what does not drift."""
    options = tuple(
        Option(stored, read, cost, {})
        for stored, read, cost in (
            ("int8", "int8", 1.0),
            ("int16", "int8", 2.0),
            ("int16", "int16", 4.0),
        )
    )
    space: Any = SimpleNamespace(groups=[Group((f"t{i}",), 1, options) for i in range(COUNT)])
    meter = SimpleNamespace(select_worst_wait=lambda chosen: None, is_steady=steady)
    monkeypatch.setattr(drift, "_DriftMeter", lambda *_: meter)
    waits: Any = None
    chosen = dict.fromkeys(range(COUNT), NARROW)
    return drift.widen_against_drift(space, chosen, float_model("gru_mask"), waits)


def test_only_what_stops_the_drift_is_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    found = widened(monkeypatch, lambda chosen: chosen[1] > NARROW and chosen[4] > NARROW)
    assert found == {**dict.fromkeys(range(COUNT), NARROW), 1: STORED, 4: STORED}


def test_products_read_int16_where_storing_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = widened(monkeypatch, lambda chosen: chosen[2] == WIDE)
    assert found == {**dict.fromkeys(range(COUNT), NARROW), 2: WIDE}


def test_nothing_is_found_where_no_types_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert widened(monkeypatch, lambda chosen: False) is None


def test_groups_next_to_states_come_first() -> None:
    model = float_model("gru_mask")
    (state, *_) = [pair.output for pair in model.states]
    first = str(model.stream_inputs[0].name)
    space: Any = SimpleNamespace(groups=[Group((name,), 1, ()) for name in ("other", first, state)])
    assert drift._groups_from_states(space, model) == [2, 1, 0]
