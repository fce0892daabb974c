"""The filter between two rates: its ripple and stopband by the discrete Fourier transform, its delay, its refusals."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edgekit.base.errors import UsageError
from edgekit.base.resampling import PASSBAND, Resampling, resampling_between

USUAL = (
    *(8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000),
    *(88_200, 96_000, 176_400, 192_000),
)
PAIRS = [(48_000, 16_000), (44_100, 16_000), (44_100, 48_000), (192_000, 44_100), (8_000, 16_000)]


@pytest.mark.parametrize(("device", "network"), PAIRS)
def test_ripple_and_stopband(device: int, network: int) -> None:
    check_filter(device, network)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(USUAL), st.sampled_from(USUAL))
def test_ripple_and_stopband_between_usual_rates(device: int, network: int) -> None:
    assume(device != network)
    check_filter(device, network)


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 192), st.integers(8, 192))
def test_ripple_and_stopband_between_whole_kilohertz(device: int, network: int) -> None:
    assume(device != network)
    check_filter(1000 * device, 1000 * network)


def test_between_all_usual_rates_there_is_a_filter() -> None:
    for device in USUAL:
        for network in USUAL:
            rates = resampling_between(device, network)
            assert device * rates.up == network * rates.down
            seconds = rates.latency(1, 0) / device
            assert seconds < 0.008, (device, network)


def check_filter(device: int, network: int) -> None:
    rates = resampling_between(device, network)
    size = 1 << (8 * len(rates.taps)).bit_length()
    size = max(size, 1 << 16)
    gain = np.abs(np.fft.rfft(rates.taps.astype(np.float64), size))
    hertz = np.arange(len(gain)) / size * device * rates.up
    nyquist = min(device, network) / 2
    passed, stopped = gain[hertz <= PASSBAND * nyquist], gain[hertz >= (2 - PASSBAND) * nyquist]
    assert np.abs(20 * np.log10(passed)).max() < 0.001
    assert 20 * np.log10(stopped.max()) < -95


@pytest.mark.parametrize(("device", "network"), PAIRS)
def test_every_phase_passes_silence_and_a_constant_alike(device: int, network: int) -> None:
    """What a constant becomes does not follow the place of the sum: no tone at the network's rate."""
    rates = resampling_between(device, network)
    for step in (rates.up, rates.down):
        padded = np.pad(rates.taps.astype(np.float64), (0, -len(rates.taps) % step))
        sums = padded.reshape(-1, step).sum(0) * step
        assert np.abs(sums - 1).max() < 3e-5  # -90 dB


def test_the_delay_is_a_whole_number_of_samples_of_the_device() -> None:
    for device, network in PAIRS:
        rates = resampling_between(device, network)
        assert rates.half % rates.up == 0 and len(rates.taps) == 2 * rates.half + 1
        np.testing.assert_array_equal(rates.taps, rates.taps[::-1])


def test_equal_rates_need_no_filter() -> None:
    rates = Resampling(16_000, 16_000)
    assert rates.taps.tolist() == [1.0] and rates.latency(128, 64) == 127 + 64


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="no sample rate of the network"):
        resampling_between(48_000, None)
    with pytest.raises(
        UsageError, match="device at 4000 Hz: out of range; allowed: 8000 to 192000"
    ):
        resampling_between(4_000, 16_000)
    with pytest.raises(UsageError, match=r"16000/47999 of 16000 Hz needs a filter of \d+ taps"):
        resampling_between(47_999, 16_000)
