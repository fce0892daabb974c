"""What is said of a build that is not the float network after a wait."""

import numpy as np
import onnx
import pytest
from level_networks import HOP, RATE, leaky

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.model import Model
from edgekit.judge.wait_clips import (
    DC_WAIT,
    LEAST_SECONDS,
    MOST_HOPS_IN_C,
    MOST_SECONDS,
    NO_WAIT,
    settling_seconds,
    waits_of,
)
from edgekit.judge.waits import Second, WaitCriterion, WaitReport
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.build_folder.levels import waits_text

SENSOR = """<ir_version: 10, opset_import: ["" : 21]>
sensor (float[1,6] x, float[1,6] held) => (float[1,6] y, float[1,6] held_next)
<float pole = {0.5}> { old = Mul(held, pole) held_next = Add(x, old) y = Abs(held_next) }"""


def calibration() -> Calibration:
    random = np.random.default_rng(0)
    clip = (0.1 * random.standard_normal((300, 1, HOP))).astype(np.float32)
    return Calibration(({"pcm": clip},), "noise")


def test_wait_lasts_until_the_states_settle() -> None:
    clip = calibration().clips[0]
    assert settling_seconds(leaky(0.5), clip) == LEAST_SECONDS
    slow = settling_seconds(leaky(0.999, 1e-4), clip)
    assert LEAST_SECONDS < slow < MOST_SECONDS
    assert settling_seconds(leaky(0.99999, 1e-4), clip) == MOST_SECONDS


def test_waits_of_states_that_do_not_settle_are_minutes_in_c() -> None:
    slow = leaky(0.99999, 1e-4)
    waits = WaitCriterion(slow, calibration(), "host")
    silence = waits.clips[1]
    assert len(silence["pcm"]) == MOST_HOPS_IN_C + len(waits.clips[0]["pcm"])
    report = waits.report(HopRunner(slow))  # the float network in C is that in onnxruntime
    assert report is not None and report.worst[0] < 1e-3
    again = waits.report_of(slow)
    assert again is not None and again.worst[0] == 0
    (whole, *_) = (
        row for row in report.seconds if row.wait == f"{MOST_HOPS_IN_C * HOP // RATE} s of silence"
    )
    assert whole.snr_db is not None and whole.snr_db > 60
    assert len(WaitCriterion(leaky(0.5), calibration(), "host").clips[1]["pcm"]) < 2000


def test_waits_end_in_the_same_sound() -> None:
    waits = list(waits_of(leaky(0.5), calibration()))
    assert waits[0].name == NO_WAIT and len(waits) == 5
    names = " ".join(wait.name for wait in waits)
    assert all(word in names for word in ("of sound", "silence", "-60 dBFS", "DC"))
    for wait in waits:
        assert np.array_equal(wait.clip["pcm"][wait.first :], waits[0].clip["pcm"])
    silence = next(wait for wait in waits if "silence" in wait.name)
    assert not silence.clip["pcm"][: silence.first].any()
    assert silence.first == LEAST_SECONDS * RATE // HOP


def test_signals_of_sensors_are_not_called_sound() -> None:
    model = from_onnx(
        onnx.parser.parse_model(SENSOR).SerializeToString(),
        name="sensor",
        states=[("held", "held_next")],
    )
    clip = {"x": np.ones((300, 1, 6), np.float32)}
    report = WaitCriterion(model, Calibration((clip,), "sensor")).report(HopRunner(model))
    assert report is not None
    text = waits_text(report.facts())
    assert (
        text == "level (SNR): +0.00 dB (equal) after no wait, +0.00 dB (equal) after 3 s of signals"
    )


def test_network_without_states_has_no_waits() -> None:
    text = f"""<ir_version: 10, opset_import: ["" : 21]>
    plain (float[1,{HOP}] pcm) => (float[1,{HOP}] y) {{ y = Abs(pcm) }}"""
    model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="plain")
    assert WaitCriterion(model, calibration()).report(HopRunner(model)) is None


