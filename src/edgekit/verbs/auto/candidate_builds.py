"""One preparation of a network with its groups of tensors, and the builds that a search for types makes of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.base.progress import Progress
from edgekit.base.spread import Team
from edgekit.judge.candidates import LESS_DRIFT, Auto
from edgekit.judge.criteria import TypeCriteria
from edgekit.judge.levels import sound_inputs
from edgekit.judge.measurement import Meter
from edgekit.judge.waits import MOST_DRIFT_DB
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import ObservedModel, observe_model, quantize_observed
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.search.search import Found, Ranking, decibels, rank, search
from edgekit.quantize.search.space import Space, make_space
from edgekit.targets.macs import node_macs
from edgekit.verbs.auto.drift import widen_against_drift
from edgekit.verbs.auto.weights import with_exact, with_rounding

ROUNDS = 5
MORE_DB = 0.25
MORE_DECIDED_DB = 4.0  # of a metric, which noise does not predict
MORE_TURNED_DB = 1.0  # where decisions turn, or states drift: first, then twice as much each time
MOST_AIM_DB, NEAR_AIM_DB = 80.0, 3.0  # the highest aim; aims that are nearer are one


@dataclass(frozen=True)
class Candidate:
    """One preparation of the network, its observations with and without the judging clips, and its search."""

    recipe: Recipe
    seen: ObservedModel
    held: ObservedModel
    space: Space
    ranking: Ranking
    meter: Meter
    macs: int


def prepare_candidate(
    recipe: Recipe,
    judging: TypeCriteria,
    progress: Progress,
    cache: Path | None,
    team: Team,
) -> Candidate:
    """Prepare, observe, and rank every group of tensors."""
    model, calibration = judging.model, judging.calibration
    progress("observe", 0, 1)
    seen = observe_model(model, calibration, recipe, sound_inputs(model, calibration).parts)
    held = judging.held(seen)
    recipe, ratio = with_rounding(held, recipe, judging)
    # integer products take all of a weight, float ones only nonzero elements
    macs = node_macs(to_integer(quantize_observed(held, recipe, "")))
    recipe = with_exact(held, recipe, ratio, judging, macs)
    space = make_space(held, recipe, macs)
    meter = Meter(space.model, judging.reference, cache, team)
    ranking = rank(space, meter.coarse, progress)
    return Candidate(recipe, seen, held, space, ranking, meter, sum(macs.values()))


def raise_aim(
    candidates: Sequence[Candidate],
    aim: float,
    needed: float,
    judging: TypeCriteria,
    progress: Progress,
) -> Auto:
    """Search and build, aiming higher until the build meets the requirement; else return the best candidate.

    Of decisions, and of drift, noise tells little: a build that meets the requirement may be far above the aims that
    do not. Aims between them are tried for a cheaper one.
    """
    best = before = cured = None
    missed = -math.inf  # an aim that is too low for decisions, or for the level after waits
    for turn in range(ROUNDS):
        result, candidate = _cheapest_mix(candidates, aim, progress)
        built = _build(candidate, result, judging)
        enough = built.snr_db >= needed
        if enough and cured is None and built.drift_db > MOST_DRIFT_DB:
            built = cured = without_drift(candidate, result, judging, built)
        if built.snr_db >= needed and built.is_faithful:
            reached = min(result.snr_db, MOST_AIM_DB)
            return _cheapest_between(candidate, (missed, reached), built, needed, judging, progress)
        if best is None or built.snr_db > best.snr_db:
            best = built
        if result.snr_db < aim or (before is not None and _drifts_as_much(built, before)):
            break
        before, aim = built, max(aim, result.snr_db)
        missed = aim if enough else missed
        aim += _more_db(built, needed, judging, turn)
    assert best is not None
    return best


def _cheapest_mix(
    candidates: Sequence[Candidate], aim: float, progress: Progress
) -> tuple[Found, Candidate]:
    """Return the best of the mixes of all candidates for an aim, and its candidate."""
    found = [(best_mix(c, aim, progress), c) for c in candidates]
    return min(found, key=lambda pair: _merit(pair[0], aim))


def _more_db(built: Auto, needed: float, judging: TypeCriteria, turn: int) -> float:
    """Return by how much the next aim is higher than one that missed."""
    if built.snr_db >= needed:
        return MORE_TURNED_DB * 2.0**turn
    if judging.is_ratio or judging.images:
        return needed - built.snr_db + MORE_DB
    return MORE_DECIDED_DB


def _cheapest_between(
    candidate: Candidate,
    aims: tuple[float, float],
    built: Auto,
    needed: float,
    judging: TypeCriteria,
    progress: Progress,
) -> Auto:
    """Return the cheapest build that meets the requirement, with aims between one that misses and one that is met."""
    low, high = aims
    while high - low > NEAR_AIM_DB and math.isfinite(low):
        middle = (low + high) / 2
        result = best_mix(candidate, middle, progress)
        other = _build(candidate, result, judging)
        if other.snr_db >= needed and other.is_faithful:
            built = min(built, other, key=lambda auto: auto.cost)
            high = middle
        else:
            low = max(middle, min(result.snr_db, high))
    return built


def _build(candidate: Candidate, result: Found, judging: TypeCriteria) -> Auto:
    """Return the build of a result of a search, measured."""
    recipe = recipe_of(candidate, result)
    return judging.measured(candidate.seen, candidate.held, recipe, alone(candidate))


def without_drift(candidate: Candidate, result: Found, judging: TypeCriteria, built: Auto) -> Auto:
    """Return the build of a result with the wider types that drift takes; where no types stop it, as it was `built`."""
    model, space = candidate.seen.model, candidate.space
    wider = widen_against_drift(space, result.chosen, model, judging.waits)
    return built if wider is None else _build(candidate, replace(result, chosen=wider), judging)


def _drifts_as_much(built: Auto, before: Auto) -> bool:
    """Whether wider types leave the level after waits as it was: more of them then do not help."""
    return built.drift_db > max(MOST_DRIFT_DB, LESS_DRIFT * before.drift_db)


def best_mix(candidate: Candidate, aim: float, progress: Progress) -> Found:
    """Return the cheapest mix of types that the search finds for an aim, in dB."""
    return search(candidate.space, candidate.ranking, candidate.meter, aim, progress)


def recipe_of(candidate: Candidate, result: Found) -> Recipe:
    """The recipe with the types of a result."""
    groups = candidate.space.groups
    options = {i: groups[i].options[option] for i, option in result.chosen.items()}
    tensors = {
        groups[i].tensors[0]: option.stored
        for i, option in options.items()
        if option.stored == option.read
    }
    return replace(candidate.recipe, tensors={**candidate.recipe.tensors, **tensors})


def alone(candidate: Candidate) -> dict[str, float]:
    """The ratio with each group alone in its narrowest type."""
    return {
        group.tensors[0]: decibels(candidate.ranking.noises[i][0])
        for i, group in enumerate(candidate.space.groups)
    }


def _merit(found: Found, aim: float) -> tuple[bool, float]:
    """Good enough and cheap first; where none is, the best first."""
    short = found.snr_db < aim
    return short, -found.snr_db if short else found.cost
