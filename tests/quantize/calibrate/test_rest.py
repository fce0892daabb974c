"""Ranges include what the tensors of a network with states hold in silence."""

import numpy as np
import onnx
import pytest
from level_networks import HOP, RATE

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.held_out import Parts
from edgekit.quantize.calibrate.observers import (
    CLIPPED_SHARE,
    MOST_CLIPPED,
    Observer,
    minmax_range,
)
from edgekit.quantize.calibrate.rest import ONSET_HOPS, SKIPPED_HOPS, rest_clip, slow_states

SOURCE = f"""
<ir_version: 10, opset_import: ["" : 21]>
quiet (float[1,{HOP}] pcm, float[1,{HOP}] held) => (float[1,{HOP}] y, float[1,{HOP}] held_next)
<float pole = {{0.9}}, float one = {{1}}, float steep = {{-100}}>
{{
  size = Abs(pcm)
  below = Mul(size, steep)
  calm = Exp(below)
  kept = Mul(held, pole)
  held_next = Add(kept, calm)
  y = Mul(pcm, held_next)
}}
"""

CHANGES = f"""
<ir_version: 10, opset_import: ["" : 21]>
changes (float[1,{HOP}] pcm, float[1,{HOP}] before) => (float[1,{HOP}] y, float[1,{HOP}] now)
<float least = {{1e-4}}>
{{
  size = Abs(pcm)
  above = Add(size, least)
  now = Log(above)
  change = Sub(now, before)
  y = Relu(change)
}}
"""


def network(pole: float = 0.9) -> Model:
    """A state that is large in silence alone: it adds up how calm it is."""
    source = SOURCE.replace("pole = {0.9}", f"pole = {{{pole}}}")
    data = onnx.parser.parse_model(source).SerializeToString()
    model = from_onnx(data, name="quiet", states=[("held", "held_next")])
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


def clips(count: int = 1) -> tuple[dict[str, np.ndarray], ...]:
    random = np.random.default_rng(0)
    return tuple(
        {"pcm": (0.1 + 0.2 * random.random((80, 1, HOP))).astype(np.float32)} for _ in range(count)
    )


def test_ranges_hold_what_silence_brings() -> None:
    model, parts = network(), Parts([80, 80])
    observers = observe(model, Calibration(clips(2), "loud"), parts)
    held = observers["held_next"]
    assert held.maximum < 0.1  # in the recordings
    assert 9 < held.range("mse")[1] <= 10 and 9 < minmax_range(held)[1] <= 10
    assert 9 < parts.without([0], ["held_next"])["held_next"].range("mse")[1] <= 10
    assert held.hops == 160  # means are those of the sound


def test_sound_is_not_counted_and_silence_is_as_long_as_the_calibration_at_most() -> None:
    clip, counted = rest_clip(network(), clips())
    assert len(counted) == len(clip["pcm"]) < 2 * 80
    assert not clip["pcm"][counted].any() and not counted[:SKIPPED_HOPS].any()
    assert clip["pcm"].any() and counted.any()


def test_the_first_hops_of_silence_are_apart() -> None:
    model, parts = network(0.0), Parts([80])
    observers = observe(model, Calibration(clips(), "loud"), parts)
    held = observers["calm"]
    assert held.rest == (1.0, 1.0) and held.start == 1.0
    assert parts.without([], ["calm"])["calm"].start == 1.0
    held.see_start(np.float32([-3.0]))
    held.see_start(np.float32([np.inf]))
    assert held.start == 3.0 and held.range("mse")[1] <= 1.0


def test_rest_changes_no_range_that_holds_it() -> None:
    plain, rest = Observer(), Observer()
    for observer in (plain, rest):
        observer.update(np.linspace(-1, 2, 1000, dtype=np.float32)[:, None])
    rest.see_rest(np.float32([0.5, -0.25]))
    assert plain.range("mse") == rest.range("mse")
    rest.see_rest(np.float32([4.0]))
    assert rest.range("mse")[1] == 4.0
    rest.see_rest(np.float32([np.nan]))
    assert minmax_range(rest) == (-1.0, 4.0)


