"""Makes docs/cli.md, the reference of the command line, of the command line itself, by typer.

python docs/make_cli.py > docs/cli.md
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
    """Print the page."""
    done = subprocess.run([sys.executable, *DOCS], capture_output=True, text=True, check=True)
    print(done.stdout.strip())


if __name__ == "__main__":
    main()
