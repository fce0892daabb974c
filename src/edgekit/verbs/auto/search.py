"""``--recipe auto``: the cheapest types that keep a network's output, found by measuring.

`edgekit.verbs.auto.preparation_screen` finds the most promising preparation, which is tried first. In it every group of
tensors is tried alone at each type, over some of the judging clips. `edgekit.quantize.search.search` takes the cheapest
mix over all clips, which is built in integers and measured as it will run. If it falls short, the search aims higher
by the shortfall. Other preparations are tried where no candidate is good enough, or where the best one leaves more
than a fifth of the products in wider types. Unless an SNR is asked for, probabilities must also decide as in the float
network. For a denoiser, images then count instead of single calls, which do not predict them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edgekit.base.errors import ModelError, VerificationError
from edgekit.base.spread import HERE, Team, Workers, open_team
from edgekit.graph.model import Model
from edgekit.judge.budget import device_costs, nothing_fits
from edgekit.judge.candidates import MOST_TURNED, Auto, chosen
from edgekit.judge.criteria import MIN_SNR_DB, TypeCriteria
from edgekit.judge.levels import sound_inputs
from edgekit.judge.limits import UNBOUNDED, Limits
from edgekit.judge.metric import RequiredMetric
from edgekit.judge.preparation_choice import MOST_TRIED
from edgekit.judge.waits import MOST_DRIFT_DB, WaitCriterion
from edgekit.quantize.apply import observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import MEASURED, OPEN, RECIPES, Recipe
from edgekit.quantize.search.search import limit_options
from edgekit.targets.c.lower import check_c
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs
from edgekit.verbs.auto.candidate_builds import (
    Candidate,
    best_mix,
    prepare_candidate,
    raise_aim,
)
from edgekit.verbs.auto.preparation_screen import PreparationScreen, screen_preparations

Progress = Callable[[str, int, int], None]
MOST_WIDE = (0.05, 0.2)  # of the multiply-accumulates may leave int8, the second if need be
NEAR_DB = 0.2  # below the best possible: the last dB are dear
FORESEEN_DB = 1.5  # below the best possible, once it is built: the SNR was only predicted
FIRST_AIM_DB = 20.0  # of a denoiser's calls, raised until its images are near enough
PLAIN = ("w8a8", "w8a16")  # always among the candidates


def find(
    model: Model,
    calibration: Calibration,
    min_snr_db: float | None,
    progress: Progress,
    cache: Path | None = None,
    *,
    metric: RequiredMetric | None = None,
    fixed: bool = False,
    limits: Limits = UNBOUNDED,
    workers: Workers = HERE,
    waits: WaitCriterion | None = None,
) -> Auto:
    """Return the cheapest recipe found whose output is within `min_snr_db` (default `MIN_SNR_DB`).

    If none is good enough, the best one is returned, and its `failed` says what it lacks.

    Args:
        model: a float network.
        calibration: clips, the more different the better.
        min_snr_db: of the worst output, in dB; clips have equal weight at any level. Without it decisions count as
            well, see `edgekit.judge.decisions`. For a denoiser the PSNR of its images counts, of which it keeps
            `MIN_PSNR_DB`, see `edgekit.judge.images`.
        progress: gets the stage, the steps done and the number of steps.
        cache: a folder that keeps measurements.
        metric: the user's, and the value that it must reach, instead of an SNR.
        fixed: forbid scales that are computed anew in every hop, see `Recipe.hop_scales`.
        limits: bounds on the resources of the device.
        workers: the processes that measure groups of tensors; the result is the same.
        waits: the sound after waits that judges candidates in C; where not given it is made of the calibration.

    Raises:
        ModelError: candidates are measured in C, which cannot run this network.
        VerificationError: no recipe, or none that is good enough, is within the limits; the message has the result of
            the best one.
        ToolError: there is no C compiler, or no emulator to count instructions where these are limited.
    """
    with open_team(workers) as team:
        if problems := check_c(model):
            raise ModelError(problems)
        judging = TypeCriteria(model, calibration, min_snr_db, metric, waits)
        best = _TypeSearch(judging, limits, fixed, team).run(progress, cache)
    best = replace(best, quantized=quantize_observed(best.seen, best.recipe, calibration.label))
    return best if best.failed else replace(best, notes=shortfall_notes(best, judging))


class _TypeSearch:
    """The state of a search for types: the measured candidates, and the requirements."""

    def __init__(self, judging: TypeCriteria, limits: Limits, fixed: bool, team: Team) -> None:
        self.judging, self.limits, self.fixed, self.team = judging, limits, fixed, team
        self.pool: list[Auto] = []
        self.needed = -math.inf
        self.least = judging.least

    def run(self, progress: Progress, cache: Path | None) -> Auto:
        """Try one preparation after another until a candidate is good enough and narrow; return the best of them.

        Raises:
            VerificationError: none, or none that is good enough, is within the limits.
        """
        judging = self.judging
        screening = screen_preparations(
            judging.model, judging.calibration, judging, progress, self.fixed
        )
        best = None
        for recipe in screening.recipes:
            candidate = prepare_candidate(recipe, judging, progress, cache, self.team)
            first = not self.pool
            self._try_shares(candidate, progress)
            if first:
                plain = [_plain(name, candidate.recipe, self.fixed) for name in PLAIN]
                self._try_plain(candidate, plain, screening, progress)
            best = chosen(self.limits.within(self.pool), self.needed, self.least)
            if best is None or best.turned > MOST_TURNED:
                continue
            if not judging.thrifty or _is_narrow(best, candidate):
                break
        return best or self._best_below_the_least()

    def _best_below_the_least(self) -> Auto:
        """Return the best candidate within the limits, with the reason why it is not good enough."""
        short = fell_short(self.pool, self.least, self.judging)
        too_large = nothing_fits(self.pool, self.limits, self.least)
        affordable = self.limits.within(self.pool)
        if too_large or not affordable:
            raise VerificationError(too_large or short)
        best = max(affordable, key=lambda auto: (auto.snr_db, -auto.cost))
        return replace(best, failed=fell_short([best], self.least, self.judging))

    def _add(self, auto: Auto) -> Auto:
        self.pool.append(replace(auto, taken=device_costs(auto.quantized, self.limits)))
        return auto

    def _try_shares(self, candidate: Candidate, progress: Progress) -> None:
        """Search with more and more outside int8, until that suffices."""
        judging = self.judging
        tiers = shares(candidate, judging, progress)
        for narrow, looked_for, goal in tiers:
            self.needed = max(self.needed, goal)
            aim = looked_for if judging.is_ratio else FIRST_AIM_DB
            built = self._add(raise_aim(narrow, aim, goal, judging, progress))
            if built.snr_db >= goal and built.is_faithful:
                if narrow is not tiers[-1][0]:
                    # wider types of another preparation, which all drifted, had a higher goal
                    self.needed = min(self.needed, goal)
                break
        narrowest, _, goal = tiers[0]
        if self.least < goal and not self.limits.within(self.pool):
            self._add(raise_aim(narrowest, self.least, self.least, judging, progress))

    def _try_plain(
        self,
        candidate: Candidate,
        plain: Sequence[Recipe],
        screening: PreparationScreen,
        progress: Progress,
    ) -> None:
        """Measure recipes that ship, where one could be chosen; of one that drifts, in other preparations, too."""
        for simple in plain:
            tried = self._measure_plain(candidate, simple, screening, progress)
            if tried is None or tried.snr_db < self.needed or tried.drift_db <= MOST_DRIFT_DB:
                continue
            for other in self._other_forms(simple, screening)[: MOST_TRIED - 1]:
                again = self._measure_plain(candidate, other, screening, progress)
                if again is not None and again.drift_db <= MOST_DRIFT_DB:
                    break

    def _other_forms(self, simple: Recipe, screening: PreparationScreen) -> list[Recipe]:
        """Return a plain recipe with other settings where it leaves them open, those that lose least first."""
        forms = [simple]
        for settings in screening.by_loss:
            form = _plain(simple.name, replace(settings, rounding=simple.rounding), self.fixed)
            if form not in forms:
                forms.append(form)
        return forms[1:]

    def _measure_plain(
        self,
        candidate: Candidate,
        simple: Recipe,
        screening: PreparationScreen,
        progress: Progress,
    ) -> Auto | None:
        """Measure a recipe that ships; None where it could not be chosen."""
        judging, calibration = self.judging, self.judging.calibration
        if not self.limits.most and not screening.may_be_best(
            simple, self.pool, self.needed, self.least, judging
        ):
            return None
        progress(f"measure {simple.name}", 0, 1)
        seen, held = candidate.seen, candidate.held
        if not _as_prepared(candidate.recipe, simple):
            parts = sound_inputs(judging.model, calibration).parts
            seen = observe_model(judging.model, calibration, simple, parts)
            held = judging.held(seen)
        return self._add(judging.measured(seen, held, simple))


def _as_prepared(own: Recipe, simple: Recipe) -> bool:
    """Whether a plain recipe takes the network as a candidate's preparation made it."""
    keys = ("equalize", "quiet_copies", "products")
    return not own.migrate and all(getattr(own, key) == getattr(simple, key) for key in keys)


