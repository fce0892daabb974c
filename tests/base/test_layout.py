"""Layouts: letters of axes, and sound in any order of channel and time."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit.base.layout import (
    frames_to_hops,
    hops_to_frames,
    parse_layout,
    plain_layout,
    unit_of_time,
)


@pytest.mark.parametrize("text", ["NCT", "T", "N(PC)TF", "NC.T", "NNT", "(CTFP)"])
def test_a_layout_reads_back(text: str) -> None:
    assert str(parse_layout(text)) == text


@pytest.mark.parametrize("text", ["", "NCX", "N(C)T", "N(CN)T", "NCTT", "N(CP)CT", "nct", "N(CP"])
def test_what_is_no_layout_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"form|twice"):
        parse_layout(text)


@pytest.mark.parametrize(
    ("text", "shape", "channels"),
    [
        ("NCT", (1, 2, 64), 2),
        ("NTC", (1, 64, 16), 16),
        ("NTC", (1, 64, 17), None),
        ("NT", (1, 64), 1),
        ("NT", (1, 32), None),
        ("NT", (2, 64), None),
        ("N.T", (1, 2, 64), None),
        ("N(CP)T", (1, 2, 64), None),
        ("NCF", (1, 1, 64), None),
    ],
)
def test_sound_is_channels_and_time_and_nothing_else(
    text: str, shape: tuple[int, ...], channels: int | None
) -> None:
    assert parse_layout(text).pcm_channels(shape, 64) == channels


def test_two_channels_are_not_guessed() -> None:
    assert plain_layout((1, 2, 64), None, 64) is None
    assert str(plain_layout((1, 1, 64), None, 64)) == "N.T"
    assert str(plain_layout((2, 64), 1, 64)) == ".T"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["NCT", "NTC", "CT", "TC"]),
    st.integers(1, 16),
    st.integers(1, 9),
    st.integers(0, 40),
)
def test_hops_hold_every_sample_once(text: str, channels: int, hop: int, length: int) -> None:
    layout = parse_layout(text)
    sizes = {"N": 1, "C": channels, "T": hop}
    shape = tuple(sizes[letter] for letter in text)
    samples = np.random.default_rng(0).standard_normal((channels, length)).astype(np.float32)
    hops = frames_to_hops(samples, layout, shape)
    assert hops.shape == (-(-length // hop), *shape)
    whole = hops_to_frames(hops, layout)
    np.testing.assert_array_equal(whole[:, :length], samples)
    assert not whole[:, length:].any()
    for number, one in enumerate(hops):
        moved = np.moveaxis(
            one.reshape(shape), [layout.axis("C") or 0, layout.axis("T") or 0], [0, 1]
        )
        part = whole[:, number * hop : (number + 1) * hop]
        np.testing.assert_array_equal(moved.reshape(channels, hop), part)


@pytest.mark.parametrize(
    ("is_pcm", "shape", "hop", "rate", "unit"),
    [
        (True, (1, 1, 160), 160, None, "sample"),
        (False, (1, 2, 160), 160, 16_000, "sample"),
        (False, (1, 160, 2), 160, 16_000, "sample"),
        (False, (1, 2, 160), 160, None, "frame"),
        (False, (1, 40, 160), 160, 100, "frame"),
        (False, (1, 2), 1, 100, "frame"),
        (False, (1, 32), None, None, "frame"),
    ],
)
def test_sound_is_counted_in_samples_and_features_in_frames(
    is_pcm: bool, shape: tuple[int, ...], hop: int | None, rate: int | None, unit: str
) -> None:
    assert unit_of_time(is_pcm, [shape], hop, rate) == unit
