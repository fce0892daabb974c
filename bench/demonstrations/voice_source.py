"""Closure instants through the generated C: of voices that are synthesised, and of recordings.

    python bench voice_source [--voices N] [--recipes RECIPE ...] [--marked FILE.group ...] [--speech FOLDER ...]

Voices are synthesised anew, by both models of the glottis, two seconds each. ``--marked`` takes voices of Festival,
which have marks of closures; each is played in both polarities. ``--speech`` takes .wav files without
marks: there the waveform says how long a period is.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tables import Table

from edgekit import api
from edgekit.base.arrays import Float64
from edgekit.base.wav import read_wav
from edgekit.demos.voice_source.closures import RATE, equal_periods, instants, score_closures
from edgekit.demos.voice_source.consistency import PERIODS_S, waveform_lags
from edgekit.demos.voice_source.diphones import Diphone, read_diphones
from edgekit.demos.voice_source.material import lag_of_marks
from edgekit.demos.voice_source.show import NETWORK, RECIPES, calibration_clips, heights, options
from edgekit.demos.voice_source.synthesis import liljencrants, rosenberg, voice
from edgekit.runtime.stream import Stream

SECONDS, SEED = 2.0, 77
PULSES = {"Rosenberg": rosenberg, "Liljencrants-Fant": liljencrants}
WARM_UP_S = 0.016  # of a diphone, which begins anywhere in a period
EVERY = 3  # of so many diphones or recordings, one is played
NEAR = 0.02  # of a period


def score_synthesis(stream: Stream, count: int, pulse: str) -> tuple[str, ...]:
    """Closures, those identified and false ones in %, and the spread of the errors in ms."""
    random = np.random.default_rng(SEED)
    hit, false, total, errors = 0, 0, 0, []
    for _ in range(count):
        pcm, closed = voice(random, SECONDS, PULSES[pulse])
        found, wrong, off = score_closures(instants(heights(stream, pcm)[0]), closed)
        hit, false, total = hit + found, false + wrong, total + closed.size
        errors.append(off)
    spread = 1000 * float(np.concatenate(errors).std())
    return f"{total}", f"{100 * hit / total:.1f}", f"{100 * false / total:.1f}", f"{spread:.3f}"


def score_by_marks(stream: Stream, file: Path, polarity: int) -> tuple[str, ...]:
    """As `score_synthesis`, then periods within 2 % of the marks', and of marks within 2 % of lags, in %."""
    diphones = list(read_diphones(file))[::EVERY]
    every = [instants(heights(stream, polarity * one.pcm)[0]) for one in diphones]
    lag = lag_of_marks(diphones, every)
    hit, false, total, errors = 0, 0, 0, []
    equal, sound = list[bool](), list[bool]()
    for one, found in zip(diphones, every, strict=True):
        known = one.known_samples(one.pcm.size)
        known[: int(WARM_UP_S * RATE)] = False
        closed = one.marks[one.voiced] + lag
        inside = [
            known[np.clip((at * RATE).astype(int), 0, known.size - 1)] for at in (closed, found)
        ]
        right, wrong, off = score_closures(found[inside[1]], closed[inside[0]])
        hit, false, total = hit + right, false + wrong, total + int(inside[0].sum())
        errors.append(off)
        first, second = (one.marks[part][one.periods()] for part in (slice(-1), slice(1, None)))
        late = first > WARM_UP_S
        equal += equal_periods(found, first[late] + lag, second[late] + lag, NEAR).tolist()
        sound += [*agreement(one, first[late], second[late])]
    spread = 1000 * float(np.concatenate(errors).std())
    shares = (f"{100 * hit / total:.1f}", f"{100 * false / total:.1f}", f"{spread:.3f}")
    return f"{total}", *shares, f"{100 * np.mean(equal):.1f}", f"{100 * np.mean(sound):.1f}"


def agreement(diphone: Diphone, first: Float64, second: Float64) -> Iterator[bool]:
    """Whether each period of the marks is that of the waveform; periods without a lag are left out."""
    for pair in zip(first, second, strict=True):
        period = pair[1] - pair[0]
        lag = float(waveform_lags(diphone.pcm, np.array(pair))[0])
        if np.isfinite(lag):
            yield abs(lag - period) <= NEAR * period


def score_by_waveform(stream: Stream, folder: Path, polarity: int) -> tuple[str, ...]:
    """Periods found, and in % those with a lag, and those within 2 % of it."""
    steps, lags = list[Float64](), list[Float64]()
    for file in sorted(folder.glob("*.wav"))[::EVERY]:
        pcm = polarity * read_wav(file, RATE).samples
        found = instants(heights(stream, pcm)[0])
        near = np.diff(found) < PERIODS_S[1]
        steps.append(np.diff(found)[near])
        lags.append(waveform_lags(pcm, found)[near])
    step, lag = np.concatenate(steps), np.concatenate(lags)
    with_lag = 100 * np.isfinite(lag).mean()
    return (
        f"{step.size}",
        f"{with_lag:.1f}",
        f"{100 * np.mean(np.abs(step - lag) <= NEAR * lag):.1f}",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=int, default=40)
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--marked", nargs="+", type=Path, default=[])
    parser.add_argument("--speech", nargs="+", type=Path, default=[])
    given = parser.parse_args()
    common = ("closures", "identified, %", "false, %", "spread, ms")
    head = ("recipe", "glottis", *common)
    made = Table(*head, title=f"{given.voices} voices of {SECONDS:g} s each")
    near = f"periods within {100 * NEAR:g} %"
    head = ("recipe", "voice", "polarity", *common, f"{near}, %", "of marks, by the waveform, %")
    by_marks = Table(*head, title="recordings with marks")
    head = ("recipe", "voice", "polarity", "periods", "with a lag, %", f"{near} of it")
    by_lags = Table(*head, title="recordings without marks")
    with tempfile.TemporaryDirectory() as scratch:
        calibration = calibration_clips(Path(scratch) / "clips")
        for recipe in given.recipes:
            build = Path(scratch) / recipe
            api.export(str(NETWORK), "host", build, **options(recipe, calibration))
            stream = Stream.open(build)
            for pulse in PULSES:
                made.add_row(recipe, pulse, *score_synthesis(stream, given.voices, pulse))
            for sign in (1, -1):
                for file in given.marked:
                    by_marks.add_row(
                        recipe, file.stem, f"{sign:+}", *score_by_marks(stream, file, sign)
                    )
                for folder in given.speech:
                    by_lags.add_row(
                        recipe, folder.name, f"{sign:+}", *score_by_waveform(stream, folder, sign)
                    )
    for table, shown in ((made, True), (by_marks, given.marked), (by_lags, given.speech)):
        if shown:
            table.show()


if __name__ == "__main__":
    main()
