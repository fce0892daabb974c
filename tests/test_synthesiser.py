"""A synthesiser from pitch and loudness to C: harmonics, filtered noise that the build draws, and a room."""

from pathlib import Path

import numpy as np
import pytest
import torch
from builds import lowered
from ddsp_network import BLOCK, RATE, synthesiser
from devices import on_devices, replayed, with_golden
from numpy.typing import NDArray
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.random_normals import noise
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.stream import Stream

FRAMES = 36


def export(folder: Path, recipe: str, hop: int) -> Path:
    api.export(
        "ddsp_network:synthesiser",
        "host",
        folder,
        recipe=recipe,
        hop=hop,
        sample_rate=RATE,
        time_axes={"f0": 2, "loudness": 2, "z": 2},
        rates={"f0": BLOCK, "loudness": BLOCK},
        noise={"z": "uniform"},
    )
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("synthesiser")


@pytest.fixture(scope="module")
def exported(folder: Path) -> Path:
    return export(folder / "float32", "float32", BLOCK)


def melody() -> dict[str, NDArray[np.float32]]:
    """(1, 1, frames) of pitch and loudness: three notes that fade."""
    frame = np.arange(FRAMES)
    f0 = np.choose(frame // 12, [220.0, 277.2, 329.6])
    given = {"f0": f0, "loudness": 0.9 ** (frame % 12)}
    return {name: row.astype(np.float32)[None, None] for name, row in given.items()}


def offline(seed: int) -> NDArray[np.float32]:
    """The module itself on the library's numbers."""
    drawn = noise("uniform", seed, 0, FRAMES * BLOCK)[None, None]
    with torch.no_grad():
        given = [torch.from_numpy(array) for array in (*melody().values(), drawn)]
        return np.asarray(synthesiser()[0](*given).numpy())


@pytest.mark.slow
@needs_cc
def test_c_plays_what_the_module_plays(exported: Path) -> None:
    stream = Stream.open(exported)
    assert stream.manifest.stream["delay_samples"] == 0
    rows = {t.name: (t.role, t.rate) for t in stream.manifest.inputs if t.rate is not None}
    assert rows == {
        "f0": ("stream", "1/64"),
        "loudness": ("stream", "1/64"),
        "z": ("noise", "1/1"),
    }
    for seed in (0, 3):
        stream.reset(seed)
        (found,) = stream.clip(melody()).values()
        expected = offline(seed)
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert np.abs(offline(3) - offline(0)).max() > 0.01  # the noise is heard


@pytest.mark.slow
@needs_cc
def test_hops_of_several_frames_play_the_same(folder: Path) -> None:
    stream = Stream.open(export(folder / "hops", "float32", 3 * BLOCK), seed=3)
    (found,) = stream.clip(melody()).values()
    np.testing.assert_allclose(found, offline(3), atol=1e-5 * np.abs(found).max())


@needs_cc
@pytest.mark.slow
@on_devices("cortex-m55")
@pytest.mark.parametrize("recipe", ["float32", "w8a8"])
def test_a_microcontroller_plays_the_same(
    recipe: str, folder: Path, exported: Path, target: str, tmp_path: Path
) -> None:
    host = exported if recipe == "float32" else export(folder / recipe, recipe, BLOCK)
    model = Model.from_bytes((host / "model.onnx").read_bytes())
    build = lowered(model, tmp_path, target)
    inputs = {name: array.reshape(FRAMES, 1, 1, 1) for name, array in melody().items()}
    outputs = Oracle(model).run_hops(inputs)
    (played,) = outputs.values()
    apart = played.ravel() - offline(0).ravel()
    limit = 1e-5 if recipe == "float32" else 0.03
    assert np.abs(apart).max() < limit * np.abs(played).max()
    with_golden(build, model, tmp_path, target, inputs, outputs)
    assert replayed(tmp_path, target)[-1] == "PASS"
