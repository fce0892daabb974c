"""Transforms in NumPy against numpy.fft."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_operator import snr_db

from edgekit.operators.spectral import twin as spectral_twin


@pytest.mark.parametrize("n", [2, 6, 10, 60, 128, 192, 320, 512, 1200, 4096])
def test_transforms_reach_125_db(n: int) -> None:
    rng = np.random.default_rng(n)
    x, tables = rng.standard_normal(n).astype(np.float32), spectral_twin.fft_tables(n)
    exact = np.fft.rfft(x.astype(np.float64))
    spectrum = spectral_twin.ek_rfft_f32(x, tables)
    assert snr_db(spectrum, np.stack([exact.real, exact.imag], axis=1)) >= 125
    bins = rng.standard_normal((n // 2 + 1, 2)).astype(np.float32)
    assert (
        snr_db(
            spectral_twin.ek_irfft_f32(bins, tables),
            np.fft.irfft(bins.astype(np.float64) @ [1, 1j], n),
        )
        >= 125
    )


@pytest.mark.parametrize("n", [0, 3, 14, 22, 2 * 49])
def test_unsupported_lengths_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="2 \\* 2\\^a"):
        spectral_twin.fft_tables(n)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([(32, 16), (48, 12), (40, 40), (64, 48), (20, 1)]))
def test_synthesis_undoes_analysis(sizes: tuple[int, int]) -> None:
    n, hop = sizes
    rng = np.random.default_rng(n)
    x = rng.standard_normal(40 * hop).astype(np.float32)
    window, tables = np.hanning(n + 2)[1:-1], spectral_twin.fft_tables(n)
    weight = np.zeros(n)
    for shift in range(-(n // hop + 1) * hop, n + hop, hop):
        index = np.arange(n) - shift
        inside = (index >= 0) & (index < n)
        weight[inside] += window[index[inside]] ** 2
    analysis, synthesis = window.astype(np.float32), (window / weight).astype(np.float32)
    history = overlap = np.zeros(n - hop, np.float32)
    out = []
    for pcm in x.reshape(-1, hop):
        spectrum, history = spectral_twin.ek_stft_f32(pcm, history, analysis, tables)
        y, overlap = spectral_twin.ek_istft_f32(spectrum, overlap, synthesis, tables)
        out.append(y)
    assert snr_db(np.concatenate(out)[n - hop :], x[: x.size - (n - hop)].astype(np.float64)) >= 90
