"""What int8 networks lose at every level of sound, with a scale that every hop finds anew and with fixed ones.

    python bench hop_scales [NETWORK ...] [--set evaluation|tuning] [--data FOLDER]

Per network and level: the loss of SI-SDR of 16 mixtures at 5 dB against the float network, mean and worst, and the
ratio of the output to the difference, all in generated C. Recordings and networks come as for `quant_goals.py`.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from demonstrations.speech_data import FOLDER
from demonstrations.speech_data import fetch as fetch_speech
from quality.quant_audio import SETS, loss, outputs
from quality.quant_bench import Bench
from quality.quant_levels import LEVELS_DB
from tables import Table

from edgekit.quantize.apply import quantize
from edgekit.quantize.recipe import RECIPES, Recipe

NETWORKS = ("GTCRN", "DTLN", "NSNet2", "denoiser")
SNR_DB = 5.0


def recipes() -> dict[str, Recipe]:
    """The recipes by what they are called in the table."""
    found = {}
    for name in ("w8a8", "w8a16"):
        found[f"{name}, fixed scales"] = replace(RECIPES[name], name="fixed", hop_scales=False)
        found[name] = RECIPES[name]
    found["w8a8, equalized"] = replace(RECIPES["w8a8"], name="equalized", equalize=True)
    return found


def measure(bench: Bench, name: str, table: Table) -> None:
    """Add the rows of a network."""
    model, calibration, of = bench.model(name), bench.calibration(name), bench.set
    made = {said: quantize(model, calibration, recipe) for said, recipe in recipes().items()}
    for level in LEVELS_DB:
        heard, exact = bench.mixtures(of, SNR_DB, level), bench.exact(name, of, SNR_DB, level)
        for said, quantized in made.items():
            lost = loss(heard, exact, outputs(quantized, heard), listened=False)
            numbers = (f"{x:.2f}" for x in (lost.mean_db, lost.worst_db))
            table.add_row(name, f"{level:g}", said, *numbers, f"{lost.snr_db:.1f}")


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--set", choices=SETS, default="evaluation")
    parser.add_argument("--data", type=Path, default=FOLDER)
    given = parser.parse_args()
    table = Table("network", "level, dB", "recipe", "SI-SDR loss, dB", "worst", "output SNR, dB")
    fetch_speech(given.data)
    bench = Bench(given.data, SETS[given.set])
    for name in given.networks:
        measure(bench, name, table)
    table.show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
