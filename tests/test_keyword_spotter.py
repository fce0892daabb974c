"""A keyword spotter from PCM to ``detected``: exported at w8a8, run from a .wav, and on a microcontroller."""

import ctypes
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from devices import on_devices, replayed
from spotter_network import DECIDE, EVERY, FRONTEND, HOP, LABELS, RATE, WORD, recording
from tiny_build import needs_cc

from edgekit import api
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.stream import Stream

SPOKEN = [(0.4, 1), (1.3, 0), (2.1, 2), (2.9, 1), (3.9, 0)]
SECONDS = 4.8
LATEST = 0.25  # seconds behind the end of a word


def exported(folder: Path, target: str, recipe: str = "w8a8") -> Manifest:
    made = api.export(
        "spotter_network:factory",
        target,
        folder,
        recipe=recipe,
        calibration="spotter_network:clips",
        sample_rate=RATE,
        frontend=FRONTEND,
        decide=DECIDE,
    )
    return made.manifest


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize("recipe", ["float32", "w8a8"])
def test_words_are_detected_once_each_and_in_time(recipe: str, tmp_path: Path) -> None:
    manifest = exported(tmp_path / "build", "host", recipe)
    facts = manifest.verification
    assert facts is not None and facts["hops_decided_otherwise"] <= (
        0 if recipe == "float32" else 9
    )
    assert manifest.decide is not None and manifest.decide["labels"] == list(LABELS)
    assert {t.name: t.dtype for t in manifest.stream_outputs} == {
        "detected": "bool",
        "label": "int32",
        "score": "float32",
    }
    soundfile.write(tmp_path / "in.wav", recording(SPOKEN, SECONDS, 5), RATE, subtype="FLOAT")
    api.run(tmp_path / "build", tmp_path / "in.wav", tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())["detections"]
    expected = [(time, LABELS[label]) for time, label in SPOKEN if LABELS[label] != "other"]
    assert [row["label"] for row in found] == [label for _, label in expected]
    late = [row["time_s"] - time for row, (time, _) in zip(found, expected, strict=True)]
    assert all(0 < each < WORD / RATE + LATEST for each in late), late
    if recipe == "w8a8":
        assert_hears_16_bits(tmp_path / "build")


def assert_hears_16_bits(folder: Path) -> None:
    """The entry for 16-bit samples decides as the other one does on the same samples."""
    stream = Stream.open(folder)
    assert isinstance(stream.runner, NativeRunner)
    library, name = stream.runner.library, stream.manifest.c_name
    pcm = (recording(SPOKEN[:2], 2.0, 9) * 32768).astype(np.int16).reshape(-1, 1, EVERY * HOP)
    expected = stream.run({"pcm": (pcm / 32768).astype(np.float32)})
    arrays = [np.zeros(1, t.dtype) for t in stream.manifest.stream_outputs]
    memory = stream.manifest.memory
    state, scratch = (
        np.zeros((memory[f"{kind}_bytes"] or 0) // 8 + 16, np.complex128)
        for kind in ("state", "scratch")
    )
    places = [block.ctypes.data + -block.ctypes.data % 64 for block in (state, scratch)]
    init, process = getattr(library, f"{name}_init"), getattr(library, f"{name}_process_s16")
    init.restype, init.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t]
    process.argtypes = [ctypes.c_void_p] * 4
    net = init(places[0], state.nbytes - 64)
    out = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
    found = []
    for hop in pcm:
        assert process(net, places[1], hop.ctypes.data, ctypes.addressof(out)) == 0
        found.append([array[0] for array in arrays])
    assert any(row[0] for row in found)
    for column, tensor in enumerate(stream.manifest.stream_outputs):
        wanted = expected[tensor.name].ravel()
        np.testing.assert_array_equal(np.array([row[column] for row in found]), wanted)


@pytest.mark.slow
@on_devices("cortex-m55")
def test_a_microcontroller_decides_alike(target: str, tmp_path: Path) -> None:
    """The golden data are the first hops of the calibration, where words are spoken."""
    manifest = exported(tmp_path / "build", target)
    golden = np.load(tmp_path / "build" / "golden" / "output.npz")
    assert golden["detected"].any()
    lines = replayed(tmp_path / "build", target)
    assert lines[-1] == "PASS", lines
    outputs = [line for line in lines if line.startswith("output ")]
    assert sum(line.endswith(": equal") for line in outputs) >= 2, outputs
    memory = manifest.memory
    assert (memory["weights_bytes"] or 0) < 20_000
    assert (memory["state_bytes"] or 0) + (memory["scratch_bytes"] or 0) < 20_000
