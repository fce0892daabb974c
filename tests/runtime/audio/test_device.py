"""The adapter to a device of another rate: blocks of any length, its delay, what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.base.errors import UsageError
from edgekit.base.resampling import resampling_between
from edgekit.runtime.audio.device import Device, device_facts
from edgekit.runtime.build_folder.manifest import Manifest, Tensor

ONES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
RATES = st.one_of(
    st.sampled_from(
        [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (16_000, 16_000), (44_100, 48_000)]
    ),
    st.tuples(st.sampled_from(ONES), st.sampled_from(ONES)),
    st.tuples(st.integers(8, 192), st.integers(8, 192)).map(
        lambda pair: tuple(1000 * k for k in pair)
    ),
)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(RATES, st.integers(1, 200), st.integers(1, 3), st.integers(1, 700))
def test_blocks_of_any_length_give_the_same_samples(rates, hop, channels, most):
    sizes = np.random.default_rng(most)
    x = np.random.default_rng(hop).normal(size=(channels, 1500)).astype(np.float32)
    whole = Device(resampling_between(*rates), hop, channels, channels, lambda h: h).process(x)
    pieces, start = Device(resampling_between(*rates), hop, channels, channels, lambda h: h), 0
    found = []
    while start < x.shape[1]:
        size = int(sizes.integers(1, most + 1))
        found.append(pieces.process(x[:, start : start + size]))
        start += size
    np.testing.assert_array_equal(np.concatenate(found, 1), whole)
    assert whole.shape == x.shape


@settings(max_examples=25, deadline=None)
@given(RATES, st.integers(1, 200))
def test_a_tone_in_the_passband_comes_back_as_late_as_is_said(rates, hop):
    device, made = rates[0], resampling_between(*rates)
    tone = np.sin(2 * np.pi * 997 * np.arange(device // 10) / device).astype(np.float32)
    found = Device(made, hop, 1, 1, lambda h: h).process(tone[None])[0]
    late = made.latency(hop, 0)
    assert not found[: made.lead(hop)].any()
    settled = slice(late + 500, None)
    np.testing.assert_allclose(found[settled], tone[500 : len(tone) - late], atol=3e-5)


def test_a_tone_that_would_fold_is_gone():
    made = resampling_between(48_000, 16_000)
    tone = np.sin(2 * np.pi * 11_000 * np.arange(9600) / 48_000).astype(np.float32)
    found = Device(made, 16, 1, 1, lambda h: h).process(tone[None])[0]
    assert np.abs(found[1000:]).max() < 10 ** (-90 / 20)


def test_a_build_of_other_than_sound_is_refused():
    def manifest(*shapes: tuple[int, ...]) -> Manifest:
        layout = {3: "NCT", 2: "NT"}
        inputs = tuple(
            Tensor(f"x{n}", s, "float32", "stream", None, layout[len(s)], "1/1", 16, s[-2])
            for n, s in enumerate(shapes)
        )
        stream = {"hop_samples": 16, "sample_rate_hz": 16_000, "delay_samples": 3}
        return Manifest("host", {}, inputs, (), stream, {}, 0, 0, 0, 0, {})

    facts = device_facts(manifest((1, 2, 16)), 48_000)
    assert facts["latency_samples"] == 15 * 3 + 2 * 93 + 9
    several = device_facts(manifest((1, 1, 16), (1, 2, 16)), 48_000)
    assert several["latency_samples"] == facts["latency_samples"]
    assert several["state_bytes"] - 24 == (facts["state_bytes"] - 24) * 3 // 2
    with pytest.raises(UsageError, match=r"takes x0 .*, takes x1 .*inputs of sound at the network"):
        device_facts(manifest((1, 1, 16), (1, 2, 9)), 48_000)
