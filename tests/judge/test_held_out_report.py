"""What is said of clips that were left out."""

import pytest

from edgekit.judge.held_out_report import HeldOutReport, Level


@pytest.mark.parametrize(
    ("level", "short", "said"),
    [
        (Level(0, 19.9, None), True, "19.9 dB"),
        (Level(0, 20.1, None), False, "20.1 dB"),
        (Level(0, None, None), False, "equal"),
        (Level(0, 5.0, 0.985), False, "98.50 % of the decisions as in float"),
        (Level(0, 50.0, 0.9), True, "90.00 % of the decisions as in float"),
        (Level(0, 50.0, 1.0, metric=0.5, needed=0.6), True, "0.5"),
        (Level(0, 5.0, 0.5, metric=0.7, needed=0.6), False, "0.7"),
    ],
)
def test_the_metric_counts_before_decisions_before_the_ratio(
    level: Level, short: bool, said: str
) -> None:
    assert level.short is short and level.said == said


def test_a_short_level_names_what_does_better() -> None:
    levels = (Level(0, 25.0, None), Level(-20, 15.0, None))
    report = HeldOutReport(2, 8, levels, 25.5, instead=Level(-20, 40.0, None))
    (note,) = report.notes("w8a8")
    assert "15.0 dB at -20 dB on 2 of 8 clips" in note
    assert "--recipe auto, or w8a16, which has 40.0 dB at -20 dB" in note
    assert report.notes("auto")[0].endswith("--recipe w8a16, which has 40.0 dB at -20 dB")
    assert report.is_short and not HeldOutReport(2, 8, levels[:1], None).is_short


def test_clips_that_come_out_worse_where_they_are_left_out_are_told() -> None:
    report = HeldOutReport(2, 8, (Level(0, 22.0, None),), 25.0, beyond=0.5)
    worse, beyond = report.notes("w8a8")
    assert "3.0 dB worse" in worse and "50 % of the tensors" in beyond
    facts = report.facts()
    assert facts["held_out"]["heard_snr_db"] == 25.0 and facts["levels"][0]["snr_db"] == 22.0


def test_the_limit_for_other_clips_is_in_the_manifest() -> None:
    rows = (Level(0, 30.0, 0.999, least_alike=0.98301), Level(-20, 30.0, None))
    levels = HeldOutReport(8, 8, rows, None).facts()["levels"]
    assert [row["least_alike"] for row in levels] == [0.983, None]
