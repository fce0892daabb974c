"""Which decisions an error turns."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from edgekit.judge.decisions import Decisions, decisions_of


def test_a_sigmoid_says_yes_from_a_half_and_a_softmax_the_largest() -> None:
    assert decisions_of(np.array([0.2, 0.5, 0.9]), "Sigmoid").tolist() == [False, True, True]
    assert decisions_of(np.array([[0.2, 0.8], [0.6, 0.4]]), "Softmax").tolist() == [1, 0]


def test_twice_the_error_counts_of_the_worst_output() -> None:
    exact = np.array([0.4, 0.45, 0.9, 0.1])
    judged: Any = SimpleNamespace(
        ends={"a": "Sigmoid", "b": "Sigmoid"}, _exact=[{"a": exact, "b": exact}]
    )
    outputs = {"a": exact + 0.04, "b": exact}
    assert Decisions.turned(judged, 0, outputs) == 0.25  # 0.45 + 0.08 is above a half, 0.48 not
    assert Decisions.turned(judged, 0, {"a": exact, "b": exact}) == 0.0
