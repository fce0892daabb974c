"""The rows of `diffusion_table`: recipes that are held to a goal, and one factor at a time around them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from diffusion_calibrations import SOURCES

from edgekit.quantize.recipe import RECIPES, Recipe

W8A8, W4A8 = RECIPES["w8a8"], RECIPES["w4a8"]
TRAJECTORY = "uniform"


@dataclass(frozen=True)
class Case:
    """A row: what is varied, the recipe, what it is calibrated on, and how many seeds it is drawn from."""

    factor: str
    name: str
    recipe: Recipe
    source: str = TRAJECTORY
    all_seeds: bool = False
    keys: str = ""  # of encoder propagation
    correction: bool = False


def cases() -> list[Case]:
    """The recipes that are held to a goal, then one factor at a time around w8a8, rounding around w4a8."""
    found = [
        Case("recipe", "W8A8", W8A8, all_seeds=True),
        Case("recipe", "W8A8, 10 step groups", replace(W8A8, step_groups=10), all_seeds=True),
        Case("recipe", "W4A8", W4A8, all_seeds=True),
        Case("recipe", "W8A8, encoder propagation", W8A8, all_seeds=True, keys="saving:0.2"),
    ]
    found += [Case("encoder propagation", keys, W8A8, keys=keys) for keys in ("every:2", "paper")]
    found += [Case("calibration", name, W8A8, name) for name in SOURCES]
    found += [
        Case("sampler correction of W8A8", "PTQD", W8A8, correction=True),
        Case("sampler correction of W4A8", "PTQD", W4A8, correction=True),
    ]
    factors: tuple[tuple[str, Recipe, Sequence[tuple[str, dict[str, object]]]], ...] = (
        ("activations", W8A8, [("int16", {"activations": "int16", "products": "int16"})]),
        ("x and output", W8A8, [("int8", {"sampled": "int8"})]),
        ("step groups", W8A8, [(str(n), {"step_groups": n}) for n in (2, 5, 20)]),
        ("ranges", W8A8, [(o, {"observer": o}) for o in ("minmax", "percentile99.9", "entropy")]),
        ("rounding of W4", W4A8, [("nearest", {"rounding": "nearest"})]),
        ("rounding of W4", W4A8, [("adaround", {"rounding": "adaround"})]),
        ("step groups of W4", W4A8, [("10", {"step_groups": 10})]),
    )
    for factor, recipe, values in factors:
        found += [Case(factor, name, replace(recipe, **fields)) for name, fields in values]  # type: ignore[arg-type]
    return found
