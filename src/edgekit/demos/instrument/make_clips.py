"""Renders the melody of the demo: five seconds of a line that is not in the training, by FluidR3 (MIT).

python -m edgekit.demos.instrument.make_clips [--soundfont FILE]
"""

import argparse
from pathlib import Path

from edgekit.demos.compressor.prepare import SOUNDFONT
from edgekit.demos.instrument.prepare import line

CLIPS = Path(__file__).with_name("clips")
SECONDS, SEED = 5.0, 9057


def main() -> None:
    """Reads the command line and writes the clips."""
    parser = argparse.ArgumentParser(description="Render the instrument's clips.")
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    given = parser.parse_args()
    line(SEED, SECONDS, CLIPS / "melody", given.soundfont)
    (CLIPS / "melody.dry.wav").replace(CLIPS / "melody.wav")
    (CLIPS / "melody.wet.wav").replace(CLIPS / "room.wav")


if __name__ == "__main__":
    main()
