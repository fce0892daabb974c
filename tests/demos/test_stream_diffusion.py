"""`edgekit demo stream-diffusion`: caches, the equation, the sound's way through, and a training from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_build import needs_cc
from torch.utils._pytree import tree_leaves

from edgekit.cli.demo import show_hearable
from edgekit.demos import speech_diffusion
from edgekit.demos.denoise_data import Corpus
from edgekit.demos.stream_diffusion import facts, train
from edgekit.demos.stream_diffusion.export import INPUTS
from edgekit.demos.stream_diffusion.facts import BINS, BUFFER, HOP, N_FFT, RATE, TIMES
from edgekit.demos.stream_diffusion.network import CACHES, Caches, FrameTimes, build
from edgekit.demos.stream_diffusion.show import KEPT, NETWORK, show
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


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    clip = (3000 * random.standard_normal(RATE)).astype(np.int16)
    voices = {"asterisk-a": [[clip]], "flite-b": [[clip]], "klettres-c": [[clip]]}
    corpus = Corpus(voices, {"wind": [np.tile(clip, 8)]})
    out = tmp_path / "made.npz"
    for _ in range(2):
        train.train(corpus, corpus, 1, out, quick=True)
    kept = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert kept["step"] == 4 and out.stat().st_size < 400_000


@needs_cc
@pytest.mark.slow
def test_the_demo_enhances_a_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    assert all(gain is not None and gain > 1 for gain in row.quality.values())
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert "SI-SDR gain" in capsys.readouterr().out
