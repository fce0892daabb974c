"""``edgekit doctor``."""

from dataclasses import asdict

from edgekit import api
from edgekit.cli.console import AsJson, print_json, print_table
from edgekit.tools import ToolFacts


def doctor(as_json: AsJson = False) -> None:
    """List compilers and packages: found (version, path), or how to get them."""
    tools = api.doctor()
    if as_json:
        print_json([{**asdict(tool), "found": tool.found} for tool in tools])
        return
    rows = [(t.name, t.version or "not found", t.path or how_to_get(t), t.used_for) for t in tools]
    print_table("", ("tool", "version", "path, or how to get it", "used for"), rows)


def how_to_get(tool: ToolFacts) -> str:
    """Return the commands that install a tool."""
    ways = []
    if tool.pip:
        ways.append(f"pip install {tool.pip}")
    if tool.apt:
        ways.append(f"apt-get install {tool.apt}")
    return " or ".join(ways)
