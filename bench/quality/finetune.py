"""Weights trained against integers: what clips that were left out keep before and after.

    python bench finetune [NETWORK ...] [--recipe w8a8] [--steps 60] [--data FOLDER]

NETWORK is a published one of `bench/published_pipelines.py` whose pipeline is a single network. Recordings come as for
`quant_goals.py`; its eight calibration clips are trained on, but for two. Or it is one of `ruined_networks.py`, or
`ruined` for all of these, with 16 clips of noise.
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
from quality.ruined_networks import RUINED

from edgekit import api
from edgekit.base.errors import VerificationError
from edgekit.base.wav import write_wav
from edgekit.verbs.export.finetune import TuningResult


def main() -> int:
    """Print what was measured; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["Silero VAD, opset 15"], metavar="NETWORK")
    parser.add_argument("--recipe", default="w8a8")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--data", type=Path, default=FOLDER)
    given = parser.parse_args()
    names = [n for name in given.networks for n in (RUINED if name == "ruined" else (name,))]
    for name in names:
        start = time.process_time()
        with tempfile.TemporaryDirectory() as scratch:
            try:
                found = _finetune_row(name, given, Path(scratch))
            except VerificationError as error:
                found = str(error)
        seconds = time.process_time() - start
        print(f"{name}, {given.recipe}: {found}; {seconds:.0f} s of CPU", flush=True)
    return 0


def _finetune_row(name: str, given: argparse.Namespace, scratch: Path) -> str:
    """Train a network; return what was measured."""
    tune = _tune_drawn if name in RUINED else _tune_published
    tuned = tune(name, given, scratch)
    return (
        f"{tuned.before_db:.1f} dB before, {tuned.after_db:.1f} dB after {tuned.steps} steps, "
        f"on {tuned.clips} of {tuned.of} clips"
    )


def _tune_drawn(name: str, given: argparse.Namespace, scratch: Path) -> TuningResult:
    factories = "quality.ruined_networks"
    return api.finetune(
        f"{factories}:{name}",
        given.recipe,
        f"{factories}:clips",
        scratch / "tuned.onnx",
        steps=given.steps,
        time_axes={"x": 1},
        hop=1,
    )


def _tune_published(name: str, given: argparse.Namespace, scratch: Path) -> TuningResult:
    pipeline, seconds, rate = PIPELINES[name], quant_audio.SECONDS, quant_audio.RATE
    known = NETWORKS[pipeline.networks[0]].options(None)
    fetch(CACHE)
    fetch_speech(given.data)
    for number, (voice, noise_name, ratio) in enumerate(quant_audio.CALIBRATION):
        clean = quant_audio.speech(given.data, voice, seconds, number)
        noise = quant_audio.noise(given.data, noise_name, seconds, 2.0)
        write_wav(scratch / f"{number}.wav", mixture(clean, noise, ratio), rate, "FLOAT")
    return api.finetune(
        str(path_of(pipeline.networks[0], CACHE)),
        given.recipe,
        str(scratch),
        scratch / "tuned.onnx",
        steps=given.steps,
        states=known.states,
        shapes=known.shapes,
        constants=known.constants,
        frontend=pipeline.frontend,
        sample_rate=rate,
    )


if __name__ == "__main__":
    sys.exit(main())
