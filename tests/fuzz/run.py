"""Go on with new seeds for so many minutes; write a reproducer of whatever is neither taken nor refused.

    python tests/fuzz/run.py --minutes 60 [--seed N] [--jobs N] [--out DIR]

Each case has 5 s of a processor and 1 GB beyond what the process had. Prints the counts of every kind; exits with 1
where a case crashed, hung, raised anything but a refusal, or computed something else.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / name) for name in ("tests", "bench")]

from hostile_workers import Outcome, outcomes  # noqa: E402
from quick_build import load_kernels  # noqa: E402

from fuzz.judge import CAUGHT, Seed, judge_seed, seeds, summary  # noqa: E402

BATCH = 100
FAULTLESS = ("accepted", "refused", "caught")
KINDS = ("graph", "damage")


def kind_of(outcome: Outcome) -> str:
    """``accepted``, ``refused``, ``caught`` by the import's verification, or what must not be."""
    if outcome.kind == "refused" and outcome.text.startswith(CAUGHT):
        return "caught"
    wrong = outcome.kind == "traceback" and outcome.text.startswith("Wrong(")
    return "wrong" if wrong else outcome.kind


def judged(cases: list[Seed], jobs: int) -> list[tuple[Seed, str, Outcome]]:
    """Judge seeds in workers with limits."""
    found = outcomes([partial(judge_seed, seed) for seed in cases], jobs)
    return [(cases[outcome.index], kind_of(outcome), outcome) for outcome in found]


def main() -> int:
    """Run for the time that was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument(
        "--seed", type=int, default=None, help="the first; the clock where not given"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-found"))
    given = parser.parse_args()
    end = time.monotonic() + 60 * given.minutes
    first = int(time.time()) * 1000 if given.seed is None else given.seed
    load_kernels()
    seeds()
    counts: Counter[tuple[str, str]] = Counter()
    number, faults = first, 0
    while time.monotonic() < end:
        cases = [Seed(KINDS[i % 2], number + i) for i in range(BATCH)]
        number += BATCH
        for seed, kind, outcome in judged(cases, given.jobs):
            counts[seed.kind, kind] += 1
            if kind in ("accepted", "refused"):
                continue
            data = seed.data()
            name = f"{kind}-{seed.kind}-{seed.number}"
            print(f"{name} ({summary(data)}): {outcome.text[:400]}", flush=True)
            faults += kind not in FAULTLESS
            given.out.mkdir(exist_ok=True)
            (given.out / f"{name}.onnx").write_bytes(data)
            (given.out / f"{name}.txt").write_text(outcome.text)
        print(f"seeds {first} to {number - 1}: {told(counts)}", flush=True)
    return int(faults > 0)


def told(counts: Mapping[tuple[str, str], int]) -> str:
    """The counts in words."""
    return "; ".join(
        f"{kind}: "
        + ", ".join(f"{n} {what}" for (k, what), n in sorted(counts.items()) if k == kind)
        for kind in KINDS
    )


if __name__ == "__main__":
    sys.exit(main())
