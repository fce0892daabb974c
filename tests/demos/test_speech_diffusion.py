"""The demo's speech enhancer by diffusion: its spectrum, its network, and a build of a small one around recordings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_build import needs_cc
from torch import Tensor, nn

from edgekit import api
from edgekit.base.errors import CalibrationError, UsageError
from edgekit.base.wav import read_wav
from edgekit.demos import train_speech_diffusion as training
from edgekit.demos.enhance_speech import (
    CLIPS,
    LOOK_BACK,
    SAMPLE_RATE,
    analysis,
    calibration,
    enhance,
    pieces,
    synthesis,
)
from edgekit.demos.speech_diffusion import SpeechDiffusion
from edgekit.runtime.sampler import Sampler

SAMPLER = Path(training.__file__).with_name("speech_diffusion.toml")
FRAMES = 16
HERE = __name__


def random_network(frames: int = FRAMES) -> tuple[nn.Module, dict[str, Tensor]]:
    """A narrow network of random weights, none of them zero, and example inputs."""
    torch.manual_seed(0)
    network = SpeechDiffusion((2, 4, 4, 8))
    for weight in network.parameters():
        if weight.count_nonzero() == 0:
            nn.init.normal_(weight, 0, 0.1)
    x, y = 0.2 * torch.randn(2, 1, 2, 256, frames)
    return network.eval(), {"x": x, "y": y, "t": torch.tensor([0.5])}


def conditions() -> Iterator[dict[str, NDArray[np.float32]]]:
    """Of the first bundled clip alone."""
    yield next(calibration(FRAMES))


def mixed() -> Iterator[dict[str, NDArray[Any]]]:
    """Conditions without calls, then a call."""
    yield next(conditions())
    zero = np.zeros((1, 1, 2, 256, FRAMES), np.float32)
    yield {"x": zero, "y": zero, "step": np.zeros((1, 1), np.int64)}


def noise(samples: int) -> NDArray[np.float32]:
    return 0.1 * np.random.default_rng(0).standard_normal(samples).astype(np.float32)


def test_the_spectrum_is_torchs_and_has_an_inverse() -> None:
    samples = noise(5_000)
    found = analysis(samples)
    exact = training.analysis(torch.from_numpy(samples)[None])[0].numpy()
    assert found.shape == (2, 256, 1 + 5_000 // 128)
    assert np.abs(found - exact).max() < 1e-5
    assert np.abs(synthesis(found, 5_000) - samples).max() < 1e-6
    back = training.synthesis(torch.from_numpy(found)[None], 5_000)[0].numpy()
    assert np.abs(back - samples).max() < 1e-5


def test_pieces_share_frames_and_lie_behind_each_other() -> None:
    spectrum = np.random.default_rng(0).standard_normal((2, 256, 61))
    cut = list(pieces(spectrum, 24, 10))
    whole = [piece[..., 10 if i else 0 :] for i, piece in enumerate(cut)]
    assert np.array_equal(np.concatenate(whole, axis=-1)[..., :61], spectrum)
    assert [piece.shape[-1] for piece in cut] == [24] * len(cut)


def test_the_network_looks_back_as_far_as_it_says_and_never_ahead() -> None:
    network, example = random_network(LOOK_BACK + 12)
    network, example = network.double(), {n: v.double() for n, v in example.items()}
    changed = example["y"].clone()
    changed[..., 5] += 10
    with torch.inference_mode():
        before = network(**example)
        after = network(**{**example, "y": changed})
    differs = (before != after).any(dim=(0, 1, 2)).nonzero().ravel()
    assert differs.min() == 5 and differs.max() == 5 + LOOK_BACK


def test_the_loss_and_the_sampler_agree_on_what_the_network_returns() -> None:
    """A network that knows the clean spectrum gives it back."""
    y, clean = (training.analysis(torch.from_numpy(noise(3_000))[None]) * s for s in (1.0, 0.4))

    class Exact(nn.Module):
        def forward(self, x: Tensor, y: Tensor, t: Tensor) -> Tensor:
            keep, new = training.coefficients(t)
            return (clean - y - keep * (x - y)) / new

    assert (training.restore(Exact(), y) - clean).abs().max() < 1e-5
    x, target = training.draw(y, clean, torch.tensor([0.3]))
    assert torch.allclose(Exact()(x, y, torch.tensor([0.3])), target)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory, few_calls: None) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    out, sampler = folder / "build", folder / "sampler.toml"
    sampler.write_text(SAMPLER.read_text().replace("steps = 5", "steps = 2"))
    api.export(
        f"{HERE}:random_network",
        "host",
        out,
        recipe="w8a8",
        sampler=sampler,
        calibration=f"{HERE}:conditions",
        min_snr_db=5.0,
    )
    return out


@pytest.mark.slow
@needs_cc
def test_integers_enhance_a_recording_of_any_length(build: Path) -> None:
    sampler = Sampler.open(build)
    facts = sampler.stream.manifest
    assert facts.verification is not None and facts.verification["bit_exact_with_oracle"]
    assert facts.quantization["calibrated_on"] == f"{HERE}:conditions"
    samples = noise(24 * 128 + 50)
    enhanced = enhance(sampler, samples, seed=3)
    assert enhanced.shape == samples.shape and np.isfinite(enhanced).all()
    assert np.array_equal(enhanced, enhance(sampler, samples, seed=3))
    assert not np.array_equal(enhanced, enhance(sampler, samples, seed=4))


@pytest.mark.slow
def test_calls_and_conditions_are_not_mixed(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="conditions without calls"):
        api.export(
            f"{HERE}:random_network",
            "host",
            tmp_path / "out",
            recipe="w8a8",
            sampler=SAMPLER,
            calibration=f"{HERE}:mixed",
        )


def test_a_sampler_of_a_score_is_refused(tmp_path: Path) -> None:
    (tmp_path / "score.toml").write_text('kind = "ouve"\nsteps = 2\n')
    with pytest.raises(UsageError, match="preconditioned: the network's own"):
        api.export(
            f"{HERE}:random_network", "host", tmp_path / "out", sampler=tmp_path / "score.toml"
        )


def test_the_bundled_weights_take_noise_away() -> None:
    """Two seconds of a voice and a noise that training did not hear."""
    from edgekit.demos.speech_diffusion import build as trained

    noisy, clean = (
        torch.from_numpy(read_wav(CLIPS / f"{name}.wav", SAMPLE_RATE).samples[None, :32_000])
        for name in ("noisy", "clean")
    )
    assert training.gain_db(trained()[0], noisy, clean) > 1
