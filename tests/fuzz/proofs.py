"""The check of proof.json on builds: how many it accepts, and how long it takes.

GTCRN, the denoiser and the digit sampler come first; then random networks, in float32 and in integers.

PYTHONPATH=tests:bench python tests/fuzz/proofs.py --builds 200
"""

import argparse
import gzip
import sys
import time
from collections.abc import Iterator
from itertools import chain, count, islice
from pathlib import Path

import numpy as np

from edgekit.base.errors import UsageError
from edgekit.demos.show_digits import NETWORK, SAMPLER
from edgekit.graph.model import Model
from edgekit.runtime.proof.check import verdict_of
from edgekit.runtime.proof.program import Program
from edgekit.targets.build import Build
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.export.readers import read_sampler
from edgekit.verbs.targets import TARGETS
from fuzz.judge import Seed, imported, in_integers, own_texts

MOST_SECONDS = 1.0  # of processor, for one build
REAL = 3  # builds of `real_builds`
COSTS = Path(__file__).parents[1] / "pinned" / "costs"


def real_builds() -> Iterator[tuple[str, Build]]:
    """Portable builds of networks that people use, with their names."""
    for name in ("gtcrn-w8a8", "denoiser-w8a8"):
        model = Model.from_bytes(gzip.decompress((COSTS / f"{name}.onnx.gz").read_bytes()))
        yield name, TARGETS["c99"].lower(model, "c99")
    digits = load_model(str(NETWORK), ImportOptions(sampler=read_sampler(SAMPLER))).model
    yield "digits, with its sampler", TARGETS["c99"].lower(digits, "c99")


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


def judge(build: Build) -> tuple[float, str]:
    """Return the seconds of processor of a check, and the first thing that it found."""
    texts = own_texts(build)
    started = time.process_time()
    found = verdict_of(Program(texts)).findings
    return time.process_time() - started, "".join(found[:1])


def main() -> int:
    """Check builds; print what is not accepted, and the slowest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=int, default=200)
    given = parser.parse_args()
    rows = []
    for name, build in chain(real_builds(), islice(random_builds(), given.builds)):
        seconds, found = judge(build)
        rows.append((seconds, name, found))
        if found or len(rows) <= REAL:
            print(f"{name}: {found or 'accepted'}, {seconds:.2f} s")
    seconds, name, _ = max(rows)
    refused = sum(bool(found) for *_, found in rows)
    accepted = len(rows) - refused
    print(f"{len(rows)} builds, {accepted} accepted, slowest {seconds:.2f} s ({name})")
    return refused > 0 or seconds > MOST_SECONDS


if __name__ == "__main__":
    sys.exit(main())
