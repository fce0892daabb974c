"""Weights trained against integers: what clips that were left out keep before and after.

    python bench finetune [NETWORK ...] [--recipe w8a8] [--steps 60] [--data FOLDER]
    python bench finetune ruined --alone

NETWORK is a published one of `bench/published_pipelines.py` whose pipeline is a single network. Recordings come as for
`quant_goals.py`; its eight calibration clips are trained on, but for two. Or it is one of `ruined_networks.py`, or
`ruined` for all of these, with 16 clips of noise.

`--alone` trains nothing. It rounds the weights of the drawn networks alone, then their tensors alone, calibrated on
twelve clips and measured on the four others.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from demonstrations.speech_data import FOLDER
from demonstrations.speech_data import fetch as fetch_speech
from published_networks import CACHE, NETWORKS, fetch, path_of
from published_pipelines import PIPELINES
from published_signals import mixture
from quality import quant_audio
from quality.ruined_networks import RUINED
from quality.wait_causes import in_float, in_w8a8, restore_weights

from edgekit import api
from edgekit.base.arrays import Float32
from edgekit.base.errors import VerificationError
from edgekit.base.wav import write_wav
from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import load_calibration
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.search.space import make_space
from edgekit.targets.macs import node_macs
from edgekit.targets.trials import Trials
from edgekit.verbs.export.finetune import TuningResult
from edgekit.verbs.export.importing import ImportOptions, load_model

DRAWN = "quality.ruined_networks"
TRAINED = 12  # of its clips, without the four that are left out


def main() -> int:
    """Print what was measured; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["Silero VAD, opset 15"], metavar="NETWORK")
    parser.add_argument("--recipe", default="w8a8")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--alone", action="store_true", help="round weights alone, tensors alone")
    given = parser.parse_args()
    names = [n for name in given.networks for n in (RUINED if name == "ruined" else (name,))]
    if given.alone:
        print(*(f"{name}, w8a8: {_rounded_alone(name)}" for name in names), sep="\n")
        return 0
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


def _rounded_alone(name: str) -> str:
    """Return what a drawn network keeps where all is rounded, weights alone, and tensors alone."""
    model = load_model(f"{DRAWN}:{name}", ImportOptions(time_axes={"x": 1}, hop=1)).model
    calibration = load_calibration(f"{DRAWN}:clips", model)
    held = list(calibration.clips[TRAINED:])
    recipe = replace(RECIPES["w8a8"], equalize=False, quiet_copies=False, observer="mse")
    seen = observe_model(model, replace(calibration, clips=calibration.clips[:TRAINED]), recipe)
    quantized = quantize_observed(seen, recipe, "")
    macs, (output,) = node_macs(to_integer(quantized)), model.measured_outputs
    exact = [HopRunner(model)(clip)[output] for clip in held]

    def ratio(found: Sequence[Float32]) -> str:
        return f"{np.mean([snr_db(*pair) for pair in zip(exact, found, strict=True)]):.1f} dB"

    rows = [f"{ratio([HopRunner(quantized)(clip)[output] for clip in held])}"]
    for words, types in (("weights", in_float), ("tensors", in_w8a8)):
        space = make_space(seen, recipe, macs)
        if words == "tensors":
            restore_weights(space, seen)
        trials = Trials(space.model, held, quick=True)
        (found,) = trials.run(lambda _, arrays: arrays[output].copy(), [space.table(types(space))])
        rows.append(f"{ratio(found)} with {words} alone")
    return ", ".join(rows)


def _tune_drawn(name: str, given: argparse.Namespace, scratch: Path) -> TuningResult:
    return api.finetune(
        f"{DRAWN}:{name}",
        given.recipe,
        f"{DRAWN}:clips",
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
