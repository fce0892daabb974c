"""Makes docs/reference/cli.md, the reference of the command line, of the command line itself, by typer.

python docs/make_cli.py > docs/reference/cli.md
"""

import re
from pathlib import Path
from typing import Any

import typer
from typer.cli import get_docs_for_click

from edgekit.cli import app
from edgekit.cli.help import pages

MADE = "Made by `python docs/make_cli.py > docs/reference/cli.md`."
PREFACE = """`edgekit COMMAND --help` shows the usual options, `--help-all` every one. `edgekit help` lists the pages of
this documentation, and `edgekit help PAGE` prints one; they come with an install.

- Numbers take units: `--sample-rate 16k`, `--hop 8ms` (with a sample rate), `--max-ram 64KiB`, `--min-snr 20dB`.
- `--quiet` prints only errors. `--verbose` prints the time of each stage, and the traceback of an error in your code.
- `--json` prints JSON, errors too. Exit codes: 0 done and verified, 1 a check failed, 2 wrong usage or unusable input.
- `edgekit --install-completion` lets bash, zsh, fish or PowerShell complete verbs, options, targets, recipes, demos,
  devices, pages, networks and folders of builds. It takes effect in the next shell."""


def reference() -> str:
    """The page, with options of rare use; a bracket in a sentence is no link, a page that it names is one."""
    group: Any = typer.main.get_command(app)
    for verb in group.commands.values():
        verb.show_all()
    context = typer.Context(group)
    page = get_docs_for_click(obj=group, ctx=context, name="edgekit", title="The command line")
    title, *lines = page.strip().splitlines()
    found = [f"{title}\n\n{MADE}\n\n{PREFACE}"]
    for line in lines:
        name, sep, sentence = line.partition("`: ")
        sentence = re.sub("`edgekit help ([a-z-]+)`", _link, sentence.replace("[", "\\["))
        found.append(f"{name}{sep}{sentence}".rstrip())
    return "\n".join(found)


def _link(match: re.Match[str]) -> str:
    page = Path(str(pages()[match[1]]))
    return f"[{match[1]}](../{page.parent.name}/{page.name})"


if __name__ == "__main__":
    print(reference())
