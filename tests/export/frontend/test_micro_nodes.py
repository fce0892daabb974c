"""TFLM's audio front end before a network: its frames, and the integers that the network gets."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.add import add_frontend
from edgekit.export.frontend.spec import parse_spec
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.stream import Stream
from edgekit.targets.c.lower import lower_c

pytest.importorskip("pymicro_features", reason="needs pymicro-features")

from demonstrations.wake_reference import features, levels

RATE = 16000
SCALE = 26 / 255
RNG = np.random.default_rng(2)


def network(shape: tuple[int, ...], levels: bool, zero: int = -128) -> Model:
    """A network that gives its input back, on a grid of integers or as it is."""
    dims = ",".join(map(str, shape))
    grid = "q = QuantizeLinear (x, scale, zero)  y = DequantizeLinear (q, scale, zero)"
    text = f"""<ir_version: 10, opset_import: ["": 21]> net (float[{dims}] x) => (float[{dims}] y)
    <float scale = {{{SCALE}}}, int8 zero = {{{zero}}}> {{ {grid if levels else "n = Neg (x) y = Neg (n)"} }}"""
    return from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")


def sound(samples: int) -> np.ndarray:
    loud = np.repeat(10 ** RNG.uniform(1, 4.3, samples // 480), 480)
    return np.clip(RNG.normal(0, 1, samples) * loud, -32768, 32767).astype(np.int16)


@pytest.mark.rows(1)
@pytest.mark.parametrize("shape", [(1, 3, 40), (3, 40, 1), (1, 120)])
def test_a_network_of_integers_gets_the_levels_of_devices(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    model = add_frontend(network(shape, levels=True), parse_spec("micro:30:10:40"), RATE)
    assert model.stream.hop_samples == 480
    pcm = sound(48 * 480)
    feed = {"pcm": pcm.astype(np.float32).reshape(-1, 1, 480) / 32768}
    expected = levels(features(pcm)).astype(np.int64)
    build = lower_c(model, "host")
    for name, content in build.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "manifest.json").write_text(build.manifest.to_json(), encoding="utf-8")
    runs = (
        run_hops(model, feed),
        Oracle(model).run_hops(feed),
        Stream.open(tmp_path).run(feed),
    )
    for made in runs:
        found = np.rint(made["y"].reshape(-1, 40) / np.float32(SCALE)).astype(np.int64) - 128
        np.testing.assert_array_equal(found, expected)


def test_a_network_of_floats_gets_the_features_of_its_training() -> None:
    model = add_frontend(network((1, 40), levels=False), parse_spec("micro:30:10:40"), RATE)
    pcm = sound(96 * 160)
    made = run_hops(model, {"pcm": pcm.astype(np.float32).reshape(-1, 1, 160) / 32768})
    np.testing.assert_array_equal(made["y"].reshape(-1, 40) * 25.6, features(pcm))


def test_integers_of_another_grid_get_floats() -> None:
    model = add_frontend(network((1, 40), levels=True, zero=0), parse_spec("micro:30:10:40"), RATE)
    assert "Mul" in [node.op_type for node in model.ir.graph]
    assert "Div" not in [node.op_type for node in model.ir.graph]


def test_a_stack_begins_with_silence() -> None:
    form = parse_spec("micro:30:10:40:stack:4:2")
    model = add_frontend(network((4, 40), levels=True), form, RATE)
    assert model.stream.hop_samples == 320
    pcm = sound(12 * 480)
    made = run_hops(model, {"pcm": pcm.astype(np.float32).reshape(-1, 1, 320) / 32768})
    found = np.rint(made["y"] / np.float32(SCALE)).astype(np.int64) - 128
    expected = np.concatenate([np.full((2, 40), -128), levels(features(pcm))])
    for hop, frames in enumerate(found):
        np.testing.assert_array_equal(frames, expected[2 * hop : 2 * hop + 4])