def test_equal_build_does_not_drift() -> None:
    model = leaky(0.9)
    report = WaitCriterion(model, calibration()).report(HopRunner(model))
    assert report is not None and report.worst[0] == 0 and report.notes() == []
    rows = report.facts()["waits"]
    assert {row["second"] for row in rows} == {0, 1, 2}  # 256 hops of 64 samples
    assert all(row["level_db"] == 0 and row["snr_db"] is None for row in rows)


def latching(loudness: float, gain: float = 0.5) -> Model:
    """A gain below 1 after a hop that is not as loud as this, for minutes."""
    text = f"""<ir_version: 10, opset_import: ["" : 21]>
    latching (float[1,{HOP}] pcm, float[1,1] held) => (float[1,{HOP}] y, float[1,1] held_next)
    <float least = {{{loudness}}}, float pole = {{0.99999}}, float lost = {{{1 - gain}}}, float one = {{1.0}}> {{
        size = Abs(pcm)
        axes = Constant<value_ints = [1]>()
        mean = ReduceMean(size, axes)
        quiet = Less(mean, least)
        set = Cast<to = 1>(quiet)
        old = Mul(held, pole)
        held_next = Max(old, set)
        loss = Mul(held_next, lost)
        gain = Sub(one, loss)
        y = Mul(pcm, gain)
    }}"""
    data = onnx.parser.parse_model(text).SerializeToString()
    model = from_onnx(data, name="latching", states=[("held", "held_next")])
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


def test_a_build_may_answer_as_the_float_network_does_to_inaudible_noise() -> None:
    """Zeros halve the float network's gain, and noise below any converter's does not."""
    reference = latching(1e-9)
    waits = WaitCriterion(reference, calibration())
    for loudness, drifts in ((1e-9, False), (-1.0, False), (1e-4, False), (2e-3, True)):
        report = waits.report(HopRunner(latching(loudness)))
        assert report is not None and (report.worst[0] > 0.5) == drifts, loudness


def test_a_build_may_answer_as_the_float_network_does_to_another_draw_of_noise() -> None:
    """The quietest hops of two draws differ, and between them lies the loudness at which the float network latches."""
    noise = next(wait for wait in waits_of(latching(0.0), calibration()) if "noise" in wait.name)
    assert noise.twin is not None
    first, anew = (
        float(np.abs(clip["pcm"][: noise.first]).mean(axis=(1, 2)).min())
        for clip in (noise.clip, noise.twin)
    )
    assert first != anew
    waits = WaitCriterion(latching((first + anew) / 2), calibration())
    quiet, loud = 0.99 * min(first, anew), 1.01 * max(first, anew)
    for loudness, gain, drifts in ((quiet, 0.5, False), (loud, 0.5, False), (loud, 0.7, True)):
        report = waits.report(HopRunner(latching(loudness, gain)))
        assert report is not None
        levels = [row.level_db for row in report.seconds if "noise" in row.wait and not row.second]
        assert levels[0] is not None and (abs(levels[0]) > 0.5) == drifts, (loudness, gain)


def test_note_says_that_the_float_network_differs_as_much_if_dc_does() -> None:
    """DC of 0.009 halves the gain for minutes, and DC of 0.01 and 0.011 does not."""
    report = WaitCriterion(latching(0.0095), calibration()).report(HopRunner(latching(0.0105)))
    assert report is not None and report.worst[1].endswith(DC_WAIT)
    (dc,) = (row for row in report.seconds if row.own_db)
    assert dc.wait == report.worst[1] and dc.own_db > 3
    (note,) = report.notes()
    assert f"the float network itself differs by {dc.own_db:.1f} dB if DC" in note
    steady = WaitCriterion(latching(1e-4), calibration()).report(HopRunner(latching(0.0105)))
    assert steady is not None and steady.worst[0] > 3
    assert not any(row.own_db for row in steady.seconds)
    assert "float network itself" not in " ".join(steady.notes())


