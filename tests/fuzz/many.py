"""A range of seeds on several workers: the same verdicts as on one, whichever of them die.

    PYTHONPATH=tests:bench python tests/fuzz/many.py --seeds 1000 [--first N]
        [--workers N | --scheduler TCP://HOST:PORT] [--out DIR]

Workers of a cluster need tests/ and bench/ on PYTHONPATH. Prints the counts; exits with 1 where a case crashed, hung,
raised anything but a refusal, or computed something else, and writes its file into DIR.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from hostile_workers import outcomes
from quick_build import kernels_of, load_kernels, own_instruction_sets

from edgekit.base.errors import EdgeKitError
from edgekit.base.spread import SharedValue, Workers, open_team
from fuzz import CAUGHT
from fuzz.judge import judge_seed, seed_of, seeds

FAULTLESS = ("accepted", "refused")
Verdict = tuple[int, str, str, str]  # number, kind of case, how it ended, what it said


@cache
def _prepared() -> None:
    load_kernels()
    for instruction_set in own_instruction_sets():
        kernels_of(instruction_set)
    seeds()


def judged(_shared: None, numbers: Sequence[int]) -> list[Verdict]:
    """Judge seeds in a process with limits."""
    _prepared()
    cases = [seed_of(number) for number in numbers]
    found = outcomes([partial(judge_seed, seed) for seed in cases], 1)
    return [
        (number, seed.kind, outcome.kind, outcome.text)
        for number, seed, outcome in zip(numbers, cases, found, strict=True)
    ]


def main() -> int:
    """Judge and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--scheduler")
    parser.add_argument("--out", type=Path, default=Path("fuzz-found"))
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.seeds)
    try:
        with open_team(Workers(given.workers, given.scheduler)) as team:
            verdicts = team.joined(judged, numbers, SharedValue(None))
    except EdgeKitError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    counts = Counter((kind, ended) for _, kind, ended, _ in verdicts)
    for (kind, ended), count in sorted(counts.items()):
        print(f"{kind} {ended}: {count}")
    faults = [v for v in verdicts if v[2] not in FAULTLESS and not v[3].startswith(CAUGHT)]
    for number, kind, ended, text in faults:
        seed = seed_of(number)
        given.out.mkdir(exist_ok=True)
        name = f"{ended}-{kind}-{number}.{'onnx' if seed.is_network else kind}"
        (given.out / name).write_bytes(seed.data())
        print(f"{given.out / name}: {text[:400]}")
    return int(bool(faults))


if __name__ == "__main__":
    from fuzz import many  # workers import its functions by this name

    sys.exit(many.main())
