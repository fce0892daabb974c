"""Networks in the manner of their authors stream as they are, in onnxruntime (proven there) and in C."""

import numpy as np
import pytest
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import Offline, torch_offline
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.verbs.export.importing import ImportOptions, with_surroundings
from edgekit.verbs.targets import TARGETS

SOUND, SEQUENCE = "stream_authors_sound", "stream_authors_sequence"
WRITTEN = "stream_authors_written"
# factory, its input and time axis, smallest hop, delay and the part of it that valid convolutions cut off
NETWORKS = [
    ("counted", "x", 2, 1, 1, 0),
]
MORE = [
    (f"{WRITTEN}:doubling_scan", "x", 1, 1, 0, 0),
    ("positions", "x", 1, 1, 0, 0),
    ("bc_resnet", "x", 3, 1, 0, 0),
    ("fullsubnet", "mag", 3, 1, 0, 0),
    ("tdnn", "x", 1, 1, 14, 14),
    ("dccrn", "x", 1, 10, 50, 0),
    ("small_gtcrn", "spec", 2, 1, 0, 0),
    (f"{SOUND}:hifi_gan", "x", 2, 1, 10, 0),
    (f"{SOUND}:micro_tcn", "x", 2, 1, 444, 444),
    (f"{SOUND}:crn", "x", 2, 1, 0, 0),
    (f"{SOUND}:percepnet", "x", 1, 1, 0, 0),
    (f"{SOUND}:deep_filter", "spec", 1, 1, 1, 0),
    (f"{SOUND}:demucs", "x", 2, 64, 128, 0),
    (f"{SOUND}:seanet", "x", 2, 8, 0, 0),
    (f"{SOUND}:conv_tasnet", "x", 2, 4, 4, 0),
    (f"{SOUND}:dprnn", "x", 2, 40, 0, 0),
    (f"{SOUND}:spleeter", "x", 2, 4, 0, 0),
    (f"{SOUND}:crepe", "x", 2, 16, 0, 0),
    (f"{SOUND}:ddsp", "x", 2, 1, 1, 0),
    (f"{SOUND}:dtln", "x", 1, 8, 24, 0),
    (f"{SEQUENCE}:linear_attention", "x", 1, 1, 0, 0),
    (f"{SEQUENCE}:streaming_transformer", "x", 1, 1, 4, 0),
    (f"{SEQUENCE}:ds_cnn", "x", 2, 2, 32, 20),
    (f"{SEQUENCE}:seld", "x", 2, 5, 15, 0),
    (f"{SEQUENCE}:gridnet", "x", 2, 1, 0, 0),
    (f"{SEQUENCE}:ecapa_like", "x", 2, 1, 8, 0),
    (f"{WRITTEN}:gated_delta", "x", 1, 1, 0, 0),
    (f"{WRITTEN}:scalar_lstm", "x", 1, 1, 0, 0),
    (f"{WRITTEN}:selective_loop", "x", 1, 1, 0, 0),
    (f"{WRITTEN}:chunked_attention", "x", 1, 8, 0, 0),
    (f"{WRITTEN}:filter_loop", "x", 2, 1, 0, 0),
]
# in every run of the tests, besides the first ones
QUICK = [
    (f"{SEQUENCE}:retention", "x", 1, 1, 0, 0),
    (f"{SEQUENCE}:emformer_like", "x", 1, 4, 0, 0),
]


def in_c(offline: Offline, model: Model, name: str, axis: int, samples: int) -> None:
    """The generated C, in blocks, against onnxruntime on the whole."""
    whole = offline.at(samples)
    shape = [int(d) for d in whole.ir.graph.inputs[0].shape or ()]
    x = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    expected = in_onnxruntime(whole.to_bytes())({name: x})
    guarded = with_surroundings(model, ImportOptions())
    assert not TARGETS["host"].check(guarded)
    running = quick_build(guarded)
    compare(expected, running.clip({name: x}), limit=2e-5, what="in C it")


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    load_kernels()


def streams(row: tuple[str, str, int, int, int, int]) -> None:
    factory, name, axis, hop, delay, crop = row
    source = factory if ":" in factory else f"stream_authors:{factory}"
    offline = torch_offline(source, name="net", time_axes={name: axis})
    model = stream(offline)  # proven there
    assert (model.stream.hop_samples, model.stream.delay_samples) == (hop, delay)
    assert model.streaming is not None
    assert [output.crop_samples for output in model.streaming.outputs] == [crop]
    in_c(offline, model, name, axis, 41 * hop)


@pytest.mark.rows(1)
@needs_cc
@pytest.mark.parametrize("row", [*NETWORKS, *QUICK], ids=lambda row: row[0])
def test_it_streams_as_it_was_written(row: tuple[str, str, int, int, int, int]) -> None:
    streams(row)


@needs_cc
@pytest.mark.slow
@pytest.mark.parametrize("row", MORE, ids=lambda row: row[0])
def test_larger_ones_stream_too(row: tuple[str, str, int, int, int, int]) -> None:
    streams(row)
