"""Makes the training data of `train.py`: lines of a trombone, dry and in a room, at 16 kHz, with their exact pitch.

    apt-get install fluidsynth fluid-soundfont-gm
    python -m edgekit.demos.instrument.prepare lines

``lines`` then holds ``train`` and ``held``: of each line ``N.dry.wav``, ``N.wet.wav``, and ``N.npz`` with the pitch
in Hz every 5 ms, 0 between notes. Notes, bends, vibrato, swells and velocities are drawn. The soundfont is Frank
Wen's FluidR3 (MIT).
"""

import argparse
import subprocess
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.base.npz import write_npz
from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.compressor.prepare import SOUNDFONT, midi_file
from edgekit.demos.instrument.listener import RATE

PROGRAM = 57  # of General MIDI: trombone
LOWEST, HIGHEST = 41, 70  # notes: 87 to 466 Hz
TICKS_S, TICK_BEAT = 200, 100  # ticks of 5 ms at 120 beats a minute
BEND_NOTES = 2.0  # the whole range of the bend wheel
SECONDS = 30
LINES = {"train": 16, "held": 3}


def performance(random: np.random.Generator, seconds: float) -> tuple[bytes, Float32]:
    """A MIDI file of one line, and its pitch in Hz every 5 ms."""
    size = int(seconds * TICKS_S)
    pitch = np.zeros(size, np.float32)
    events = [(0, bytes([0xC0, PROGRAM]))]
    tick, note = 20, int(random.integers(LOWEST, HIGHEST))
    while tick < size - 60:
        length = min(int(random.choice([30, 50, 100, 200, 300])), size - 20 - tick)
        note = int(np.clip(note + random.integers(-7, 8), LOWEST, HIGHEST))
        at = np.arange(length)
        slide = (
            random.uniform(-1, 1) * np.exp(-at / random.uniform(5, 30)) * (random.random() < 0.4)
        )
        shake = np.sin(2 * np.pi * random.uniform(4, 6.5) * at / TICKS_S) * np.clip(at / 60, 0, 1)
        bend = slide + random.uniform(0, 0.6) * (random.random() < 0.5) * shake
        wheel = np.round(8192 + bend / BEND_NOTES * 8192).astype(int).clip(0, 16383)
        swell = np.interp(at, [0, length / 2, length], random.integers(40, 128, 3)).astype(int)
        for when in range(length):
            if when == 0 or wheel[when] != wheel[when - 1]:
                events.append((tick + when, bytes([0xE0, wheel[when] & 127, wheel[when] >> 7])))
            if when == 0 or swell[when] != swell[when - 1]:
                events.append((tick + when, bytes([0xB0, 11, int(swell[when])])))
        events.append((tick, bytes([0x90, note, int(random.integers(30, 127))])))
        events.append((tick + length, bytes([0x80, note, 0])))
        bent = note + (wheel - 8192) / 8192 * BEND_NOTES
        pitch[tick : tick + length] = 440 * 2 ** ((bent - 69) / 12)
        tick += length + int(random.choice([0, 0, 0, 20, 80]))
    return midi_file(events, TICK_BEAT), pitch


def render(score: bytes, out: Path, room: bool, soundfont: Path) -> None:
    """Write a synthesiser's sound of a MIDI file, as 16 kHz mono."""
    file = out.with_suffix(".mid")
    file.write_bytes(score)
    setting = ["-R", int(room), "-C", 0, "-g", 0.8, "-r", RATE]
    command = ["fluidsynth", "-n", "-i", "-q", *setting, "-F", out, soundfont, file]
    subprocess.run([str(word) for word in command], check=True)
    file.unlink()
    write_wav(out, read_wav(out).samples, RATE, "PCM_16")


def line(seed: int, seconds: float, stem: Path, soundfont: Path) -> None:
    """Write a line: dry, wet, and its pitch."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    score, pitch = performance(np.random.default_rng(seed), seconds)
    for kind in ("dry", "wet"):
        render(score, stem.with_name(f"{stem.name}.{kind}.wav"), kind == "wet", soundfont)
    write_npz(stem.with_name(f"{stem.name}.npz"), {"f0": pitch})


def main() -> None:
    """Reads the command line and writes all."""
    parser = argparse.ArgumentParser(description="Render the lines that the instrument learns.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    given = parser.parse_args()
    for part, count in LINES.items():
        for number in range(count):
            seed = 100 * number + 57 + (part == "held")
            line(seed, SECONDS, given.out / part / str(number), given.soundfont)


if __name__ == "__main__":
    main()
