"""The rows of `diffusion_table`: recipes that are held to a goal, and one factor at a time around them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from quality.diffusion_calibrations import SOURCES

from edgekit.demos.show_digits import W4A8_RECIPE
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.quantize.recipe_file import find_recipe

W8A8, W4A8, PLAIN_W4A8 = RECIPES["w8a8"], find_recipe(str(W4A8_RECIPE)), RECIPES["w4a8"]
TRAJECTORY = "uniform"


@dataclass(frozen=True)
class Case:
    """A row: what is varied, the recipe, what it is calibrated on, and whether it is held to a goal."""

    factor: str
    name: str
    recipe: Recipe
    source: str = TRAJECTORY
    goal: bool = False
    keys: str = ""  # of encoder propagation


def cases() -> list[Case]:
    """The recipes that are held to a goal, then one factor at a time around w8a8 and the demo's w4a8."""
    found = [
        Case("recipe", "W8A8", W8A8, goal=True),
        Case("recipe", "W8A8, 10 step groups", replace(W8A8, step_groups=10), goal=True),
        Case("recipe", "W8A8, scales of each step", replace(W8A8, step_groups=20), goal=True),
        Case("recipe", "W4A8", W4A8, goal=True),
        Case("recipe", "W8A8, encoder propagation", W8A8, goal=True, keys="saving:0.2"),
    ]
    found += [Case("calibration", name, W8A8, name) for name in SOURCES]
    int16: Mapping[str, Any] = {"activations": "int16", "products": "int16"}
    factors: tuple[tuple[str, Recipe, Sequence[tuple[str, Mapping[str, Any]]]], ...] = (
        ("activations", W8A8, [("int8", {}), ("int16", int16)]),
        ("x and output", W8A8, [("int16", {}), ("int8", {"sampled": "int8"})]),
        ("ranges", W8A8, [(o, {"observer": o}) for o in ("mse", "minmax", "percentile99.9", "entropy")]),
        ("step groups of W8", W8A8, [(str(n), {"step_groups": n}) for n in (1, 2, 5, 10, 20)]),
        ("split shortcut of W8", W8A8, [("no", {}), ("yes", {"split_shortcut": True})]),
        ("sampler correction of W8", W8A8, [("no", {}), ("PTQD", {"correct_sampler": True})]),
        ("weights", PLAIN_W4A8, [("int4 in all layers", {}), ("int4, split shortcut", {"split_shortcut": True})]),
        ("weights", W4A8, [("int4, some layers int8", {}), ("int8", {"weights": "int8", "layers": {}})]),
        ("rounding of W4", W4A8, [(r, {"rounding": r}) for r in ("nearest", "gptq", "adaround")]),
        ("bias correction of W4", W4A8, [("yes", {}), ("no", {"bias_correction": False})]),
        ("split shortcut of W4", W4A8, [("yes", {}), ("no", {"split_shortcut": False})]),
        ("step groups of W4", W4A8, [("1", {"step_groups": 1}), ("10", {"step_groups": 10})]),
        ("sampler correction of W4", W4A8, [(n, {"correct_sampler": c}) for n, c in (("no", False), ("PTQD", True))]),
    )  # fmt: skip
    for factor, recipe, values in factors:
        found += [Case(factor, name, replace(recipe, **fields)) for name, fields in values]
    return found + [
        Case("encoder propagation", keys or "none", W8A8, keys=keys)
        for keys in ("", "saving:0.2", "every:2", "paper")
    ]
