"""A request's recipe is applied to an imported network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from edgekit.base.errors import Problem, UsageError, VerificationError
from edgekit.base.progress import Progress
from edgekit.base.settings import InputSettings
from edgekit.base.spread import HERE, Workers
from edgekit.base.user_cache import cache_folder
from edgekit.judge.budget import UNBOUNDED, Limits
from edgekit.judge.levels import Asked, judge, sound_inputs
from edgekit.judge.preparation_choice import choose_preparation, close_recipe
from edgekit.judge.sampling import (
    calls_of_networks,
    own_trajectories,
    with_corrected_rows,
)
from edgekit.judge.verification import HOPS
from edgekit.quantize.recipe import AUTO, FLOATS
from edgekit.verbs.export.importing import Imported, surrounded
from edgekit.verbs.export.input_settings import with_examples
from edgekit.verbs.export.pictures import engine_calibration
from edgekit.verbs.export.request import Request
from edgekit.verbs.export.work import Examples, Quantized

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.quantize.apply import ObservedModel
    from edgekit.quantize.calibrate.clips import Calibration
    from edgekit.quantize.recipe import Recipe

FLOAT = "float32"
CALIBRATION_CALLS = 512  # of a denoiser's own
EXAMPLES_ONLY = (
    "calibrated on the factory's example inputs only: --calibration SOURCE gives real ones"
)


def quantize(imported: Imported, request: Request, progress: Progress) -> Quantized:
    """Apply the request's recipe; a network that comes quantized keeps what it has.

    For a target that makes the integers itself the model stays float, and only the calibration is read.
    """
    from edgekit.quantize.calibrate.warnings import calibration_warnings, no_detection_notes
    from edgekit.quantize.rounding.half import half_weights

    model, recipe, fixed = imported.model, _for_target(request), not request.target.hop_scales
    if request.is_asked and (problem := requantized(model, recipe)) is not None:
        raise UsageError(problem)
    settings = with_examples(request.imports.settings, imported.examples)
    calibration = _calibration(request, model, settings)
    if request.target.quantizes:
        return _left_in_float(imported, calibration, recipe)
    if model.quantization.recipe != FLOAT:
        return Quantized(model, model, calibration, None, ())
    if recipe.weights == FLOAT:
        return Quantized(model, model, calibration, recipe, ())
    if recipe.weights in FLOATS:
        halved, notes = half_weights(model)
        return Quantized(halved, model, calibration, recipe, notes)
    if model.sampler is not None:
        calibration = trajectories(model, imported.examples, calibration)
    if calibration is None:
        return _on_examples(imported, request, progress)
    asked = None
    if request.metric is not None and request.min_snr_db is not None:
        asked = request.metric, request.min_snr_db
    made = applied(
        model,
        calibration,
        recipe,
        request.min_snr_db,
        progress,
        imported.examples,
        asked,
        fixed,
        request.limits,
        request.workers,
    )
    judged = None
    if (
        made.seen is not None
        and made.seen.parts is not None
        and sound_inputs(model, calibration).pcm
    ):
        judged = judge(model, made.seen, made.recipe, request.target.kernels, progress, asked)
    short = () if judged is None else judged.notes(made.recipe.name)
    if request.strict and judged is not None and judged.is_short:
        raise VerificationError("\n".join(("--strict", *short)))
    notes = (*calibration_warnings(model, calibration), *fixed_scales(model, request))
    if made.seen is not None:
        notes = (*notes, *no_detection_notes(model, made.seen.observers))
    notes = (*notes, *made.notes, *short)
    return Quantized(
        made.model,
        model,
        calibration,
        made.recipe,
        notes,
        made.alone_db,
        judged=judged,
        measured=made.measured,
    )


def _calibration(request: Request, model: "Model", settings: InputSettings) -> "Calibration | None":
    """What the request calibrates on; of an engine this may be picture files."""
    from edgekit.quantize.calibrate.clips import load_calibration

    if request.calibration is None:
        return None
    if request.target.quantizes:
        return engine_calibration(request.calibration, model, request.own.get("picture"), settings)
    return load_calibration(request.calibration, model, settings)


def fixed_scales(model: "Model", request: Request) -> tuple[str, ...]:
    """The note on a target without scales per hop, where the recipe has them and the network what they are for."""
    from edgekit.quantize.prepare.hop_scales import readers

    if request.target.hop_scales or not request.recipe.hop_scales or not (read := readers(model)):
        return ()
    return (
        f"target '{request.target.name}' has fixed scales, and layers read what follows the level of the sound "
        f"({', '.join(read)}): sound that is quieter than the calibration loses; next: give clips at the levels that "
        "will be met, or take a target of C sources, which finds such scales in every hop",
    )


def _for_target(request: Request) -> "Recipe":
    """The recipe, without scales per hop where the target has none."""
    recipe = request.recipe
    fixed = recipe is not AUTO and recipe.hop_scales and not request.target.hop_scales
    return replace(recipe, hop_scales=False) if fixed else recipe


def quantize_others(
    quantized: Quantized, imported: Imported, request: Request, progress: Progress
) -> Quantized:
    """Apply the request's recipe to the other networks of a sampler, each calibrated on its own calls.

    Raises:
        UsageError: the recipe is to be searched for.
    """
    from edgekit.quantize.calibrate.clips import Calibration, load_calibration
    from edgekit.quantize.calibrate.trajectory import LABEL
    from edgekit.quantize.calibrate.warnings import calibration_warnings
    from edgekit.quantize.rounding.half import half_weights

    model, recipe = imported.model, request.recipe
    if recipe is AUTO:
        found, step = "a sampler of several networks", "name a recipe, as w8a8"
        raise UsageError(Problem(f"recipe '{AUTO.name}'", found, "a single network", step))
    given: Sequence[Examples] = ()
    if request.calibration is not None:
        clips = load_calibration(request.calibration, model).clips
        given = () if model.sampler is None or model.sampler.roles.x in clips[0] else clips
    plain = replace(recipe, step_groups=1, correct_sampler=False, layers={}, tensors={})
    others: dict[str, Quantized] = {}
    for role, calls in calls_of_networks(model, imported.examples, given).items():
        other, calibration = model.networks[role], Calibration((calls,), LABEL)
        if recipe.weights == FLOAT:
            others[role] = Quantized(other, other, calibration, plain, ())
        elif recipe.weights in FLOATS:
            halved, notes = half_weights(other)
            others[role] = Quantized(halved, other, calibration, plain, notes)
        else:
            made = applied(other, calibration, plain, None, progress)
            notes = calibration_warnings(other, calibration)
            others[role] = Quantized(made.model, other, calibration, plain, notes)
    networks = {role: other.model for role, other in others.items()}
    return replace(
        quantized,
        model=replace(quantized.model, networks=networks),
        reference=replace(quantized.reference, networks=model.networks),
        others=others,
    )


def _left_in_float(
    imported: Imported, calibration: "Calibration | None", recipe: "Recipe"
) -> Quantized:
    from edgekit.quantize.calibrate.clips import from_examples
    from edgekit.quantize.calibrate.warnings import calibration_warnings

    model = imported.model
    if calibration is not None:
        notes = calibration_warnings(model, calibration)
        return Quantized(model, model, calibration, recipe, notes)
    assert imported.examples is not None
    examples = from_examples(imported.examples, model)
    return Quantized(model, model, examples, recipe, (EXAMPLES_ONLY,), is_uncalibrated=True)


def _on_examples(imported: Imported, request: Request, progress: Progress) -> Quantized:
    """Calibrate on the factory's inputs, which are the network's: it is quantized before its front end is added."""
    from edgekit.quantize.calibrate.clips import from_examples
    from edgekit.quantize.calibrate.input_values import with_settings

    assert imported.examples is not None
    model, imports = imported.model, request.imports
    network = imported.network if imports.frontend else model
    calibration = repeated(from_examples(imported.examples, network), network.constants)
    clips = (with_settings(clip, network, imports.settings) for clip in calibration.clips)
    calibration = replace(calibration, clips=tuple(clips))
    recipe = close_recipe(network, request.recipe)  # what a random input measures is worth nothing
    made = applied(network, calibration, recipe, request.min_snr_db, progress)
    lowered = surrounded(made.model, imports) if imports.frontend else made.model
    known = None if imports.frontend else calibration
    return Quantized(
        lowered,
        model,
        known,
        made.recipe,
        (EXAMPLES_ONLY, *made.notes),
        made.alone_db,
        is_uncalibrated=True,
    )


def trajectories(
    model: "Model", examples: Examples | None, given: "Calibration | None"
) -> "Calibration":
    """Return a denoiser's calls: those given, or its own, with the conditions where these alone are given."""
    assert model.sampler is not None
    if given is None:
        return own_trajectories(model, examples, CALIBRATION_CALLS)
    if model.sampler.roles.x in given.clips[0]:
        return given
    own = own_trajectories(model, examples, CALIBRATION_CALLS, given.clips)
    return replace(own, source=given.source)


