"""manifest.json: schema 1, and the facts of ports."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_build

from edgekit.base.layout import parse_layout
from edgekit.runtime.build_folder.manifest import Manifest, Tensor, Timing, with_port

ROOT = Path(__file__).parents[3]
FIRST = ROOT / "tests" / "pinned" / "manifest-1.json"  # as version 0.2.0 wrote it
SECOND = FIRST.with_name("manifest-2.json")  # of the bundled denoiser, as version 0.3.0 wrote it
PORT = ("layout", "rate", "frames_per_hop", "channels", "delay_samples", "sample_rate_hz")
STREAM = {"hop_samples": 128, "sample_rate_hz": 16000}


def facts(tensor: Tensor) -> tuple[Any, ...]:
    return tuple(getattr(tensor, key) for key in PORT)


def test_a_manifest_of_schema_1_is_read() -> None:
    text = FIRST.read_text()
    assert json.loads(text)["schema"] == 1
    manifest = Manifest.from_json(text)
    ((x,), (y,)) = manifest.stream_inputs, manifest.stream_outputs
    assert facts(x) == ("N.T", "1/1", 16, 1, None, 16000)
    assert facts(y) == ("N.T", "1/1", 16, 1, 5, 16000)
    assert y.time == Timing(2, 5, -4)
    assert manifest.is_pcm
    states = [tensor for tensor in manifest.inputs if tensor.role == "state"]
    assert states and all(set(facts(state)) == {None} for state in states)


def test_a_manifest_of_version_0_3_is_read_and_written_again() -> None:
    text = SECOND.read_text()
    old = json.loads(text)
    assert (old["edgekit"], old["schema"]) == ("0.3.0", 2)
    manifest = Manifest.from_json(text)
    assert manifest.is_pcm and manifest.stream["latency_ms"] == 32.0
    again = json.loads(manifest.to_json())
    assert {key: again[key] for key in old} == old


def test_what_was_read_of_schema_1_is_written_as_schema_2() -> None:
    manifest = Manifest.from_json(FIRST.read_text())
    again = json.loads(manifest.to_json())
    assert again["schema"] == 2
    assert all(key in row for row in (*again["inputs"], *again["outputs"]) for key in PORT)
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_a_schema_1_file_of_mono_pcm_without_time_axes_stays_pcm() -> None:
    old = json.loads(tiny_build.manifest().to_json())
    old["schema"] = 1
    for row in (*old["inputs"], *old["outputs"]):
        for key in PORT:
            del row[key]
    assert Manifest.from_json(json.dumps(old)).is_pcm


@pytest.mark.parametrize(
    ("layout", "shape", "time", "expected"),
    [
        ("NCT", (1, 2, 128), None, ("NCT", "1/1", 128, 2, None, 16000)),
        ("NTC", (1, 128, 2), None, ("NTC", "1/1", 128, 2, None, 16000)),
        ("NCPF", (1, 2, 2, 65), None, ("NCPF", None, None, 2, None, None)),
        ("N(PC)TF", (1, 4, 2, 65), None, ("N(PC)TF", "1/64", 2, None, None, 250)),
        (None, (1, 2, 2), Timing(2, 0, 0), ("N.T", "1/64", 2, None, None, 250)),
        (None, (1, 2, 128), None, (None,) * 6),
        (None, (1, 128), None, ("NT", "1/1", 128, 1, None, 16000)),
    ],
)
def test_the_facts_of_a_port_follow_from_its_layout(
    layout: str | None, shape: tuple[int, ...], time: Timing | None, expected: tuple[Any, ...]
) -> None:
    tensor = Tensor("x", shape, "float32", "stream", time)
    declared = None if layout is None else parse_layout(layout)
    assert facts(with_port(tensor, declared, STREAM)) == expected


def test_a_rate_that_gives_no_whole_hertz_is_a_number() -> None:
    tensor = Tensor("f0", (1, 2), "float32", "control", Timing(1, 0, 0))
    found = with_port(tensor, None, {"hop_samples": 128, "sample_rate_hz": 44100})
    assert (found.rate, found.sample_rate_hz) == ("1/64", 44100 / 64)


def test_a_role_of_control_is_written_and_read() -> None:
    plain = tiny_build.manifest()
    knob = Tensor("knob", (1,), "float32", "control")
    manifest = replace(plain, inputs=(*plain.inputs, knob))
    assert Manifest.from_json(manifest.to_json()).inputs[-1] == knob
    assert len(manifest.stream_inputs) == 1
