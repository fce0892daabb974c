"""`Manifest.verification` as a line: the quality of a build on data outside its calibration, at each level."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from edgekit.base.json_values import JsonObject

MOST_MARGIN_DB = 10.0  # a wider one, as two clips may have, says nothing


def levels_text(verification: JsonObject | None) -> str | None:
    """Say it in one line; None where nothing was judged."""
    if verification is None or "levels" not in verification:
        return None
    held = verification["held_out"]
    dbfs = held.get("level_dbfs")
    levels = verification["levels"]
    if [row["level_db"] for row in levels] == [0] and dbfs is None:  # no sound goes in
        return f"{_found(levels[0])} on {held['clips']} of {held['of']} clips, each left out of the calibration"
    rows = ", ".join(f"{_found(row)} at {_level(row['level_db'], dbfs)}" for row in levels)
    return f"{rows} on {held['clips']} of {held['of']} clips, each left out of the calibration"


def ratio_text(verification: Mapping[str, Any]) -> str:
    """Return the ratio against the source; without a calibration the least of all signals, and that of the example."""
    ratio = decibels(verification["snr_db"])
    if "example_snr_db" not in verification:
        return ratio
    return f"{ratio} at least (no calibration; {decibels(verification['example_snr_db'])} on example inputs)"


def decibels(ratio: float | None) -> str:
    """Return a ratio of a manifest in words."""
    return "equal" if ratio is None else f"{ratio:g} dB"


def _level(level_db: float, dbfs: float | None) -> str:
    """Return a level relative to the recordings, and its level in dBFS if that is known."""
    return f"{level_db} dB" if dbfs is None else f"{level_db} dB ({dbfs + level_db:.0f} dBFS)"


def _found(row: JsonObject) -> str:
    if row["metric"] is not None:
        return f"{row['metric']:.4g}"
    lost, ratio = row.get("si_sdr_lost_db"), _ratio(row)
    if lost is not None:
        ratio = f"{ratio}, {lost:.2f} dB of SI-SDR lost (most {row['most_si_sdr_lost_db']:.2f}),"
    if row["alike"] is None:
        return ratio
    least = row.get("least_alike")
    others = "" if least is None else f", {100 * least:.2f} % or more in as many other clips"
    return f"{100 * row['alike']:.2f} % of the decisions as in float{others} ({ratio})"


def _ratio(row: JsonObject) -> str:
    """Return the mean ratio of clips, within what others may have, and the range of single clips."""
    if row["snr_db"] is None:
        return "equal"
    margin, worst, best = (row.get(key) for key in ("margin_db", "worst_snr_db", "best_snr_db"))
    within = "" if margin is None or margin > MOST_MARGIN_DB else f" ±{margin:.1f}"
    mean = f"{row['snr_db']:.1f}{within} dB"
    if worst is None:
        return mean
    return (
        f"{mean} (worst {worst:.1f})"
        if best is None
        else f"{mean} (clips {worst:.1f} to {best:.1f})"
    )


def signals_text(verification: Mapping[str, Any] | None) -> str | None:
    """Return the least ratio at each level, and of which signal; None of a build that has a calibration."""
    rows = (verification or {}).get("signals")
    if not rows:
        return None
    parts = []
    for level in dict.fromkeys(row["level_db"] for row in rows):
        worst = min((row for row in rows if row["level_db"] == level), key=worth_db)
        ratio = "equal" if worst["snr_db"] is None else f"{worst['snr_db']:.1f} dB"
        parts.append(f"{ratio} at {level} dB ({worst['form']})")
    return ", ".join(parts)


def waits_text(verification: JsonObject | None) -> str | None:
    """Return the output's level and SNR after each wait, or the decisions; None where neither was judged."""
    rows = [row for row in (verification or {}).get("waits", ()) if row["second"] == 0]
    if not rows or verification is None:
        return None
    if decided := verification.get("decided_after_waits"):
        return _decisions_text(decided)
    found = ", ".join(
        f"{row['level_db'] or 0:+.2f} dB ({decibels(row['snr_db'])}) after {row['wait']}"
        for row in rows
    )
    state = verification["drifting_state"]
    drifts = "" if state is None else f"; state '{state}' drifts"
    return f"level (SNR): {found}{drifts}"


def _decisions_text(rows: Sequence[JsonObject]) -> str:
    shares = ", ".join(f"{100 * row['alike']:.2f} % after {row['wait']}" for row in rows)
    return f"decisions as in float: {shares}"


def worth_db(row: Mapping[str, Any]) -> float:
    """The ratio of a signal; infinite where nothing differs."""
    return math.inf if row["snr_db"] is None else float(row["snr_db"])
