"""``--recipe auto``: the cheapest types that keep a network's output, found by measuring.

The float network runs over the calibration clips; a third of them is held out from the ranges and judges. For
each preparation every group of tensors is tried alone at each type, `edgekit.quantize.search` takes the cheapest
mix, and the cheapest of all is built in integers on all clips and measured as it will run. Where that is
short of what was asked, the search goes on with as much more in hand.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.errors import VerificationError
from edgekit.meter import Meter, Reference
from edgekit.verification import sample_hops

if TYPE_CHECKING:
    from edgekit.export.model import Model
    from edgekit.quantize.calibrate import Calibration, Clip
    from edgekit.quantize.recipe import Recipe
    from edgekit.quantize.search import Found, Ranking
    from edgekit.quantize.space import Space

Progress = Callable[[str, int, int], None]
MIN_SNR_DB = 26.0
HELD_OUT = 3  # every third clip judges, or the last third of a single one
JUDGED_HOPS = 750  # in all: what a search for types needs to tell them apart
ROUNDS = 5
MORE_DB = 0.25
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
        snr_db: of its outputs against the float network's, measured in C.
        alone_db: by the first tensor of each group: the ratio with this group alone in int8, or in the
            narrowest type it may have, and everything else exact.
    """

    recipe: "Recipe"
    quantized: "Model"
    snr_db: float
    alone_db: dict[str, float]


@dataclass(frozen=True)
class Candidate:
    """One preparation of the network, and its search."""

    recipe: "Recipe"
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
        min_snr_db: of the worst output, in dB; clips count alike, whatever their level.
        progress: is told the stage, and how many steps of how many are done.
        cache: a folder that keeps measurements.

    Raises:
        VerificationError: no recipe is good enough; says what the best one reaches.
        ToolError: there is no C compiler.
    """
    from edgekit.quantize.search import search

    needed = MIN_SNR_DB if min_snr_db is None else min_snr_db
    seen, judged = split(calibration, model.constants)
    reference = Reference(model, judged)
    # what an export will be judged on, where it is told by how much
    asked = [] if min_snr_db is None else [sample_hops(model, calibration, None)]
    whole = Reference(model, [*judged, *asked])
    candidates = [
        prepared(model, replace(calibration, clips=seen), settings, reference, progress, cache)
        for settings in PREPARATIONS
    ]
    aim, best = needed, None
    for _ in range(ROUNDS):
        found = [(search(c.space, c.ranking, c.meter, aim, progress), c) for c in candidates]
        result, candidate = min(found, key=lambda pair: _merit(pair[0], aim))
        built = build(model, calibration, candidate, result, whole, len(judged))
        if best is None or built.snr_db > best.snr_db:
            best = built
        if built.snr_db >= needed:
            return built
        if result.snr_db < aim:
            break
        aim += needed - built.snr_db + MORE_DB
    assert best is not None
    raise VerificationError(
        f"recipe 'auto': the best that was found is {best.snr_db:.1f} dB below the float network's "
        f"output, {needed:g} dB were asked for; next: give --min-snr {best.snr_db:.0f} or less, or more "
        "and more different calibration clips"
    )


def split(
    calibration: "Calibration", constants: Collection[str] = ()
) -> tuple[tuple["Clip", ...], list["Clip"]]:
    """Return the clips that tell ranges, and those that judge, cut to `JUDGED_HOPS` in all.

    Session constants, by name, are in both as they are.
    """
    clips = calibration.clips

    def part(clip: "Clip", hops: slice) -> "Clip":
        return {n: array if n in constants else array[hops] for n, array in clip.items()}

    if len(clips) > 1:
        judged = list(clips[HELD_OUT - 1 :: HELD_OUT]) or [clips[-1]]
        seen = tuple(clip for clip in clips if not any(clip is other for other in judged))
    else:
        (clip,) = clips
        hops = max(len(array) for name, array in clip.items() if name not in constants)
        cut = max(hops - hops // HELD_OUT, 1)
        seen, judged = (part(clip, slice(cut)),), [part(clip, slice(min(cut, hops - 1), None))]
    each = max(JUDGED_HOPS // len(judged), 1)
    return seen, [part(clip, slice(each)) for clip in judged]


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
    return Candidate(recipe, space, rank(space, meter, progress), meter)


def build(
    model: "Model",
    calibration: "Calibration",
    candidate: Candidate,
    result: "Found",
    whole: Reference,
    judged: int,
) -> Auto:
    """Quantize on all clips with the types of a result, and measure that in C on `whole`.

    The first `judged` of its clips count together, those behind them apart.
    """
    from edgekit.quantize.apply import quantize
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
    quantized = quantize(model, calibration, recipe)
    (noises,) = Trials(quantized, whole.clips).run(whole.noise)
    noise = max(whole.total(noises[:judged]), whole.total(noises[judged:] or noises))
    alone = {
        group.tensors[0]: decibels(candidate.ranking.noises[i][0])
        for i, group in enumerate(space.groups)
    }
    return Auto(recipe, quantized, decibels(noise), alone)


def _merit(found: "Found", aim: float) -> tuple[bool, float]:
    """Good enough and cheap first; where none is, the best first."""
    short = found.snr_db < aim
    return short, -found.snr_db if short else found.cost
