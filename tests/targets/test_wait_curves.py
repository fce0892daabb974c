"""The curves of a report: a point for each second, within the drawing."""

from edgekit.targets.wait_curves import HEIGHT, curve_head, wait_curves


def test_curve_has_a_point_for_each_second_with_sound() -> None:
    levels = [(0, 0.1, 30.0), (1, 0.0, None), (2, None, None), (3, -9.0, 2.5)]
    rows = [
        {"wait": "no wait", "second": second, "level_db": level, "snr_db": ratio}
        for second, level, ratio in levels
    ]
    (curve,) = wait_curves({"waits": rows})
    assert curve.path == f"M80.0,{HEIGHT / 2:.1f} L400.0,{HEIGHT:.1f}"
    cells = ("no wait", "+0.10 dB (30.0 dB)", "+0.00 dB (equal)", "silent", "-9.00 dB (2.5 dB)")
    assert curve.cells == cells
    assert curve_head([curve]) == ("after", "whole sound", "second 1", "second 2", "second 3")


def test_build_that_was_not_judged_has_no_curves() -> None:
    assert wait_curves(None) == wait_curves({"snr_db": 1.0}) == []
