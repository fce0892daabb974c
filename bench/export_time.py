"""Where the time of an export goes: processor seconds of each stage, its compiler's too.

    python bench/export_time.py [--cache DIR] [--only REGEX]

Exports published networks for ``host``, each in a process of its own, and prints a row for each. *start*
is Python and its libraries.
"""

import argparse
import multiprocessing
import re
import resource
import sys
import tempfile
from pathlib import Path

from published_networks import CACHE, NETWORKS, fetch, path_of
from rich.console import Console
from rich.table import Table

from edgekit.base.errors import EdgeKitError

STAGES = ("start", "import", "quantize", "lower", "compile", "verify")
SPAWN = multiprocessing.get_context("spawn")  # a child that has loaded nothing, as a user's


def seconds() -> float:
    """Return the processor seconds of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def stages(name: str, cache: Path, folder: Path) -> tuple[dict[str, float], int]:
    """Export a network; returns the seconds of each stage, and the kilobytes of this process at most."""
    from edgekit import api

    begun = {"start": 0.0}

    def progress(stage: str, done: int, total: int) -> None:
        begun.setdefault(stage, seconds())

    given = NETWORKS[name].options(1)
    api.export(
        str(path_of(name, cache)),
        "host",
        folder,
        progress=progress,
        states=given.states,
        shapes=given.shapes,
        constants=given.constants,
    )
    ends = [*list(begun.values())[1:], seconds()]
    spent = {stage: end - start for (stage, start), end in zip(begun.items(), ends, strict=True)}
    return spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    """Fetch, export and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR")
    parser.add_argument("--only", default="", metavar="REGEX", help="of names of networks")
    given = parser.parse_args()
    try:
        fetch(given.cache)
    except EdgeKitError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    table = Table("network", *STAGES, "all s", "MB")
    for name in NETWORKS:
        if re.search(given.only, name):
            with tempfile.TemporaryDirectory() as folder, SPAWN.Pool(1) as pool:
                spent, kilobytes = pool.apply(stages, (name, given.cache, Path(folder) / "build"))
            cells = [f"{spent.get(stage, 0.0):.1f}" for stage in STAGES]
            table.add_row(name, *cells, f"{sum(spent.values()):.1f}", str(kilobytes >> 10))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
