"""Networks in the manner of their authors stream as they are, in onnxruntime (proven there) and in C."""

import numpy as np
import pytest
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build

from edgekit.export.running import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import Offline, torch_offline
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.verbs.export.importing import ImportOptions, surrounded
from edgekit.verbs.targets import TARGETS

# factory, its input and time axis, smallest hop, delay and the part of it that valid convolutions cut off
NETWORKS = [
    ("small_gtcrn", "spec", 2, 1, 0, 0),
    ("dccrn", "x", 1, 10, 50, 0),
    ("tdnn", "x", 1, 1, 14, 14),
    ("fullsubnet", "mag", 3, 1, 0, 0),
    ("bc_resnet", "x", 3, 1, 0, 0),
    ("positions", "x", 1, 1, 0, 0),
    ("counted", "x", 2, 1, 1, 0),
]


def in_c(offline: Offline, model: Model, name: str, axis: int, samples: int) -> None:
    """The generated C, in blocks, against onnxruntime on the whole."""
    whole = offline.at(samples)
    shape = [int(d) for d in whole.ir.graph.inputs[0].shape or ()]
    x = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    expected = in_onnxruntime(whole.to_bytes())({name: x})
    guarded = surrounded(model, ImportOptions())
    assert not TARGETS["host"].check(guarded)
    running = quick_build(guarded)
    compare(expected, running.clip({name: x}), limit=2e-5, what="in C it")


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    load_kernels()


@needs_cc
@pytest.mark.parametrize("row", NETWORKS, ids=[row[0] for row in NETWORKS])
def test_it_streams_as_it_was_written(row: tuple[str, str, int, int, int, int]) -> None:
    factory, name, axis, hop, delay, crop = row
    offline = torch_offline(f"stream_authors:{factory}", name="net", time_axes={name: axis})
    model = stream(offline)  # proven there
    assert (model.stream.hop_samples, model.stream.delay_samples) == (hop, delay)
    assert model.streaming is not None
    assert [output.crop_samples for output in model.streaming.outputs] == [crop]
    in_c(offline, model, name, axis, 41 * hop)
