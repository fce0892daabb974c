"""Where the time of an export goes: processor seconds of each stage, its compiler's too.

    python bench export_time [--cache DIR] [--only REGEX] [--scale]

Exports published networks for ``host``, each in a process of its own, and prints a row for each; with ``--scale``
networks that grow, with their nodes and millions of parameters. *start* is Python and its libraries; MB is what
the process itself holds at most, its compilers apart.
"""

import argparse
import math
import multiprocessing
import re
import resource
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from published_networks import CACHE, NETWORKS, fetch, path_of
from speed.export_scale import SIZES, inverted_residuals
from tables import Table

STAGES = ("start", "import", "quantize", "lower", "compile", "verify")
SPAWN = multiprocessing.get_context("spawn")  # a child that has loaded nothing, as a user's


def seconds() -> float:
    """Return the processor seconds of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


@dataclass(frozen=True)
class Given:
    """A file to export, and what its user would say of it."""

    path: Path
    options: Mapping[str, Any]


def stages(given: Given, folder: Path) -> tuple[dict[str, float], int]:
    """Export a network; returns the seconds of each stage, and the kilobytes of this process at most."""
    from edgekit import api

    begun = {"start": 0.0}

    def progress(stage: str, done: int, total: int) -> None:
        begun.setdefault(stage, seconds())

    api.export(str(given.path), "host", folder, progress=progress, **given.options)
    ends = [*list(begun.values())[1:], seconds()]
    spent = {stage: end - start for (stage, start), end in zip(begun.items(), ends, strict=True)}
    return spent, most_kilobytes()


def most_kilobytes() -> int:
    """Return what this process held at most; ``ru_maxrss`` counts what started it, too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0])


def row(given: Given) -> list[str]:
    """The cells of one network: seconds of each stage and of all, megabytes."""
    with tempfile.TemporaryDirectory() as folder, SPAWN.Pool(1) as pool:
        spent, kilobytes = pool.apply(stages, (given, Path(folder) / "build"))
    cells = [f"{spent.get(stage, 0.0):.1f}" for stage in STAGES]
    return [*cells, f"{sum(spent.values()):.1f}", str(kilobytes >> 10)]


def published(cache: Path, only: str) -> Table:
    """The table of networks that others trained."""
    fetch(cache)
    table = Table("network", *STAGES, "all s", "MB")
    for name, network in NETWORKS.items():
        if re.search(only, name):
            given = network.options(1)
            options = {
                "states": given.states,
                "shapes": given.shapes,
                "constants": given.constants,
            }
            table.add_row(name, *row(Given(path_of(name, cache), options)))
    return table


def scale() -> Table:
    """The table of networks that grow."""
    table = Table("blocks x channels", "nodes", "M parameters", *STAGES, "all s", "MB")
    for blocks, channels in SIZES:
        proto = inverted_residuals(blocks, channels)
        parameters = sum(math.prod(tensor.dims) for tensor in proto.graph.initializer)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            onnx.save_model(proto, path)
            size = str(len(proto.graph.node)), f"{parameters / 1e6:.2f}"
            table.add_row(f"{blocks} x {channels}", *size, *row(Given(path, {})))
    return table


def main() -> int:
    """Fetch, export and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR")
    parser.add_argument("--only", default="", metavar="REGEX", help="of names of networks")
    parser.add_argument("--scale", action="store_true", help="networks that grow instead")
    given = parser.parse_args()
    table = scale() if given.scale else published(given.cache, given.only)
    table.show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
