"""Front ends as torch modules: the features of --frontend, trained, exported and streamed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from builds import lowered
from offline_features import offline
from tiny_build import needs_cc
from torch import Tensor, nn

from edgekit.base.errors import UsageError
from edgekit.export.frontend.add import add_frontend
from edgekit.export.frontend.features import triangles
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import torch_offline
from edgekit.frontend import Frontend, GccPhat, Intensity, LogMel, Mfcc
from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.stream import Stream

RATE, HOP = 8000, 24
MEL = "mel:64:24:hann@50:12:log"


class Words(nn.Module):
    """Features, or what stands in their place, and a causal convolution of them."""

    def __init__(self, features: nn.Module, width: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = features
        self.conv, self.out = nn.Conv1d(width, 16, 3), nn.Conv1d(16, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv(nn.functional.pad(self.features(x), (2, 0)))
        return torch.as_tensor(self.out(torch.relu(hidden)))


def from_pcm() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return Words(Frontend(MEL, RATE), 12).eval(), (torch.randn(1, HOP * 40) * 0.1,)


def from_features() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return Words(nn.Identity(), 12).eval(), (torch.randn(1, 12, 40),)


def streamed(name: str, axis: int) -> Model:
    return stream(torch_offline(f"test_frontend:{name}", name=name, time_axes={"x": axis}))


def sound(hops: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    swell = np.abs(np.sin(np.arange(hops * HOP) / 700))
    return (random.normal(size=hops * HOP) * 0.2 * swell).astype(np.float32)


@pytest.mark.parametrize(
    "module",
    [
        Frontend("mel:64:24:hann:12", RATE),
        Frontend(MEL, RATE),
        LogMel(RATE, 96, 48, 10, window="hamming", low=100, bank="slaney", scale="db"),
        Mfcc(RATE, 64, 16, 12, 7, high=3900),
        Frontend("erb:64:32:sqrt_hann:8:log", RATE),
    ],
    ids=lambda module: str(module.text),
)
def test_a_module_computes_the_features_of_its_text(module: Frontend) -> None:
    pcm = sound(40)
    expected = offline(module.text, pcm, RATE)
    for shape in ((1, -1), (1, 1, -1)):
        found = module(torch.tensor(pcm).reshape(shape))[0].T.numpy()
        assert found.shape == (len(pcm) // module.form.hop, module.width)
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.fixture(scope="module")
def whole() -> Model:
    return streamed("from_pcm", 1)


def behind() -> Model:
    """The rest of the network behind the same features by ``--frontend``."""
    return add_frontend(streamed("from_features", 2), Frontend(MEL, RATE).form, RATE)


@pytest.mark.slow
def test_a_network_that_begins_with_the_module_streams_as_behind_the_front_end(
    whole: Model,
) -> None:
    assert (whole.stream.hop_samples, whole.stream.delay_samples) == (HOP, 0)
    pcm = sound(60)
    (found,) = run_hops(whole, {"x": pcm.reshape(-1, 1, HOP)}).values()
    (expected,) = run_hops(behind(), {"pcm": pcm.reshape(-1, 1, HOP)}).values()
    assert snr_db(expected, found) >= 110


@pytest.mark.slow
def test_the_way_to_the_logarithm_stays_in_float_at_every_recipe(whole: Model) -> None:
    pcm = sound(60, seed=1).reshape(-1, 1, HOP)
    quantized = quantize(whole, Calibration(({"x": pcm},), "sound"), "w8a8")
    kept = {node.op_type for node in quantized.ir.graph if FLOAT_NODE in node.metadata_props}
    assert {"DFT", "Mul", "ReduceSum", "Max", "Log"} <= kept and not kept & {"Conv", "Relu"}
    test = sound(60).reshape(-1, 1, HOP)
    (expected,) = run_hops(whole, {"x": test}).values()
    (found,) = run_hops(quantized, {"x": test}).values()
    reference = quantize(behind(), Calibration(({"pcm": pcm},), "sound"), "w8a8")
    (by_option,) = run_hops(reference, {"pcm": test}).values()
    assert snr_db(expected, found) >= min(25.0, snr_db(expected, by_option) - 3)


@needs_cc
def test_it_runs_in_c(whole: Model, tmp_path: Path) -> None:
    lowered(whole, tmp_path / "build")
    pcm = sound(60).reshape(-1, 1, HOP)
    (expected,) = run_hops(whole, {"x": pcm}).values()
    (found,) = Stream.open(tmp_path / "build").run({"x": pcm}).values()
    assert snr_db(expected, found) >= 110


def test_gradients_reach_the_sound() -> None:
    pcm = torch.tensor(sound(20)).reshape(1, -1).requires_grad_()
    LogMel(RATE, 64, 24, 12)(pcm).sum().backward()
    assert pcm.grad is not None and torch.isfinite(pcm.grad).all() and pcm.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("stft:64:16:hann", "complex; allowed: mel, mfcc, erb, gcc, intensity"),
        ("mel:64:24:hann:12:pcen", "pcen; allowed"),
        ("mel:64:24:hann:12:log:stack:3", "stack; allowed"),
        ("mel:64:24:hann:12:full", "full; allowed"),
        ("mel:64:24:hann:12:20:5000", "LOW:HIGH: 20:5000; allowed: 0 <= LOW < HIGH <= 4000"),
        ("mel:64:24:hann:1", "BANDS: 1"),
    ],
)
def test_what_a_module_cannot_be_is_refused(text: str, found: str) -> None:
    with pytest.raises(UsageError) as refused:
        Frontend(text, RATE)
    assert found in str(refused.value)


def spectra(pcm: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """(channels, frames, bins) of periodic Hann windows, in float64."""
    padded = np.pad(pcm.astype(np.float64), ((0, 0), (n_fft - hop, 0)))
    starts = range(0, padded.shape[1] - n_fft + 1, hop)
    frames = np.stack([padded[:, start : start + n_fft] for start in starts], axis=1)
    return np.fft.rfft(frames * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)))


def channels(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, 40 * HOP)).astype(np.float32) * 0.1


def test_gcc_phat_is_numpys_and_finds_a_delay() -> None:
    pcm = channels(2)
    x = spectra(pcm, 64, HOP)
    cross = x[0] * x[1].conj()
    whole = np.fft.irfft(cross / np.maximum(np.abs(cross), 1e-10), 64)
    found = GccPhat(64, HOP, 16)(torch.tensor(pcm)[None])[0].T.numpy()
    np.testing.assert_allclose(
        found, np.concatenate([whole[:, -8:], whole[:, :8]], axis=1), atol=2e-5
    )
    later = np.stack([np.roll(pcm[0], 3), pcm[0]])
    mean = GccPhat(64, HOP, 16)(torch.tensor(later)[None])[0].mean(dim=1)
    assert int(mean.argmax()) - 8 == 3
    assert not GccPhat(64, HOP, 16)(torch.zeros(1, 2, 240)).any()


def test_intensity_is_the_formula_and_points_to_the_source() -> None:
    pcm = channels(4)
    w, *rest = spectra(pcm, 64, HOP)
    energy = (np.abs(spectra(pcm, 64, HOP)) ** 2).sum(axis=0) / 2 + 1e-8
    bank = triangles("slaney", 10, 64, RATE, 0, RATE / 2)
    expected = np.stack([(w.conj() * s).real / energy @ bank for s in rest])
    module = Intensity(RATE, 64, HOP, 10)
    found = module(torch.tensor(pcm)[None])[0].transpose(1, 2).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    source, azimuth = pcm[0], 0.7
    field = np.stack([source, np.sin(azimuth) * source, 0 * source, np.cos(azimuth) * source])
    y, z, x = module(torch.tensor(field, dtype=torch.float32)[None])[0].mean(dim=(1, 2))
    assert float(torch.atan2(y, x)) == pytest.approx(azimuth, abs=1e-4) and abs(float(z)) < 1e-6


def two_ears() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return GccPhat(64, HOP, 16), (torch.randn(1, 2, HOP * 40) * 0.1,)


def ambisonics() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return Intensity(RATE, 64, HOP, 10), (torch.randn(1, 4, HOP * 40) * 0.1,)


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize(("name", "count"), [("two_ears", 2), ("ambisonics", 4)])
def test_channels_stream_and_run_in_c(name: str, count: int, tmp_path: Path) -> None:
    offline_network = torch_offline(f"test_frontend:{name}", name=name, time_axes={"pcm": 2})
    model = stream(offline_network)
    assert (model.stream.hop_samples, model.stream.delay_samples) == (HOP, 0)
    pcm = channels(count)
    (module, _) = {"two_ears": two_ears, "ambisonics": ambisonics}[name]()
    expected = module(torch.tensor(pcm)[None])[0].numpy()
    lowered(model, tmp_path / "build")
    hops = pcm.reshape(count, -1, HOP).transpose(1, 0, 2)[:, None]
    (found,) = Stream.open(tmp_path / "build").run({"pcm": np.ascontiguousarray(hops)}).values()
    whole = np.moveaxis(found, 0, -1).reshape(expected.shape)
    assert snr_db(expected, whole) >= 90
