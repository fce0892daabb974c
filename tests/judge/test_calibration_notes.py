"""A calibration in which a network finds nothing is noted."""

import numpy as np
import onnx
import onnx.parser
import pytest
from builds import float_model
from level_networks import HOP, RATE, network

from edgekit.export.from_onnx import from_onnx
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


@pytest.mark.parametrize(
    ("values", "side"), [((0.1, 0.4), "below"), ((0.6, 0.9), "above"), ((0.1, 0.9), None)]
)
def test_probabilities_on_one_side_of_the_threshold_are_noted(
    values: tuple[float, float], side: str | None
) -> None:
    model = from_onnx(onnx.parser.parse_model(DETECTOR).SerializeToString(), name="detector")
    model = model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})
    notes = one_sided_notes(model, {"pcm": seen(0.1), "y": seen(*values)})
    assert [f"'y' stays {side} 0.5" in note for note in notes] == [True] * (side is not None)


def test_networks_without_sound_input_get_no_such_note() -> None:
    assert one_sided_notes(float_model("lstm_vad"), {}) == ()
