"""Functions of the front end's operators are what their names say, at any length."""

import numpy as np
import onnx
import onnx.parser
import pytest
from own_functions import numbers, run_own_operator

from edgekit.export.own_operators.functions import LAYERS, layer_modules, with_bodies
from edgekit.export.own_operators.marked_layers import MarkedLayer
from edgekit.export.stream.rules.table import RULES
from edgekit.graph.model import FRONTEND_DOMAIN, OPSET


@pytest.mark.parametrize("length", [16, 12])
def test_a_spectrum_is_that_of_the_windowed_frame(length: int) -> None:
    hop, history, window = numbers(1, 4), numbers(1, length - 4, seed=1), numbers(length, seed=2)
    inputs = {"pcm": hop, "history": history, "window": window}
    outputs = {"spectrum": (1, length // 2 + 1, 2), "next": (1, length - 4)}
    spectrum, following = run_own_operator("STFT", inputs, outputs)
    frame = np.concatenate([history, hop], axis=1)
    expected = np.fft.rfft(frame.astype(np.float64) * window)
    np.testing.assert_allclose(spectrum[..., 0] + 1j * spectrum[..., 1], expected, atol=1e-5)
    np.testing.assert_array_equal(following, frame[:, 4:])


@pytest.mark.parametrize("length", [16, 12])
def test_samples_of_a_spectrum_are_those_that_it_came_from(length: int) -> None:
    sound = numbers(1, length).astype(np.float64)
    bins = np.fft.rfft(sound)
    spectrum = np.stack([bins.real, bins.imag], axis=-1).astype(np.float32)
    (samples,) = run_own_operator("IRFFT", {"spectrum": spectrum}, {"samples": (1, length)})
    np.testing.assert_allclose(samples, sound, atol=1e-5)


def test_what_is_not_finite_or_below_the_floor_becomes_zero() -> None:
    x = np.array([np.nan, np.inf, -3, 2, -0.1, 0.5], np.float32)
    (y,) = run_own_operator("Finite", {"x": x}, {"y": (6,)}, limit=2.5, floor=0.25)
    assert y.tolist() == [0, 0, 0, 2, 0, 0.5]


def test_bodies_are_added_where_a_file_has_none() -> None:
    text = f"""<ir_version: 10, opset_import: ["": 21, "{FRONTEND_DOMAIN}": 1]>
    net (float[1,4] x) => (float[1,4] y) {{ y = {FRONTEND_DOMAIN}.CumMax (x) }}"""
    data = onnx.parser.parse_model(text).SerializeToString()
    whole = with_bodies(data)
    assert [f.name for f in onnx.load_model_from_string(whole).functions] == ["CumMax"]
    assert with_bodies(whole) == whole


@pytest.mark.parametrize("row", LAYERS.values(), ids=LAYERS)
def test_a_file_without_the_body_gets_it(row: MarkedLayer) -> None:
    header, _, rest = row.body.partition("(")
    inputs, attributes = rest.partition(")")[0], header.partition("<")[2].partition(">")[0]
    values = ", ".join(f"{name} = 1" for name in attributes.split(",") if name.strip())
    shapes = ", ".join(f"float[1, 4, 8] {name}" for name in inputs.split(", "))
    text = f"""<ir_version: 9, opset_import: ["" : {OPSET}, "{FRONTEND_DOMAIN}" : 1]>
    g ({shapes}) => (float[1, 4, 8] y) {{ y = {FRONTEND_DOMAIN}.{row.name} <{values}> ({inputs}) }}"""
    text = text.replace(" <> ", " ")
    lacking = onnx.parser.parse_model(text)
    made = onnx.load_from_string(with_bodies(lacking.SerializeToString()))
    assert [function.name for function in made.functions] == [row.name]
    onnx.checker.check_model(made)
    assert with_bodies(made.SerializeToString()) == made.SerializeToString()


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_has_a_rule_of_streams(name: str) -> None:
    assert callable(RULES[(FRONTEND_DOMAIN, name)].rewrite)


def test_the_exporter_of_torch_knows_every_layer() -> None:
    operators = [str(key) for module in layer_modules() for key in module.translations()]
    assert len(operators) == sum(row.module is not None for row in LAYERS.values())
    assert all(name.startswith(f"{FRONTEND_DOMAIN}.") for name in operators)
