"""Measure the choices that a recipe leaves open on clips left out: equal channels, quieter copies, rules for ranges.

Equal weights on both sides of a channel help most networks of many grouped or depthwise convolutions, and cost some
others a few dB. So do ranges from clips and their copies 30 dB quieter, in networks with sound input, and ranges that
cut off rare values. No rule from weights and ranges alone was found that predicts which; a run of each decides.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from edgekit.base.progress import Progress
from edgekit.graph.model import Model
from edgekit.judge.levels import HeldOutSound, sound_inputs
from edgekit.judge.preparation_criterion import Merit, Observations, PreparationCriterion
from edgekit.judge.waits import MOST_DRIFT_DB, WaitCriterion
from edgekit.judge.wide_operands import wide_operands
from edgekit.quantize.apply import (
    ObservedModel,
    close_rounding,
    observe_model,
    quantize_observed,
)
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.observers import PLAIN_RULE
from edgekit.quantize.calibrate.rest import pcm_input
from edgekit.quantize.prepare.equalize import changes
from edgekit.quantize.prepare.levels import quieter
from edgekit.quantize.recipe import MEASURED, NEAREST, SHAPED, Recipe

WIDE_FACT = "wide_operands"
ENOUGH_DB = 0.3  # of loss: a form that loses less needs no wider operands
MOST_TRIED = 4  # recipes, where they drift
NOTICED_DB = 0.1  # of loss: smaller differences are chance, or nobody notices them
SHARE_TO_WIN = 0.75  # of the loss of int8: what wider operands, which cost more, may leave
SOUND_RULE = (
    "percentile"  # the tails that others keep are worth less to speech in noise than finer steps
)
RULES = (SOUND_RULE, PLAIN_RULE, "minmax")
Settings = Mapping[str, bool | float | str]  # of a recipe


@dataclass(frozen=True)
class Choice:
    """Settings that are compared, the plain one first, each with its words.

    Attributes:
        fact: the manifest's key for the measurement.
        forms: the settings by their words.
    """

    fact: str
    forms: Mapping[str, Settings]


EQUAL_CHANNELS = Choice(
    "equalized",
    {"channels as they are": {"equalize": False}, "equal channels": {"equalize": True}},
)
QUIET_COPIES = Choice(
    "quiet_copies",
    {"quieter copies, too": {"quiet_copies": True}, "clips as recorded": {"quiet_copies": False}},
)


def ranges_choice(first: str) -> Choice:
    """Return the choice among `RULES`, that of `first` before the others."""
    rules = (first, *(rule for rule in RULES if rule != first))
    return Choice("ranges", {rule: {"observer": rule} for rule in rules})


@dataclass(frozen=True)
class RankedPreparations:
    """What a search over choices found.

    Attributes:
        recipes: with the settings that measured best; then with each other form of the first choice, the better before
            the worse.
        by_loss: all that were measured, that which loses least first.
        said: the measurements, for people, by `Choice.fact`.
    """

    recipes: tuple[Recipe, ...]
    by_loss: tuple[Recipe, ...]
    said: Mapping[str, str]


@dataclass(frozen=True)
class ChosenPreparation:
    """A recipe that leaves nothing open, and the observations of the network so prepared.

    `said` holds the measurements, for people, by `Choice.fact`.
    """

    recipe: Recipe
    seen: ObservedModel
    said: Mapping[str, str] = field(default_factory=dict)


def choose_preparation(
    model: Model,
    calibration: Calibration,
    recipe: Recipe,
    progress: Progress,
    waits: WaitCriterion | None = None,
) -> ChosenPreparation:
    """Observe the network on the calibration, in the preparation that the recipe names or that measures better.

    The measure is `edgekit.judge.preparation_criterion`. A choice is not measured if it makes no difference to a
    network, or if nothing can be left out of the calibration. What drifts after `waits`, by default those in
    onnxruntime, is not taken, unless all do.
    """
    found = sound_inputs(model, calibration)
    choices = open_choices(model, recipe, found)
    recipe = close_recipe(model, recipe)
    if found.parts is None or not choices:
        seen = observe_model(model, calibration, recipe, found.parts)
        return ChosenPreparation(close_rounding(recipe, seen), seen)
    criterion = PreparationCriterion(model, calibration, found)
    screened = widen_operands(criterion, screen(criterion, recipe, choices, progress))
    waits = waits or WaitCriterion(model, calibration)
    return _steadiest(Observations(model, calibration, in_parts=True), waits, screened, choices)


def close_recipe(model: Model, recipe: Recipe) -> Recipe:
    """Close the open choices of the recipe; where sound meets a logarithm it has quieter copies."""
    if recipe.equalize == MEASURED:
        recipe = replace(recipe, equalize=False)
    if recipe.quiet_copies == MEASURED:
        recipe = replace(recipe, quiet_copies=quieter(model) is not None)
    if recipe.observer == MEASURED:
        recipe = replace(recipe, observer=PLAIN_RULE if pcm_input(model) is None else SOUND_RULE)
    return recipe


def open_choices(model: Model, recipe: Recipe, found: HeldOutSound) -> list[Choice]:
    """Return what the recipe leaves open and makes a difference to the network, in the order of the search."""
    closed, choices = close_recipe(model, recipe), list[Choice]()
    if recipe.equalize == MEASURED and changes(model):
        choices.append(EQUAL_CHANNELS)
    if recipe.quiet_copies == MEASURED and not closed.quiet_copies and found.pcm is not None:
        choices.append(QUIET_COPIES)
    if recipe.observer == MEASURED:
        choices.append(ranges_choice(closed.observer))
    return choices


def screen(
    criterion: PreparationCriterion, start: Recipe, choices: Sequence[Choice], progress: Progress
) -> RankedPreparations:
    """Decide one choice after another, each with the settings that are decided before it.

    A form replaces the first one if it loses less by `NOTICED_DB` at least.
    """
    recipe, said, others = start, dict[str, str](), list[Settings]()
    measured = list[tuple[float, Recipe]]()
    for choice in choices:
        recipe = _form(recipe, next(iter(choice.forms.values())))
    steps, done = sum(len(choice.forms) for choice in choices), 0
    for number, choice in enumerate(choices):
        merits = dict[str, Merit]()
        for words, settings in choice.forms.items():
            progress("compare preparations", done, steps)
            form, done = _form(recipe, settings), done + 1
            merits[words] = criterion.merit(form)
            if all(form != known for _, known in measured):
                measured.append((merits[words].loss_db, form))
        ranked = _rank(merits)
        rows = [merits[words].row(words) for words in ranked]
        said[choice.fact] = "; ".join(
            (rows[0] + criterion.levels_text, *rows[1:], "on clips left out")
        )
        recipe = _form(recipe, choice.forms[ranked[0]])
        if number == 0:
            others = [choice.forms[words] for words in ranked[1:]]
    recipes = (recipe, *(_form(recipe, settings) for settings in others))
    by_loss = tuple(form for _, form in sorted(measured, key=lambda row: row[0]))
    return RankedPreparations(recipes, by_loss, said)


def widen_operands(
    criterion: PreparationCriterion, screened: RankedPreparations
) -> RankedPreparations:
    """Let the first layers that sum few products read 16 bits, where the best form of int8 loses much and that helps.

    It must leave `SHARE_TO_WIN` of the loss at most.
    """
    best = screened.recipes[0]
    narrow = criterion.merit(best)
    if best.activations != "int8" or narrow.loss_db <= ENOUGH_DB:
        return screened
    tensors = wide_operands(criterion.seen(best), best)
    wide = criterion.merit(_with_tensors(best, tensors)) if tensors else narrow
    words = f"{len(tensors)} layers that sum few products read 16 bits"
    rows = [wide.row(words) + criterion.levels_text, narrow.row("all read 8 bits")]
    if wide.loss_db > SHARE_TO_WIN * narrow.loss_db:
        return screened
    recipes, by_loss = (
        tuple(_with_tensors(form, tensors) for form in forms)
        for forms in (screened.recipes, screened.by_loss)
    )
    said = {**screened.said, WIDE_FACT: "; ".join((*rows, "on clips left out"))}
    return RankedPreparations(recipes, by_loss, said)


def _with_tensors(recipe: Recipe, tensors: Mapping[str, str]) -> Recipe:
    return replace(recipe, tensors={**tensors, **recipe.tensors})


def _rank(merits: Mapping[str, Merit]) -> list[str]:
    """Return the forms by what they lose, where the first one counts as losing `NOTICED_DB` less."""
    first, *others = merits
    losses = {first: merits[first].loss_db - NOTICED_DB}
    losses |= {words: merits[words].loss_db for words in others}
    return sorted(losses, key=lambda words: losses[words])


def _form(recipe: Recipe, settings: Settings) -> Recipe:
    return replace(recipe, **settings)  # type: ignore[arg-type]


def _steadiest(
    seen: Observations,
    waits: WaitCriterion,
    screened: RankedPreparations,
    choices: Sequence[Choice],
) -> ChosenPreparation:
    """Return the first of the screened recipes whose sound does not drift after waits; if all do, the steadiest.

    Each is observed on the whole calibration: ranges of a part of it say little of minutes in silence.
    """
    best = screened.recipes[0]
    recipes = (best, *(other for other in screened.by_loss if other != best))
    tried = _measure_drifts(waits, recipes, seen)
    _, taken = min(tried, key=lambda row: max(row[0], MOST_DRIFT_DB))
    said = dict(screened.said)
    for choice in choices:
        words = _words(choice, taken)
        if words != _words(choice, best):
            said[choice.fact] = f"{words}, as it drifts less after waits; {said[choice.fact]}"
    return ChosenPreparation(taken, seen(taken), said)


def _measure_drifts(
    waits: WaitCriterion, recipes: Sequence[Recipe], seen: Observations
) -> list[tuple[float, Recipe]]:
    """Return the drifts of the recipes' forms in dB, `MOST_TRIED` at most, up to the first that is small."""
    tried = list[tuple[float, Recipe]]()
    forms = (form for recipe in recipes for form in _roundings(recipe, seen(recipe)))
    for form in islice(forms, MOST_TRIED):
        plain = form if form.rounding == SHAPED else replace(form, rounding=NEAREST)
        observed = seen(form)
        quantized = quantize_observed(observed, plain, observed.calibration.label)
        least = min((drift for drift, _ in tried), default=math.inf)
        # most builds are of the first form
        report = waits.report_of(quantized, quick=bool(tried), most=least)
        tried.append((0.0 if report is None else report.worst[0], form))
        if tried[-1][0] <= MOST_DRIFT_DB:
            break
    return tried


def _roundings(recipe: Recipe, seen: ObservedModel) -> list[Recipe]:
    """Return the recipe with each rounding of weights that may be the steadiest, where it leaves that open."""
    closed = close_rounding(recipe, seen)
    nearest = replace(recipe, rounding=NEAREST)
    return [closed, nearest] if recipe.rounding == MEASURED and closed != nearest else [closed]


def _words(choice: Choice, recipe: Recipe) -> str:
    """Return the words of the form that a recipe has."""
    return next(w for w, form in choice.forms.items() if _form(recipe, form) == recipe)
