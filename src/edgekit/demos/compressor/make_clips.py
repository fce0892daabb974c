"""Renders the clip of the compressor's demo: five seconds of drums and a bass, by FluidR3 (MIT).

python -m edgekit.demos.compressor.make_clips [--soundfont FILE]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.compressor.formula import RATE
from edgekit.demos.compressor.prepare import DRUMS, SOUNDFONT, render

CLIPS = Path(__file__).with_name("clips")
PARTS = ((DRUMS + 25, 101, 0.9), (36, 102, 0.7))  # instruments that are not in the training
SECONDS, START_S, PEAK = 5.0, 2.0, 0.9


def main() -> None:
    """Reads the command line and writes the clip."""
    parser = argparse.ArgumentParser(description="Render the compressor's clip.")
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    soundfont = parser.parse_args().soundfont
    mixed = np.zeros(int(SECONDS * RATE), np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        for program, seed, gain in PARTS:
            file = Path(scratch) / f"{program}.wav"
            render(program, seed, file, soundfont)
            sound = read_wav(file).samples[int(START_S * RATE) :][: mixed.size]
            mixed += np.float32(gain / np.abs(sound).max()) * sound
    CLIPS.mkdir(exist_ok=True)
    write_wav(CLIPS / "groove.wav", mixed * np.float32(PEAK / np.abs(mixed).max()), RATE, "PCM_16")


if __name__ == "__main__":
    main()
