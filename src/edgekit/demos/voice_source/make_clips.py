"""Synthesises the clip of the demo, by another model of the glottis than that of the training.

python -m edgekit.demos.voice_source.make_clips
"""

from pathlib import Path

import numpy as np

from edgekit.base.npz import write_npz
from edgekit.base.wav import write_wav
from edgekit.demos.voice_source.closures import RATE
from edgekit.demos.voice_source.synthesis import liljencrants, voice

CLIPS = Path(__file__).with_name("clips")
SECONDS, SEED = 5.0, 12


def main() -> None:
    """Writes the clip, and its closure instants in seconds."""
    CLIPS.mkdir(exist_ok=True)
    pcm, closed = voice(np.random.default_rng(SEED), SECONDS, liljencrants)
    write_wav(CLIPS / "voice.wav", pcm, RATE, "PCM_16")
    write_npz(CLIPS / "voice.npz", {"closed": closed.astype(np.float32)})


if __name__ == "__main__":
    main()
