"""What a hop takes that comes cold, beside a busy core, and from Python: the C of the benchmark networks.

    python bench conditions [NETWORK ...] [--recipe float32 w8a8] [--hops 300] [--write]

Warm: one hop after the other. Cold: between two hops the program walks through 128 MiB, so that nothing of the
network is in a cache. Beside it, cold too, what reading as many bytes as its weights have takes (`sweep`). Busy:
warm, while another core walks through as much memory without end. From Python: what ``Stream.process`` takes above
the hop in C. All on one core, at the median of hops and at 99.9 of 100. ``--write`` puts the table into
docs/results/benchmarks.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hops import Timed, build, compile_timed, model, noise, run_timed
from layers.layer_page import CONDITIONS, PAGE, load
from layers.layer_page import HEADING as BEHIND
from networks import BENCHMARKS
from speed.benchmark_page import cpu
from speed.sweep import Sweep
from tables import Table

from edgekit.base.errors import ToolError
from edgekit.runtime.bench.measure import one_core
from edgekit.runtime.stream import Stream

WALKED_BYTES = 128 << 20  # more than the caches of a server's core have
ROUNDS = 20
NETWORKS = ("a", "b", "c", "gtcrn", "dtln_1", "dtln_2", "silero", "ds_cnn", "resnet8")
WALK = "import numpy as np\nx = np.zeros({count}, np.uint8)\nwhile True:\n    x += 1\n"
COLD = ("cold, us", "cold p99.9", "cold / warm", "reading the weights, cold, us")
WARM, BUSY = ("warm, us", "warm p99.9"), ("busy, us", "busy p99.9")
HEAD = ("network", "recipe", *WARM, *COLD, *BUSY, "Python, us")
TEXT = """\
{heading}

`python bench conditions --write` measures this part. All times are microseconds per hop: the median, and the 99.9th
percentile (p99.9). Machine: {cpu}; its load at the start was {load:.1f} (1 is one busy core).

- *Warm*: one hop after another.
- *Cold*: between two hops the program reads 128 MiB, so that no part of the network is in a cache. *Reading the
  weights, cold* is the time to read as many bytes as the weights have, from the same state.
- *Busy*: another core reads and writes memory all the time.
- *Python*: the time that `Stream.process` adds to the hop in C.

{table}

"""


@dataclass(frozen=True)
class Row:
    """What one build takes, in microseconds."""

    network: str
    recipe: str
    warm: Timed
    cold: Timed
    read_cold_us: float
    busy: Timed
    python_us: float

    def cells(self) -> list[str]:
        """The row of the table."""
        pairs = [
            (f"{t.median_us:.1f}", f"{t.p999_us:.1f}") for t in (self.warm, self.cold, self.busy)
        ]
        own = f"{self.cold.median_us / self.warm.median_us:.2f}", f"{self.read_cold_us:.1f}"
        return [
            self.network,
            self.recipe,
            *pairs[0],
            *pairs[1],
            *own,
            *pairs[2],
            f"+{self.python_us:.1f}",
        ]


@contextmanager
def busy_core() -> Iterator[None]:
    """Another core that walks through memory.

    Raises:
        ToolError: this machine has one core.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise ToolError("a busy neighbour needs a second core; this process may use one")
    program = [sys.executable, "-c", WALK.format(count=WALKED_BYTES)]
    other = subprocess.Popen(program, preexec_fn=lambda: os.sched_setaffinity(0, cores[:1]))
    try:
        time.sleep(0.5)  # until it runs
        yield
    finally:
        other.kill()
        other.wait()


def read_cold(weights_bytes: int, rounds: int = 20) -> float:
    """Microseconds that reading so many bytes takes that are in no cache: the median."""
    sweep, far = Sweep(weights_bytes), np.zeros(WALKED_BYTES, np.uint8)
    one_hop = {"x": np.zeros((1, 1), np.float32)}
    found = []
    for _ in range(rounds):
        far += 1
        found.append(float(sweep.run(one_hop)[1][0]))
    return float(np.median(found))


def from_python(name: str, recipe: str, folder: Path, hops: int) -> float:
    """Microseconds that a hop takes from Python: the median of the best round."""
    stream, inputs = Stream.open(folder), noise(model(name, recipe), hops, seed=3)
    given = [{key: array[hop] for key, array in inputs.items()} for hop in range(hops)]
    best = np.inf
    for _ in range(ROUNDS):
        times = []
        for hop in given:
            start = time.perf_counter_ns()
            stream.process(hop)
            times.append(time.perf_counter_ns() - start)
        best = min(best, float(np.median(times)) / 1e3)
    return best


def measure(name: str, recipe: str, hops: int) -> Row:
    """Measure one build."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        made = build(name, recipe, "host", folder)
        compile_timed(made, folder)
        with busy_core(), one_core():
            busy = run_timed(folder, hops, ROUNDS)
        with one_core():
            warm = run_timed(folder, hops, ROUNDS)
            cold = run_timed(folder, hops, 1, WALKED_BYTES)
            read = read_cold(made.manifest.memory["weights_bytes"] or 0)
            for unneeded in ("bench_main.c", "bench"):
                (folder / unneeded).unlink()
            python = from_python(name, recipe, folder, hops) - warm.median_us
    return Row(name, recipe, warm, cold, read, busy, python)


def write(table: str, before: float) -> None:
    """Put the table into docs/results/benchmarks.md, in front of the part about layers."""
    text = PAGE.read_text(encoding="utf-8")
    at = text.index(CONDITIONS if CONDITIONS in text else BEHIND)
    part = TEXT.format(heading=CONDITIONS, cpu=cpu(), load=before, table=table)
    PAGE.write_text(text[:at] + part + text[text.index(BEHIND) :], encoding="utf-8")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--recipe", nargs="+", default=["float32", "w8a8"])
    parser.add_argument("--hops", type=int, default=300)
    parser.add_argument("--write", action="store_true", help="into docs/results/benchmarks.md")
    asked = parser.parse_args()
    before, table = load(), Table(*HEAD)
    print(table.markdown())
    for name in asked.networks:
        for recipe in (r for r in asked.recipe if r in BENCHMARKS[name].recipes):
            print(table.add_row(*measure(name, recipe, asked.hops).cells()), flush=True)
    if asked.write:
        write(table.markdown(), before)
    return 0


if __name__ == "__main__":
    sys.exit(main())
