"""Scales of their own for groups of a sampler's steps: one network, quantized once per group, stacked.

As the finite set calibration of TFMQ-DM (Huang et al., CVPR 2024): weights are those of all steps, ranges of
activations those that a group's own calls have.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import Problem, UsageError
from edgekit.export.model import Model
from edgekit.export.variants import stack_groups
from edgekit.quantize.apply import Observed, fit, observed, quantize_fitted
from edgekit.quantize.calibrate import observe
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.reconstruct import Progress
from edgekit.quantize.trajectory import Trajectory


def groups_of_rows(rows: int, groups: int) -> NDArray[np.int64]:
    """The group of each row: neighbours together, groups as equal as they can be."""
    return np.arange(rows) * groups // rows


def quantize_groups(
    model: Model,
    trajectory: Trajectory,
    recipe: Recipe,
    progress: Progress = lambda done, total: None,
) -> Model:
    """Return the QDQ form whose scales an input chooses, its step table naming the group of each row.

    Args:
        model: a float model with a sampler.
        trajectory: its calls, some of each group.
        recipe: `step_groups` of it says how many groups there are.
        progress: as `edgekit.quantize.apply.quantize` takes it.

    Raises:
        UsageError: more groups than rows.
        ModelError: the groups' networks differ in more than numbers.
    """
    table = model.sampler
    assert table is not None
    if recipe.step_groups > table.rows:
        found, allowed = f"{recipe.step_groups}", f"at most {table.rows}, the sampler's steps"
        raise UsageError(Problem("recipe, step_groups", found, allowed, "choose fewer"))
    group = groups_of_rows(table.rows, recipe.step_groups)
    seen = observed(model, trajectory.calibration(), recipe)
    fitted = fit(seen, recipe, progress)
    parts = []
    for number in range(recipe.step_groups):
        calls = trajectory.calibration(np.flatnonzero(group == number).tolist())
        part = Observed(seen.model, observe(seen.model, calls), calls)
        parts.append(quantize_fitted(part, recipe, fitted, calls.label))
    return _grouped(stack_groups(parts), group)


def _grouped(model: Model, group: NDArray[np.int64]) -> Model:
    table = model.sampler
    assert table is not None
    return model.describe(sampler=replace(table, group=group).facts())
