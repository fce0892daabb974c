"""Measure the choices that a recipe leaves open on clips left out: equal channels, quieter copies, rules for ranges.

Equal weights on both sides of a channel help most networks of many grouped or depthwise convolutions, and cost some
others a few dB. So do ranges from clips and their copies 30 dB quieter, in networks with sound input, and ranges that
cut off rare values. No rule from weights and ranges alone was found that predicts which; a run of each decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from edgekit.base.progress import Progress
from edgekit.graph.model import Model
from edgekit.judge.levels import HeldOutSound, sound_inputs
from edgekit.judge.preparation_criterion import Merit, PreparationCriterion
from edgekit.judge.waits import MOST_DRIFT_DB
from edgekit.quantize.apply import ObservedModel, observe_model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.observers import PLAIN_RULE
from edgekit.quantize.calibrate.rest import pcm_input
from edgekit.quantize.prepare.equalize import changes
from edgekit.quantize.prepare.levels import quieter
from edgekit.quantize.recipe import MEASURED, Recipe

LESS = 0.75  # of the first form's loss: what another one may have at most
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
        said: the measurements, for people, by `Choice.fact`.
    """

    recipes: tuple[Recipe, ...]
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
    model: Model, calibration: Calibration, recipe: Recipe, progress: Progress
) -> ChosenPreparation:
    """Observe the network on the calibration, in the preparation that the recipe names or that measures better.

    The measure is `edgekit.judge.preparation_criterion`. A choice is not measured if it makes no difference to a
    network, or if nothing can be left out of the calibration.
    """
    found = sound_inputs(model, calibration)
    choices = open_choices(model, recipe, found)
    recipe = close_recipe(model, recipe)
    said: Mapping[str, str] = {}
    if found.parts is not None and choices:
        criterion = PreparationCriterion(model, calibration, found)
        screened = screen(criterion, recipe, choices, progress)
        recipe, said = screened.recipes[0], screened.said
    return ChosenPreparation(recipe, observe_model(model, calibration, recipe, found.parts), said)


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

    A form replaces the first one if it loses `LESS` of what that loses. If the result drifts after waits, the form that
    loses least of those that do not drift takes its place.
    """
    recipe, found = start, list[_Comparison]()
    for choice in choices:
        recipe = _with(recipe, next(iter(choice.forms.values())))
    steps, done = sum(len(choice.forms) for choice in choices), 0
    for choice in choices:
        merits = dict[str, Merit]()
        for words, settings in choice.forms.items():
            progress("compare preparations", done, steps)
            merits[words], done = criterion.merit(_with(recipe, settings)), done + 1
        found.append(_Comparison(choice, recipe, merits))
        recipe = found[-1].ranked[0]
    best = _steadiest(criterion, recipe, found)
    said = {each.choice.fact: each.text(best, criterion.levels_text) for each in found}
    others = found[0].ranked if found else []
    rest = [_with(best, {key: getattr(other, key) for key in found[0].keys}) for other in others]
    return RankedPreparations((best, *(other for other in rest if other != best)), said)


@dataclass(frozen=True)
class _Comparison:
    """The forms of a choice, each with what it was compared by, and the recipe in which they were."""

    choice: Choice
    recipe: Recipe
    merits: Mapping[str, Merit]

    @property
    def keys(self) -> list[str]:
        """The settings that the forms differ in."""
        return list(next(iter(self.choice.forms.values())))

    @property
    def losses(self) -> list[tuple[float, Recipe]]:
        """What each form loses, where the first one counts as `LESS` of its own."""
        first, *_ = self.merits
        return [
            (
                merit.loss_db * (LESS if words == first else 1),
                _with(self.recipe, self.choice.forms[words]),
            )
            for words, merit in self.merits.items()
        ]

    @property
    def ranked(self) -> list[Recipe]:
        """The recipe in each form, the best first."""
        return [recipe for _, recipe in sorted(self.losses, key=lambda row: row[0])]

    def text(self, best: Recipe, levels: str) -> str:
        """Return the measurements, for people, that of the form that is taken first."""
        rows = [
            (
                all(getattr(best, key) == value for key, value in self.choice.forms[words].items()),
                merit.row(words),
            )
            for words, merit in self.merits.items()
        ]
        (first, *others) = [row for _, row in sorted(rows, key=lambda row: not row[0])]
        return "; ".join((first + levels, *others, "on clips left out"))


def _steadiest(
    criterion: PreparationCriterion, best: Recipe, found: Sequence[_Comparison]
) -> Recipe:
    """Return the best recipe if it does not drift after waits; else the next one of all, or that which drifts least."""
    losses = sorted((row for each in found for row in each.losses), key=lambda row: row[0])
    drifts = list[tuple[float, Recipe]]()
    for recipe in (best, *(recipe for _, recipe in losses)):
        drifts.append((criterion.drift_db(recipe), recipe))
        if drifts[-1][0] <= MOST_DRIFT_DB:
            return recipe
    return min(drifts, key=lambda row: row[0])[1]


def _with(recipe: Recipe, settings: Settings) -> Recipe:
    return replace(recipe, **settings)  # type: ignore[arg-type]
