"""The placement of a build on a user's board, as rows for people."""

from collections.abc import Iterator, Mapping
from typing import Any

MEMORY_HEAD = ("memory", "kind", "used bytes", "of", "free")
PLACED_HEAD = ("what", "bytes", "reads a hop", "memory", "copied from", "waits, modelled cycles")


def memory_rows(board: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each memory of ``board`` of a manifest."""
    for row in board["memory"]:
        free = row["bytes"] - row["used_bytes"]
        numbers = (f"{n:,}" for n in (row["used_bytes"], row["bytes"], free))
        yield (row["name"], row["kind"], *numbers)


def placed_rows(board: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each thing that is placed, the most read first."""
    for row in board["placed"]:
        yield (
            row["name"],
            f"{row['bytes']:,}",
            f"{row['reads_per_hop']:g}",
            row["memory"] or "no room",
            row["stored"] or "",
            f"{row['modelled_wait_cycles']:,}",
        )


def board_text(board: Mapping[str, Any] | None) -> str | None:
    """Say in a line how full each memory is."""
    if board is None:
        return None
    used = ", ".join(
        f"{row['name']} {row['used_bytes']:,} of {row['bytes']:,}" for row in board["memory"]
    )
    waits = sum(row["modelled_wait_cycles"] for row in board["placed"])
    return f"{board['name']}: {used} bytes; {waits:,} modelled cycles of waiting a hop"
