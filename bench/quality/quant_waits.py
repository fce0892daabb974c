"""What a recipe costs a network after minutes of silence, noise, DC or speech: one row of `quant_goals.py --waits`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from published_pipelines import PIPELINES
from quality import quant_audio
from quality.quant_audio import RATE, SETS, Mixture
from quality.quant_bench import Bench
from quality.quant_levels import DECISIONS, SI_SDR, int8_share

from edgekit.base.wav import Samples
from edgekit.demos.show_denoise import si_sdr_db
from edgekit.graph.model import Model
from edgekit.targets.trials import Trials

SOUND, BEFORE = 3, 4  # mixtures after a wait, and before it
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
        found: by wait: the level against the float network in dB (0 of decisions), and what is lost on average.
        int8: the share of multiply-accumulates.
        said: what was measured of the recipe's choices.
    """

    network: str
    recipe: str
    unit: str
    found: Mapping[str, Sequence[float]]
    int8: float
    said: str | None = None

    def goals(self) -> Iterator[tuple[str, bool]]:
        """What was asked after each wait, and whether it is so."""
        level, lost = LIMITS.get(self.recipe, LIMITS["w8a8"])
        for wait, (found, loss) in self.found.items():
            where = f"{self.network}, {self.recipe} after {wait}"
            if self.unit == DECISIONS:
                text = f"{loss:.2f} % decided otherwise, {MOST_OTHER:g} asked"
                yield f"{where}: {text}", loss <= MOST_OTHER
            else:
                text = f"level {found:+.2f} dB, {level:g} asked; {loss:.2f} dB lost, {lost:g} asked"
                yield f"{where}: {text}", abs(found) <= level and loss <= lost

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        percent = self.unit == DECISIONS
        texts = [
            f"{loss:.2f} %" if percent else f"{level:+.2f} / {loss:.2f}"
            for level, loss in (self.found[wait] for wait in WAITS)
        ]
        return (self.network, self.recipe, f"{100 * self.int8:.1f}", *texts)


def measure_waits(bench: Bench, name: str, recipe: str) -> KeptWaits:
    """Run the float network and the integers in C over sound, each wait and sound again, states carried."""
    made, sound = bench.made(name, recipe), sounds(bench)
    clips = clips_after_waits(bench, WAITS)
    exact, found = (outputs(model, clips) for model in (bench.model(name), made.quantized))
    unit = DECISIONS if name in PIPELINES and PIPELINES[name].detects else SI_SDR
    rows = {
        wait: level_and_loss(unit, sound, clip.size, a, b)
        for wait, clip, a, b in zip(WAITS, clips, exact, found, strict=True)
    }
    return KeptWaits(name, recipe, unit, rows, int8_share(made.quantized), made.said)


def clips_after_waits(bench: Bench, waits: Sequence[str]) -> list[Samples]:
    """What is before each wait, the wait, and the mixtures after it, of each wait in one clip."""
    sound = [mixture.noisy for mixture in sounds(bench)]
    return [np.concatenate([*before_sound(bench, wait), *sound]) for wait in waits]


def sounds(bench: Bench) -> list[Mixture]:
    """The mixtures after every wait."""
    return quant_audio.varied(bench.data, SETS["evaluation"], SOUND)


def before_sound(bench: Bench, wait: str) -> list[Samples]:
    """The sound before a wait, and the wait."""
    mixtures = quant_audio.varied(bench.data, SETS["evaluation"], 108)
    first = [m.noisy for m in mixtures[SOUND : SOUND + BEFORE]]
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


def outputs(model: Model, clips: Sequence[Samples]) -> list[Samples]:
    """What C makes of clips, its delay taken away."""
    trials = Trials(model, [quant_audio.in_hops(model, clip) for clip in clips])
    delay, (name,) = model.stream.delay_samples or 0, trials.outputs
    (made,) = trials.run(lambda _, arrays: np.ravel(arrays[name]))
    return [samples[delay:] for samples in made]


def level_and_loss(
    unit: str, sound: Sequence[Mixture], length: int, exact: Samples, found: Samples
) -> tuple[float, float]:
    """The level of the sound at the end of a clip against the float network's, and what is lost on average."""
    total = sum(m.noisy.size for m in sound)
    if unit == DECISIONS:
        hops = len(exact) * total // length
        other = (exact[-hops:] >= 0.5) != (found[-hops:] >= 0.5)
        return 0.0, 100 * float(np.mean(other))
    start, lost, powers = length - total, list[float](), np.zeros(2)
    for mixture in sound:
        a, b = (y[start : start + mixture.noisy.size].astype(np.float64) for y in (exact, found))
        clean = mixture.clean[: a.size]
        lost.append(si_sdr_db(a, clean) - si_sdr_db(b, clean))
        powers += np.sum(np.square(a)), np.sum(np.square(b))
        start += mixture.noisy.size
    return 10 * float(np.log10(powers[1] / powers[0])), float(np.mean(lost))
