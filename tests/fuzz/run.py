"""Go on with new seeds for so many minutes; write a reproducer of whatever is neither taken nor refused.

    PYTHONPATH=tests:bench python tests/fuzz/run.py --minutes 60 [--seed N] [--jobs N] [--out DIR]
        [--state FILE.json] [--compile-every N] [--cores-every N] [--only KIND]

Each case has 5 s of a processor and 1 GB beyond what the process had. Of every `--compile-every`-th batch of `BATCH`
seeds some networks are compiled alone, and the integer form of each that was accepted with others, `TOGETHER` in one
program: in portable C, of every second program with this machine's own kernels too, and of every `--cores-every`-th
on one emulated core after another. Prints the counts of every kind and stage; with ``--state`` they
go on from those of earlier runs, with the seeds behind theirs. The end lists the passes,
emitters and kernels that no accepted network reached. Exits with 1 where a case crashed, hung, raised anything
but a refusal, or computed something else.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hostile_workers import Outcome, outcomes
from quick_build import kernels_of, load_kernels, own_instruction_sets

from fuzz import CAUGHT
from fuzz.coverage import KINDS, OUT_OF_REACH, never_reached
from fuzz.judge import KINDS as JUDGED
from fuzz.judge import Seed, judge_seed, seed_of, seeds, summary
from fuzz.texts import FORMATS

BATCH = 100
TOGETHER = 50  # networks in one program
FAULTLESS = ("accepted", "refused", "caught")
FAULTS = ("crashed", "traceback", "wrong")
Counts = Counter[tuple[str, str]]


def kind_of(outcome: Outcome) -> str:
    """``accepted``, ``refused``, ``caught`` by the import's verification, or what must not be."""
    if outcome.kind == "refused" and outcome.text.startswith(CAUGHT):
        return "caught"
    wrong = outcome.kind == "traceback" and outcome.text.startswith("Wrong(")
    return "wrong" if wrong else outcome.kind


def judged(
    cases: list[Seed], jobs: int, kept: Path | None = None, compiled: bool | None = None
) -> list[tuple[Seed, str, Outcome]]:
    """Judge seeds in workers with limits; `judge_seed` chooses which are compiled, if `compiled` does not say.

    The integer forms of those that were accepted lie in the folder `kept`.
    """
    works = [
        partial(judge_seed, seed, compiled, kept and kept / f"{seed.kind}-{seed.number}")
        for seed in cases
    ]
    found = outcomes(works, jobs)
    return [(cases[outcome.index], kind_of(outcome), outcome) for outcome in found]


def prepare(instruction_sets: Sequence[str]) -> None:
    """What workers share: compiled kernels, whole files."""
    load_kernels()
    for isa in instruction_sets:
        kernels_of(isa)
    seeds()


