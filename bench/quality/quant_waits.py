"""What a recipe costs a network after minutes of silence, noise, DC or speech: one row of `quant_goals.py --waits`.

A wait runs once. Then each of many sounds is heard from the states after it, so a value is a mean over sounds, with its
standard error.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from published_pipelines import PIPELINES
from quality import quant_audio
from quality.quant_audio import RATE, SETS, Mixture
from quality.quant_bench import Bench, Made
from quality.quant_levels import DECISIONS, SI_SDR, int8_share

from edgekit.base.arrays import Float32
from edgekit.base.wav import Samples
from edgekit.demos.show_denoise import si_sdr_db
from edgekit.graph.model import Model
from edgekit.targets.trials import Clip, Trials

BEFORE = slice(3, 7)  # the mixtures before a wait
HEARD = slice(7, 43)  # those after it: every voice in every noise
SILENCES = (3, 11, 37, 200)  # seconds
MINUTE, SPEECH = 60, 600  # seconds
NOISE_DBFS, DC = -60.0, 0.01
NO_WAIT = "no wait"
WAITS = (
    NO_WAIT,
    *(f"{seconds} s of silence" for seconds in SILENCES),
    f"{MINUTE} s at {NOISE_DBFS:g} dBFS",
    f"{MINUTE} s of DC {DC:g}",
    f"{SPEECH // 60} minutes of speech",
)
LIMITS = {"auto": (0.3, 0.1), "w8a8": (0.5, 0.2)}  # of |level| and of what is lost, dB
MOST_OTHER = 0.5  # % of decisions that may be other ones


@dataclass(frozen=True)
class KeptWaits:
    """What was measured of one network in one recipe.

    Attributes:
        network: of `Bench.model`.
        recipe: of `Bench.made`.
        unit: of what is lost, as in `quant_levels.Kept`.
        levels: by wait, of each sound: the level against the float network in dB; not of decisions.
        lost: by wait, of each sound: what is lost.
        int8: the share of multiply-accumulates.
        said: what was measured of the recipe's choices.
    """

    network: str
    recipe: str
    unit: str
    levels: Mapping[str, Sequence[float]]
    lost: Mapping[str, Sequence[float]]
    int8: float
    said: str | None = None

    def goals(self) -> Iterator[tuple[str, bool]]:
        """What was asked after each wait, and whether it is so."""
        most_level, most_lost = LIMITS.get(self.recipe, LIMITS["w8a8"])
        for wait, losses in self.lost.items():
            where = f"{self.network}, {self.recipe} after {wait}"
            lost, error = mean_and_error(losses)
            if self.unit == DECISIONS:
                text = f"{lost:.2f} ±{error:.2f} % decided otherwise, {MOST_OTHER:g} asked"
                yield f"{where}: {text}", lost <= MOST_OTHER
            else:
                level, level_error = mean_and_error(self.levels[wait])
                text = f"level {level:+.2f} ±{level_error:.2f} dB, {most_level:g} asked"
                text += f"; {lost:.2f} ±{error:.2f} dB lost, {most_lost:g} asked"
                yield f"{where}: {text}", abs(level) <= most_level and lost <= most_lost

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        texts = []
        for wait in WAITS:
            lost, _ = mean_and_error(self.lost[wait])
            if self.unit == DECISIONS:
                texts.append(f"{lost:.2f} %")
            else:
                level, _ = mean_and_error(self.levels[wait])
                texts.append(f"{level:+.2f} / {lost:.2f}")
        return (self.network, self.recipe, f"{100 * self.int8:.1f}", *texts)


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of what was found in each sound, and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def measure_waits(bench: Bench, name: str, recipe: str) -> KeptWaits:
    """Run the float network and the integers in C over each wait, and over each sound from the states after it."""
    return measure_made(bench, name, recipe, bench.made(name, recipe))


def measure_made(bench: Bench, name: str, recipe: str, made: Made) -> KeptWaits:
    """Measure what a recipe made of a network."""
    heard, before = sounds(bench), [before_sound(bench, wait) for wait in WAITS]
    models = bench.model(name), made.quantized
    exact, found = (outputs_after(model, before, heard) for model in models)
    levels, lost = dict[str, list[float]](), dict[str, list[float]]()
    unit = DECISIONS if name in PIPELINES and PIPELINES[name].detects else SI_SDR
    for wait, *pair in zip(WAITS, exact, found, strict=True):
        if unit == DECISIONS:
            lost[wait] = other_decisions(*pair)
        else:
            levels[wait], lost[wait] = levels_of(*pair), losses_of(heard, *pair)
    return KeptWaits(name, recipe, unit, levels, lost, int8_share(made.quantized), made.said)


def sounds(bench: Bench) -> list[Mixture]:
    """The mixtures after every wait."""
    return quant_audio.varied(bench.data, SETS["evaluation"], HEARD.stop)[HEARD]


def before_sound(bench: Bench, wait: str) -> list[Samples]:
    """The sound before a wait, and the wait."""
    mixtures = quant_audio.varied(bench.data, SETS["evaluation"], 108)
    first = [m.noisy for m in mixtures[BEFORE]]
    if wait == NO_WAIT:
        return []
    seconds = int(wait.split()[0])
    if "minutes" in wait:
        return [np.resize(np.concatenate([m.noisy for m in mixtures]), 60 * seconds * RATE)]
    samples = np.zeros(seconds * RATE, np.float32)
    if "dBFS" in wait:
        drawn = np.random.default_rng(0).standard_normal(samples.size)
        samples += (10 ** (NOISE_DBFS / 20) * drawn).astype(np.float32)
    if "DC" in wait:
        samples += np.float32(DC)
    return [*first, samples]


def outputs_after(
    model: Model, before: Sequence[Sequence[Samples]], heard: Sequence[Mixture]
) -> list[list[Samples]]:
    """What C makes of each sound from the states after each wait and the sound before it; see `cut_sounds`."""
    clips, firsts = clips_after(model, before, heard)
    trials = Trials(model, clips, branches=firsts)
    (name,) = trials.outputs
    (made,) = trials.run(lambda place, arrays: cut_sounds(model, arrays[name], firsts[place]))
    return made


def clips_after(
    model: Model, before: Sequence[Sequence[Samples]], heard: Sequence[Mixture]
) -> tuple[list[Clip], dict[int, list[int]]]:
    """What is before the sounds, and the sounds, of each wait in one clip; the first hop of each sound in it."""
    ((name, sound),) = _join_hops(model, [mixture.noisy for mixture in heard]).items()
    clips, firsts = list[Clip](), dict[int, list[int]]()
    for place, waited in enumerate(before):
        hops = _join_hops(model, waited)[name] if waited else sound[:0]
        clips.append({name: np.concatenate([hops, sound])})
        firsts[place] = [len(hops) + n * (len(sound) // len(heard)) for n in range(len(heard))]
    return clips, firsts


def _join_hops(model: Model, parts: Sequence[Samples]) -> dict[str, Float32]:
    """Whole hops of each part, one after another."""
    hops = [quant_audio.in_hops(model, part) for part in parts]
    return {name: np.concatenate([part[name] for part in hops]) for name in hops[0]}


def cut_sounds(model: Model, output: Float32, firsts: Sequence[int]) -> list[Samples]:
    """The output of each sound, (samples,), the delay of the network taken away."""
    delay, first = model.stream.delay_samples or 0, firsts[0]
    return [np.ravel(part)[delay:] for part in np.split(output[first:].copy(), len(firsts))]


def levels_of(exact: Sequence[Samples], found: Sequence[Samples]) -> list[float]:
    """The level of each sound against the float network's, in dB."""
    powers = [[np.sum(np.square(y, dtype=np.float64)) for y in sounds] for sounds in (exact, found)]
    return [10 * float(np.log10(b / a)) for a, b in zip(*powers, strict=True)]


def losses_of(
    heard: Sequence[Mixture], exact: Sequence[Samples], found: Sequence[Samples]
) -> list[float]:
    """What each sound loses of SI-SDR against the float network, in dB."""
    return [
        si_sdr_db(a, m.clean[: a.size]) - si_sdr_db(b, m.clean[: b.size])
        for m, a, b in zip(heard, exact, found, strict=True)
    ]


def other_decisions(exact: Sequence[Samples], found: Sequence[Samples]) -> list[float]:
    """The share of decisions in each sound that are other ones than the float network's, in %."""
    pairs = zip(exact, found, strict=True)
    return [100 * float(np.mean((a >= 0.5) != (b >= 0.5))) for a, b in pairs]
