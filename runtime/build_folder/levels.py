"""`Manifest.verification` as a line: what clips that a build was not calibrated on keep, at each level."""

from typing import Any


def levels_text(verification: dict[str, Any] | None) -> str | None:
    """Say it in one line; None where nothing was judged."""
    if verification is None or "levels" not in verification:
        return None
    held = verification["held_out"]
    dbfs = held.get("level_dbfs")
    rows = ", ".join(
        f"{_found(row)} at {_level(row['level_db'], dbfs)}" for row in verification["levels"]
    )
    return f"{rows} on {held['clips']} of {held['of']} clips, each left out of the calibration"


def _level(level_db: float, dbfs: float | None) -> str:
    """A level beside the recordings, and what that is in the samples."""
    return f"{level_db} dB" if dbfs is None else f"{level_db} dB ({dbfs + level_db:.0f} dBFS)"


def _found(row: dict[str, Any]) -> str:
    if row["metric"] is not None:
        return f"{row['metric']:.4g}"
    worst, lost = row.get("worst_snr_db"), row.get("si_sdr_lost_db")
    ratio = "equal" if row["snr_db"] is None else f"{row['snr_db']:.1f} dB"
    if worst is not None:
        ratio = f"{ratio} (worst {worst:.1f})"
    if lost is not None:
        ratio = f"{ratio}, {lost:.2f} dB of SI-SDR lost (most {row['most_si_sdr_lost_db']:.2f}),"
    return ratio if row["alike"] is None else f"{100 * row['alike']:.2f} % decided alike ({ratio})"
