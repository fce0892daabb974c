"""The networks that quantization is measured on, their calibrations and what recipes make of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
from published_measure import whole_options
from published_networks import CACHE, path_of
from published_pipelines import PIPELINES
from quality import quant_audio
from quality.quant_audio import Mixture, MixtureSet, outputs

from edgekit.api import silent
from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.graph.model import Model
from edgekit.judge.calibration_notes import one_sided_notes
from edgekit.judge.held_out_report import HeldOutReport
from edgekit.judge.levels import judge
from edgekit.judge.preparation_choice import choose_preparation
from edgekit.judge.waits import WaitCriterion
from edgekit.quantize.apply import ObservedModel, quantize, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.sound_levels import at_common_level
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.quantize.rounding import reconstruct
from edgekit.verbs.auto import search
from edgekit.verbs.export.importing import load_model

DENOISER = "denoiser"


@dataclass(frozen=True)
class Made:
    """What a recipe made of a network.

    Attributes:
        recipe: as it was settled, or found.
        quantized: the network.
        judged: what an export states of clips that are left out of the calibration; None of int4 weights.
        said: what was measured of what the recipe leaves open.
        seconds: of processors, that it took, compilers with it, before it was judged.
        notes: of the export, on what the calibration lacks.
    """

    recipe: Recipe
    quantized: Model
    judged: HeldOutReport | None
    said: str | None
    seconds: float
    notes: tuple[str, ...] = ()


class Bench:
    """The networks, their calibrations and what was found for them; each is made once."""

    def __init__(self, data: Path, of: MixtureSet = quant_audio.EVALUATION) -> None:
        """Take the folder of `speech_data`, and what is measured on."""
        self.data, self.set = data, of

    @cache  # noqa: B019
    def model(self, name: str) -> Model:
        """A published pipeline, or the bundled denoiser, as one network from PCM."""
        if name == DENOISER:
            return load_model(str(NETWORK), OPTIONS).model
        pipeline = PIPELINES[name]
        return load_model(
            str(path_of(pipeline.networks[0], CACHE)), whole_options(pipeline, CACHE)
        ).model

    def calibration(self, name: str) -> Calibration:
        """Speech in noise, with its clean form, as an export takes it."""
        model = self.model(name)
        return at_common_level(model, quant_audio.calibration(self.data, model))

    @cache  # noqa: B019
    def made(self, name: str, recipe: str) -> Made:
        """A network in a recipe as an export makes it; in int4 weights by ``RECIPE, int4 by ROUNDING``.

        ``RECIPE, pull NUMBER``, not judged, makes up for earlier layers' errors by another `rounding.PULL`.
        """
        model, calibration = self.model(name), self.calibration(name)
        start = sum(os.times()[:4])
        first, _, rounding = recipe.partition(", int4 by ")
        if rounding:
            narrow = replace(self.made(name, first).recipe, name="narrow", weights="int4")
            narrow = replace(narrow, rounding=rounding, bias_correction=True)
            return Made(narrow, quantize(model, calibration, narrow), None, None, since(start))
        recipe, _, pull = recipe.partition(", pull ")
        if not pull:
            return apply_recipe(model, calibration, recipe)
        chosen, seen, said = found(model, calibration, recipe)
        with mock.patch.object(reconstruct, "PULL", float(pull)):
            quantized = quantize_observed(seen, chosen, calibration.label)
        return Made(chosen, quantized, None, said, since(start))

    @cache  # noqa: B019
    def exact(self, name: str, of: MixtureSet, snr_db: float, gain_db: float) -> list[np.ndarray]:
        """What the float network makes of them."""
        return outputs(self.model(name), self.mixtures(of, snr_db, gain_db))

    @cache  # noqa: B019
    def mixtures(self, of: MixtureSet, snr_db: float, gain_db: float) -> list[Mixture]:
        """What is listened to."""
        return quant_audio.mixtures(self.data, of, snr_db, gain_db)


def apply_recipe(model: Model, calibration: Calibration, recipe: str) -> Made:
    """A network in a recipe as an export makes it of a calibration."""
    start = sum(os.times()[:4])
    chosen, seen, said = found(model, calibration, recipe)
    quantized, seconds = quantize_observed(seen, chosen, calibration.label), since(start)
    judged = judge(model, seen, chosen, None, silent)
    notes = one_sided_notes(model, seen.observers)
    return Made(chosen, quantized, judged, said, seconds, notes)


def found(
    model: Model, calibration: Calibration, recipe: str
) -> tuple[Recipe, ObservedModel, str | None]:
    """A recipe as it was settled or searched for, what was seen of the network, and what was measured for it."""
    if recipe == "auto":
        auto = search.find(model, calibration, None, silent)
        return auto.recipe, auto.seen, None
    waits = WaitCriterion(model, calibration, "host")
    plain = choose_preparation(model, calibration, RECIPES[recipe], silent, waits)
    return plain.recipe, plain.seen, _text(plain.said)


def _text(said: Mapping[str, str]) -> str | None:
    return "; ".join(f"{fact}: {text}" for fact, text in said.items()) or None


def since(start: float) -> float:
    """Processor seconds of this process and of those that it waited for, from `start` on."""
    return sum(os.times()[:4]) - start
