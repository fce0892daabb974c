"""The cases of `operator_cases` as models: in float, with fused patterns, and in integer recipes."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from operator_cases import CASES, FUSED, Case

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.fuse import fuse

CALIBRATION_SAMPLES = 60
# What each recipe must reach: the output against float where a case asks for less than this, and against
# the QDQ file in onnxruntime.
RECIPES = {"w8a8": (0.0, 0.0), "w8a16": (40.0, 55.0)}
INTEGER = [name for name, case in CASES.items() if case.w8a8_snr_db is not None]

Arrays = dict[str, NDArray[Any]]


def draw(case: Case, count: int, seed: int = 0) -> Arrays:
    """Inputs of a case, (count, *shape)."""
    random = np.random.default_rng(seed)
    return {name: operand.draw(random, count) for name, operand in case.inputs.items()}


def imported(case: Case, prefix: str) -> Model:
    """The case as a `Model` whose C names start with `prefix`."""
    return from_onnx(case.onnx, name=f"{prefix}_{case.name}")


def calibrated_on(name: str) -> Arrays:
    """What the integer forms of a case are calibrated on."""
    return draw(CASES[name], CALIBRATION_SAMPLES, 1)


@cache
def quantized(name: str, recipe: str) -> Model:
    """A case in an integer recipe."""
    model = imported(CASES[name], recipe)
    made = quantize(model, Calibration((calibrated_on(name),), "noise"), recipe)
    return made.describe(source=replace(model.source))


@cache
def float_models() -> dict[str, Model]:
    """All cases by name, and those of `FUSED` once more under ``fused_<name>``."""
    made = {name: imported(case, "float") for name, case in CASES.items()}
    return made | {f"fused_{case.name}": fuse(imported(case, "fused")) for case in FUSED}


@cache
def integer_models() -> dict[str, Model]:
    """The integer forms under ``<recipe>_<name>``."""
    return {f"{recipe}_{name}": quantized(name, recipe) for recipe in RECIPES for name in INTEGER}


def case_of(name: str) -> Case:
    """The case that one of these models was made of."""
    prefix, _, rest = name.partition("_")
    return CASES[name] if name in CASES else CASES[rest if prefix else name]
