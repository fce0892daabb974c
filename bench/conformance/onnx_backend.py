"""Run the backend cases that onnx carries through import, C, compiler and comparison.

    python bench onnx_backend [--suite NAME ...] [--filter REGEX] [--jobs N] [--seconds S]
                                 [--out FILE.jsonl]

Each case is imported, lowered for ``host`` in float32, compiled, run, and compared with the outputs it
expects. A case whose shapes, indices or weights are inputs is tried again with these as constants.
Each runs in a process of its own, so a crash of a library or of generated code is an outcome too.
Prints the counts and the reasons of refusals; exits with 1 where a case is wrong or crashed.
"""

import argparse
import json
import multiprocessing
import os
import re
import resource
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from backend_case import BINDINGS, RELATIVE, SUITES, Verdict, judge, load_suite
from onnx.backend.test.case.test_case import TestCase
from quick_build import load_kernels
from tables import Table

CASE_SECONDS = 60.0
OUTCOMES = ("equal", "refused", "wrong", "crashed", "not run")
FORK = multiprocessing.get_context("fork")  # a child has the cases, the kernels and the imports


@dataclass
class Job:
    """A case in its process, and the pipe that its verdict comes through."""

    case: TestCase
    process: ForkProcess
    verdict: Connection
    ends: float

    @staticmethod
    def start(case: TestCase) -> "Job":
        """Fork a child that judges the case."""
        ours, theirs = FORK.Pipe(duplex=False)
        process = FORK.Process(target=_child, args=(case, theirs), daemon=True)
        process.start()
        theirs.close()
        return Job(case, process, ours, time.monotonic() + CASE_SECONDS)

    def finish(self) -> Verdict:
        """Return what the child said; of one that died or hung, how it ended."""
        late = not self.verdict.poll()
        if late:
            self.process.kill()
        try:
            said = None if late else self.verdict.recv()
        except EOFError:
            said = None
        self.process.join()
        self.verdict.close()
        if isinstance(said, Verdict):
            return said
        how = f"no answer in {CASE_SECONDS:g} s" if late else f"exit code {self.process.exitcode}"
        return Verdict(self.case.name, "crashed", reasons=(how,))


def _child(case: TestCase, verdict: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    warnings.simplefilter("ignore")
    try:
        verdict.send(judge(case))
    except Exception as error:  # whatever is not a refusal is a fault to be reported
        last = traceback.extract_tb(error.__traceback__)[-1]
        how = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}: {error}"
        verdict.send(Verdict(case.name, "crashed", reasons=(how[:300],)))


def run(cases: Sequence[TestCase], jobs: int, seconds: float) -> Iterator[Verdict]:
    """Judge all cases, `jobs` at a time; those that `seconds` leave no time for are ``not run``."""
    end = time.monotonic() + seconds
    pending, running = list(reversed(cases)), list[Job]()
    while pending or running:
        while pending and len(running) < jobs and time.monotonic() < end:
            running.append(Job.start(pending.pop()))
        if not running:
            yield from (Verdict(case.name, "not run") for case in reversed(pending))
            return
        next_end = min(job.ends for job in running)
        wait([job.verdict for job in running], max(0.0, next_end - time.monotonic()))
        for job in list(running):
            if job.verdict.poll() or time.monotonic() > job.ends:
                running.remove(job)
                yield job.finish()


def print_counts(verdicts: dict[str, list[Verdict]]) -> None:
    """Print the counts of each suite; of the equal ones also how many inputs had to be constants."""
    more = f"equal, not to {RELATIVE:g}"
    table = Table("suite", "cases", *OUTCOMES, *(f"equal {name}" for name in BINDINGS), more)
    for suite, results in verdicts.items():
        counts = Counter(verdict.outcome for verdict in results)
        ways = Counter(verdict.binding for verdict in results if verdict.outcome == "equal")
        row = [len(results), *(counts[name] for name in OUTCOMES), *(ways[b] for b in BINDINGS)]
        row.append(sum(verdict.needed_more for verdict in results))
        table.add_row(suite, *map(str, row))
    table.show()


def print_reasons(verdicts: Sequence[Verdict]) -> None:
    """Print why cases were refused, the most frequent reasons first, and every case that is a fault."""
    reasons: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.outcome == "refused":
            for reason in verdict.reasons:
                reasons.setdefault(reason, []).append(verdict.name)
    table = Table("cases", "refused because", "as")
    for reason, names in sorted(reasons.items(), key=lambda item: -len(item[1])):
        table.add_row(str(len(names)), reason, names[0])
    table.show()
    for verdict in sorted(verdicts, key=lambda verdict: -verdict.needed):
        if verdict.needed_more:
            print(f"equal within its own tolerance: {verdict.name}, {verdict.needed:.1e}")
    for verdict in verdicts:
        if verdict.outcome in ("wrong", "crashed"):
            said = "; ".join(verdict.reasons)
            print(f"{verdict.outcome}: {verdict.name} ({verdict.binding}): {said}")


def main() -> int:
    """Run what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--suite", nargs="+", choices=SUITES, default=SUITES, metavar="NAME")
    parser.add_argument("--filter", default="", metavar="REGEX", help="of names of cases")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--seconds", type=float, default=3600.0, metavar="S")
    parser.add_argument("--out", type=Path, metavar="FILE", help="one JSON object per case")
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    verdicts: dict[str, list[Verdict]] = {}
    load_kernels()
    for suite in given.suite:
        cases = [case for case in load_suite(suite) if re.search(given.filter, case.name)]
        verdicts[suite] = list(run(cases, given.jobs, end - time.monotonic()))
    everything = [verdict for results in verdicts.values() for verdict in results]
    if given.out:
        given.out.write_text("".join(json.dumps(asdict(v)) + "\n" for v in everything))
    print_reasons(everything)
    print_counts(verdicts)
    return int(any(verdict.outcome in ("wrong", "crashed") for verdict in everything))


if __name__ == "__main__":
    sys.exit(main())
