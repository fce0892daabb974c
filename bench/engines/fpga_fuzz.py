"""Random networks of the tests' grammar, whole through the RTL of an engine, without a reset between them.

python bench fpga_fuzz [--networks 1000] [--first 300] [--state FILE.json]

Fifty seeds share a run of the simulation, with DRAM and random stalls; a seed whose network has no layer for the
engine, or needs a CPU, counts as none. With ``--state`` counts and seeds go on from those of earlier runs. Ends with 1
where a byte differs.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from fpga_random import through_rtl

TOGETHER = 50


def main() -> None:
    """Print a line for each run, counts of all so far in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--first", type=int, default=300)
    parser.add_argument("--state", type=Path)
    given = parser.parse_args()
    counts = {"next": given.first, "networks": 0, "bytes": 0, "differ": 0, "errors": 0}
    if given.state is not None and given.state.exists():
        counts = json.loads(given.state.read_text())
    while counts["networks"] < given.networks:
        first = counts["next"]
        with tempfile.TemporaryDirectory() as name:
            found = through_rtl(first, TOGETHER, Path(name))
        counts["next"] += TOGETHER
        counts["networks"] += len(found)
        counts["bytes"] += sum(ran.compared for ran in found)
        counts["differ"] += sum(ran.different for ran in found)
        counts["errors"] += sum(ran.error != 0 for ran in found)
        print(
            f"seeds from {first}:", ", ".join(f"{k} {v:,}" for k, v in counts.items()), flush=True
        )
        if given.state is not None:
            given.state.write_text(json.dumps(counts))
    if counts["differ"] or counts["errors"]:
        sys.exit("the RTL is not the golden network")


if __name__ == "__main__":
    main()
