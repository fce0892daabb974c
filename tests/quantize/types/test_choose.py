"""What goes into a root, a square or a denominator stays in float, through the activation that its layer would fuse."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from builds import float_model, noise

from edgekit.base.errors import UsageError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.operators.oracle import Oracle
from edgekit.operators.qdq import INTEGER_DOMAIN, TENSOR, stored_type
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.observers import minmax_range
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.types.choose import INT16_HEADROOM, START_HEADROOM, choose_types

W8A8 = RECIPES["w8a8"]

LAYERS = ("Add(x, k)", "Sub(x, k)", "Mul(x, k)", "Add(x, x)")
ACTIVATIONS = ("Relu(a)", "Clip(a, low, high)")
BEHIND = ("Mul(b, b)", "Sqrt(b)", "Div(x, b)", "Pow(b, two)")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_squared_or_divided_by_is_float(layer: str, activation: str) -> None:
    hops = 1 + np.random.default_rng(0).uniform(0, 1, (40, 1, 6)).astype(np.float32)
    for behind in BEHIND:
        text = f"""<ir_version: 9, opset_import: ["" : 18]>
            net (float[1, 6] x) => (float[1, 6] y)
            <float k = {{0.25}}, float low = {{0.1}}, float high = {{3}}, float two = {{2}}>
            {{ a = {layer} b = {activation} c = {behind} y = Neg(c) }}"""
        model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")
        integer = quantize(model, Calibration(({"x": hops},), "noise"), "w8a8")
        exact, found = (Oracle(one).run_hops({"x": hops})["y"] for one in (model, integer))
        assert np.abs(found - exact).max() < 0.02 * np.abs(exact).max(), behind


def types_of(name: str, tensors: dict[str, str]) -> tuple[dict[str, str], float]:
    """The stored types of a network's tensors with these named, and its output's ratio in dB."""
    model = float_model(name)
    inputs = noise(model, 40)
    quantized = quantize(
        model, Calibration((inputs,), "x"), replace(W8A8, name="mine", tensors=tensors)
    )
    (expected,) = run_hops(model, inputs).values()
    (found,) = Oracle(quantized).run_hops(inputs).values()
    graph = to_integer(quantized).ir.graph
    stored = {v.metadata_props.get(TENSOR): stored_type(v) for n in graph for v in n.outputs}
    types = {name: kind.dtype for name, kind in stored.items() if name and kind is not None}
    names = {str(v.name) for node in model.ir.graph for v in node.outputs}
    return {name: types[name] for name in types if name in names}, snr_db(expected, found)


def test_a_named_tensor_decides_for_its_chain() -> None:
    plain, _ = types_of("tcn", {})
    wide, _ = types_of("tcn", {"c0": "int16"})
    changed = {name for name in plain if wide.get(name) != plain[name]}
    assert changed
    assert {wide[name] for name in changed if name in wide} == {"int16"}


@pytest.mark.rows(1)
@pytest.mark.parametrize("name", ["tcn", "gru_mask", "conv_recurrent"])
def test_a_tensor_in_float_keeps_what_touches_it_in_float(name: str) -> None:
    plain, before = types_of(name, {})
    for tensor in sorted(plain)[::12]:
        types, ratio = types_of(name, {tensor: "float32"})
        assert tensor not in types
        assert ratio > before - 3


def test_everything_in_float_but_what_is_named() -> None:
    model = float_model("vision")
    inputs = noise(model, 10)
    plan = quantize(model, Calibration((inputs,), "x"), W8A8)
    (linear,) = [n for n in to_integer(plan).ir.graph if n.op_type == "Gemm"]
    names = [str(linear.inputs[0].name), str(linear.outputs[0].name)]
    tensors = {name.removesuffix("_q"): "int8" for name in names}
    recipe = replace(
        W8A8, name="mine", activations="float32", smooth_inputs="float32", tensors=tensors
    )
    graph = to_integer(quantize(model, Calibration((inputs,), "x"), recipe)).ir.graph
    layers = {n.op_type for n in graph if n.domain == INTEGER_DOMAIN} - {"Quantize", "Dequantize"}
    assert layers == {"Gemm"}


def test_a_tensor_that_is_not_there_is_named_with_its_like() -> None:
    model = float_model("gru_mask")
    for tensors, words in (
        ({"x_finit": "int16"}, "'x_finite'"),
        ({"h1": "int8"}, "a hidden state"),
        ({"h1": "int16", "h1_next": "float32"}, "one of these"),
    ):
        recipe = replace(W8A8, name="mine", tensors=tensors)
        with pytest.raises(UsageError, match=words):
            quantize(model, Calibration((noise(model, 4),), "x"), recipe)


@pytest.mark.parametrize("slow", [True, False])
@pytest.mark.parametrize(("peak", "held"), [(0.5, 2.0), (5.0, 5.0), (100.0, START_HEADROOM)])
def test_16_bits_hold_the_peak_of_fresh_states_that_a_slow_network_remembers(
    slow: bool, peak: float, held: float
) -> None:
    model = float_model("gru_mask")
    observers = observe(model, Calibration((noise(model, 20),), "x"))
    if slow:
        ends = np.zeros(3, np.float32), np.ones(3, np.float32)
        observers[model.states[0].input].rest_ends = ends
    plan = choose_types(model, observers, RECIPES["w8a16"])
    (alone, *_) = [g for (g, *rest) in plan.groups if not rest and plan.types[g].scale != 2**-15]
    largest = max(map(abs, minmax_range(observers[alone])))
    observers[alone].see_start(np.float32([peak * largest]))
    kind = choose_types(model, observers, RECIPES["w8a16"]).types[alone]
    wanted = held if slow else INT16_HEADROOM
    mixed = replace(W8A8, name="mine", tensors={alone: "int16"})
    assert choose_types(model, observers, mixed).types[alone].scale == plan.types[alone].scale
    assert kind.dtype == "int16"
    assert kind.scale * 32767 == pytest.approx(wanted * largest, rel=1e-6)
