"""Go on with new seeds for so many minutes; write a reproducer of whatever is neither taken nor refused.

    python tests/fuzz/run.py --minutes 60 [--seed N] [--jobs N] [--out DIR]

Each case has 5 s of a processor and 1 GB beyond what the process had. Integer networks that were accepted also run on
emulated cores, `ON_CORES` of a batch in one program, one core after another. Prints the counts of every kind and stage;
exits with 1 where a case crashed, hung, raised anything but a refusal, or computed something else.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / name) for name in ("tests", "bench")]

from hostile_workers import Outcome, outcomes  # noqa: E402
from quick_build import kernels_of, load_kernels, own_instruction_sets  # noqa: E402

from fuzz.judge import CAUGHT, Seed, judge_seed, seed_of, seeds, summary  # noqa: E402

BATCH = 100
ON_CORES = 8
FAULTLESS = ("accepted", "refused", "caught")
Counts = Counter[tuple[str, str]]


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


def prepare(instruction_sets: Sequence[str]) -> None:
    """What workers share: compiled kernels, whole files."""
    load_kernels()
    for isa in instruction_sets:
        kernels_of(isa)
    seeds()


def emulated(seeds_: Sequence[Seed], core: str) -> Iterator[tuple[Seed, str]]:
    """Run the integer forms of seeds on a core; yields those that differ from the oracle there, and how."""
    from fuzz.cores import on_core

    with tempfile.TemporaryDirectory() as folder:
        message = on_core(seeds_, core, Path(folder))
    if message is None:
        return
    if len(seeds_) == 1:
        yield seeds_[0], message
    else:
        for seed in seeds_:
            yield from emulated([seed], core)


def keep(out: Path, name: str, seed: Seed, text: str) -> None:
    """Write a reproducer, and say so."""
    data = seed.data()
    print(f"{name} ({summary(data)}): {text[:400]}", flush=True)
    out.mkdir(exist_ok=True)
    (out / f"{name}.{'onnx' if seed.is_network else seed.kind}").write_bytes(data)
    (out / f"{name}.txt").write_text(text)


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
    prepare(own_instruction_sets())
    from fuzz.cores import cores

    counts: Counts = Counter()
    number, faults, turn = first, 0, 0
    while time.monotonic() < end:
        cases = [seed_of(number + i) for i in range(BATCH)]
        number += BATCH
        integers = []
        for seed, kind, outcome in judged(cases, given.jobs):
            counts[seed.kind, kind] += 1
            stages = outcome.text.split() if kind == "accepted" and seed.is_network else []
            counts.update(("stages", stage) for stage in stages)
            integers += [seed] if "integers" in stages else []
            if kind not in ("accepted", "refused"):
                faults += kind not in FAULTLESS
                keep(given.out, f"{kind}-{seed.kind}-{seed.number}", seed, outcome.text)
        if integers and cores():
            core = cores()[turn % len(cores())]
            turn += 1
            for seed, message in emulated(integers[:ON_CORES], core):
                faults += 1
                keep(given.out, f"{core}-{seed.kind}-{seed.number}", seed, message)
            counts["stages", core] += len(integers[:ON_CORES])
        print(f"seeds {first} to {number - 1}: {told(counts)}", flush=True)
    return int(faults > 0)


def told(counts: Mapping[tuple[str, str], int]) -> str:
    """The counts in words."""
    return "; ".join(
        f"{kind}: "
        + ", ".join(f"{n} {what}" for (k, what), n in sorted(counts.items()) if k == kind)
        for kind in dict.fromkeys(kind for kind, _ in counts)
    )


if __name__ == "__main__":
    sys.exit(main())