def detector(loudness: float) -> Model:
    """Yes to any sound, but for minutes after a hop that is not as loud as this."""
    text = f"""<ir_version: 10, opset_import: ["" : 21]>
    detector (float[1,{HOP}] pcm, float[1,1] held) => (float[1,1] yes, float[1,1] held_next)
    <float least = {{{loudness}}}, float pole = {{0.99999}}, float half = {{0.5}}, float steep = {{-9.0}}> {{
        size = Abs(pcm)
        axes = Constant<value_ints = [1]>()
        mean = ReduceMean(size, axes)
        quiet = Less(mean, least)
        set = Cast<to = 1>(quiet)
        old = Mul(held, pole)
        held_next = Max(old, set)
        centred = Sub(held_next, half)
        odds = Mul(centred, steep)
        yes = Sigmoid(odds)
    }}"""
    data = onnx.parser.parse_model(text).SerializeToString()
    model = from_onnx(data, name="detector", states=[("held", "held_next")])
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


def test_of_a_network_that_decides_decisions_are_compared() -> None:
    """Zeros silence the float network, and noise below any converter's does not: a build may do either."""
    waits = WaitCriterion(detector(1e-9), calibration())
    for loudness, others in ((1e-9, 0), (-1.0, 0), (2e-3, 1)):
        report = waits.report(HopRunner(detector(loudness)))
        assert report is not None and report.worst[0] == 0
        shares = report.other_decisions
        assert shares[NO_WAIT] == 0 and max(shares.values()) == others
        assert len(report.notes()) == others and all("decisions" in x for x in report.notes())
    text = waits_text(report.facts())
    assert str(text).startswith("decisions as in float: 100.00 % after no wait, ")


def test_waits_and_their_twins_differ_by_what_nobody_can_tell() -> None:
    waits = {wait.name.split(" of ")[-1]: wait for wait in waits_of(leaky(0.5), calibration())}
    for name in ("silence", "0.01"):  # of DC
        wait = waits[name]
        assert wait.twin is not None
        change = wait.twin["pcm"] - wait.clip["pcm"]
        assert 0 < np.sqrt(np.mean(np.square(change[: wait.first]))) < 10 ** (-99 / 20)
        assert not change[wait.first :].any()
    less, more = (clip["pcm"][: waits["0.01"].first].mean() for clip in waits["0.01"].near)
    assert less < 0.01 < more and not waits["silence"].near
    assert waits["sound"].twin is None and waits[NO_WAIT].twin is None


def test_drift_is_said_with_the_wait_and_the_state() -> None:
    model, off = leaky(0.999, 1e-4), leaky(0.999, -0.05)
    waits = WaitCriterion(model, calibration())
    report = waits.report(HopRunner(off))
    assert report is not None
    drift, wait = report.worst
    assert drift > 0.5 and wait != NO_WAIT
    assert waits.farthest_state(off, model, wait) == "held"
    (note,) = report.notes()
    assert wait in note and f"{drift:.1f} dB" in note
    text = waits_text({**report.facts(), "drifting_state": "held"})
    assert text is not None and "state 'held' drifts" in text and f"after {wait}" in text


@pytest.mark.parametrize(
    "worst, step", [(f"3 s of {DC_WAIT}", "high-pass"), ("3 s of silence", "add clips")]
)
def test_next_step_of_a_drift_suits_the_wait(worst: str, step: str) -> None:
    rows = (Second(NO_WAIT, 0, 0.0, None), Second(worst, 0, -0.9, 20.0))
    (note,) = WaitReport(rows).notes()
    assert f"after {worst}" in note and step in note


@pytest.mark.parametrize("verification", [None, {}])
def test_builds_without_waits_have_no_text(verification: dict[str, object] | None) -> None:
    assert waits_text(verification) is None


def test_build_that_changes_too_much_is_not_run_over_the_later_waits() -> None:
    model = leaky(0.9)
    waits = WaitCriterion(model, calibration())
    for most, count in ((-1.0, 1), (0.0, 5)):
        report = waits.report_of(model, most=most)
        assert report is not None and len({row.wait for row in report.seconds}) == count
