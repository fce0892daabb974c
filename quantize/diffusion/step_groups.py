"""Separate scales for groups of a sampler's steps: one network, quantized once per group, stacked.

As in the finite set calibration of TFMQ-DM (Huang et al., CVPR 2024), all steps share the weights. Ranges of
activations are those of a group's calls.
"""

from dataclasses import replace

import numpy as np

from edgekit.base.arrays import Int64
from edgekit.base.errors import CalibrationError, Problem, UsageError
from edgekit.base.sampler_table import StepTable
from edgekit.graph.model import Model
from edgekit.graph.step_groups import stack_groups
from edgekit.quantize.apply import ObservedModel, fit, observe_model, quantize_fitted
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.trajectory import of_rows
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.rounding.reconstruct import Progress


def groups_of_rows(rows: int, groups: int) -> Int64:
    """Return the group of each row: neighbours together, groups as equal as they can be."""
    return np.arange(rows) * groups // rows


def quantize_groups(
    model: Model,
    calibration: Calibration,
    recipe: Recipe,
    progress: Progress = lambda done, total: None,
) -> Model:
    """Return the QDQ form whose scales an input chooses, its step table naming the group of each row.

    Args:
        model: a float model with a sampler.
        calibration: its calls, some of each group.
        recipe: its `step_groups` is the number of groups.
        progress: as `edgekit.quantize.apply.quantize` takes it.

    Raises:
        UsageError: more groups than rows, or no sampler.
        CalibrationError: calls of another sampler, or none of a group.
        ModelError: the groups' networks differ in more than numbers.
    """
    table = model.sampler
    most = 0 if table is None else table.rows
    if table is None or recipe.step_groups > most:
        found, allowed = (
            f"{recipe.step_groups}",
            f"at most {most}, the steps of the network's sampler",
        )
        raise UsageError(Problem("recipe, step_groups", found, allowed, "choose fewer"))
    group = groups_of_rows(table.rows, recipe.step_groups)
    seen = observe_model(model, calibration, recipe)
    fitted = fit(seen, recipe, progress)
    parts = []
    for number in range(recipe.step_groups):
        calls = _calls_of(calibration, table, np.flatnonzero(group == number).tolist())
        part = ObservedModel(seen.model, observe(seen.model, calls), calls)
        parts.append(quantize_fitted(part, recipe, fitted, calibration.label))
    return _model_of_group(stack_groups(parts), group)


def _calls_of(calibration: Calibration, table: StepTable, rows: list[int]) -> Calibration:
    clips = [of_rows(clip, table, rows) for clip in calibration.clips]
    if not any(len(array) for clip in clips for array in clip.values()):
        found, step = f"no call of rows {rows[0]} to {rows[-1]}", "record all of them"
        raise CalibrationError(Problem("calibration", found, "calls of every group", step))
    return Calibration(tuple(clips), calibration.label)


def _model_of_group(model: Model, group: Int64) -> Model:
    table = model.sampler
    assert table is not None
    return model.describe(sampler=replace(table, group=group).facts())