@pytest.mark.parametrize(("pole", "slow"), [(0.5, False), (0.99, True), (0.9999, True)])
def test_a_state_is_slow_if_it_remembers_what_was_before_silence(pole: float, slow: bool) -> None:
    model, parts = network(pole), Parts([80, 80])
    observers = observe(model, Calibration(clips(2), "loud"), parts)
    names = {"held"} if slow else set()
    assert slow_states(model, observers) == names
    assert slow_states(model, parts.without([0], list(observers))) == names


def test_what_only_holds_the_last_hops_is_not_slow() -> None:
    model = network(0.0)
    assert not slow_states(model, observe(model, Calibration(clips(2), "loud")))
    assert not slow_states(model, {"held": Observer()})


def change_network() -> Model:
    """The change of a logarithm from hop to hop: large where sound begins."""
    data = onnx.parser.parse_model(CHANGES).SerializeToString()
    model = from_onnx(data, name="changes", states=[("before", "now")])
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


@pytest.mark.parametrize("rule", ["percentile", "mse", "minmax"])
def test_ranges_hold_the_first_hops_of_sound_after_silence(rule: str) -> None:
    parts = Parts([80, 80])
    observers = observe(change_network(), Calibration(clips(2), "loud"), parts)
    begins = np.log(
        0.1 / 1e-4
    )  # the least change where sound begins; in sound it is log(3) at most
    assert observers["y"].range(rule)[1] > 0.85 * begins
    assert parts.without([0], ["y"])["y"].range(rule)[1] > 0.85 * begins
    sample = observers["y"].sample
    assert np.percentile(sample[sample < 2], 99.9) < np.log(3)


def test_the_loudest_hops_come_after_silence() -> None:
    loud = 2 * clips()[0]["pcm"]
    clip, counted = rest_clip(network(), (*clips(), {"pcm": loud}))
    onset = clip["pcm"][np.flatnonzero(counted)[-1] + 1 :]
    assert len(onset) == ONSET_HOPS and not clip["pcm"][counted].any()
    powers = [float(np.square(loud[n : n + ONSET_HOPS]).sum()) for n in range(0, 80, ONSET_HOPS)]
    assert np.isclose(np.square(onset).sum(), max(powers))


def lost_powers(values: np.ndarray, ends: tuple[float, float]) -> list[float]:
    """Return the shares of power that a range cuts off below and above."""
    excess = np.maximum(ends[0] - values, 0), np.maximum(values - ends[1], 0)
    return [float(np.square(each).sum() / np.square(values).sum()) for each in excess]


def test_ranges_are_widened_where_they_clip_much_of_the_first_sound() -> None:
    values = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    observer = Observer()
    observer.see_onset(values)
    for ends, share in zip(observer.onset, (MOST_CLIPPED, CLIPPED_SHARE), strict=True):
        for lost in lost_powers(values, ends):
            assert 0.95 * share < lost <= share


@pytest.mark.parametrize(("size", "is_widened"), [(0.2, True), (1.3, False), (4.0, False)])
def test_ranges_that_clip_little_of_the_first_sound_stay(size: float, is_widened: bool) -> None:
    random, observer = np.random.default_rng(0), Observer()
    values = random.standard_normal(4000).astype(np.float32)
    observer.update(np.float32([[-size, size]]))
    before = observer.range("minmax")
    observer.see_onset(values)
    after = observer.range("minmax")
    assert (max(lost_powers(values, before)) > MOST_CLIPPED) == is_widened
    assert (after == observer.onset[1]) == is_widened
    assert (after == before) == (not is_widened)


def test_an_onset_without_numbers_or_values_changes_no_range() -> None:
    observer = Observer()
    for values in (np.float32([np.nan, 1]), np.zeros(0, np.float32)):
        observer.see_onset(values)
        assert observer.onset == Observer().onset
    observer.see_onset(np.zeros(3, np.float32))
    assert observer.onset == ((0.0, 0.0), (0.0, 0.0))
