"""Damages published networks, and sees that each is refused with a message or imported: nothing else.

    python bench hostile [--cache DIR] [--only REGEX] [--flips N] [--seed S]

Each file is cut at every kilobyte, and has a random bit flipped, N times. Every case is imported and
lowered in a worker with limits on time and memory. Prints the counts; exits with 1 where a case ends in
a traceback or a crash, or goes beyond the limits. The tests do the same to small networks, and to files
that are made to lie.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from hostile_workers import MEMORY_BYTES, SECONDS, Outcome, export, outcomes
from published_networks import CACHE, NETWORKS, fetch, path_of
from tables import Table


def cuts(data: bytes) -> range:
    """Return the lengths at which a file is cut: every kilobyte."""
    return range(1024, len(data), 1024)


def flips(data: bytes, count: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield `count` seeded places of bits, each with the file that has this bit flipped."""
    random = np.random.default_rng(seed)
    for bit in random.integers(8 * len(data), size=count).tolist():
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(damaged)


def faults(found: Sequence[Outcome], names: Sequence[str]) -> list[str]:
    """Say of which cases the end is not one that a user may see, or which took too long."""
    return [
        f"{names[outcome.index]}: {outcome.kind} in {outcome.seconds:.1f} s: {outcome.text}"
        for outcome in found
        if outcome.kind not in ("accepted", "refused")
        or outcome.seconds > SECONDS
        or (outcome.kind == "refused" and "; allowed: " not in outcome.text)
    ]


def damage(name: str, given: argparse.Namespace, table: Table) -> list[str]:
    """Run the cases of a network and add its rows; returns the faults."""
    data = path_of(name, given.cache).read_bytes()
    options = NETWORKS[name].options(1)
    judged = partial(
        export,
        states=options.states,
        shapes=options.shapes,
        constants={key: np.asarray(value) for key, value in options.constants.items()},
    )
    kinds = {
        "cut": [(f"cut at {end}", partial(judged, data[:end])) for end in cuts(data)],
        "bit flipped": [
            (f"bit {bit} flipped", partial(judged, damaged))
            for bit, damaged in flips(data, given.flips, given.seed)
        ],
    }
    bad = []
    for kind, cases in kinds.items():
        begun = time.monotonic()
        found = outcomes([case for _, case in cases])
        wrong = faults(found, [f"{name}, {label}" for label, _ in cases])
        counts = Counter(outcome.kind for outcome in found)
        slowest = max((outcome.seconds for outcome in found), default=0.0)
        table.add_row(
            name,
            kind,
            str(len(found)),
            str(counts["refused"]),
            str(counts["accepted"]),
            str(len(wrong)),
            f"{slowest:.1f}",
        )
        print(f"{name}, {kind}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
        bad += wrong
    return bad


def main() -> int:
    """Fetch, damage and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR")
    parser.add_argument("--only", default="", metavar="REGEX", help="of names of networks")
    parser.add_argument("--flips", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    given = parser.parse_args()
    fetch(given.cache)
    title = f"each in {SECONDS} s of a processor and {MEMORY_BYTES >> 20} MB"
    table = Table(
        "network", "damage", "files", "refused", "imported", "faults", "slowest\ns", title=title
    )
    bad = [
        fault
        for name in NETWORKS
        if path_of(name, given.cache).is_file()
        if re.search(given.only, name)
        for fault in damage(name, given, table)
    ]
    table.show()
    for fault in bad:
        print(fault)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
