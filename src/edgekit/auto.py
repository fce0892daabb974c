"""``--recipe auto``: the cheapest types that keep a network's output, found by measuring.

For each preparation of the network every group of tensors is tried alone at each type, over a part of the
calibration; `edgekit.quantize.search` takes the cheapest mix, and the cheapest of all is built in integers and
measured as it will run. Where that is short of what was asked, the search goes on with as much more in hand.
Probabilities must decide as those of the float network do, too, unless a ratio is asked for. Where a denoiser's is not,
its images count instead of its calls: single calls do not predict them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.decisions import ERROR_FACTOR, Decisions
from edgekit.errors import VerificationError
from edgekit.images import Images
from edgekit.meter import Meter, Reference
from edgekit.verification import sample_hops

if TYPE_CHECKING:
    from edgekit.decisions import Arrays
    from edgekit.export.model import Model
    from edgekit.quantize.apply import Observed
    from edgekit.quantize.calibrate import Calibration, Clip
    from edgekit.quantize.recipe import Recipe
    from edgekit.quantize.search import Found, Ranking
    from edgekit.quantize.space import Space

Progress = Callable[[str, int, int], None]
Judged = tuple[dict[str, float], float]
MIN_SNR_DB = 30.0
JUDGES = 3  # every third clip judges types
JUDGED_HOPS = 750  # of these in all: what a search for types needs to tell them apart
# Audio is judged at lower levels as well, as a factor on samples, and how much more noise it may have there.
LEVELS = ((1.0, 1.0), (0.1, 10.0))
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
        snr_db: of its outputs against the float network's, or the PSNR of its images, measured in C.
        alone_db: by the first tensor of each group: the ratio with this group alone in int8, or in the
            narrowest type it may have, and everything else exact.
        turned: the share of decisions that twice its error turns; 0 of a network that decides nothing.
        notes: what it falls short of.
    """

    recipe: "Recipe"
    quantized: "Model"
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
            given, decisions count as well, see `edgekit.decisions`, and of a denoiser the PSNR of its images,
            of which it keeps `MIN_PSNR_DB`, see `edgekit.images`.
        progress: is told the stage, and how many steps of how many are done.
        cache: a folder that keeps measurements.

    Raises:
        VerificationError: no recipe is good enough; says what the best one reaches.
        ToolError: there is no C compiler.
    """
    from edgekit.quantize.search import search

    needed = MIN_SNR_DB if min_snr_db is None else min_snr_db
    judged, allowances = judges(model, calibration)
    reference = Reference(model, judged, allowances)
    # what an export will be judged on, where it is told by how much
    asked = [] if min_snr_db is None else [sample_hops(model, calibration, None)]
    whole = Reference(model, [*judged, *asked], allowances)
    decisions = Decisions(model, calibration.clips if min_snr_db is None else ())
    images = Images(model) if model.sampler is not None and min_snr_db is None else None
    needed = needed if images is None else MIN_PSNR_DB
    candidates = [
        prepared(model, calibration, settings, reference, progress, cache)
        for settings in PREPARATIONS
    ]
    aim, best = needed if images is None else FIRST_AIM_DB, None
    for _ in range(ROUNDS):
        found = [(search(c.space, c.ranking, c.meter, aim, progress), c) for c in candidates]
        result, candidate = min(found, key=lambda pair: _merit(pair[0], aim))
        built = build(candidate, result, calibration.label, (whole, len(judged)), decisions)
        if images is not None:
            built = replace(built, snr_db=images.psnr_db(built.quantized))
        if best is None or built.snr_db > best.snr_db:
            best = built
        enough = built.snr_db >= needed
        if enough and built.turned <= MOST_TURNED:
            return built
        if result.snr_db < aim:
            break
        aim += MORE_DECIDED_DB if enough else needed - built.snr_db + MORE_DB
    assert best is not None
    if best.snr_db >= needed:
        return replace(best, notes=(undecided(best),))
    raise VerificationError(fell_short(best.snr_db, needed, images is not None))


def judges(model: "Model", calibration: "Calibration") -> tuple[list["Clip"], list[float]]:
    """Return every third clip, `JUDGED_HOPS` in all, and by how much the noise of each is divided.

    PCM is heard at all `LEVELS`; session constants stay whole.
    """
    from edgekit.quantize.check_calibration import pcm_input

    pcm = pcm_input(model)
    clips = calibration.clips[JUDGES - 1 :: JUDGES] or calibration.clips[-1:]
    levels = LEVELS[:1] if pcm is None else LEVELS
    each = max(JUDGED_HOPS // (len(clips) * len(levels)), 1)
    cut = [
        {name: array if name in model.constants else array[:each] for name, array in clip.items()}
        for clip in clips
    ]
    quieter = [
        {name: array * array.dtype.type(gain if name == pcm else 1) for name, array in clip.items()}
        for gain, _ in levels[1:]
        for clip in cut
    ]
    return [*cut, *quieter], [allowance for _, allowance in levels for _ in clips]


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
    from edgekit.quantize.recipe import AUTO
    from edgekit.quantize.search import rank
    from edgekit.quantize.space import make_space
    from edgekit.targets.macs import node_macs

    recipe = replace(AUTO, **settings)  # type: ignore[arg-type]
    seen = observed(model, calibration, recipe)
    space = make_space(seen, recipe, node_macs(seen.model))
    meter = Meter(space.model, reference, cache)
    return Candidate(recipe, seen, space, rank(space, meter, progress), meter)


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
    from edgekit.quantize.search import decibels
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
    return Auto(recipe, quantized, decibels(noise), alone, mean)


def _merit(found: "Found", aim: float) -> tuple[bool, float]:
    """Good enough and cheap first; where none is, the best first."""
    short = found.snr_db < aim
    return short, -found.snr_db if short else found.cost
