"""``edgekit doctor``."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from edgekit import api
from edgekit.base.installation import before_all, installer
from edgekit.cli.console import AsJson, out, print_json, progress

if TYPE_CHECKING:
    from edgekit.verbs.doctor import ToolFacts


def doctor(
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help="Measure this processor, so that --target host gets its best kernels."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List compilers and packages: found (version, path), or how to get them; and the cache of compiled objects."""
    if measure:
        measure_processor(as_json)
        return
    tools = api.doctor()
    if as_json:
        print_json([{**asdict(tool), "found": tool.found} for tool in tools])
        return
    for tool in tools:
        heading = f"{tool.name:<24} {tool.version or ('not used' if tool.path else 'not found'):<14} {tool.used_for}"
        out.print(heading, soft_wrap=True, markup=False)
        out.print(f"    {tool.path or how_to_get(tool)}", soft_wrap=True, markup=False)


def measure_processor(as_json: bool) -> None:
    """Measure this processor and print what was found."""
    with progress(as_json) as report:
        found = api.measure_processor(report)
    if as_json:
        print_json({**asdict(found), "path": None if found.path is None else str(found.path)})
        return
    for line in (
        f"{found.processor}, {found.kernels} kernels: {found.layers} layers measured",
        f"kernel over 10 % slower than the best: {found.wrong_generic} layers by generic costs, "
        f"{found.wrong} by measured ones",
        f"kept for exports to host: {found.path or 'no, there is no cache folder'}",
    ):
        out.print(line, soft_wrap=True, markup=False)


def how_to_get(tool: "ToolFacts") -> str:
    """Return the commands that install a tool."""
    ways = []
    if tool.pip:
        command = f"{installer()} {tool.pip}"
        ways.append(before_all(tool.small, command) if tool.small else command)
    if tool.apt:
        ways.append(f"apt-get install {tool.apt}")
    return " or ".join(ways)