@dataclass(frozen=True)
class Applied:
    """A network in a recipe; `alone_db` as in `Quantized`, `notes` what a search fell short of.

    `seen` is what it was calibrated by; None of a recipe with several groups of steps. `measured`: what was measured
    of what the recipe leaves open.
    """

    model: "Model"
    recipe: "Recipe"
    alone_db: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seen: "ObservedModel | None" = None
    measured: Mapping[str, str] = field(default_factory=dict)


def applied(
    model: "Model",
    calibration: "Calibration",
    recipe: "Recipe",
    min_snr_db: float | None,
    progress: Progress,
    examples: Examples | None = None,
    asked: "Asked | None" = None,
    fixed: bool = False,
    limits: Limits = UNBOUNDED,
    workers: Workers = HERE,
) -> Applied:
    """Quantize a float model in a recipe, or for `AUTO` in one that is searched for.

    `examples` are a factory's inputs, for what a denoiser is told beside labels. `asked` is a metric that
    `AUTO` looks for instead of a ratio; where scales are `fixed` it tries none per hop. `limits` bound what it takes,
    `workers` say where it measures.
    """
    from edgekit.quantize import apply
    from edgekit.quantize.diffusion.step_groups import quantize_groups
    from edgekit.verbs.auto import search as auto

    if recipe is AUTO:
        found = auto.find(
            model, calibration, min_snr_db, progress, cache_folder(), asked, fixed, limits, workers
        )
        return Applied(found.quantized, found.recipe, found.alone_db, found.notes, found.seen)
    progress("quantize", 0, 1)

    def fitted(done: int, total: int) -> None:
        progress("fit weights", done, total)

    seen: ObservedModel | None = None
    said: Mapping[str, str] = {}
    if recipe.step_groups > 1:
        quantized = quantize_groups(model, calibration, recipe, fitted)
    else:
        settling = choose_preparation(model, calibration, recipe, progress)
        recipe, seen, said = settling.recipe, settling.seen, settling.said
        quantized = apply.quantize_observed(seen, recipe, calibration.label, fitted)
    if recipe.correct_sampler:
        progress("correct the sampler", 0, 1)
        quantized = with_corrected_rows(model, quantized, examples)
    return Applied(quantized, recipe, seen=seen, measured=said)


def requantized(model: "Model", recipe: "Recipe") -> Problem | None:
    """Say why a network that is quantized already cannot get this recipe; it stays as it is."""
    from edgekit.graph.model import SOURCE_RECIPE

    own = model.quantization.recipe
    name = recipe.name
    if own == FLOAT or name == own or (own == SOURCE_RECIPE and name == FLOAT):
        return None
    known = own != SOURCE_RECIPE
    found = f"the network is {own} already" if known else "another tool quantized the network"
    allowed = f"recipe {own}, or none" if known else "no recipe: its own integers are kept"
    return Problem(f"recipe '{name}'", found, allowed, "leave it out, or give the float network")


def repeated(calibration: "Calibration", constants: Sequence[str]) -> "Calibration":
    """Return example inputs but the constant ones over and over, so that the states are seen as well."""
    clips = tuple(
        {
            name: array
            if name in constants
            else np.concatenate([array] * -(-HOPS // len(array)))[:HOPS]
            for name, array in clip.items()
        }
        for clip in calibration.clips
    )
    return replace(calibration, clips=clips)