def _plain(name: str, best: Recipe, fixed: bool) -> Recipe:
    """Return a recipe that ships; its open choices, rounding with them, are as in the most promising one."""
    recipe = replace(RECIPES[name], hop_scales=not fixed)
    left = {key: getattr(best, key) for key in OPEN if getattr(recipe, key) == MEASURED}
    return replace(recipe, **left)


def shares(
    candidate: Candidate, judging: TypeCriteria, progress: Progress
) -> list[tuple[list[Candidate], float, float]]:
    """Return candidates with more and more outside int8, the SNR to search for, and the SNR that the build must reach.

    Shares of `MOST_WIDE` that no types can keep are left out, since some products have no int8 form. So are shares
    whose best SNR is too low. The aim is `TypeCriteria.sought`, or an SNR near the best of that share. The last
    candidate may be wide everywhere, as if the user had asked for an SNR.
    """
    if not judging.thrifty:
        return [([candidate], judging.needed, judging.needed)]
    found, least = [], judging.least
    for share in MOST_WIDE:
        if unknown(candidate) > share * candidate.macs:
            continue
        narrow = limit_candidates([candidate], share)
        best = max(best_mix(c, math.inf, progress).snr_db for c in narrow)
        aim = min(judging.sought, best - NEAR_DB)
        if aim >= least:
            found.append((narrow, aim, max(least, min(judging.sought, best - FORESEEN_DB))))
    return [*found, ([candidate], least, least)]


