"""What a calibration of one clip, of four, or of noise alone costs, beside what an export says of it from these clips.

    python bench few_clips [NETWORK ...] [--recipe w8a8] [--mixtures N] [--data FOLDER]

*unheard* is the mean ratio to the float output of mixtures of the evaluation set, *less* what it is below the ratio
that all eight clips of the bench lead to. *stated* is the mean ratio of clips left out of the calibration, *worse* what
they are below those that were not left out. dB; integers run in onnxruntime, channels as they are. Recordings and
networks come as for `quant_goals.py`.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from demonstrations.speech_data import FOLDER
from quality import quant_audio
from quality.quant_audio import EVALUATION, RATE, in_hops
from quality.quant_bench import Bench
from quality.quant_goals import fetch_all
from tables import Table

from edgekit.api import silent
from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.graph.model import Model
from edgekit.judge.levels import judge, sound_inputs
from edgekit.quantize.apply import observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES

LEVEL = 0.05  # of the noise that stands alone


def calibrations(bench: Bench, model: Model, whole: Calibration) -> dict[str, Calibration]:
    """The calibrations that are compared, all clips first."""
    random = np.random.default_rng(0)
    white = (LEVEL * random.standard_normal(quant_audio.SECONDS * RATE)).astype(np.float32)
    rain = quant_audio.noise(bench.data, "rain", quant_audio.SECONDS, 2.0)
    named = {name: (in_hops(model, x),) for name, x in (("white", white), ("rain", rain))}
    few = {"8 clips": whole.clips, "4 clips": whole.clips[:4], "1 clip": whole.clips[:1]}
    few |= {"white noise": named["white"], "white noise and rain": named["white"] + named["rain"]}
    return {name: replace(whole, clips=clips, clean={}) for name, clips in few.items()}


def measure(bench: Bench, name: str, recipe: str, count: int, table: Table) -> None:
    """Add the rows of a network."""
    model, whole = bench.model(name), bench.calibration(name)
    chosen, float_runner = replace(RECIPES[recipe], equalize=False), HopRunner(model)
    heard = [in_hops(model, m.noisy) for m in quant_audio.varied(bench.data, EVALUATION, count)]
    exact = [np.ravel(next(iter(float_runner(clip).values()))) for clip in heard]
    best = None
    for said, calibration in calibrations(bench, model, whole).items():
        seen = observe_model(model, calibration, chosen, sound_inputs(model, calibration).parts)
        judged = judge(model, seen, chosen, None, silent)
        runner = HopRunner(quantize_observed(seen, chosen, ""))
        found = [np.ravel(next(iter(runner(clip).values()))) for clip in heard]
        ratio = float(np.mean([snr_db(a, b) for a, b in zip(exact, found, strict=True)]))
        best = ratio if best is None else best
        stated = judged.levels[0].snr_db or np.inf
        numbers = ratio, best - ratio, stated, (judged.heard_db or np.inf) - stated
        warned = sum(note.startswith("calibration") for note in judged.notes(recipe))
        table.add_row(name, said, *(f"{x:.1f}" for x in numbers), f"{warned}")


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=("denoiser", "GTCRN"))
    parser.add_argument("--recipe", default="w8a8")
    parser.add_argument("--mixtures", type=int, default=12)
    parser.add_argument("--data", type=Path, default=FOLDER)
    given = parser.parse_args()
    fetch_all(given.data)
    table = Table("network", "calibration", "unheard", "less", "stated", "worse", "notes")
    for name in given.networks:
        measure(Bench(given.data), name, given.recipe, given.mixtures, table)
    table.show()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
