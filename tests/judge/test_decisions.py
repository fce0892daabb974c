"""Which decisions an error turns."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgekit.judge.decisions import CLIP_SHAPE, Decisions, decisions_of, least_alike


def test_a_sigmoid_says_yes_from_a_half_and_a_softmax_the_largest() -> None:
    assert decisions_of(np.array([0.2, 0.5, 0.9]), "Sigmoid").tolist() == [False, True, True]
    assert decisions_of(np.array([[0.2, 0.8], [0.6, 0.4]]), "Softmax").tolist() == [1, 0]


def test_twice_the_error_counts_with_either_sign_of_the_worst_output() -> None:
    exact = np.array([0.4, 0.45, 0.9, 0.1])
    judged: Any = SimpleNamespace(
        ends={"a": "Sigmoid", "b": "Sigmoid"}, _exact=[{"a": exact, "b": exact}]
    )
    outputs = {"a": exact + 0.04, "b": exact}
    # 0.45 + 0.08 is above a half, 0.48 not, nor is 0.45 - 0.08: one of eight
    assert Decisions.turned(judged, 0, outputs) == 0.125
    assert Decisions.turned(judged, 0, {"a": exact - 0.04, "b": exact}) == 0.125
    assert Decisions.turned(judged, 0, {"a": exact, "b": exact}) == 0.0


def test_changes_that_cluster_by_clip_have_a_larger_standard_error() -> None:
    judged: Any = SimpleNamespace(count=1000)
    few = Decisions.expected_share(judged, [0.02, *[0.0] * 7])  # 2.5 of 1000
    assert few == pytest.approx((0.0025 + np.sqrt(0.0025 / 1000 * (1 + 2.5 / 8 / CLIP_SHAPE))) / 2)
    assert Decisions.expected_share(judged, [0.0] * 8) == Decisions.expected_share(judged, []) == 0


@pytest.mark.parametrize(
    ("changed", "decisions", "clips", "most"),
    [
        (0, 1000, 8, 0.013),
        (1, 1000, 8, 0.017),
        (9, 1000, 8, 0.053),
        (0, 250, 2, 0.312),  # two clips say next to nothing
        (2, 2500, 20, 0.0056),
        (20, 20, 4, 1.0),
    ],
)
def test_few_changes_on_few_clips_bound_those_on_others(
    changed: int, decisions: int, clips: int, most: float
) -> None:
    assert least_alike(changed, decisions, clips) == pytest.approx(1 - most, abs=1e-9)


@pytest.mark.parametrize("mean", [0.02, 0.3, 1.0, 5.0])  # changes of a clip
@pytest.mark.parametrize("clips", [4, 8, 20])
def test_the_limit_holds_for_clustered_changes(mean: float, clips: int) -> None:
    random, cases, inside = np.random.default_rng(0), 400, 0
    for _ in range(cases):
        rates = random.gamma(CLIP_SHAPE, mean / CLIP_SHAPE, (2, clips))
        found, others = random.poisson(rates).sum(axis=1)
        most = 1 - least_alike(int(found), 125 * clips, clips)
        inside += others <= 125 * clips * most + 1e-6
    assert inside / cases > 0.96  # 97.5 % at least are meant
