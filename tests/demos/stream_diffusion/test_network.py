"""The diffusion buffer: frames, sampler, levels and delay."""

import numpy as np
import pytest
import torch
from torch.utils._pytree import tree_leaves

from edgekit.demos import speech_diffusion
from edgekit.demos.stream_diffusion import facts, train
from edgekit.demos.stream_diffusion.export import INPUTS
from edgekit.demos.stream_diffusion.facts import BINS, BUFFER, HOP, N_FFT, TIMES
from edgekit.demos.stream_diffusion.network import CACHES, Caches, FrameTimes, build
from edgekit.demos.stream_diffusion.show import NETWORK
from edgekit.demos.weights import load
from edgekit.export.diffusion.step_tables_sde import Ouve
from edgekit.export.hop_runner import in_onnxruntime


@torch.no_grad()
def test_frames_in_a_buffer_with_caches_are_those_of_the_whole() -> None:
    network = FrameTimes()
    load(network.net, speech_diffusion.WEIGHTS)
    x, y = torch.randn(2, 1, 2, BINS, 14 + BUFFER)
    times = torch.full((1, 14 + BUFFER), float(TIMES[0]))
    whole = network(x, y, times, Caches(None))
    alone = network.net(x, y, times[:, 0])
    torch.testing.assert_close(whole, alone, atol=1e-2, rtol=1e-4)
    before = [torch.zeros(shape) for shape in network.cached()]
    assert len(before) == CACHES
    for at in range(14):
        window = slice(at, at + BUFFER)
        caches = Caches(before)
        told = network(x[..., window], y[..., window], times[:, window], caches)
        torch.testing.assert_close(told, whole[..., window], atol=1e-2, rtol=1e-4)
        before = caches.after


def test_the_equation_is_that_of_the_sampler() -> None:
    sampler = Ouve(prediction="preconditioned", sigma_data=facts.SIGMA_DATA)
    np.testing.assert_allclose(facts.std(TIMES), sampler.std(TIMES), rtol=1e-6)


def test_sound_comes_back_and_levels_do_not_matter() -> None:
    sound = 0.1 * torch.randn(2, 4000)
    late = N_FFT - HOP
    back = train.sound(train.spectrum(sound))[:, late:]
    torch.testing.assert_close(back, sound[:, : back.shape[1]], atol=1e-5, rtol=0)
    loud, soft = (train.compress_spectra(*(2 * [train.spectrum(g * sound)]))[0] for g in (1.0, 0.1))
    torch.testing.assert_close(loud, soft, atol=1e-4, rtol=1e-3)
    assert float(loud.square().sum(1).amax()) <= 1.001


@torch.no_grad()
@pytest.mark.parametrize("delay", [0, 3, BUFFER - 1])
def test_the_delay_is_chosen_as_it_runs(delay: int) -> None:
    """Without noise and with a network that says nothing, what comes out is what went in, so much later."""
    network, (_, _, _, *states) = build()
    for weight in network.frames.net.last.parameters():
        weight.zero_()
    frames = torch.randn(12, 1, 2, BINS + 1, 1)
    for at in range(12):
        late = torch.full((1, 1, 1, 1), float(delay))
        said, *states = network(frames[at], torch.zeros(1, 2, BINS, BUFFER), late, *states)
        if at >= delay:
            torch.testing.assert_close(
                said[:, :, :BINS], frames[at - delay][:, :, :BINS], atol=1e-4, rtol=1e-3
            )


def test_silence_is_finite() -> None:
    _, example = build()
    given = {
        name: np.zeros(tensor.shape, np.float32)
        for name, tensor in zip(INPUTS, tree_leaves(example), strict=True)
    }
    said = in_onnxruntime(NETWORK.read_bytes())(given)
    assert all(np.isfinite(array).all() for array in said.values())
