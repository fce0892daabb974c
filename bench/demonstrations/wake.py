"""The bundled keyword spotter: keywords missed and false alarms, through the generated C at float32 and w8a8.

    python bench wake HEARD [--speech FOLDER] [--snr DB]

HEARD is the folder that `edgekit.demos.wake.prepare` made; of it the held-out synthesised voices say the keyword in
noises that the training does not hear, at 5 dB SNR. False alarms are counted on all speech within reach that has no
keyword: voices that the training does not hear (a reader and letters of eight languages from the folder of
`speech_data.py`, near misses and sentences of the held-out synthesised voices), those that it does, and noises.
A bound is that of 95 % confidence: the rate at which so few alarms would be heard once in twenty times.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from demonstrations.recordings import (
    EVALUATION_LETTERS,
    EVALUATION_NOISES,
    EVALUATION_VOICES,
    refuse_heard,
)
from demonstrations.speech_data import FOLDER
from published_signals import mixture
from scipy import stats  # type: ignore[import-untyped]
from tables import Table

from edgekit import api
from edgekit.base.wav import Samples, read_wav
from edgekit.demos.wake.prepare import HELD_LETTERS, HELD_VOICES
from edgekit.demos.wake.show import (
    NETWORK,
    RATE,
    RECIPES,
    calibration_clips,
    count_detections,
    hear,
    options,
)
from edgekit.runtime.stream import Stream

LEVEL_DBFS = -25.0
GAP_S = 0.3


def at_level(samples: Samples) -> Samples:
    """The samples at -25 dB of full scale."""
    level = np.sqrt(np.mean(np.square(samples))) + 1e-9
    return np.asarray((samples * (10 ** (LEVEL_DBFS / 20) / level)).clip(-1, 1), np.float32)


def joined(files: list[Path]) -> Samples:
    """All recordings one after the other, with a pause between."""
    gap = np.zeros(int(GAP_S * RATE), np.float32)
    parts = [part for file in files for part in (at_level(read_wav(file, RATE).samples), gap)]
    return np.concatenate(parts)


def without_keyword(heard: Path, speech: Path) -> Iterator[tuple[str, Samples]]:
    """Speech and noise, kind by kind."""
    unheard = sorted(
        file for v in EVALUATION_VOICES for file in (speech / "voices" / v).glob("*.wav")
    )
    yield "voices not trained on", joined(unheard)
    near = sorted(file for voice in HELD_VOICES for file in (heard / "near" / voice).glob("*.wav"))
    yield "near misses, voices not trained on", joined(near)
    yield "voices trained on", joined(sorted((heard / "speech").rglob("*.wav")))
    spoken = sorted(
        file for file in (heard / "near").rglob("*.wav") if file.parent.name not in HELD_VOICES
    )
    yield "near misses, voices trained on", joined(spoken)
    yield (
        "noises not trained on",
        joined([speech / "noises" / f"{n}.wav" for n in EVALUATION_NOISES]),
    )


def keywords(
    heard: Path, speech: Path, snr_db: float
) -> Iterator[tuple[str, Samples, list[float]]]:
    """A voice's keywords in a noise, with the seconds at which they end."""
    random = np.random.default_rng(1)
    for voice in HELD_VOICES:
        files = sorted((heard / "keyword" / voice).glob("*.wav"))
        for name in EVALUATION_NOISES:
            noise = read_wav(speech / "noises" / f"{name}.wav", RATE).samples
            parts, ends, at = [], [], 0
            for file in files:
                spoken = at_level(read_wav(file, RATE).samples)
                before, after = (np.zeros(int(s * RATE), np.float32) for s in (1.2, 0.8))
                start = int(random.integers(max(noise.size - 5 * RATE, 1)))
                whole = np.concatenate([before, spoken, after])
                # the SNR is that of the spoken part
                own = spoken.size / whole.size
                cut = np.resize(noise[start:], whole.size)
                parts.append(mixture(whole, cut, snr_db - 10 * np.log10(1 / own)))
                ends.append((at + before.size + spoken.size) / RATE)
                at += whole.size
            yield voice, at_level(np.concatenate(parts)), ends


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("heard", type=Path)
    parser.add_argument("--speech", type=Path, default=FOLDER)
    parser.add_argument("--snr", type=float, default=5.0, metavar="DB")
    given = parser.parse_args()
    refuse_heard(EVALUATION_VOICES, EVALUATION_NOISES)
    if set(HELD_LETTERS) != set(EVALUATION_LETTERS):
        raise SystemExit("the spotter's training heard letters that are for evaluation")
    alarms = Table("recipe", "sound without the keyword", "hours", "alarms", "per hour, 95 % bound")
    found = Table("recipe", "voice", "keywords", "found", "%", "false alarms")
    with tempfile.TemporaryDirectory() as scratch:
        calibration = calibration_clips(Path(scratch) / "clips")
        streams = {}
        for recipe in RECIPES:
            build = Path(scratch) / recipe
            api.export(str(NETWORK), "host", build, **options(recipe, calibration))
            streams[recipe] = Stream.open(build)
        totals = {recipe: [0.0, 0] for recipe in RECIPES}
        for kind, sound in without_keyword(given.heard, given.speech):
            hours = sound.size / RATE / 3600
            for recipe, stream in streams.items():
                count = len(hear(stream, sound).times_s)
                bound = stats.chi2.ppf(0.95, 2 * (count + 1)) / 2 / hours
                alarms.add_row(recipe, kind, f"{hours:.3f}", str(count), f"{bound:.1f}")
                totals[recipe][0] += hours
                totals[recipe][1] += count
        for recipe, (hours, count) in totals.items():
            bound = stats.chi2.ppf(0.95, 2 * (count + 1)) / 2 / hours
            alarms.add_row(recipe, "all", f"{hours:.3f}", str(count), f"{bound:.1f}")
        hits: dict[tuple[str, str], list[int]] = {}
        for voice, sound, ends in keywords(given.heard, given.speech, given.snr):
            for recipe, stream in streams.items():
                hit, false = count_detections(hear(stream, sound).times_s, ends)
                for name in (voice, "all"):
                    row = hits.setdefault((recipe, name), [0, 0, 0])
                    row[:] = row[0] + len(ends), row[1] + hit, row[2] + false
        for (recipe, voice), (said, hit, false) in sorted(hits.items()):
            found.add_row(recipe, voice, str(said), str(hit), f"{100 * hit / said:.1f}", str(false))
    alarms.show()
    found.show()


if __name__ == "__main__":
    main()
