"""``edgekit targets``."""

from dataclasses import asdict

from edgekit import api
from edgekit.cli.console import AsJson, print_json, print_table


def targets(as_json: AsJson = False) -> None:
    """List the targets: what each emits, what it needs, and what is found on this machine."""
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
