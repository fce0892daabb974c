"""The curves of report.html: level and SNR of the sound after each wait, second by second."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.base.json_values import JsonObject

WIDTH, HEIGHT = 480, 120
MOST_DB = 3.0  # of the drawn level, up and down; more is drawn at the border
COLOURS = ("grey", "a", "b", "c", "d")


@dataclass(frozen=True)
class WaitCurve:
    """The curve after one wait: SVG path of its levels, and the cells of the table."""

    wait: str
    colour: str
    path: str
    cells: tuple[str, ...]


def wait_curves(verification: JsonObject | None) -> list[WaitCurve]:
    """Return a curve for each wait that a build was judged after; none where it was not, or decides."""
    rows: dict[str, list[JsonObject]] = {}
    found = verification or {}
    for row in () if "decided_after_waits" in found else found.get("waits", ()):
        rows.setdefault(row["wait"], []).append(row)
    return [
        WaitCurve(wait, COLOURS[i % len(COLOURS)], _path(seconds), (wait, *map(_cell, seconds)))
        for i, (wait, seconds) in enumerate(rows.items())
    ]


def curve_head(curves: Sequence[WaitCurve]) -> tuple[str, ...]:
    """Return the head of the curves' table."""
    count = max((len(curve.cells) for curve in curves), default=2) - 2
    return ("after", "whole sound", *(f"second {number}" for number in range(1, count + 1)))


def _path(rows: Sequence[JsonObject]) -> str:
    """Return the path of the levels of all seconds; a silent one has none."""
    seconds = [row for row in rows if row["second"] > 0]
    step = WIDTH / max(len(seconds), 1)
    points = []
    for row in seconds:
        if row["level_db"] is not None:
            level = max(-MOST_DB, min(MOST_DB, row["level_db"]))
            points.append(
                f"{(row['second'] - 0.5) * step:.1f},{HEIGHT / 2 * (1 - level / MOST_DB):.1f}"
            )
    return f"M{' L'.join(points)}" if points else ""


def _cell(row: JsonObject) -> str:
    if row["level_db"] is None:
        return "silent"
    ratio = "equal" if row["snr_db"] is None else f"{row['snr_db']:.1f} dB"
    return f"{row['level_db']:+.2f} dB ({ratio})"