def _is_narrow(auto: Auto, candidate: Candidate) -> bool:
    """Whether no more than the last share of `MOST_WIDE` leaves int8, apart from what has no int8 form."""
    facts = with_macs(describe(auto.quantized, "host"), auto.quantized)
    wide = facts.macs_per_hop - facts.macs_int8
    return wide <= MOST_WIDE[-1] * facts.macs_per_hop + unknown(candidate)


def unknown(candidate: Candidate) -> int:
    """The multiply-accumulates of nodes that no group has: they have no int8 form."""
    return candidate.macs - sum(group.macs for group in candidate.space.groups)


def limit_candidates(candidates: Sequence[Candidate], share: float) -> list[Candidate]:
    """Return candidates with no more than a share of the multiply-accumulates outside int8."""
    narrow = []
    for c in candidates:
        space, ranking = limit_options(c.space, c.ranking, share * c.macs - unknown(c))
        narrow.append(replace(c, space=space, ranking=ranking))
    return narrow


def fell_short(pool: Sequence[Auto], least: float, judging: TypeCriteria) -> str:
    """Return the message for a search in which no candidate reaches the least that is accepted."""
    best_db = max(auto.snr_db for auto in pool)
    if judging.metric is not None:
        return (
            f"recipe 'auto': the best that was found has {best_db:.4g} by --metric, {least:g} were asked for; "
            "next: give a lower --min-snr, or more and more different calibration clips"
        )
    if judging.images is not None:
        return (
            f"recipe 'auto': the best that was found draws images of {best_db:.1f} dB PSNR to the float network's, "
            f"{least:g} dB were looked for; next: compare with --recipe w8a16, or give --min-snr, which "
            "judges single calls"
        )
    return (
        f"recipe 'auto': the best that was found is {best_db:.1f} dB below the float network's "
        f"output, {least:g} dB are needed; next: give --min-snr {best_db - 0.5:.0f} or less, or more "
        "and more different calibration clips"
    )


def shortfall_notes(best: Auto, judging: TypeCriteria) -> tuple[str, ...]:
    """Return notes on the goals that the found recipe misses."""
    if best.turned > MOST_TURNED:
        return (decision_note(best),)
    return (trade_note(best),) if judging.thrifty and best.snr_db < MIN_SNR_DB else ()


def trade_note(best: Auto) -> str:
    """Return the note on a network that misses part of the goal."""
    return (
        f"recipe 'auto': {best.snr_db:.1f} dB below the float network's output in calibration clips, quiet and "
        f"overlapping ones with them; {MIN_SNR_DB:g} dB need more multiply-accumulates in wider types than int8; next: "
        f"listen, or give --min-snr {MIN_SNR_DB:g}"
    )


def decision_note(best: Auto) -> str:
    """The note on a network whose decisions no types keep well enough."""
    return (
        f"recipe 'auto': {100 * best.turned:.2f} % of the decisions in calibration, or after waits, are expected to "
        f"change, {100 * MOST_TURNED:g} % at most were looked for; next: more and more different calibration clips, or "
        "compare with --recipe w8a16"
    )
