"""Manifests of wake words: what they state, and what is wrong with others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgekit import api
from edgekit.base.decide import read_decide
from edgekit.base.errors import UsageError
from edgekit.export.frontend.spec import parse_spec
from edgekit.verbs.export.wake_word import read_wake_word, with_wake_word

V2: dict[str, Any] = {
    "type": "micro",
    "wake_word": "Okay: Nabu, 2",
    "author": "A",
    "model": "word.tflite",
    "version": 2,
    "micro": {"probability_cutoff": 0.97, "sliding_window_size": 5, "feature_step_size": 10},
}
V1: dict[str, Any] = {
    "type": "micro",
    "wake_word": "Alexa",
    "model": "./word.tflite",
    "version": 1,
    "micro": {"probability_cutoff": 0.66, "sliding_window_average_size": 10},
}


def manifest(folder: Path, facts: object, model: bytes = b"") -> Path:
    path = folder / "word.json"
    path.write_text(facts if isinstance(facts, str) else json.dumps(facts), encoding="utf-8")
    (folder / "word.tflite").write_bytes(model)
    return path


def test_versions_1_and_2_state_the_same_in_other_words(tmp_path: Path) -> None:
    word = read_wake_word(manifest(tmp_path, V2))
    assert (word.cutoff, word.window, word.step_ms) == (0.97, 5, 10)
    assert word.frontend == "micro:30:10:40"
    assert word.decide.endswith(":smooth=5:hold=740ms:start=730ms:labels=Okay_ Nabu_ 2")
    old = read_wake_word(manifest(tmp_path, V1))
    assert (old.cutoff, old.window, old.step_ms) == (0.66, 10, 20)
    assert old.model == tmp_path / "word.tflite"


@pytest.mark.parametrize(("cutoff", "window"), [(0.97, 5), (0.5, 10), (0.9, 1), (0.999, 7)])
def test_the_threshold_parts_the_sums_that_devices_part(
    cutoff: float, window: int, tmp_path: Path
) -> None:
    facts = V2 | {
        "micro": V2["micro"] | {"probability_cutoff": cutoff, "sliding_window_size": window}
    }
    threshold = np.float32(read_wake_word(manifest(tmp_path, facts)).threshold)
    for total in range(255 * window + 1):
        on_device = np.float32(total) / np.float32(255 * window) > np.float32(cutoff)
        mean = np.float32(total / 256) * np.float32(1 / window)
        assert (mean >= threshold) == on_device


WRONG: list[tuple[object, str]] = [
    ("{", "no JSON"),
    ("[1]", "no object"),
    ("[" * 100000, "no JSON"),
    ('{"type": "onnx"}', "type 'onnx'"),
    (V2 | {"version": 3}, "version 3; allowed: version 1 or 2"),
    (V2 | {"version": True}, "version True"),
    (V2 | {"micro": 5}, "no object 'micro'"),
    (V2 | {"model": "../word.tflite"}, "model: .*same folder"),
    (V2 | {"model": "a/word.tflite"}, "model: .*same folder"),
    (V2 | {"model": "a\\word.tflite"}, "model: .*same folder"),
    (V2 | {"model": "/word.tflite"}, "model: .*same folder"),
    (V2 | {"model": "C:word.tflite"}, "model: .*same folder"),
    (V2 | {"model": "https://example.org/word.tflite"}, "model: .*same folder"),
    (V2 | {"model": "word.onnx"}, "model: .*same folder"),
    (V2 | {"model": None}, "model: not given"),
    (V2 | {"model": "other.tflite"}, "does not exist"),
    (V2 | {"wake_word": ""}, "wake_word"),
    (V2 | {"wake_word": ["a"]}, "wake_word"),
    *(
        (V2 | {"micro": V2["micro"] | {key: value}}, key)
        for key, value in (
            ("probability_cutoff", "0.9"),
            ("probability_cutoff", 0),
            ("probability_cutoff", 1),
            ("probability_cutoff", True),
            ("probability_cutoff", float("nan")),
            ("sliding_window_size", 0),
            ("sliding_window_size", 2.5),
            ("sliding_window_size", 10**9),
            ("feature_step_size", 30),
            ("feature_step_size", None),
        )
    ),
    (V1 | {"micro": V2["micro"]}, "sliding_window_average_size: not given"),
]


@pytest.mark.parametrize(("facts", "found"), WRONG, ids=range(len(WRONG)))
def test_wrong_manifests_say_what_is_allowed(facts: object, found: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=found):
        read_wake_word(manifest(tmp_path, facts))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(facts=st.sampled_from([V1, V2]), data=st.data())
def test_any_other_manifest_is_read_or_refused(
    facts: dict[str, Any], data: st.DataObject, tmp_path: Path
) -> None:
    changed = facts | {"micro": dict(facts["micro"])}
    for _ in range(data.draw(st.integers(1, 2))):
        part = data.draw(st.sampled_from([changed, changed["micro"]]))
        if isinstance(part, dict):
            part[data.draw(st.sampled_from([*facts, *facts["micro"]]))] = data.draw(VALUES)
    text = bytearray(json.dumps(changed).encode())
    if data.draw(st.booleans()):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    path = manifest(tmp_path, "")
    path.write_bytes(text)
    try:
        word = read_wake_word(path)
    except UsageError:
        return
    assert word.model.is_file() and 0 < word.cutoff < 1 and parse_spec(word.frontend)
    assert read_decide(word.decide).labels is not None


def test_a_manifest_lists_all_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_wake_word(manifest(tmp_path, V2 | {"micro": {}, "wake_word": None, "model": 1}))
    assert len(caught.value.problems) == 5


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_wake_word(tmp_path / "none.json")


def test_options_that_a_manifest_states_are_refused(tmp_path: Path) -> None:
    path = str(manifest(tmp_path, V2))
    with pytest.raises(UsageError, match="option frontend"):
        with_wake_word(path, {"frontend": "micro:30:10:40"})
    source, options, word = with_wake_word(path, {"decide": "on=0.5", "force": True})
    assert source.endswith("word.tflite") and options["sample_rate"] == 16000
    assert options["decide"] == "on=0.5" and options["force"]
    assert word == read_wake_word(Path(path))
    assert with_wake_word("a.onnx", {"hop": 3}) == ("a.onnx", {"hop": 3}, None)


def test_a_network_without_a_probability_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")
    from tflite_graphs import GRAPHS, file_of

    path = manifest(tmp_path, V2, file_of(GRAPHS["svdf"].make()))
    with pytest.raises(UsageError, match=r"output 'y', float32 \[1, 6\]; allowed: one probability"):
        api.export(str(path), "host", tmp_path / "out")


def test_a_file_that_is_no_network_is_refused_by_its_name(tmp_path: Path) -> None:
    path = manifest(tmp_path, V2, b"no network")
    with pytest.raises(UsageError, match=r"word\.tflite"):
        api.export(str(path), "host", tmp_path / "out")
