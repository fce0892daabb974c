"""How many clearly voiced frames of voices the bundled instrument plays without a pitch, through the generated C.

    python bench instrument_voices VOICES [--each 8] [--seconds 5]

VOICES has a folder of 16 kHz wav files for each voice, as those of `edgekit.demos.wake.prepare`. Neither the listener
nor the player was trained on voices. The judge is the autocorrelation of 40 ms
(`edgekit.demos.instrument.periodicity`). "Dry and in range" is played without the room, and an octave higher where a
voice is too low for the instrument.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from tables import Table

from edgekit import api
from edgekit.base.wav import read_wav
from edgekit.demos.instrument.periodicity import unvoiced_percent
from edgekit.demos.instrument.show import (
    LISTENER,
    PLAYER,
    RATE,
    RECIPES,
    calibration_clips,
    listener_options,
    pitch_and_loudness,
    play_features,
    player_options,
    raise_low_voice,
    write_dry_player,
)
from edgekit.runtime.stream import Stream

PEAK = 0.5
LEAST_S = 2.5  # of a recording


def recordings_of(folder: Path, each: int, seconds: float) -> list[np.ndarray]:
    """Return the first long recordings of a voice, at one peak."""
    found = (read_wav(path, RATE).samples for path in sorted(folder.glob("*.wav")))
    long = [sound[: int(seconds * RATE)] for sound in found if sound.size > LEAST_S * RATE][:each]
    return [np.asarray(PEAK * sound / np.abs(sound).max(), np.float32) for sound in long]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("voices", type=Path)
    parser.add_argument("--each", type=int, default=8, help="recordings of a voice")
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    table = Table("voice", "recordings", "recipe", "in the room, %", "dry and in range, %")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        api.export(str(LISTENER), "host", scratch / "listener", **listener_options())
        ears = Stream.open(scratch / "listener")
        voices = {
            folder.name: [(sound, pitch_and_loudness(ears, sound)[:2]) for sound in found]
            for folder in sorted(given.voices.iterdir())
            if (found := recordings_of(folder, given.each, given.seconds))
        }
        clips = calibration_clips(scratch / "clips", [own[0][1] for own in voices.values()])
        players = {
            "room": (PLAYER, lambda f0: f0),
            "dry": (write_dry_player(scratch / "dry.onnx"), raise_low_voice),
        }
        for recipe in RECIPES:
            shares = dict[str, list[str]]()
            for kind, (network, pitch) in players.items():
                build = scratch / f"{recipe}-{kind}"
                api.export(str(network), "host", build, **player_options(recipe, clips))
                stream = Stream.open(build)
                for voice, own in voices.items():
                    found = [
                        unvoiced_percent(sound, play_features(stream, pitch(f0), loudness)[0])
                        for sound, (f0, loudness) in own
                    ]
                    shares.setdefault(voice, []).append(f"{np.mean(found):.1f}")
            for voice, cells in shares.items():
                table.add_row(voice, str(len(voices[voice])), recipe, *cells)
    table.show()


if __name__ == "__main__":
    main()
