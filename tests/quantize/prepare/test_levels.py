"""Behind a logarithm quiet sound is elsewhere than loud sound: ranges are those of both."""

import numpy as np
import pytest
from level_networks import HOP, RATE, network, sound

from edgekit.export.from_onnx import from_onnx
from edgekit.export.running import HopRunner, snr_db
from edgekit.graph.model import Model
from edgekit.quantize.apply import observed, quantize
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.held_out import Parts
from edgekit.quantize.prepare.levels import QUIETER, quieter
from edgekit.quantize.recipe import RECIPES

W8A8, HOPS = RECIPES["w8a8"], 40
CLIPS = tuple({"pcm": sound(HOPS, seed)} for seed in range(4))


def log_power(log: str = "Log") -> Model:
    """PCM to gains of samples: two layers with biases that read the logarithm of their power."""
    import onnx

    rng = np.random.default_rng(0)
    arrays = {
        "floor": np.float32(1e-10),
        "a": rng.standard_normal((HOP, HOP)) / np.sqrt(HOP),
        "a_b": rng.standard_normal(HOP),
        "b": rng.standard_normal((HOP, HOP)) / np.sqrt(HOP),
        "b_b": rng.standard_normal(HOP),
    }
    body = f"""< ir_version: 10, opset_import: ["": 21] >
        levels (float[1, {HOP}] pcm) => (float[1, {HOP}] y) {{
            power = Mul (pcm, pcm)
            heard = Max (power, floor)
            seen = {log} (heard)
            first = Gemm (seen, a, a_b)
            bent = Relu (first)
            y = Gemm (bent, b, b_b)
        }}"""
    parsed = onnx.parser.parse_model(body)
    parsed.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(a, np.float32), name) for name, a in arrays.items()
    )
    model = from_onnx(parsed.SerializeToString(), name="levels")
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


@pytest.mark.parametrize("level", [1.0, 0.1, QUIETER])
def test_integers_behind_a_logarithm_keep_quiet_sound(level: float) -> None:
    model, heard = log_power(), {"pcm": sound(HOPS, 9, level)}
    exact = HopRunner(model)(heard)["y"]
    assert snr_db(exact, HopRunner(quantize(model, Calibration(CLIPS, "x"), W8A8))(heard)["y"]) > 30


def test_quieter_sound_is_only_seen_where_it_shows_something() -> None:
    assert quieter(log_power()) == ("pcm", QUIETER)
    assert quieter(log_power("Sqrt")) is None
    assert quieter(network(0, biases=True)) is None
    assert quieter(log_power().describe(stream={"hop_samples": None})) is None


def test_a_clip_that_is_left_out_is_left_out_at_both_levels() -> None:
    model, parts = log_power(), Parts([HOPS] * 4)
    seen, kept = observed(model, Calibration(CLIPS, "x"), W8A8, parts), CLIPS[:3]
    expected = observe(seen.model, Calibration(kept, "x"), quieter=("pcm", QUIETER))
    assert expected["seen"].hops == 2 * 3 * HOPS
    for name, observer in seen.without((3,)).observers.items():
        ends = expected[name].minimum, expected[name].maximum
        assert (observer.minimum, observer.maximum) == ends
        assert observer.hops == expected[name].hops
        assert np.allclose(observer.total, expected[name].total)
