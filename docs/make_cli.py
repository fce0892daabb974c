"""Makes docs/reference/cli.md, the reference of the command line, of the command line itself, by typer.

python docs/make_cli.py > docs/reference/cli.md
"""

import subprocess
import sys

DOCS = (
    "-m",
    "typer",
    "edgekit.cli",
    "utils",
    "docs",
    "--name",
    "edgekit",
    "--title",
    "The command line",
)


def main() -> None:
    """Print the page; a bracket in a sentence is no link."""
    done = subprocess.run([sys.executable, *DOCS], capture_output=True, text=True, check=True)
    title, *lines = done.stdout.strip().splitlines()
    print(f"{title}\n\nMade by `python docs/make_cli.py > docs/reference/cli.md`.")
    for line in lines:
        name, sep, sentence = line.partition("`: ")
        print(name + sep + sentence.replace("[", "\\["))


if __name__ == "__main__":
    main()
