"""MLPerf Tiny's streaming features, against the formula of its training."""

import numpy as np
import onnx
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.add import add_frontend
from edgekit.export.frontend.features import triangles
from edgekit.export.frontend.spec import parse_spec
from edgekit.export.hop_runner import run_hops

RATE, LENGTH, HOP, BANDS = 16000, 1024, 512, 40


def network(frames: int) -> bytes:
    text = f"""<ir_version: 10, opset_import: ["": 21]> net (float[1,{frames},1,40] x) => (float[1,{frames},1,40] y) {{
    n = Neg (x) y = Neg (n) }}"""
    return bytes(onnx.parser.parse_model(text).SerializeToString())


def mel_matrix() -> np.ndarray:
    """tf.signal.linear_to_mel_weight_matrix, as its documentation has it."""
    bins = np.linspace(0, RATE / 2, LENGTH // 2 + 1)[1:]
    mels = 1127.0 * np.log(1 + bins / 700)
    edges = np.linspace(0, 1127.0 * np.log(1 + RATE / 2 / 700), BANDS + 2)
    columns = [
        np.maximum(0, np.minimum((mels - a) / (b - a), (c - mels) / (c - b)))
        for a, b, c in zip(edges, edges[1:], edges[2:], strict=False)
    ]
    return np.pad(np.stack(columns, 1), ((1, 0), (0, 0)))


def formula(pcm: np.ndarray) -> np.ndarray:
    emphasized = pcm - (1 - 2**-5) * np.concatenate([[0], pcm[:-1]])
    padded = np.concatenate([np.zeros(LENGTH - HOP), emphasized])
    frames = np.lib.stride_tricks.sliding_window_view(padded, LENGTH)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hamming(LENGTH))) ** 2 / LENGTH
    level = 10 * np.log10(np.maximum(power @ mel_matrix(), 1e-30))
    return np.clip((level + 52) / 64, 0, 1)


def test_the_bank_is_that_of_tensorflow() -> None:
    np.testing.assert_allclose(
        triangles("tf", BANDS, LENGTH, RATE, 0, RATE / 2), mel_matrix(), atol=1e-12
    )


@pytest.mark.parametrize("text", ["mlperf", "mlperf:stack:30:1"])
def test_features_are_those_of_the_training(text: str) -> None:
    form = parse_spec(text)
    assert str(form) == text
    count = form.stack or 1
    model = add_frontend(from_onnx(network(count), name="net"), form, RATE)
    assert model.stream.hop_samples == HOP
    random = np.random.default_rng(0)
    pcm = random.normal(0, 1, 60 * HOP) * np.repeat(10 ** random.uniform(-5, -0.5, 60), HOP)
    made = run_hops(model, {"pcm": pcm.astype(np.float32).reshape(-1, 1, HOP)})["y"]
    expected = formula(pcm.astype(np.float32).astype(np.float64))
    np.testing.assert_allclose(made[:, 0, -1, 0], expected, atol=2e-5)
    np.testing.assert_array_equal(made[10, 0, :-1], made[9, 0, 1:])
