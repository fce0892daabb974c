"""How many clearly voiced frames of voices the bundled instrument plays without a pitch, through the generated C.

    python bench instrument_voices VOICES [--each 8] [--seconds 5]

VOICES has a folder of 16 kHz wav files for each voice, as those of `edgekit.demos.wake.prepare`. Neither the listener
nor the player was trained on voices. The judge is the autocorrelation of 40 ms
(`edgekit.demos.instrument.periodicity`). "Dry and in range" is played without the room, and an octave higher where a
voice is too low for the instrument. This sound is then put into the room, as it is and 16 dB quieter, by NumPy. The
last column is the voice itself in the room: what no player could avoid.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from onnx import load, numpy_helper
from tables import Table

from edgekit import api
from edgekit.base.wav import read_wav
from edgekit.demos.instrument.periodicity import HOP, LATE, unvoiced_percent
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
QUIETER_DB = 16.0
ROOMS = (1.0, 10 ** (-QUIETER_DB / 20))  # levels of the room


def room_response() -> np.ndarray:
    """Return the response of the player's room (taps,); the first tap is the sound itself."""
    (response,) = (one for one in load(PLAYER).graph.initializer if one.name == "room.response")
    return numpy_helper.to_array(response).ravel()


def add_room(sound: np.ndarray, level: float) -> np.ndarray:
    """Return a sound (samples,) that was played without the room, with the room at a level."""
    tail = room_response() / room_response()[0]
    tail[0] = 0
    size = 2 * sound.size
    late = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: sound.size]
    return np.asarray(sound + level * late, np.float32)


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
    rooms = ("in range, in the room, %", f"in range, room {QUIETER_DB:.0f} dB quieter, %")
    head = ("in the room, %", "dry and in range, %", *rooms, "voice in the room, %")
    table = Table("voice", "recordings", "recipe", *head)
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
                    found = list[list[float]]()
                    for sound, (f0, loudness) in own:
                        played = play_features(stream, pitch(f0), loudness)[0]
                        heard = [played]
                        if kind == "dry":
                            itself = np.pad(add_room(sound, 1.0), (LATE * HOP, 0))
                            heard += [*(add_room(played, level) for level in ROOMS), itself]
                        found.append([unvoiced_percent(sound, one) for one in heard])
                    means = (f"{mean:.1f}" for mean in np.mean(found, 0))
                    shares.setdefault(voice, []).extend(means)
            for voice, cells in shares.items():
                table.add_row(voice, str(len(voices[voice])), recipe, *cells)
    table.show()
    below = -10 * np.log10(np.square(room_response()[1:]).sum() / room_response()[0] ** 2)
    print(f"the room is {below:.1f} dB quieter than the sound")


if __name__ == "__main__":
    main()
