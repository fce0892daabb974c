"""Streams of .tflite builds: states as inputs and outputs, and inside the file; what a build refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import float_model, int8_model, noise
from numpy.typing import NDArray
from zoo import ZOO

from edgekit.base.errors import UsageError
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.operators.oracle import Oracle
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.targets.build import Build
from edgekit.targets.litert import lower_litert, lower_stateful

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

Arrays = dict[str, NDArray[Any]]
HOPS = 600
STATES = ("tcn", "lstm_vad", "conv_recurrent", "gru_mask")


def written(build: Build, folder: Path) -> Stream:
    """A build folder, opened."""
    folder.mkdir()
    for name, content in build.files.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(build.manifest.to_json())
    return Stream.open(folder)


@pytest.mark.parametrize("make", [float_model, int8_model])
@pytest.mark.parametrize("name", STATES)
def test_states_inside_and_outside_the_file_give_the_same_stream(
    name: str, make: Any, tmp_path: Path
) -> None:
    model = make(name)
    inputs = noise(model, HOPS)
    outside = written(lower_litert(model, "litert"), tmp_path / "outside")
    inside = written(lower_stateful(model, "litert"), tmp_path / "inside")
    assert [t.role for t in inside.manifest.inputs] == ["stream"] * len(model.stream_inputs)
    found, again = outside.run(inputs), inside.run(inputs)
    for key, array in found.items():
        np.testing.assert_array_equal(array, again[key])
    inside.reset()
    outside.reset()
    first = {key: array[:3] for key, array in inputs.items()}
    for stream in (inside, outside):
        for key, array in stream.run(first).items():
            np.testing.assert_array_equal(array, found[key][:3])


@pytest.mark.rows(4)
@pytest.mark.parametrize("name", ZOO)
def test_streams_are_those_of_the_source_and_near_the_oracle(name: str, tmp_path: Path) -> None:
    exact = float_model(name)
    inputs = noise(exact, 100)
    expected = run_hops(exact, inputs)
    found = written(lower_litert(exact, "litert"), tmp_path / "float").run(inputs)
    integer = int8_model(name)
    ours = Oracle(integer).run_hops(inputs)
    theirs = written(lower_litert(integer, "litert"), tmp_path / "int8").run(inputs)
    for key, array in expected.items():
        assert snr_db(array, found[key]) >= 90
        assert snr_db(array, theirs[key]) >= snr_db(array, ours[key]) - 0.5


def test_a_file_that_is_not_the_manifests_is_refused(tmp_path: Path) -> None:
    build = lower_litert(float_model("tcn"), "litert")
    written(build, tmp_path / "good")
    folder = tmp_path / "good"
    manifest = Manifest.load(folder)
    (folder / "model.tflite").write_bytes(build.files["model.tflite"][:2000])
    with pytest.raises(UsageError, match=r"model\.tflite"):
        Stream.open(folder)
    (folder / "model.tflite").unlink()
    with pytest.raises(UsageError, match="missing"):
        Stream.open(folder)
    other = lower_litert(float_model("lstm_vad"), "litert")
    (folder / "model.tflite").write_bytes(other.files["model.tflite"])
    with pytest.raises(UsageError, match="its inputs are"):
        Stream.open(folder)
    assert manifest.target == "litert"


def test_the_same_network_gives_the_same_bytes() -> None:
    first, second = (lower_litert(int8_model("lstm_vad"), "litert").files for _ in range(2))
    assert first == second
