"""Transforms of one hop as matrix products, compared with torch's."""

import torch

from edgekit.peers.workers.spectra import irfft, istft, stft

SIZE, HOP = 16, 4


def test_a_spectrum_is_that_of_torch_and_its_frame_goes_on() -> None:
    torch.manual_seed(0)
    frame, window = torch.randn(SIZE), torch.hann_window(SIZE)
    found, history = stft(frame[None, -HOP:], frame[None, :-HOP], window)
    expected = torch.view_as_real(torch.fft.rfft(frame * window))
    torch.testing.assert_close(found[0], expected, atol=1e-5, rtol=0)
    assert torch.equal(history[0], frame[HOP:])


def test_a_hop_is_the_sum_of_what_overlaps() -> None:
    torch.manual_seed(0)
    frame, window, overlap = torch.randn(SIZE), torch.hann_window(SIZE), torch.randn(SIZE - HOP)
    spectrum = torch.view_as_real(torch.fft.rfft(frame))
    hop, left = istft(spectrum[None], overlap[None], window)
    expected = frame * window + torch.cat([overlap, torch.zeros(HOP)])
    torch.testing.assert_close(torch.cat([hop, left], 1)[0], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(irfft(spectrum)[0], frame, atol=1e-5, rtol=0)
