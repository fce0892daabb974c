"""What an export states of clips left out of its calibration, beside what mixtures show that it has not heard.

    python bench/stated.py [NETWORK ...] [--recipe w8a8] [--set evaluation|tuning] [--data FOLDER]

Per network and level: the ratio to the float output, the mean of clips in dB, of the clip that comes out worst, and of
the mean noise of all; SI-SDR that is lost, mean and most. Integers run in onnxruntime. Recordings and networks come as
for `bench/quant_goals.py`.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import quant_audio
from quant_audio import CALIBRATION, SECONDS, SETS, in_hops
from quant_goals import Bench
from rich.console import Console
from rich.table import Table
from speech_data import FOLDER
from speech_data import fetch as fetch_speech

from edgekit.api import silent
from edgekit.base.errors import EdgeKitError
from edgekit.export.running import HopRunner, snr_db
from edgekit.quantize.apply import quantize_observed
from edgekit.quantize.recipe import RECIPES
from edgekit.verbs.export.equalizing import settled
from edgekit.verbs.export.levels import judge
from edgekit.verbs.export.speech_quality import si_sdr_db

SNR_DB = 5.0
HEADS = ("network", "level, dB", "of", "mean, dB", "worst", "of mean noise", "SI-SDR lost", "most")


def measure(bench: Bench, name: str, recipe: str, table: Table) -> None:
    """Add the rows of a network."""
    model, hop = bench.model(name), bench.model(name).stream.hop_samples
    assert hop
    cleans = (
        quant_audio.speech(bench.data, v, SECONDS, n) for n, (v, *_) in enumerate(CALIBRATION)
    )
    clean = {n: samples[: len(samples) // hop * hop] for n, samples in enumerate(cleans)}
    calibration = replace(bench.calibration(name), clean=clean)
    made = settled(model, calibration, RECIPES[recipe], silent)
    runners = HopRunner(model), HopRunner(quantize_observed(made.seen, made.recipe, ""))
    late = model.stream.delay_samples or 0
    for row in judge(model, made.seen, made.recipe, None, silent).levels:
        lost = row.lost_db or (np.nan, np.nan)
        said = (row.snr_db or np.inf, row.worst_db or np.inf, np.nan, *lost)
        gain, ratios, losses = np.float32(10 ** (row.level_db / 20)), [], []
        for heard in bench.mixtures(bench.set, SNR_DB, 0.0):
            clip = {key: gain * x for key, x in in_hops(model, heard.noisy).items()}
            exact, found = (np.ravel(next(iter(run(clip).values()))) for run in runners)
            ratios.append(snr_db(exact, found))
            losses.append(
                si_sdr_db(exact[late:], heard.clean) - si_sdr_db(found[late:], heard.clean)
            )
        noise = -10 * np.log10(np.mean(10 ** (-np.array(ratios) / 10)))
        shown = (np.mean(ratios), min(ratios), noise, np.mean(losses), max(losses))
        for of, numbers in (("stated", said), ("unheard", shown)):
            cells = ("" if np.isnan(x) else f"{x:.2f}" for x in numbers)
            table.add_row(name, str(row.level_db), of, *cells)


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=("denoiser", "GTCRN", "DTLN", "NSNet2"))
    parser.add_argument("--recipe", default="w8a8")
    parser.add_argument("--set", choices=SETS, default="evaluation")
    parser.add_argument("--data", type=Path, default=FOLDER)
    given = parser.parse_args()
    table = Table(*HEADS)
    try:
        fetch_speech(given.data)
        bench = Bench(given.data, SETS[given.set])
        for name in given.networks:
            measure(bench, name, given.recipe, table)
    except EdgeKitError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
