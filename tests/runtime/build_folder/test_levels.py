"""`Manifest.verification` as a line."""

from edgekit.runtime.build_folder.levels import levels_text, ratio_text, signals_text

ROW = {"level_db": -20, "snr_db": 31.26, "metric": None, "alike": None}
HELD = {"clips": 2, "of": 9}


def test_levels_are_told_with_the_loudness_of_the_samples() -> None:
    facts = {"levels": [ROW, {**ROW, "level_db": 0, "alike": 0.995}], "held_out": HELD}
    assert levels_text(facts) == (
        "31.3 dB at -20 dB, 99.50 % of the decisions as in float (31.3 dB) at 0 dB "
        "on 2 of 9 clips, each left out of the calibration"
    )
    facts = {"levels": [{**ROW, "alike": 0.995, "least_alike": 0.9821}], "held_out": HELD}
    assert "99.50 % of the decisions as in float, 98.21 % or more in as many other clips (" in str(
        levels_text(facts)
    )
    loud = {"levels": [ROW], "held_out": {**HELD, "level_dbfs": -26.0}}
    assert "31.3 dB at -20 dB (-46 dBFS)" in str(levels_text(loud))
    assert levels_text({"snr_db": 3}) is None and levels_text(None) is None


def test_a_metric_and_what_is_lost_are_told() -> None:
    found = levels_text({"levels": [{**ROW, "metric": 0.123456}], "held_out": HELD})
    assert str(found).startswith("0.1235 at")
    row = {**ROW, "worst_snr_db": 20.0, "si_sdr_lost_db": 0.5, "most_si_sdr_lost_db": 1.0}
    found = levels_text({"levels": [row], "held_out": HELD})
    assert "31.3 dB (worst 20.0), 0.50 dB of SI-SDR lost (most 1.00)," in str(found)


def test_the_mean_has_a_margin_and_the_range_of_clips() -> None:
    row = {**ROW, "worst_snr_db": 20.0, "best_snr_db": 38.25, "margin_db": 3.14}
    found = levels_text({"levels": [row], "held_out": HELD})
    assert str(found).startswith("31.3 ±3.1 dB (clips 20.0 to 38.2) at -20 dB")


def test_a_margin_that_says_nothing_is_left_out() -> None:
    row = {**ROW, "worst_snr_db": 20.4, "best_snr_db": 44.0, "margin_db": 150.5}
    found = levels_text({"levels": [row], "held_out": HELD})
    assert str(found).startswith("31.3 dB (clips 20.4 to 44.0) at -20 dB")


def test_equal_and_least_ratios_have_words() -> None:
    assert ratio_text({"snr_db": None}) == "equal"
    found = ratio_text({"snr_db": 30.5, "example_snr_db": 44})
    assert found == "30.5 dB at least (no calibration; 44 dB on example inputs)"


def test_the_worst_signal_of_each_level_is_named() -> None:
    rows = [
        {"level_db": 0, "snr_db": None, "form": "noise"},
        {"level_db": 0, "snr_db": 12.34, "form": "tone"},
        {"level_db": -20, "snr_db": None, "form": "noise"},
    ]
    assert signals_text({"signals": rows}) == "12.3 dB at 0 dB (tone), equal at -20 dB (noise)"
    assert signals_text(None) is None
