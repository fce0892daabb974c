"""The numbers and commands of the pages at a commit that the pages of today lack.

    python bench page_facts COMMIT

A number counts with its digits alone: 1,234 and 1234 are one. Commands are the lines of code that begin with one of
`COMMANDS`. Generated pages are left out. What is listed was dropped, or stands in another form.
"""

import argparse
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "edgekit",
    "python",
    "make",
    "cmake",
    "qemu",
    "pip",
    "apt-get",
    "pytest",
    "openssl",
    "gcc",
)
NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w])")
GENERATED = ("operators.md", "cli.md", "seeds.md", "kernels.md", "CHANGELOG.md")


def git(*words: str) -> str:
    """Return what a git command prints."""
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def numbers(texts: Iterable[str]) -> set[str]:
    """Return the numbers of two digits or more, without separators of thousands."""
    found = {number.replace(",", "") for text in texts for number in NUMBER.findall(text)}
    return {number for number in found if len(number) > 1}


def commands(texts: Iterable[str]) -> set[str]:
    """Return the command lines of code blocks, with single spaces."""
    lines = {
        " ".join(line.split())
        for text in texts
        for line in text.splitlines()
        if line.startswith("    ")
    }
    return {line for line in lines if line.startswith(COMMANDS)}


def main() -> None:
    """Print what the pages of a commit had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit")
    commit = parser.parse_args().commit
    paths = [
        path for path in git("ls-tree", "-r", "--name-only", commit).split() if path.endswith(".md")
    ]
    paths = [
        p
        for p in paths
        if p.startswith(("docs/", "README", "CONTRIBUTING")) and not p.endswith(GENERATED)
    ]
    before = {path: git("show", f"{commit}:{path}") for path in paths}
    today = [
        path.read_text(encoding="utf-8")
        for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    ]
    kept_numbers, kept_commands = numbers(today), commands(today)
    for path, text in before.items():
        lost = sorted(numbers([text]) - kept_numbers) + sorted(commands([text]) - kept_commands)
        if lost:
            print(f"{path}: {', '.join(lost)}")


if __name__ == "__main__":
    main()
