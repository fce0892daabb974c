"""Where the time of a hop goes: the C build of a benchmark network, timed around each of its nodes.

    python bench kernels [NETWORK ...] [--recipe float32|w8a8] [--target host] [--hops N] [--nodes]

Prints, per kernel (or per node, with --nodes), the microseconds of one hop: each node's is the median over
all hops, and a clock is read between nodes, which costs about 0.03 us each. The total is of a
build without clocks. Pin it to one core: taskset -c 1 python bench kernels
"""

import argparse
import re
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from hops import Timed, build, timed
from networks import BENCHMARKS
from tables import Table

NODE = re.compile(r"^    /\* (.+): (\w+) \*/$|^    /\* states of the next hop \*/$")
CALL = re.compile(r"\bek_(\w+)\(")


def clocked(source: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the program with a clock read before every node and at the end, and (node, kernel) of each."""
    lines, nodes = source.splitlines(), list[tuple[str, str]]()
    out: list[str] = []
    for number, line in enumerate(lines):
        if found := NODE.match(line):
            following = "\n".join(lines[number + 1 : number + 40]).split("    /*")[0]
            called = CALL.findall(following)
            label = f"{found[1]}" if found[1] else "next states"
            kernels = [name for name in called if not name.endswith("1")]
            nodes.append((label, f"ek_{kernels[0]}" if kernels else found[2] or "memcpy"))
            out.append(f"    bench_tick({len(nodes) - 1});")
        if nodes and line == "    return 0;" and not any("bench_tick(-1)" in o for o in out):
            out.append("    bench_tick(-1);")
        out.append(line)
    text = "\n".join(out) + "\n"
    return text.replace(
        '#include "edgekit.h"', '#include "edgekit.h"\nvoid bench_tick(int);', 1
    ), nodes


def by_kernel(
    nodes: list[tuple[str, str]], node_us: tuple[float, ...], by_node: bool = False
) -> list[tuple[str, int, float]]:
    """Return (kernel, nodes, microseconds), the most expensive first."""
    total: dict[str, float] = defaultdict(float)
    count: dict[str, int] = defaultdict(int)
    for (node, kernel), microseconds in zip(nodes, node_us, strict=True):
        key = f"{node} ({kernel})" if by_node else kernel
        total[key] += microseconds
        count[key] += 1
    return [(key, count[key], total[key]) for key in sorted(total, key=lambda key: -total[key])]


def measure(name: str, recipe: str, target: str, hops: int) -> tuple[Timed, list[tuple[str, str]]]:
    """Build a network, time it whole and around each node; returns times and (node, kernel) of each."""
    with tempfile.TemporaryDirectory() as folder:
        made = build(name, recipe, target, Path(folder))
        program = Path(folder) / f"{made.manifest.c_name}.c"
        plain = program.read_text()
        whole = timed(made, Path(folder), hops, 0)
        text, nodes = clocked(plain)
        program.write_text(text)
        parts = timed(made, Path(folder), hops, len(nodes))
    return replace(whole, node_us=parts.node_us), nodes


def table(name: str, result: Timed, nodes: list[tuple[str, str]], by_node: bool) -> Table:
    """Return one network's table."""
    made = Table(
        "kernel",
        "nodes",
        "us",
        "%",
        title=f"{name}: {result.median_us:.2f} us a hop (p99 {result.p99_us:.2f}), least {result.least_us:.2f}",
    )
    rows = by_kernel(nodes, result.node_us, by_node)
    whole = sum(microseconds for _, _, microseconds in rows)
    for key, count, microseconds in rows:
        made.add_row(key, str(count), f"{microseconds:.2f}", f"{100 * microseconds / whole:.0f}")
    return made


def main() -> int:
    """Build, time and print the networks that the command line names."""
    parser = argparse.ArgumentParser(description="Microseconds of a hop by kernel.")
    parser.add_argument("networks", nargs="*", default=list(BENCHMARKS), metavar="NETWORK")
    parser.add_argument("--recipe", default="float32")
    parser.add_argument("--target", default="host")
    parser.add_argument("--hops", type=int, default=2000)
    parser.add_argument("--nodes", action="store_true")
    given = parser.parse_args()
    for name in given.networks:
        result, nodes = measure(name, given.recipe, given.target, given.hops)
        table(f"{name} {given.recipe}", result, nodes, given.nodes).show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
