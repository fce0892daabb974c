"""Weights trained against integers: what clips that were left out keep before and after.

    python bench finetune [NETWORK] [--recipe w8a8] [--steps 60] [--data FOLDER]

NETWORK is a published one of `bench/published_pipelines.py` whose pipeline is a single network. Recordings come as for
`quant_goals.py`; its eight calibration clips are trained on, but for two.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from demonstrations.speech_data import FOLDER
from demonstrations.speech_data import fetch as fetch_speech
from published_networks import CACHE, NETWORKS, fetch, path_of
from published_pipelines import PIPELINES
from published_signals import mixture
from quality import quant_audio

from edgekit import api
from edgekit.base.wav import write_wav


def main() -> int:
    """Print what was measured; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("network", nargs="?", default="Silero VAD, opset 15")
    parser.add_argument("--recipe", default="w8a8")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--data", type=Path, default=FOLDER)
    given = parser.parse_args()
    pipeline, seconds, rate = PIPELINES[given.network], quant_audio.SECONDS, quant_audio.RATE
    known = NETWORKS[pipeline.networks[0]].options(None)
    start = time.process_time()
    fetch(CACHE)
    fetch_speech(given.data)
    with tempfile.TemporaryDirectory() as scratch:
        for number, (voice, name, ratio) in enumerate(quant_audio.CALIBRATION):
            clean = quant_audio.speech(given.data, voice, seconds, number)
            noise = quant_audio.noise(given.data, name, seconds, 2.0)
            heard = mixture(clean, noise, ratio)
            write_wav(Path(scratch) / f"{number}.wav", heard, rate, "FLOAT")
        tuned = api.finetune(
            str(path_of(pipeline.networks[0], CACHE)),
            given.recipe,
            scratch,
            Path(scratch) / "tuned.onnx",
            steps=given.steps,
            states=known.states,
            shapes=known.shapes,
            constants=known.constants,
            frontend=pipeline.frontend,
            sample_rate=rate,
        )
    print(
        f"{given.network}, {given.recipe}: {tuned.before_db:.1f} dB before, {tuned.after_db:.1f} dB after "
        f"{tuned.steps} steps, on {tuned.clips} of {tuned.of} clips; {time.process_time() - start:.0f} s of CPU"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
