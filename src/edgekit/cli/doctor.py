"""``edgekit doctor``."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from edgekit import api
from edgekit.base.installation import before_all, installer
from edgekit.cli.console import AsJson, out, print_json

if TYPE_CHECKING:
    from edgekit.verbs.doctor import ToolFacts


def doctor(as_json: AsJson = False) -> None:
    """List compilers and packages: found (version, path), or how to get them; and the cache of compiled objects."""
    tools = api.doctor()
    if as_json:
        print_json([{**asdict(tool), "found": tool.found} for tool in tools])
        return
    for tool in tools:
        heading = f"{tool.name:<24} {tool.version or ('not used' if tool.path else 'not found'):<14} {tool.used_for}"
        out.print(heading, soft_wrap=True, markup=False)
        out.print(f"    {tool.path or how_to_get(tool)}", soft_wrap=True, markup=False)


def how_to_get(tool: "ToolFacts") -> str:
    """Return the commands that install a tool."""
    ways = []
    if tool.pip:
        command = f"{installer()} {tool.pip}"
        ways.append(before_all(tool.small, command) if tool.small else command)
    if tool.apt:
        ways.append(f"apt-get install {tool.apt}")
    return " or ".join(ways)
