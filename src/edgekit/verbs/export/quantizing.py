"""A request's recipe is applied to an imported network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgekit.base.errors import Problem, UsageError, VerificationError
from edgekit.base.progress import Progress
from edgekit.base.settings import InputSettings
from edgekit.base.user_cache import cache_folder
from edgekit.graph.model import SOURCE_RECIPE, Model
from edgekit.judge.calibration_notes import one_sided_notes
from edgekit.judge.held_out_report import HeldOutReport
from edgekit.judge.levels import judge
from edgekit.judge.preparation_choice import choose_preparation, close_recipe
from edgekit.judge.sampling import (
    calls_of_networks,
    own_trajectories,
    with_corrected_rows,
)
from edgekit.judge.verification import HOPS
from edgekit.judge.waits import WaitCriterion
from edgekit.quantize import apply
from edgekit.quantize.apply import ObservedModel
from edgekit.quantize.calibrate.clips import Calibration, from_examples, load_calibration
from edgekit.quantize.calibrate.input_values import with_settings
from edgekit.quantize.calibrate.sound_levels import at_common_level
from edgekit.quantize.calibrate.trajectory import LABEL
from edgekit.quantize.calibrate.warnings import calibration_warnings, no_detection_notes
from edgekit.quantize.diffusion.step_groups import quantize_groups
from edgekit.quantize.prepare.hop_scales import readers
from edgekit.quantize.recipe import AUTO, FLOATS, Recipe
from edgekit.quantize.rounding.half import half_weights
from edgekit.verbs.auto import search as auto
from edgekit.verbs.export.importing import ImportedNetwork, with_surroundings
from edgekit.verbs.export.input_settings import with_examples
from edgekit.verbs.export.pictures import engine_calibration
from edgekit.verbs.export.request import Quantization, Request
from edgekit.verbs.export.work import Examples, QuantizedNetwork

FLOAT = "float32"
CALIBRATION_CALLS = 512  # of a denoiser's own
EXAMPLES_ONLY = (
    "calibrated on the factory's example inputs only: --calibration SOURCE gives real ones"
)


def quantize(imported: ImportedNetwork, request: Request, progress: Progress) -> QuantizedNetwork:
    """Apply the request's recipe; a network that comes quantized keeps its types.

    For a target that makes the integers itself the model stays float, and only the calibration is read.
    """
    model, quantization = imported.model, _for_target(request)
    recipe = quantization.recipe
    if quantization.is_asked and (problem := recipe_conflict(model, recipe)) is not None:
        raise UsageError(problem)
    settings = with_examples(request.imports.settings, imported.examples)
    calibration = _calibration(request, model, settings)
    if request.target.quantizes:
        return _left_in_float(imported, calibration, recipe)
    if model.quantization.recipe != FLOAT:
        return QuantizedNetwork(model, model, calibration, None, ())
    if (in_floats := _in_floats(model, calibration, recipe)) is not None:
        return in_floats
    if model.sampler is not None:
        calibration = trajectories(model, imported.examples, calibration)
    if calibration is None:
        return _on_examples(imported, request, progress)
    return _on_calibration(imported, calibration, request, quantization, progress)


def _in_floats(
    model: Model, calibration: Calibration | None, recipe: Recipe
) -> QuantizedNetwork | None:
    """A float network in a recipe of floats; None where integers are to be made."""
    if recipe.weights == FLOAT:
        return QuantizedNetwork(model, model, calibration, recipe, ())
    if recipe.weights in FLOATS:
        halved, notes = half_weights(model)
        return QuantizedNetwork(halved, model, calibration, recipe, notes)
    return None


def _on_calibration(
    imported: ImportedNetwork,
    calibration: Calibration,
    request: Request,
    quantization: Quantization,
    progress: Progress,
) -> QuantizedNetwork:
    """The network in integers, judged on clips that are left out."""
    model, fixed = imported.model, not request.target.hop_scales
    waits = WaitCriterion(model, calibration, request.target.kernels)
    made = apply_recipe(
        model,
        calibration,
        quantization,
        progress,
        examples=imported.examples,
        fixed=fixed,
        waits=waits,
    )
    if request.output.strict and made.failed:
        raise VerificationError(f"--strict\n{made.failed}")
    judged = _judge(model, made, request, progress)
    short = () if judged is None else judged.notes(made.recipe.name)
    if request.output.strict and judged is not None and judged.is_short:
        raise VerificationError("\n".join(("--strict", *short)))
    notes = (*calibration_warnings(model, calibration), *fixed_scales(model, request))
    if made.seen is not None:
        observers = made.seen.observers
        notes = (*notes, *no_detection_notes(model, observers), *one_sided_notes(model, observers))
    return QuantizedNetwork(
        made.model,
        model,
        calibration,
        made.recipe,
        (*notes, *made.notes, *short),
        made.alone_db,
        judged=judged,
        measured=made.measured,
        failed=made.failed,
        waits=waits,
    )


def _judge(
    model: Model, made: "AppliedRecipe", request: Request, progress: Progress
) -> HeldOutReport | None:
    """Return the quality of a recipe on clips that are left out; None if nothing can be left out."""
    if made.seen is None or made.seen.parts is None:
        return None
    metric = request.quantization.required_metric
    return judge(model, made.seen, made.recipe, request.target.kernels, progress, metric)


def _calibration(request: Request, model: Model, settings: InputSettings) -> Calibration | None:
    """Return the clips to calibrate on; for an engine these may be picture files."""
    source = request.quantization.calibration
    if source is None:
        return None
    if request.target.quantizes:
        return engine_calibration(source, model, request.own.get("picture"), settings)
    return at_common_level(model, load_calibration(source, model, settings))


def fixed_scales(model: Model, request: Request) -> tuple[str, ...]:
    """Return the note on a target without scales per hop, where the recipe and the network use them."""
    if request.target.hop_scales or not request.quantization.recipe.hop_scales:
        return ()
    if not (read := readers(model)):
        return ()
    return (
        f"target '{request.target.name}' has fixed scales, and layers read what follows the level of the sound "
        f"({', '.join(read)}): sound that is quieter than the calibration loses; next: give clips at the levels that "
        "will be met, or take a target of C sources, which finds such scales in every hop",
    )


def _for_target(request: Request) -> Quantization:
    """Return the quantization, without scales per hop where the target has none."""
    recipe = request.quantization.recipe
    if recipe is AUTO or not recipe.hop_scales or request.target.hop_scales:
        return request.quantization
    return replace(request.quantization, recipe=replace(recipe, hop_scales=False))


def quantize_others(
    quantized: QuantizedNetwork, imported: ImportedNetwork, request: Request, progress: Progress
) -> QuantizedNetwork:
    """Apply the request's recipe to the other networks of a sampler, each calibrated on its own calls.

    Raises:
        UsageError: the recipe is to be searched for.
    """
    model, recipe = imported.model, request.quantization.recipe
    if recipe is AUTO:
        found, step = "a sampler of several networks", "name a recipe, as w8a8"
        raise UsageError(Problem(f"recipe '{AUTO.name}'", found, "a single network", step))
    given: Sequence[Examples] = ()
    if (source := request.quantization.calibration) is not None:
        clips = load_calibration(source, model).clips
        given = () if model.sampler is None or model.sampler.roles.x in clips[0] else clips
    plain = replace(recipe, step_groups=1, correct_sampler=False, layers={}, tensors={})
    others: dict[str, QuantizedNetwork] = {}
    for role, calls in calls_of_networks(model, imported.examples, given).items():
        other, calibration = model.networks[role], Calibration((calls,), LABEL)
        in_floats = _in_floats(other, calibration, plain)
        if in_floats is None:
            made = apply_recipe(other, calibration, Quantization(recipe=plain), progress)
            notes = calibration_warnings(other, calibration)
            in_floats = QuantizedNetwork(made.model, other, calibration, plain, notes)
        others[role] = in_floats
    networks = {role: other.model for role, other in others.items()}
    return replace(
        quantized,
        model=replace(quantized.model, networks=networks),
        reference=replace(quantized.reference, networks=model.networks),
        others=others,
    )


def _left_in_float(
    imported: ImportedNetwork, calibration: Calibration | None, recipe: Recipe
) -> QuantizedNetwork:

    model = imported.model
    if calibration is not None:
        notes = calibration_warnings(model, calibration)
        return QuantizedNetwork(model, model, calibration, recipe, notes)
    assert imported.examples is not None
    examples = from_examples(imported.examples, model)
    return QuantizedNetwork(model, model, examples, recipe, (EXAMPLES_ONLY,), is_uncalibrated=True)


def _on_examples(
    imported: ImportedNetwork, request: Request, progress: Progress
) -> QuantizedNetwork:
    """Calibrate on the factory's inputs, which are the network's: it is quantized before its front end is added."""
    assert imported.examples is not None
    model, imports = imported.model, request.imports
    network = imported.network if imports.frontend else model
    calibration = repeat_hops(from_examples(imported.examples, network), network.constants)
    clips = (with_settings(clip, network, imports.settings) for clip in calibration.clips)
    calibration = replace(calibration, clips=tuple(clips))
    # measurements on random inputs have no meaning
    recipe = close_recipe(network, request.quantization.recipe)
    plain = Quantization(recipe=recipe, min_snr_db=request.quantization.min_snr_db)
    made = apply_recipe(network, calibration, plain, progress)
    lowered = with_surroundings(made.model, imports) if imports.frontend else made.model
    known = None if imports.frontend else calibration
    return QuantizedNetwork(
        lowered,
        model,
        known,
        made.recipe,
        (EXAMPLES_ONLY, *made.notes),
        made.alone_db,
        is_uncalibrated=True,
    )


def trajectories(model: Model, examples: Examples | None, given: Calibration | None) -> Calibration:
    """Return a denoiser's calls: those given, or its own, with the conditions where these alone are given."""
    assert model.sampler is not None
    if given is None:
        return own_trajectories(model, examples, CALIBRATION_CALLS)
    if model.sampler.roles.x in given.clips[0]:
        return given
    own = own_trajectories(model, examples, CALIBRATION_CALLS, given.clips)
    return replace(own, source=given.source)