@dataclass
class Campaign:
    """Seeds in their order, what became of them, and where to keep what should not be."""

    out: Path
    kept: Path
    next: int
    only: str | None = None
    counts: Counts = field(default_factory=Counts)
    programs: int = 0

    @property
    def faults(self) -> int:
        """Cases that were neither taken nor refused."""
        return sum(n for (_, what), n in self.counts.items() if what.split()[0] in FAULTS)

    def judge(self, jobs: int, compile_every: int) -> None:
        """Judge the next seeds."""
        numbers = range(self.next, self.next + BATCH)
        cases = [Seed(self.only, n) if self.only else seed_of(n) for n in numbers]
        chosen = self.next // BATCH % compile_every == 0
        self.next += BATCH
        found = judged(cases, jobs, self.kept) if chosen else judged(cases, jobs, None, False)
        for seed, kind, outcome in found:
            self.counts[seed.kind, kind] += 1
            stages = outcome.text.split() if kind == "accepted" and seed.is_network else []
            parts = (stage.rpartition(":") for stage in stages)
            self.counts.update((kind or "stages", name) for kind, _, name in parts)
            if kind not in ("accepted", "refused"):
                self.keep(f"{kind}-{seed.kind}-{seed.number}", seed, outcome.text)

    def compile(self, cores_every: int) -> None:
        """Compile what was kept, as soon as it is enough for a program."""
        from fuzz.cores import HERE, cores, differing

        while len(files := sorted(self.kept.iterdir())[:TOGETHER]) == TOGETHER:
            places = list(HERE[: 1 + self.programs % 2])
            if cores() and self.programs % cores_every == 0:
                places.append(cores()[self.programs // cores_every % len(cores())])
            self.programs += 1
            for place in places:
                self.counts["compiled", place] += TOGETHER
                for path, message in differing(files, place):
                    kind, _, number = path.name.partition("-")
                    self.counts["compiled", f"wrong on {place}"] += 1
                    self.keep(f"{place}-{path.name}", Seed(kind, int(number)), message)
            for path in files:
                path.unlink()

    def keep(self, name: str, seed: Seed, text: str) -> None:
        """Write a reproducer, and say so; a seed whose drawing alone ends a process has none but its number."""
        self.out.mkdir(exist_ok=True)
        path = self.out / f"{name}.{'onnx' if seed.is_network else seed.kind}"
        outcomes([lambda: path.write_bytes(seed.data())], 1)
        told = summary(path.read_bytes()) if path.exists() else "not drawn"
        print(f"{name} ({told}): {text[:400]}", flush=True)
        path.with_suffix(".txt").write_text(text)


def main() -> int:
    """Run for the time that was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument(
        "--seed", type=int, default=None, help="the first; the clock where not given"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-found"))
    parser.add_argument("--state", type=Path, metavar="FILE.json", help="counts that runs add to")
    parser.add_argument("--compile-every", type=int, default=1, metavar="N", help="of batches")
    parser.add_argument("--cores-every", type=int, default=8, metavar="N", help="of programs")
    parser.add_argument("--only", choices=sorted({*JUDGED, *FORMATS} - {"text"}), metavar="KIND")
    given = parser.parse_args()
    end = time.monotonic() + 60 * given.minutes
    first = int(time.time()) * 1000 if given.seed is None else given.seed
    prepare(own_instruction_sets())
    with tempfile.TemporaryDirectory() as kept:
        campaign = Campaign(given.out, Path(kept), first, given.only)
        if given.state and given.state.exists():
            resume(campaign, given.state)
        while time.monotonic() < end:
            campaign.judge(given.jobs, given.compile_every)
            campaign.compile(given.cores_every)
            if given.state:
                save(campaign, given.state)
            print(f"seeds up to {campaign.next - 1}: {told(campaign.counts)}", flush=True)
    for kind, names in never_reached(campaign.counts).items():
        print(f"never reached, {kind}: {', '.join(names) or 'none'}", flush=True)
    for name, why in OUT_OF_REACH.items():
        print(f"out of reach, {name}: {why}", flush=True)
    return int(campaign.faults > 0)


def save(campaign: Campaign, path: Path) -> None:
    """Write how far a campaign is; a run that is killed leaves what the batch before wrote."""
    counts: dict[str, dict[str, int]] = {}
    for (kind, what), n in sorted(campaign.counts.items()):
        counts.setdefault(kind, {})[what] = n
    state = {"next": campaign.next, "programs": campaign.programs, "counts": counts}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(state, indent=1))
    new.replace(path)


def resume(campaign: Campaign, path: Path) -> None:
    """Go on from what `save` wrote."""
    state = json.loads(path.read_text())
    campaign.next, campaign.programs = state["next"], state["programs"]
    rows = [(k, what, n) for k, row in state["counts"].items() for what, n in row.items()]
    campaign.counts = Counts({(kind, what): n for kind, what, n in rows})


def told(counts: Mapping[tuple[str, str], int]) -> str:
    """The counts in words."""
    return "; ".join(
        f"{kind}: "
        + ", ".join(f"{n} {what}" for (k, what), n in sorted(counts.items()) if k == kind)
        for kind in dict.fromkeys(kind for kind, _ in counts if kind not in KINDS)
    )


if __name__ == "__main__":
    sys.exit(main())
