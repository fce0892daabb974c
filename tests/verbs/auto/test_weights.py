"""When `auto` fits weights: where rounding them takes much of what is asked, and fitting gives some of it back."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.quantize.recipe import AUTO, NEAREST, SHAPED, Recipe
from edgekit.verbs.auto import weights
from edgekit.verbs.auto.weights import with_exact, with_rounding


@pytest.mark.parametrize(
    ("nearest", "fitted", "is_ratio", "in_parts", "taken"),
    [
        (30.0, 36.0, True, True, SHAPED),
        (39.9, 45.0, True, True, SHAPED),
        (40.1, 45.0, True, True, NEAREST),
        (30.0, 30.4, True, True, NEAREST),
        (30.0, 36.0, False, True, NEAREST),
        (30.0, 36.0, True, False, NEAREST),
    ],
)
def test_weights_are_fitted_where_that_counts(
    monkeypatch: pytest.MonkeyPatch,
    nearest: float,
    fitted: float,
    is_ratio: bool,
    in_parts: bool,
    taken: str,
) -> None:
    monkeypatch.setattr(weights, "quantize_observed", lambda seen, recipe, label: recipe)

    def outlook(recipe: Recipe) -> float:
        assert recipe.products == recipe.activations == "int16"
        return {NEAREST: nearest, SHAPED: fitted}[recipe.rounding]

    judging: Any = SimpleNamespace(
        needed=30.0,
        is_ratio=is_ratio,
        in_parts=in_parts,
        decides=False,
        outlook=outlook,
        turned=lambda made: 0.0,
    )
    held: Any = SimpleNamespace(is_slow=False)
    recipe, ratio = with_rounding(held, AUTO, judging)
    assert recipe.rounding == taken and recipe.products == AUTO.products
    slow: Any = SimpleNamespace(is_slow=True)
    assert with_rounding(slow, AUTO, judging)[0].rounding == SHAPED
    counts = is_ratio and in_parts and nearest < 40
    assert ratio == ({NEAREST: nearest, SHAPED: fitted}[taken] if counts else math.inf)


@pytest.mark.parametrize(
    ("nearest", "fitted", "decides", "taken"),
    [
        (0.0037, 0.0013, True, SHAPED),
        (0.0037, 0.0040, True, NEAREST),
        (0.0004, 0.0001, True, NEAREST),
        (0.0037, 0.0013, False, NEAREST),
    ],
)
def test_weights_of_detectors_are_fitted_where_that_turns_fewer_decisions(
    monkeypatch: pytest.MonkeyPatch, nearest: float, fitted: float, decides: bool, taken: str
) -> None:
    """Of PCM, and whatever the ratio."""
    monkeypatch.setattr(weights, "quantize_observed", lambda seen, recipe, label: recipe)
    turned = {NEAREST: nearest, SHAPED: fitted}
    judging: Any = SimpleNamespace(
        needed=30.0,
        is_ratio=True,
        in_parts=False,
        decides=decides,
        outlook=lambda recipe: 43.0,
        turned=lambda recipe: turned[recipe.rounding],
    )
    held: Any = SimpleNamespace(is_slow=False)
    assert with_rounding(held, AUTO, judging)[0].rounding == taken


@pytest.mark.parametrize(("exact", "taken"), [(32.0, {"y": "float32"}), (31.4, {})])
def test_small_layers_that_rounding_drowns_stay_in_float_where_that_is_better(
    monkeypatch: pytest.MonkeyPatch, exact: float, taken: dict[str, str]
) -> None:
    """Of four layers one is not drowned, one is too large, and one is read by that one."""
    nodes = [
        SimpleNamespace(name=name, outputs=[SimpleNamespace(name=name[-1])])
        for name in ("to_w", "to_x", "to_y", "to_z")
    ]
    noises = {"to_w": 0.5, "to_x": 1e-5, "to_y": 0.1, "to_z": 1.0}
    fits = {(name, 1): SimpleNamespace(noise=noise) for name, noise in noises.items()}
    graph = SimpleNamespace(graph=nodes)
    leaving = {"w": {"to_w", "to_z"}, "y": {"to_y"}, "z": {"to_z"}}

    def types(recipe: Recipe) -> Any:
        left = set().union(*(leaving[name] for name in recipe.tensors))
        return SimpleNamespace(integer_nodes=macs.keys() - left)

    model = SimpleNamespace(ir=graph)
    held: Any = SimpleNamespace(fits={"": fits}, model=model, plan_types=types)
    monkeypatch.setattr(weights, "quantize_observed", lambda seen, recipe, label: recipe)
    monkeypatch.setattr(weights, "result_of", lambda node: node.outputs[0].name)
    judging: Any = SimpleNamespace(
        needed=30.0, outlook=lambda recipe: exact, turned=lambda recipe: 0.0
    )
    macs = {"to_w": 1, "to_x": 1, "to_y": 19, "to_z": 79}
    assert with_exact(held, AUTO, 31.0, judging, macs).tensors == taken
    assert with_exact(held, AUTO, 33.0, judging, macs) is AUTO
    if taken:  # nothing less does
        assert with_exact(held, AUTO, 29.0, judging, macs).tensors.keys() == {"w", "y", "z"}