@dataclass(frozen=True)
class AppliedRecipe:
    """A network in a recipe; `alone_db` as in `QuantizedNetwork`, `notes` on the goals that a search missed.

    `seen` holds the observations of its calibration; None for a recipe with several groups of steps. `measured` holds
    the measurements for the choices that the recipe leaves open. `failed`: why the result of a search is not good
    enough; empty if it is.
    """

    model: Model
    recipe: Recipe
    alone_db: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seen: ObservedModel | None = None
    measured: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""


def apply_recipe(
    model: Model,
    calibration: Calibration,
    quantization: Quantization,
    progress: Progress,
    *,
    examples: Examples | None = None,
    fixed: bool = False,
    waits: WaitCriterion | None = None,
) -> AppliedRecipe:
    """Quantize a float model in a recipe, or for `AUTO` in one that is searched for.

    Args:
        model: the float network.
        calibration: its clips.
        quantization: the recipe; for `AUTO` also the goal, the bounds and the place of measurement.
        progress: see `edgekit.api`.
        examples: a factory's inputs, for conditions of a denoiser other than labels.
        fixed: forbid scales per hop in a search.
        waits: the sound after waits by which it is judged; where not given it is made of the calibration.
    """
    recipe = quantization.recipe
    if recipe is AUTO:
        found = auto.find(
            model,
            calibration,
            quantization.min_snr_db,
            progress,
            cache_folder(),
            metric=quantization.required_metric,
            fixed=fixed,
            limits=quantization.limits,
            workers=quantization.workers,
            waits=waits,
        )
        return AppliedRecipe(
            found.quantized,
            found.recipe,
            found.alone_db,
            found.notes,
            found.seen,
            failed=found.failed,
        )
    progress("quantize", 0, 1)

    def report_fit(done: int, total: int) -> None:
        progress("fit weights", done, total)

    seen: ObservedModel | None = None
    measured: Mapping[str, str] = {}
    if recipe.step_groups > 1:
        quantized = quantize_groups(model, calibration, recipe, report_fit)
    else:
        prepared = choose_preparation(model, calibration, recipe, progress, waits)
        recipe, seen, measured = prepared.recipe, prepared.seen, prepared.said
        quantized = apply.quantize_observed(seen, recipe, calibration.label, report_fit)
    if recipe.correct_sampler:
        progress("correct the sampler", 0, 1)
        quantized = with_corrected_rows(model, quantized, examples)
    return AppliedRecipe(quantized, recipe, seen=seen, measured=measured)


def recipe_conflict(model: Model, recipe: Recipe) -> Problem | None:
    """Return why a network that is quantized already cannot get this recipe; it stays as it is."""
    own = model.quantization.recipe
    name = recipe.name
    if own == FLOAT or name == own or (own == SOURCE_RECIPE and name == FLOAT):
        return None
    known = own != SOURCE_RECIPE
    found = f"the network is {own} already" if known else "another tool quantized the network"
    allowed = f"recipe {own}, or none" if known else "no recipe: its own integers are kept"
    return Problem(f"recipe '{name}'", found, allowed, "leave it out, or give the float network")


def repeat_hops(calibration: Calibration, constants: Sequence[str]) -> Calibration:
    """Return example inputs, all but constants repeated, so that states are observed as well."""
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
