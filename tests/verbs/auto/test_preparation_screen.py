"""Where a search begins, how much it may take out of int8, and how it goes on: by stubs, nothing is compiled."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.api import silent
from edgekit.judge import preparation_choice
from edgekit.judge.preparation_criterion import Merit
from edgekit.judge.waits import MOST_DRIFT_DB
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.quantize.search.search import Found
from edgekit.verbs.auto import candidate_builds, preparation_screen
from edgekit.verbs.auto import search as auto
from edgekit.verbs.auto.preparation_screen import PreparationScreen, screen_preparations


def preparation(recipe: Recipe) -> tuple[bool, float]:
    return recipe.equalize is True, recipe.migrate


def screening_of(
    monkeypatch: pytest.MonkeyPatch, loss: Callable[[Recipe], float], meets_log: bool = True
) -> PreparationScreen:
    """What a screening finds where a recipe loses this much."""
    quiet = ("pcm", 0.1) if meets_log else None
    criterion: Any = SimpleNamespace(
        merit=lambda recipe: Merit((30.0,), loss(recipe)),
        drift_db=lambda recipe: 0.0,
        levels_text="",
        seen=preparation,
    )
    monkeypatch.setattr(preparation_screen, "PreparationCriterion", lambda *given: criterion)
    monkeypatch.setattr(preparation_choice, "quieter", lambda model: quiet)
    monkeypatch.setattr(preparation_choice, "pcm_input", lambda model: "pcm")
    monkeypatch.setattr(
        preparation_screen, "quantize_observed", lambda seen, recipe, label: (seen, recipe)
    )
    judging: Any = SimpleNamespace(heard=SimpleNamespace(pcm="pcm"))
    model: Any = SimpleNamespace()
    return screen_preparations(model, Calibration((), "x"), judging, silent)


def equal(recipe: Recipe) -> float:
    """Equal channels help; migration and the observer of least error cost."""
    return 10 - 5 * bool(recipe.equalize) + recipe.migrate + (recipe.observer == "mse")


def test_the_best_preparation_comes_first_with_ranges_that_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = screening_of(monkeypatch, equal).recipes
    best = [(True, 0.0), (True, 0.5), (False, 0.0), (False, 0.5)]
    assert [preparation(recipe) for recipe in found] == best
    assert {recipe.observer for recipe in found} == {"percentile"}
    other = screening_of(monkeypatch, lambda recipe: 20 - 1.5 * equal(recipe)).recipes
    assert preparation(other[0]) == (False, 0.5) and other[0].observer == "mse"


def test_quieter_copies_stay_unless_they_cost_much(monkeypatch: pytest.MonkeyPatch) -> None:
    def worse(recipe: Recipe) -> float:
        return equal(recipe) + 9 * bool(recipe.quiet_copies)

    for loss, quiet in ((equal, True), (worse, False)):
        found = screening_of(monkeypatch, loss, meets_log=False).recipes
        assert {recipe.quiet_copies for recipe in found} == {quiet}
    anyway = screening_of(monkeypatch, worse).recipes
    assert {recipe.quiet_copies for recipe in anyway} == {True}  # a logarithm needs them


def test_a_plain_recipe_is_looked_at_in_its_own_preparation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = screening_of(monkeypatch, equal)
    looked: list[Any] = []

    def outlook(quantized: tuple[Any, Recipe]) -> float:
        looked.append(quantized[0])
        return 0.0

    judging: Any = SimpleNamespace(is_ratio=True, outlook=outlook)
    for name in auto.PLAIN:
        plain = auto._plain(name, found.recipes[0], False)
        assert not found.may_be_best(plain, [], 30, 26, judging)
    assert RECIPES["w8a16"].equalize is False
    assert looked == [(True, 0.0), (False, 0.0)]


@pytest.mark.parametrize(
    ("groups", "best", "expected"),
    [
        (100, {0.05: 31.0, 0.2: 33.0}, [(0.05, 30.0, 29.5), (0.2, 30.0, 30.0), (None, 26, 26)]),
        (100, {0.05: 29.0, 0.2: 33.0}, [(0.05, 28.8, 27.5), (0.2, 30.0, 30.0), (None, 26, 26)]),
        (100, {0.05: 25.0, 0.2: 28.0}, [(0.2, 27.8, 26.5), (None, 26, 26)]),
        (100, {0.05: 20.0, 0.2: 25.0}, [(None, 26, 26)]),
        (90, {0.05: 31.0, 0.2: 33.0}, [(0.2, 30.0, 30.0), (None, 26, 26)]),
        (70, {0.05: 31.0, 0.2: 33.0}, [(None, 26, 26)]),
    ],
)
def test_no_more_leaves_int8_than_it_takes(
    monkeypatch: pytest.MonkeyPatch,
    groups: int,
    best: dict[float, float],
    expected: list[tuple[float | None, float, float]],
) -> None:
    space = SimpleNamespace(groups=[SimpleNamespace(macs=groups)])
    candidate: Any = SimpleNamespace(share=None, macs=100, space=space)
    monkeypatch.setattr(
        auto, "limit_candidates", lambda candidates, share: [SimpleNamespace(share=share)]
    )
    monkeypatch.setattr(auto, "best_mix", lambda c, aim, told: Found({}, best[c.share], 1.0))
    judging: Any = SimpleNamespace(thrifty=True, sought=30.0, least=26)
    tiers = auto.shares(candidate, judging, silent)
    made = [(tried[0].share, round(aim, 6), goal) for tried, aim, goal in tiers]  # type: ignore[attr-defined]
    assert made == expected


def test_a_detector_keeps_its_ratio_in_every_share(monkeypatch: pytest.MonkeyPatch) -> None:
    candidate: Any = SimpleNamespace(macs=100, space=SimpleNamespace(groups=[]))
    monkeypatch.setattr(auto, "unknown", lambda candidate: 0)
    monkeypatch.setattr(auto, "limit_candidates", lambda candidates, share: [share])
    judging: Any = SimpleNamespace(thrifty=True, sought=30.0, needed=30.0, least=30.0)
    for best, expected in ((29.0, [30.0]), (31.0, [30.0, 30.0, 30.0])):
        found = Found({}, best, 1.0)
        monkeypatch.setattr(auto, "best_mix", lambda c, aim, told, found=found: found)
        made = auto.shares(candidate, judging, silent)
        assert [goal for _, _, goal in made] == expected


def test_an_aim_rises_beyond_what_was_predicted_and_nothing_is_built_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aims: list[float] = []

    def search(candidate: object, aim: float, told: object) -> Found:
        aims.append(aim)
        return Found({}, 32.0 if aim <= 32 else 40.0, 1.0)

    def measured(seen: object, held: object, predicted: float, alone: object) -> SimpleNamespace:
        return SimpleNamespace(snr_db=predicted - 2.2, is_faithful=True, drift_db=0.0)

    monkeypatch.setattr(candidate_builds, "best_mix", search)
    monkeypatch.setattr(candidate_builds, "recipe_of", lambda candidate, found: found.snr_db)
    monkeypatch.setattr(candidate_builds, "alone", lambda candidate: {})
    judging: Any = SimpleNamespace(is_ratio=True, images=None, measured=measured)
    candidate: Any = SimpleNamespace(seen=None, held=None)
    assert candidate_builds.raise_aim([candidate], 30, 30, judging, silent).snr_db == pytest.approx(
        37.8
    )
    assert aims == pytest.approx([30, 32 + 0.2 + candidate_builds.MORE_DB])


@pytest.mark.parametrize(
    ("drifts", "built"),
    [([0.2], 1), ([2.0, 0.2], 2), ([2.0, 1.9], 2), ([2.0, 1.0, 0.2], 3), ([0.6, 0.1], 2)],
)
def test_an_aim_rises_while_that_makes_a_network_steadier(
    monkeypatch: pytest.MonkeyPatch, drifts: list[float], built: int
) -> None:
    made = list[float]()

    def measured(*given: object) -> SimpleNamespace:
        made.append(drifts[len(made)])
        return SimpleNamespace(
            snr_db=40.0, is_faithful=made[-1] <= MOST_DRIFT_DB, drift_db=made[-1]
        )

    monkeypatch.setattr(candidate_builds, "without_drift", lambda c, found, judging, built: built)
    monkeypatch.setattr(candidate_builds, "best_mix", lambda c, aim, told: Found({}, aim, 1.0))
    monkeypatch.setattr(candidate_builds, "recipe_of", lambda candidate, found: found.snr_db)
    monkeypatch.setattr(candidate_builds, "alone", lambda candidate: {})
    judging: Any = SimpleNamespace(is_ratio=True, images=None, measured=measured)
    candidate: Any = SimpleNamespace(seen=None, held=None)
    candidate_builds.raise_aim([candidate], 30, 30, judging, silent)
    assert len(made) == built
