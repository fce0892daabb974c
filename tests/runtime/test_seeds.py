"""The seed of a build's noise: from torch module to C and onnxruntime, over resets, in files, on the command line."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from slices import slow_except
from tiny_build import needs_cc, write
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.random_normals import noise
from edgekit.cli import app
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream

LENGTH, RATE = 60, 16000


class Noisy(torch.nn.Module):
    """Sound and three channels of noise through a convolution that looks a sample ahead, and one that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.both = torch.nn.Conv1d(4, 6, 3, padding=1)
        self.out = torch.nn.Conv1d(6, 1, 3)

    def forward(self, pcm: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.both(torch.cat([pcm, z], 1)))
        return self.out(torch.nn.functional.pad(hidden, (2, 0)))  # type: ignore[no-any-return]


def noisy() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(0)
    return Noisy(), (torch.randn(1, 1, 64) / 3, torch.randn(1, 3, 64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("noisy")


def built(folder: Path, target: str, recipe: str, hop: int) -> Path:
    out = folder / f"{target}-{recipe}-{hop}"
    if not out.exists():
        api.export(
            f"{__name__}:noisy",
            target,
            out,
            hop=hop,
            recipe=recipe,
            sample_rate=RATE,
            time_axes={"pcm": 2, "z": 2},
            noise={"z": "uniform"},
        )
    return out


def sound() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (1, 1, LENGTH)).astype(np.float32)


def offline(seed: int) -> NDArray[np.float32]:
    """The module itself on the library's numbers."""
    z = noise("uniform", seed, 0, 3 * LENGTH).reshape(LENGTH, 3).T[None]
    with torch.no_grad():
        y = noisy()[0](torch.from_numpy(sound()), torch.from_numpy(np.ascontiguousarray(z)))
    return np.asarray(y.numpy())


def heard(stream: Stream) -> NDArray[np.float32]:
    (found,) = stream.clip({"pcm": sound()}).values()
    return np.asarray(
        found[..., :-1]
    )  # behind the last sample the noise goes on, and the module's ends


@pytest.mark.rows(1)
@needs_cc
@pytest.mark.parametrize("hop", slow_except(lambda hop: hop == 6, [1, 6]))
@pytest.mark.parametrize("target", ["host", "onnxruntime"])
def test_the_module_on_the_noise_of_a_seed(folder: Path, target: str, hop: int) -> None:
    out = built(folder, target, "float32", hop)
    stream = Stream.open(out, seed=2**64 - 1)
    for seed in (2**64 - 1, 0, 5):
        stream.reset(seed)
        for _ in range(2):  # a reset keeps the seed
            np.testing.assert_allclose(heard(stream), offline(seed)[..., :-1], atol=1e-6)
    np.testing.assert_array_equal(heard(Stream.open(out, seed=5)), heard(stream))
    assert np.abs(heard(Stream.open(out)) - offline(0)[..., :-1]).max() < 1e-6
    manifest = Manifest.from_json((out / "manifest.json").read_text())
    assert manifest == stream.manifest and manifest.verification is not None
    assert manifest.noise == {
        "generator": "philox4x32-10",
        "seed": 0,
        "inputs": {"z": "uniform"},
        "states": {"z": "noise/z/state"},
    }


@pytest.mark.slow
@needs_cc
def test_integers_are_calibrated_on_what_is_drawn(folder: Path) -> None:
    stream = Stream.open(built(folder, "c99", "w8a8", 6))
    verification = stream.manifest.verification
    assert verification is not None and verification["bit_exact_with_oracle"]
    error = np.abs(heard(stream) - offline(0)[..., :-1]).max()
    assert 0 < error < 0.08


@needs_cc
def test_run_takes_a_seed(folder: Path, tmp_path: Path) -> None:
    out = built(folder, "host", "float32", 6)
    soundfile.write(tmp_path / "in.wav", sound()[0, 0], RATE, subtype="FLOAT")
    words = ["run", str(out), str(tmp_path / "in.wav"), str(tmp_path / "out.wav")]
    for options, seed in (([], 0), (["--seed", "5"], 5)):
        result = CliRunner().invoke(app, [*words, *options])
        assert result.exit_code == 0, result.output
        found, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
        np.testing.assert_allclose(found[:-1], offline(seed)[0, 0, :-1], atol=4e-5)
    header = next(out.glob("noisy.h")).read_text()
    assert "void noisy_seed(noisy *net, uint64_t seed);" in header


@needs_cc
def test_what_is_no_seed_is_refused(folder: Path, tmp_path: Path) -> None:
    stream = Stream.open(built(folder, "host", "float32", 6))
    for seed in (-1, 2**64):
        with pytest.raises(UsageError, match=r"seed: -?\d+; allowed: 0 to 2\^64 - 1"):
            stream.reset(seed)
    write(tmp_path)
    with pytest.raises(UsageError, match=r"seed 1: build 'leaky' draws no noise"):
        Stream.open(tmp_path, seed=1)
