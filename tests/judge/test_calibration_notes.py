"""A calibration in which a network finds nothing is noted."""

import numpy as np
import onnx
import onnx.parser
import pytest
from builds import float_model
from level_networks import HOP, RATE, network

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.judge.calibration_notes import one_sided_notes
from edgekit.quantize.calibrate.observers import Observer

DETECTOR = f"""< ir_version: 10, opset_import: ["": 21] >
detector (float[1, {HOP}] pcm) => (float[1, {HOP}] y) {{ y = Sigmoid (pcm) }}"""


def seen(*values: float) -> Observer:
    observer = Observer()
    observer.update(np.float32([values]))
    return observer


@pytest.mark.parametrize(("output", "noted"), [(0.5, False), (0.26, False), (0.2, True)])
def test_sound_that_a_network_suppresses_throughout_is_noted(output: float, noted: bool) -> None:
    model = network(0, biases=True)
    notes = one_sided_notes(model, {"pcm": seen(1, -1), "y": seen(output, -output)})
    assert [("14 dB quieter" in note) for note in notes] == [True] * noted


def detector(text: str = DETECTOR) -> Model:
    model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="detector")
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.1] * 30 + [0.4] * 70, ["above 0.9 in 0.0 %", "below 0.1 in 0.0 %"]),
        ([0.05] * 30 + [0.4] * 70, ["0.40 at most, is above 0.9 in 0.0 %"]),
        ([0.05] * 199 + [0.95], ["add recordings of what it detects"]),  # decides so once
        ([0.95] * 199 + [0.05], ["0.05 at least, is below 0.1 in 0.5 %"]),
        ([0.95] * 500, ["add recordings without what it detects"]),
        ([0.05] * 98 + [0.95] * 2, []),
        ([0.05] * 2 + [0.95] * 98, []),
    ],
)
def test_a_detector_that_is_hardly_ever_sure_of_an_answer_is_noted(
    values: list[float], found: list[str]
) -> None:
    notes = one_sided_notes(detector(), {"pcm": seen(0.1), "y": seen(*values)})
    assert [text in note for text, note in zip(found, notes, strict=True)] == [True] * len(found)


@pytest.mark.parametrize(("mean", "noted"), [(0.005, True), (0.05, False), (0.996, True)])
def test_of_two_classes_each_has_to_occur(mean: float, noted: bool) -> None:
    weights = ", ".join(["0.1"] * 2 * HOP)
    text = f"""< ir_version: 10, opset_import: ["": 21] >
classes (float[1, {HOP}] pcm) => (float[1, 2] y) <float[{HOP}, 2] w = {{{weights}}}>
{{ z = MatMul (pcm, w)  y = Softmax (z) }}"""
    observer = Observer()
    observer.update(np.float32([[[mean, 1 - mean]]]))
    notes = one_sided_notes(detector(text), {"pcm": seen(0.1), "y": observer})
    assert ["has a mean probability of" in note for note in notes] == [True] * noted


def test_networks_without_sound_input_get_no_such_note() -> None:
    assert one_sided_notes(float_model("lstm_vad"), {}) == ()
