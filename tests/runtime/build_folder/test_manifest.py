"""manifest.json: schema 2 says what each port is, and schema 1 is still read."""

import json
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_build
from jsonschema import Draft202012Validator

from edgekit.base.errors import UsageError
from edgekit.base.layout import parse_layout
from edgekit.runtime.build_folder.manifest import Manifest, Tensor, Timing, with_port
from edgekit.runtime.build_folder.manifest_schema import json_schema

ROOT = Path(__file__).parents[3]
FIRST = ROOT / "tests" / "pinned" / "manifest-1.json"  # as version 0.2.0 wrote it
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


def test_the_published_schema_is_that_of_the_reader() -> None:
    published = json.loads((ROOT / "docs" / "manifest.schema.json").read_text())
    how = "python docs/make_schema.py"
    assert published == json_schema(), f"docs/manifest.schema.json is older than the code: {how}"
    Draft202012Validator.check_schema(published)


def changed(facts: Any) -> Iterator[Any]:
    """The facts with one value changed, or one key gone, at each place."""
    places = list(facts) if isinstance(facts, dict) else range(len(facts))
    for place in places:
        for value in (None, -1, 1.5, True, "text", "x" * 600, [], {}, [None], {"x": -1}):
            other = copy(facts)
            other[place] = value
            yield other
        if isinstance(facts, dict):
            yield {key: value for key, value in facts.items() if key != place}
        if isinstance(facts[place], dict | list):
            for inside in changed(facts[place]):
                other = copy(facts)
                other[place] = inside
                yield other


def test_reader_and_schema_refuse_the_same() -> None:
    levels = [{"level_db": -20, "snr_db": 30.5, "alike": None, "metric": None}]
    held_out = {"clips": 2, "of": 4, "heard_snr_db": 31.0, "level_dbfs": -20.0}
    verification = {
        **{"by": "C", "hops": 9, "snr_db": None, "max_abs_error": 0.5, "oracle_hops": 9},
        **{"bit_exact_with_oracle": True, "levels": levels, "held_out": held_out},
    }
    facts = json.loads(tiny_build.manifest(verification=verification).to_json())
    validator, seen = Draft202012Validator(json_schema()), {True: 0, False: 0}
    for other in changed(facts):
        valid = validator.is_valid(other)
        seen[valid] += 1
        try:
            Manifest.from_json(json.dumps(other))
        except UsageError as error:
            whole = any(key in str(error) for key in (".layout", "sampler"))  # several keys at once
            assert not valid or whole, (str(error), other)
        else:
            assert valid, other
    assert min(seen.values()) > 100
