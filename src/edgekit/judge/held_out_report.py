"""Findings on clips left out of a calibration, at every level, and notes on them for the user."""

import math
from dataclasses import dataclass

from edgekit.base.json_values import JsonObject

MIN_SNR_DB = 20.0
MIN_ALIKE = 0.98  # of the decisions of a detector
BEYOND_DB = 3.0  # a left-out clip's peaks above those of all others, half a bit of a range
MOST_BEYOND = 0.05  # of all tensors
FEWER_DB = 1.0  # the loss of held-out clips that is accepted without a note
FALLBACK = "w8a16"


@dataclass(frozen=True)
class Level:
    """The findings on clips at one level relative to their recordings.

    Attributes:
        level_db: the level.
        snr_db: of the worst output against the float network's, the mean of the clips; None without noise.
        alike: the share of decisions equal to those of the float network; None for a network without decisions.
        metric: the mean of the user's metric, where there is one; then it alone counts.
        needed: the value that it must reach.
        worst_db: the SNR of the worst clip; None without noise.
        best_db: that of the best clip; None where it is without noise.
        margin_db: the mean SNR of as many other clips of this kind is within this of `snr_db`, with a probability of
            95 % (`edgekit.judge.levels.mean_margin_db`); None of one clip.
        lost_db: SI-SDR that clips with a clean form lose against the float network, mean and most; None without one.
        least_alike: the share of equal decisions in as many other clips is at least this, with a probability of 95 %
            (`edgekit.judge.decisions.least_alike`); None of one clip, and without decisions.
    """

    level_db: int
    snr_db: float | None
    alike: float | None
    metric: float | None = None
    needed: float = 0.0
    worst_db: float | None = None
    best_db: float | None = None
    margin_db: float | None = None
    lost_db: tuple[float, float] | None = None
    least_alike: float | None = None

    @property
    def worth(self) -> float:
        """Return the value that counts, higher is better: the metric, decisions, or else the SNR."""
        ratio = math.inf if self.snr_db is None else self.snr_db
        return next((x for x in (self.metric, self.alike) if x is not None), ratio)

    @property
    def wanted(self) -> str:
        """Return the required value, for people."""
        if self.metric is not None:
            return f"{self.needed:g} is"
        return (
            f"{100 * MIN_ALIKE:.0f} % are" if self.alike is not None else f"{MIN_SNR_DB:g} dB are"
        )

    @property
    def short(self) -> bool:
        """Whether it is below the required value."""
        if self.metric is not None:
            return self.metric < self.needed
        if self.alike is not None:
            return self.alike < MIN_ALIKE
        return self.snr_db is not None and self.snr_db < MIN_SNR_DB

    @property
    def said(self) -> str:
        """Return the measured value, for people."""
        if self.metric is not None:
            return f"{self.metric:.4g}"
        if self.alike is not None:
            return f"{100 * self.alike:.2f} % of the decisions as in float"
        return "equal" if self.snr_db is None else f"{self.snr_db:.1f} dB"


@dataclass(frozen=True)
class HeldOutReport:
    """The quality of a recipe on clips outside its calibration.

    Attributes:
        clips: their number, or the number of quarters of a single clip.
        of: the number of all.
        levels: one row each of `LEVELS_DB`; of a network without sound input one row.
        heard_db: the SNR of the same clips when they were part of the calibration.
        beyond: the share of tensors whose peak in one clip is `BEYOND_DB` above that in all others.
        level_dbfs: the clips' root mean square relative to full scale, on average, as they were recorded; None without
            sound.
        instead: where a level is short, the result of the recipe `FALLBACK` at the worst level.
    """

    clips: int
    of: int
    levels: tuple[Level, ...]
    heard_db: float | None
    beyond: float = 0.0
    instead: Level | None = None
    level_dbfs: float | None = None

    @property
    def is_short(self) -> bool:
        """Whether any level is below the required value."""
        return any(row.short for row in self.levels)

    def facts(self) -> JsonObject:
        """The entries of the manifest's `verification`."""
        rows = [
            {
                "level_db": row.level_db,
                "snr_db": _round_ratio(row.snr_db),
                "alike": row.alike,
                "least_alike": None if row.least_alike is None else round(row.least_alike, 4),
                "metric": row.metric,
                "worst_snr_db": _round_ratio(row.worst_db),
                "best_snr_db": _round_ratio(row.best_db),
                "margin_db": _round_ratio(row.margin_db),
                "si_sdr_lost_db": None if row.lost_db is None else _round_ratio(row.lost_db[0]),
                "most_si_sdr_lost_db": None
                if row.lost_db is None
                else _round_ratio(row.lost_db[1]),
            }
            for row in self.levels
        ]
        held = {"clips": self.clips, "of": self.of, "heard_snr_db": _round_ratio(self.heard_db)}
        if self.level_dbfs is not None:
            held["level_dbfs"] = round(self.level_dbfs, 1)
        return {"levels": rows, "held_out": held}

    def notes(self, recipe: str) -> list[str]:
        """Return notes for the user, with the steps to take."""
        found = []
        if short := [row for row in self.levels if row.short]:
            rows = ", ".join(f"{row.said}{self._place(row)}" for row in short)
            head = "levels" if len(self.levels) > 1 else "held out"
            found.append(
                f"{head}: {rows} on {self.clips} of {self.of} clips, each left out of the calibration; "
                f"{short[0].wanted} wanted; next: {self._advice(recipe)}"
            )
        cost = self._unheard_db()
        if cost >= FEWER_DB:
            unheard = self.levels[0].snr_db if self.levels else 0.0
            found.append(
                f"calibration: clips come out {cost:.1f} dB worse where they are left out of it than where they are in "
                f"it ({unheard:.1f} against {self.heard_db:.1f} dB); give more and more different clips"
            )
        if self.beyond > MOST_BEYOND:
            found.append(
                f"calibration: in a clip that is left out, {100 * self.beyond:.0f} % of the tensors go {BEYOND_DB:g} "
                f"dB or more beyond what the other {self.of - 1} of {self.of} have shown; {100 * MOST_BEYOND:g} % "
                "at most are wanted; give more and more different clips"
            )
        return found

    def _advice(self, recipe: str) -> str:
        if self.instead is None and len(self.levels) == 1:
            return "give more and more different clips, or keep tensors in float32 in a recipe.toml"
        if self.instead is None:
            return "give clips at the levels that will be met, or keep tensors in float32 in a recipe.toml"
        reaches = f"{FALLBACK}, which has {self.instead.said}{self._place(self.instead)}"
        return f"--recipe {reaches}" if recipe == "auto" else f"--recipe auto, or {reaches}"

    def _place(self, row: Level) -> str:
        """Return the level of a row, if there are several."""
        return f" at {row.level_db} dB" if len(self.levels) > 1 else ""

    def _unheard_db(self) -> float:
        """Return the loss of clips that were left out."""
        first = self.levels[0].snr_db
        return 0.0 if first is None or self.heard_db is None else self.heard_db - first


def _round_ratio(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 2)
