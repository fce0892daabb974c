"""Renders the clip of the demo: drums of a kit that is not in the training.

apt-get install fluidsynth fluid-soundfont-gm
python -m edgekit.demos.scene.make_clips
"""

from pathlib import Path

import soxr

from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.compressor.prepare import DRUMS, SOUNDFONT, render
from edgekit.demos.scene.facts import RATE

CLIP = Path(__file__).parent / "clips" / "drums.wav"
KIT, SEED, SECONDS = DRUMS + 25, 77, 4


def main() -> None:
    """Writes the clip."""
    render(KIT, SEED, CLIP, SOUNDFONT)
    clip = read_wav(CLIP)
    sound = soxr.resample(clip.samples, clip.sample_rate_hz, RATE)[: SECONDS * RATE]
    write_wav(CLIP, sound, RATE, "PCM_16")


if __name__ == "__main__":
    main()
