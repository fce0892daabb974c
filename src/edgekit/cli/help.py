"""``edgekit help``."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

import typer

from edgekit.base.errors import UsageError, unavailable
from edgekit.cli.completion import page_names
from edgekit.cli.console import AsJson, out, print_json, print_table

FOLDERS = ("guides", "reference", "tutorials")


def help(
    context: typer.Context,
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="TOPIC",
            help="A page, such as ports, or a command. Without it: the list of pages.",
            autocompletion=page_names,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a page of the documentation, or the list of pages.

    The pages come with EdgeKit. Into a file or a pipe, a page goes as Markdown.
    """
    found = pages()
    if topic is None:
        titles = {name: title(page) for name, page in found.items()}
        if as_json:
            print_json(titles)
        else:
            print_table("edgekit help PAGE", ("page", "about"), list(titles.items()))
        return
    group = context.parent.command if context.parent else None
    if topic in (verbs := getattr(group, "commands", {})):
        verbs[topic].main(["--help-all"], prog_name=f"edgekit {topic}")
    name = topic.removesuffix(".md")
    if name not in found:  # an address of the documentation, as docs/guides/ports.md
        name = name.rpartition("/")[2]
    if name not in found:
        raise UsageError(unavailable("page", topic, (*found, *verbs), ()))
    text = found[name].read_text("utf-8")
    if as_json:
        print_json({"page": name, "markdown": text})
    elif out.is_terminal:
        # slow to import, and every verb imports this module
        from rich.markdown import Markdown

        out.print(Markdown(text, hyperlinks=False))
    else:
        out.file.write(text)


def pages() -> dict[str, Traversable]:
    """The pages by name; of two with one name the second has its folder's before it."""
    root, found = files("edgekit") / "pages", dict[str, Traversable]()
    for folder in FOLDERS:
        for page in sorted((root / folder).iterdir(), key=lambda page: page.name):
            name, _, ending = page.name.rpartition(".")
            if ending == "md":
                found[name if name not in found else f"{folder}/{name}"] = page
    return found


def title(page: Traversable) -> str:
    """The first heading of a page."""
    return page.read_text("utf-8").lstrip().partition("\n")[0].lstrip("# ")
