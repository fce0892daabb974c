"""Builds of one preparation: the aim is raised until one is good enough, then lowered as far as it stays so."""

from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.api import silent
from edgekit.judge.candidates import MOST_TURNED, Auto
from edgekit.quantize.search.search import Found
from edgekit.verbs.auto import candidate_builds

ENOUGH_DB = 33.0  # decisions are alike from there on


def test_a_mix_far_above_its_aim_is_not_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    aims: list[float] = []

    def best_mix(_: Any, aim: float, __: Any) -> Found:
        """Return a mix at its aim; beyond 24 dB the first search jumps to 60."""
        aims.append(aim)
        ratio = 60.0 if aim > 24 and len(aims) <= 4 else aim
        return Found({}, ratio, ratio)

    def measured(_: Any, __: Any, recipe: Any, ___: Any) -> Auto:
        ratio = float(recipe.name)
        turned = 0.0 if ratio >= ENOUGH_DB else 2 * MOST_TURNED
        quantized: Any = None
        return Auto(recipe, quantized, quantized, ratio, ratio, {}, turned)

    monkeypatch.setattr(candidate_builds, "best_mix", best_mix)
    monkeypatch.setattr(candidate_builds, "alone", lambda _: {})
    monkeypatch.setattr(
        candidate_builds, "recipe_of", lambda _, found: SimpleNamespace(name=str(found.snr_db))
    )
    judging: Any = SimpleNamespace(measured=measured, is_ratio=True, images=None)
    candidate: Any = SimpleNamespace(seen=None, held=None)
    built = candidate_builds.raise_aim([candidate], 20.0, 10.0, judging, silent)
    assert ENOUGH_DB <= built.cost <= ENOUGH_DB + candidate_builds.NEAR_AIM_DB
    assert built.is_faithful and len(aims) < 10
