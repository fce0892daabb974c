"""Random networks of the tests' grammar, whole through the HLS of engines of random sizes.

python bench fpga_hls_fuzz [--networks 200] [--first 1000] [--threads]

Each seed draws a network and an engine: 1 to 16 lanes, columns that are a part or a multiple of them, weights of 4 or 8
bits, buffers for all, some or no results. The test bench is compiled for it and run on three pictures, and compares
every byte with the golden network. With `--threads` each process is a thread, streams block at their depth, and a
deadlock counts as a network that differs. A seed whose network has no layer for the engine, or needs a CPU, counts as
none. Ends with 1 where a byte differs.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

from fpga_hls import THREADS
from fpga_random import through_hls

from edgekit.base.errors import VerificationError


def main() -> None:
    """Print a line for each tenth network, counts of all so far in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--threads", action="store_true")
    given = parser.parse_args()
    options = ("-O1", *THREADS) if given.threads else ("-O1",)
    seed, networks, compared, failed = given.first, 0, 0, list[str]()
    while networks < given.networks:
        with tempfile.TemporaryDirectory() as name:
            try:
                line = through_hls(seed, Path(name), options)
            except VerificationError as error:
                failed.append(f"seed {seed}: {error}")
                line = "0 bytes"
        seed += 1
        if line is None:
            continue
        networks += 1
        match = re.search(r"(\d+) bytes", line)
        assert match is not None, line
        compared += int(match[1])
        if networks % 10 == 0 or networks == given.networks:
            counts = f"networks {networks}, bytes {compared:,}, networks that differ {len(failed)}"
            print(f"seeds {given.first} to {seed - 1}: {counts}", flush=True)
    if failed:
        sys.exit("\n".join(["the HLS is not the golden network:", *failed]))


if __name__ == "__main__":
    main()
