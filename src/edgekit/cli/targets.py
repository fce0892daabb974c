"""``edgekit targets``."""

from dataclasses import asdict
from typing import Annotated

import typer

from edgekit import api
from edgekit.cli.console import AsJson, out, print_json, print_table


def targets(
    board: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The target for a chip or board, such as rp2350 or 'pi 5'."
        ),
    ] = "",
    boards: Annotated[
        bool, typer.Option("--boards", help="List chips and boards, and the target for each.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the targets: what each emits, what it needs, and what is found on this machine."""
    if board or boards:
        _list_boards(board, as_json)
        return
    found = api.targets()
    if as_json:
        print_json([{**asdict(target), "found": target.found} for target in found])
        return
    rows = [
        (
            t.name,
            t.emits,
            ", ".join(t.needs),
            f"missing: {', '.join(t.missing)}" if t.missing else "yes",
        )
        for t in found
    ]
    print_table("", ("target", "emits", "needs", "found"), rows)


def _list_boards(name: str, as_json: bool) -> None:
    """Print chips and boards with their targets."""
    found = api.find_boards(name)
    if as_json:
        print_json([asdict(row) for row in found])
        return
    if name:
        (row,) = found
        out.print(
            f"{name}: --target {row.target}" if row.target else f"{name}: no target", markup=False
        )
        out.print(row.text, markup=False, soft_wrap=True)
        return
    rows = [(", ".join(row.names), row.target or "none", row.text) for row in found]
    print_table("", ("chip or board", "target", "what it is"), rows)
