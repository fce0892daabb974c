"""``--recipe auto``: the cheapest types that keep a network's output, found by measuring.

For each preparation of the network every group of tensors is tried alone at each type, over a part of the
calibration; `edgekit.quantize.search.search` takes the cheapest mix, and the cheapest of all is built in integers and
measured as it will run. Where that is short of what was asked, the search goes on with as much more in hand.
Probabilities must decide as those of the float network do, too, unless a ratio is asked for. Where a denoiser's is not,
its images count instead of its calls: single calls do not predict them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.base.errors import VerificationError
from edgekit.verbs.auto.decisions import ERROR_FACTOR, Decisions
from edgekit.verbs.auto.images import Images
from edgekit.verbs.auto.measure import Meter, Reference
from edgekit.verbs.export.levels import parts_of
from edgekit.verbs.export.verification import sample_hops

if TYPE_CHECKING:
    from edgekit.graph.model import Model
    from edgekit.quantize.apply import Observed
    from edgekit.quantize.calibrate.clips import Calibration, Clip
    from edgekit.quantize.recipe import Recipe
    from edgekit.quantize.search.search import Found, Ranking
    from edgekit.quantize.search.space import Space
    from edgekit.verbs.auto.decisions import Arrays

Progress = Callable[[str, int, int], None]
Judged = tuple[dict[str, float], float]
MIN_SNR_DB = 30.0  # if not told: this, or what comes near it within the following
MOST_WIDE = 0.2  # of the multiply-accumulates may leave int8
NEAR_DB = 0.5  # less than the best there is: the last of it is dear
LEAST_SNR_DB = 26.0  # whatever it takes
JUDGES = 3  # every third clip judges types
JUDGED_HOPS = 750  # of these in all: what a search for types needs to tell them apart
HEARD_HOPS = 1000  # the same of PCM, which is judged in several forms
# Audio is judged at lower levels as well, as a factor on samples, and how much more noise it may have there.
LEVELS = ((1.0, 1.0), (0.1, 4.0))
AUDIO_RANGES = (
    "percentile"  # the tails that others keep are worth less to speech in noise than finer steps
)
OVERLAP = np.float32(0.7)  # factor on two clips that are heard at once
ROUNDS = 5
MORE_DB = 0.25
MIN_PSNR_DB = 36.0  # of images
FIRST_AIM_DB = 20.0  # of a denoiser's calls, raised until its images are near enough
MOST_TURNED = 0.005  # of the decisions over all clips, see `Decisions.turned`
MORE_DECIDED_DB = 4.0
PREPARATIONS = (
    {"equalize": False, "migrate": 0.0},
    {"equalize": True, "migrate": 0.0},
    {"equalize": True, "migrate": 0.5},
)


@dataclass(frozen=True)
class Auto:
    """What was found.

    Attributes:
        recipe: settings, and the type of every group by the name of its first tensor.
        quantized: the network in it.
        seen: what it was calibrated by.
        snr_db: of its outputs against the float network's, or the PSNR of its images, measured in C.
        alone_db: by the first tensor of each group: the ratio with this group alone in int8, or in the
            narrowest type it may have, and everything else exact.
        turned: the share of decisions that twice its error turns; 0 of a network that decides nothing.
        notes: what it falls short of.
    """

    recipe: "Recipe"
    quantized: "Model"
    seen: "Observed"
    snr_db: float
    alone_db: dict[str, float]
    turned: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """One preparation of the network, and its search."""

    recipe: "Recipe"
    seen: "Observed"
    space: "Space"
    ranking: "Ranking"
    meter: Meter
    macs: int


def find(
    model: "Model",
    calibration: "Calibration",
    min_snr_db: float | None,
    progress: Progress,
    cache: Path | None = None,
) -> Auto:
    """Return the cheapest recipe found whose output is within `min_snr_db` (default `MIN_SNR_DB`).

    Args:
        model: a float network.
        calibration: clips, the more different the better.
        min_snr_db: of the worst output, in dB; clips count alike, whatever their level. Where it is not
            given, decisions count as well, see `edgekit.verbs.auto.decisions`, and of a denoiser the PSNR
            of its images, of which it keeps `MIN_PSNR_DB`, see `edgekit.verbs.auto.images`.
        progress: is told the stage, and how many steps of how many are done.
        cache: a folder that keeps measurements.

    Raises:
        VerificationError: no recipe is good enough; says what the best one reaches.
        ToolError: there is no C compiler.
    """
    judged, allowances = judges(model, calibration)
    reference = Reference(model, judged, allowances)
    # what an export will be judged on, where it is told by how much
    asked = [] if min_snr_db is None else [sample_hops(model, calibration, None)]
    whole = Reference(model, [*judged, *asked], allowances)
    decisions = Decisions(model, deciding(model, calibration) if min_snr_db is None else ())
    images = Images(model) if model.sampler is not None and min_snr_db is None else None
    candidates = [
        prepared(model, calibration, settings, reference, progress, cache)
        for settings in PREPARATIONS
    ]
    needed = MIN_SNR_DB if min_snr_db is None else min_snr_db
    thrifty = min_snr_db is None and images is None and not decisions.ends
    if images is not None:
        needed = MIN_PSNR_DB
    elif thrifty:
        candidates, needed = affordable(candidates, progress)

    def measured(candidate: Candidate, result: "Found") -> Auto:
        built = build(candidate, result, calibration.label, (whole, len(judged)), decisions)
        if images is None:
            return built
        return replace(built, snr_db=images.psnr_db(built.quantized))

    aim = needed if images is None else FIRST_AIM_DB
    best = raised(candidates, aim, needed, measured, progress)
    if best.snr_db < (LEAST_SNR_DB if thrifty else needed):
        raise VerificationError(fell_short(best.snr_db, needed, images is not None))
    if best.turned > MOST_TURNED:
        return replace(best, notes=(undecided(best),))
    short = thrifty and best.snr_db < MIN_SNR_DB
    return replace(best, notes=(saved(best),)) if short else best


def raised(
    candidates: Sequence[Candidate],
    aim: float,
    needed: float,
    measured: Callable[[Candidate, "Found"], Auto],
    progress: Progress,
) -> Auto:
    """Search and build, aiming higher until what is built reaches what is needed; else return the best there was."""
    from edgekit.quantize.search.search import search

    best = None
    for _ in range(ROUNDS):
        found = [(search(c.space, c.ranking, c.meter, aim, progress), c) for c in candidates]
        result, candidate = min(found, key=lambda pair: _merit(pair[0], aim))
        built = measured(candidate, result)
        enough = built.snr_db >= needed
        if enough and built.turned <= MOST_TURNED:
            return built
        if best is None or built.snr_db > best.snr_db:
            best = built
        if result.snr_db < aim:
            break
        aim += MORE_DECIDED_DB if enough else needed - built.snr_db + MORE_DB
    assert best is not None
    return best


def affordable(
    candidates: Sequence[Candidate], progress: Progress
) -> tuple[list[Candidate], float]:
    """Return candidates with no more than `MOST_WIDE` outside int8, and the ratio to look for in them.

    It is `MIN_SNR_DB`, or near the best of them; if that is less than `LEAST_SNR_DB`, all may be wide.
    """
    from edgekit.quantize.search.search import search, within

    limited = []
    for c in candidates:
        unknown = c.macs - sum(group.macs for group in c.space.groups)
        space, ranking = within(c.space, c.ranking, MOST_WIDE * c.macs - unknown)
        limited.append(replace(c, space=space, ranking=ranking))
    best = max(search(c.space, c.ranking, c.meter, math.inf, progress).snr_db for c in limited)
    needed = min(MIN_SNR_DB, best - NEAR_DB)
    return (limited, needed) if needed >= LEAST_SNR_DB else (list(candidates), LEAST_SNR_DB)


def judges(model: "Model", calibration: "Calibration") -> tuple[list["Clip"], list[float]]:
    """Return every third clip, `JUDGED_HOPS` or `HEARD_HOPS` in all, and by how much the noise of each is divided.

    PCM is also heard with the next clip over it, and all of it at all `LEVELS`; session constants stay whole.
    """
    from edgekit.quantize.calibrate.warnings import pcm_input

    pcm, every = pcm_input(model), calibration.clips
    places = range(JUDGES - 1, len(every), JUDGES) or range(len(every) - 1, len(every))
    forms = 2 * len(LEVELS)
    hops = JUDGED_HOPS if pcm is None else HEARD_HOPS // forms
    each = max(hops // len(places), 1)
    cut: list[Clip] = [
        {name: array if name in model.constants else array[:each] for name, array in clip.items()}
        for clip in (every[i] for i in places)
    ]
    if pcm is None:
        return cut, [1.0] * len(cut)
    others = [
        np.resize(every[(i + 1) % len(every)][pcm], cut[k][pcm].shape) for k, i in enumerate(places)
    ]
    cut += [
        {**clip, pcm: OVERLAP * (clip[pcm] + other)}
        for clip, other in zip(list(cut), others, strict=True)
    ]
    heard: list[Clip] = [
        {**clip, pcm: clip[pcm] * np.float32(gain)} for gain, _ in LEVELS for clip in cut
    ]
    return heard, [allowance for _, allowance in LEVELS for _ in cut]


def deciding(model: "Model", calibration: "Calibration") -> list["Clip"]:
    """Return the clips whose decisions count: all, of PCM at all `LEVELS`."""
    from edgekit.quantize.calibrate.warnings import pcm_input

    pcm, clips = pcm_input(model), list(calibration.clips)
    if pcm is None:
        return clips
    return [{**c, pcm: c[pcm] * np.float32(gain)} for gain, _ in LEVELS for c in clips]


def prepared(
    model: "Model",
    calibration: "Calibration",
    settings: dict[str, bool | float],
    reference: Reference,
    progress: Progress,
    cache: Path | None,
) -> Candidate:
    """Prepare, observe, and rank every group of tensors."""
    from edgekit.quantize.apply import observed
    from edgekit.quantize.calibrate.warnings import pcm_input
    from edgekit.quantize.recipe import AUTO
    from edgekit.quantize.search.search import rank
    from edgekit.quantize.search.space import make_space
    from edgekit.targets.macs import node_macs

    observer = AUTO.observer if pcm_input(model) is None else AUDIO_RANGES
    recipe = replace(AUTO, observer=observer, **settings)  # type: ignore[arg-type]
    seen = observed(model, calibration, recipe, parts_of(model, calibration))
    macs = node_macs(seen.model)
    space = make_space(seen, recipe, macs)
    meter = Meter(space.model, reference, cache)
    ranking = rank(space, meter, progress)
    return Candidate(recipe, seen, space, ranking, meter, sum(macs.values()))


def fell_short(best_db: float, needed_db: float, images: bool) -> str:
    """What is wrong where nothing is good enough."""
    if images:
        return (
            f"recipe 'auto': the best that was found draws images of {best_db:.1f} dB PSNR to the float network's, "
            f"{needed_db:g} dB were looked for; next: compare with --recipe w8a16, or give --min-snr, which "
            "judges single calls"
        )
    return (
        f"recipe 'auto': the best that was found is {best_db:.1f} dB below the float network's "
        f"output, {needed_db:g} dB were asked for; next: give --min-snr {best_db:.0f} or less, or more "
        "and more different calibration clips"
    )


def saved(best: Auto) -> str:
    """The note on a network that does not get all of what is looked for."""
    return (
        f"recipe 'auto': {best.snr_db:.1f} dB below the float network's output in calibration clips, quiet and "
        f"overlapping ones with them; {MIN_SNR_DB:g} dB take more than {100 * MOST_WIDE:g} % of "
        f"the multiply-accumulates out of int8; next: listen, or give --min-snr {MIN_SNR_DB:g}"
    )


def undecided(best: Auto) -> str:
    """The note on a network whose decisions no types keep well enough."""
    return (
        f"recipe 'auto': {100 * best.turned:.2f} % of the decisions in calibration lie within {ERROR_FACTOR:g} times "
        f"the rounding error, {100 * MOST_TURNED:g} % at most were looked for; next: more and more different "
        "calibration clips, or compare with --recipe w8a16"
    )


def build(
    candidate: Candidate,
    result: "Found",
    label: str,
    judging: tuple[Reference, int],
    decisions: Decisions,
) -> Auto:
    """Quantize with the types of a result, and measure that in C on the clips that judge, and the decisions.

    The clips up to the number in `judging` count together, those behind them apart.
    """
    from edgekit.quantize.apply import quantize_observed
    from edgekit.quantize.search.search import decibels
    from edgekit.targets.trials import Trials

    space = candidate.space
    options = {i: space.groups[i].options[option] for i, option in result.chosen.items()}
    tensors = {
        space.groups[i].tensors[0]: option.stored
        for i, option in options.items()
        if option.stored == option.read
    }
    recipe = replace(candidate.recipe, tensors=tensors)
    quantized = quantize_observed(candidate.seen, recipe, label)
    whole, judged = judging
    count = len(whole.clips)

    def judge(clip: int, outputs: "Arrays") -> Judged:
        if clip < count:
            return whole.noise(clip, outputs), 0.0
        return {}, decisions.turned(clip - count, outputs)

    (found,) = Trials(quantized, [*whole.clips, *decisions.clips]).run(judge)
    noises = [noise for noise, _ in found[:count]]
    turned = [share for _, share in found[count:]]
    noise = max(whole.total(noises[:judged]), whole.total(noises[judged:] or noises))
    alone = {
        group.tensors[0]: decibels(candidate.ranking.noises[i][0])
        for i, group in enumerate(space.groups)
    }
    mean = sum(turned) / len(turned) if turned else 0.0
    return Auto(recipe, quantized, candidate.seen, decibels(noise), alone, mean)


def _merit(found: "Found", aim: float) -> tuple[bool, float]:
    """Good enough and cheap first; where none is, the best first."""
    short = found.snr_db < aim
    return short, -found.snr_db if short else found.cost
