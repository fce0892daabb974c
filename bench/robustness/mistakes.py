"""Makes mistakes at the command line, and sees that each is answered with a short message that helps, and soon.

    python bench mistakes [--only REGEX] [--show]

Each command of `bench/command_mistakes.toml` runs as a process of its own. Prints how many were answered well and
the slowest; exits with 1 where one ends in a traceback, with another exit code than 2, at length, or without what
the message must name. A command that imports a factory has no limit of time.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from command_mistakes import Mistake, faults, make_files, mistakes
from tables import Table

SECONDS = 2.0
IMPORTS = "factories"


def answer(mistake: Mistake, folder: Path) -> tuple[int, str, str, float]:
    """Run a command; returns exit code, stdout, stderr and seconds."""
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "edgekit", *mistake.words()],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr, time.monotonic() - begun


def main() -> int:
    """Make the mistakes and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="of commands")
    parser.add_argument("--show", action="store_true", help="print each answer")
    given = parser.parse_args()
    table = Table("mistakes of", "answered well", "of", "slowest\ns")
    bad = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder)
        rows: dict[str, list[tuple[bool, float]]] = {}
        for mistake in mistakes():
            if not re.search(given.only, mistake.arguments):
                continue
            code, printed, errors, seconds = answer(mistake, folder)
            found = faults(mistake, code, printed, errors)
            if seconds > SECONDS and mistake.group != IMPORTS:
                found.append(f"{seconds:.1f} s")
            rows.setdefault(mistake.group, []).append((not found, seconds))
            if found or given.show:
                bad += [mistake] * bool(found)
                print(
                    f"$ edgekit {mistake.arguments}\n{printed}{errors}=> {'; '.join(found) or 'good'}\n"
                )
    for group, results in rows.items():
        good = sum(is_good for is_good, _ in results)
        slowest = max(seconds for _, seconds in results)
        table.add_row(group, str(good), str(len(results)), f"{slowest:.1f}")
    table.show()
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
