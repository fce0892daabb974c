"""The check of proof.json on random builds, in float32 and in integers: how many it accepts, and how long it takes.

PYTHONPATH=tests:bench python tests/fuzz/proofs.py --builds 200
"""

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import count

import numpy as np

from edgekit.base.errors import UsageError
from edgekit.runtime.proof.check import verdict_of
from edgekit.runtime.proof.program import Program
from edgekit.targets.build import Build
from edgekit.verbs.targets import TARGETS
from fuzz.judge import Seed, imported, in_integers, own_texts

MOST_SECONDS = 1.0  # of processor, for one build


def random_builds() -> Iterator[tuple[str, Build]]:
    """Portable builds of random networks, one after the other, with their names."""
    target = TARGETS["c99"]
    for number in count():
        try:
            model = imported(Seed("graph", number).data(), f"fuzz{number}")
            if target.check(model) or not model.stream_inputs:
                continue
            yield f"{number}, float32", target.lower(model, "c99")
            with np.errstate(all="ignore"):
                integer = in_integers(model, np.random.default_rng(number))
        except UsageError:
            continue
        if integer is not None:
            yield f"{number}, w8a8", target.lower(integer, "c99")


def main() -> int:
    """Check builds; print what is not accepted, and the slowest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=int, default=200)
    given = parser.parse_args()
    refused, slowest = 0, (0.0, "")
    builds = random_builds()
    for _ in range(given.builds):
        name, build = next(builds)
        texts = own_texts(build)
        started = time.process_time()
        found = verdict_of(Program(texts)).findings
        slowest = max(slowest, (time.process_time() - started, name))
        refused += bool(found)
        if found:
            print(f"{name}: {found[0]}")
    print(
        f"{given.builds} builds, {given.builds - refused} accepted, slowest {slowest[0]:.2f} s ({slowest[1]})"
    )
    return refused > 0 or slowest[0] > MOST_SECONDS


if __name__ == "__main__":
    sys.exit(main())
