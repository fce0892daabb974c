"""The search for types: on noises that add up, on a small network whose grids are set while it runs."""

import numpy as np
import pytest
from builds import float_model
from search_spaces import COSTS, add_up, additive, found, quiet

from edgekit.quantize.search.search import (
    Ranking,
    _steps,
    decibels,
    limit_options,
    rank,
    search,
)
from edgekit.quantize.search.space import Group, Option, Space


@pytest.mark.parametrize(
    ("min_snr_db", "options"),
    [
        (15, (0, 0, 0, 0)),
        (26, (0, 0, 0, 2)),
        (29, (1, 0, 0, 2)),
        (35, (1, 1, 0, 2)),
        (80, (2, 2, 1, 2)),
    ],
)
def test_what_takes_away_most_noise_for_its_cost_is_raised_first(
    min_snr_db: float, options: tuple[int, ...]
) -> None:
    result = found(min_snr_db)
    assert tuple(result.chosen[i] for i in range(4)) == options
    assert result.snr_db >= min_snr_db
    assert result.cost == sum(COSTS[i][option] for i, option in enumerate(options))


@pytest.mark.parametrize(("cheap", "options"), [(0.0, (0, 0, 0, 2)), (0.01, (1, 0, 1, 2))])
def test_a_step_that_costs_next_to_nothing_is_not_undone(
    monkeypatch: pytest.MonkeyPatch, cheap: float, options: tuple[int, ...]
) -> None:
    """The fourth group alone suffices; the first and the third cost 1 of 412 more, the second 10."""
    monkeypatch.setattr("edgekit.quantize.search.search.CHEAP", cheap)
    result = found(26)
    assert tuple(result.chosen[i] for i in range(4)) == options


def test_steps_of_a_group_stay_in_their_order() -> None:
    """The second step of the first group costs next to nothing, the first does not."""
    costs, noises = ((1600, 2800, 3200, 9000), (1e6, 2e6)), ((1.0, 0.1, 0.01, 0.0), (1.0, 0.0))
    groups = tuple(
        Group((f"t{i}",), 0, tuple(Option("int16", "int16", cost, {}) for cost in each))
        for i, each in enumerate(costs)
    )
    steps = [step for step in _steps(groups, Ranking(noises, 0.01)) if step.group == 0]
    assert [(step.before, step.after) for step in steps] == [(0, 1), (1, 2), (2, 3)]


def test_a_search_that_cannot_succeed_gives_the_best() -> None:
    space = additive()

    def with_floor(tables: list[np.ndarray], progress: object) -> list[float]:
        return [power + 1e-3 for power in add_up(tables, progress)]

    result = search(space, rank(space, with_floor, quiet), with_floor, 40.0, quiet)  # type: ignore[arg-type]
    assert result.snr_db == pytest.approx(30)
    assert set(result.chosen.values()) == {2}


def test_only_so_many_multiply_accumulates_leave_int8_and_those_first_that_are_worth_most() -> None:
    macs, noises = (30, 10, 50), (1e-2, 1e-3, 1e-2)
    groups = tuple(
        Group(
            (f"t{i}",),
            count,
            (
                Option("int8", "int8", count, {}),
                Option("int16", "int16", 2 * count, {}, wide_macs=count),
                Option("float32", "float32", 4 * count, {}, wide_macs=2 * count),
            ),
        )
        for i, count in enumerate(macs)
    )
    space = Space(float_model("gru_mask"), groups, np.zeros((0, 3), np.float32))
    ranking = Ranking(tuple((noise, noise / 100, 0.0) for noise in noises), 0.0)

    def left(most: float) -> list[int]:
        kept, ranked = limit_options(space, ranking, most)
        assert [len(n) for n in ranked.noises] == [len(g.options) for g in kept.groups]
        return [max(o.wide_macs for o in group.options) for group in kept.groups]

    assert left(0) == [0, 0, 0]
    assert left(45) == [30, 10, 0]
    assert left(85) == [30, 0, 50]
    assert left(91) == [30, 10, 50]


def test_decibels_of_nothing_are_infinite() -> None:
    assert decibels(0.0) == np.inf
    assert decibels(0.01) == pytest.approx(20)
