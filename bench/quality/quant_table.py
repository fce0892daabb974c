"""What each part of a recipe is worth on GTCRN: the table of `docs/results/quantization-parts.md`.

    python bench quant_table [--set tuning|evaluation] [--data FOLDER] [--only REGEX] [--write]
                                 [--workers N | --scheduler TCP://HOST:PORT]

One row per recipe, with fixes on and off one at a time, and onnxruntime's own static quantization beside
it. 16 mixtures at 5 dB of voices and noises that calibration has not heard (those that choices are made on, if
not said otherwise), states carried; all rows but
those of onnxruntime are of the generated C. Speech and noise come from Debian packages, the network from
PyPI. `--write` puts the table into the page. Workers of a cluster need the same folders, and bench/ on PYTHONPATH.
"""

import argparse
import re
import sys
from pathlib import Path

from demonstrations.speech_data import FOLDER
from quality.quant_audio import SETS
from quality.quant_goals import fetch_all
from quality.quant_rows import line, names
from tables import Table

from edgekit.base.spread import SharedValue, Workers, open_team

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "quantization-parts.md"
BEGIN, END = "<!-- make quant-table -->", "<!-- end -->"


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--set", choices=SETS, default="tuning", help="voices and noises")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="REGEX", help="of rows")
    parser.add_argument("--workers", type=int, metavar="N", help="processes on this machine")
    parser.add_argument("--scheduler", metavar="TCP://HOST:PORT", help="of a Dask cluster")
    parser.add_argument("--write", action="store_true", help=f"into docs/results/{PAGE.name}")
    given = parser.parse_args()
    fetch_all(given.data)
    quality = ("mean SI-SDR loss, dB", "worst SI-SDR loss, dB", "output SNR, dB", "PESQ loss")
    table = Table("recipe", *quality, "int8 MACs, %")
    shared = given.data, given.set
    chosen = [name for name in names(*shared) if re.search(given.only, name)]

    def told(_place: int, cells: tuple[str, ...]) -> None:
        print(" | ".join(cells), file=sys.stderr, flush=True)

    with open_team(Workers(given.workers, given.scheduler)) as team:
        table.rows = [*team.spread(line, chosen, SharedValue(shared), told)]
    table.show()
    if given.write:
        table.put(PAGE, BEGIN, END)
    return 0


if __name__ == "__main__":
    sys.exit(main())
