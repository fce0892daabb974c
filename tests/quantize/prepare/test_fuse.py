"""Spelled-out operators become one node that computes the same, and only where nothing else reads their parts."""

import numpy as np
import pytest
from fused_networks import UNITS, WIDTH, lstm_cell, operators
from onnx import helper
from operator_cases import CASES, FUSED, Operand, f, i64, network

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.fuse import fuse
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.targets.describe import describe
from edgekit.targets.macs import float_operators, with_macs

EXPECTED = {
    "norm": "LayerNormalization",
    "magnitude": "Magnitude",
    "mean": "MeanSquare",
    "mask": "ProductSum",
}


def drawn(case_name: str, count: int = 8) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {name: x.draw(random, count) for name, x in CASES[case_name].inputs.items()}


@pytest.mark.parametrize(
    "name", [case.name for case in FUSED if case.name.split("_")[0] in EXPECTED]
)
def test_a_pattern_becomes_one_node_that_computes_the_same(name: str) -> None:
    model = from_onnx(CASES[name].onnx, name=name)
    fused = fuse(model)
    assert operators(fused) == {EXPECTED[name.split("_")[0]]: 1, "Neg": 1}
    inputs = drawn(name)
    compare(run_hops(model, inputs), run_hops(fused, inputs), what=name)
    again = from_onnx(fused.to_bytes(), name=name)
    assert operators(again) == operators(fused)


def spelled(outputs: tuple[str, ...], *nodes: tuple[str, ...], **operands: Operand) -> Model:
    made = [helper.make_node(op, list(inputs), [result]) for result, op, *inputs in nodes]
    return from_onnx(network("spelled", made, operands, outputs).onnx, name="spelled")


def test_what_others_read_or_a_root_follows_stays_as_it_is() -> None:
    a, b = f(2, 9), f(2, 9)
    read = spelled(
        ("y", "p"),
        ("p", "Mul", "a", "a"),
        ("q", "Mul", "b", "b"),
        ("r", "Add", "p", "q"),
        ("y", "Sqrt", "r"),
        a=a,
        b=b,
    )
    assert "Magnitude" not in operators(fuse(read))
    rms = spelled(
        ("y",),
        ("p", "Mul", "a", "a"),
        ("m", "ReduceMean", "p", "axes"),
        ("s", "Sqrt", "m"),
        ("y", "Div", "a", "s"),
        a=a,
        axes=i64(-1),
    )
    assert "MeanSquare" not in operators(fuse(rms))
    outer = spelled(
        ("y",),
        ("m", "ReduceMean", "x", "axes"),
        ("d", "Sub", "x", "m"),
        ("q", "Mul", "d", "d"),
        ("v", "ReduceMean", "q", "axes"),
        ("s", "Sqrt", "v"),
        ("y", "Div", "d", "s"),
        x=f(2, 3, 4),
        axes=i64(1),
    )
    assert "LayerNormalization" not in operators(fuse(outer))


@pytest.mark.parametrize("square", ["Mul", "Pow"])
def test_squares_are_found_behind_movements(square: str) -> None:
    def squared(name: str) -> tuple[str, ...]:
        return ("Mul", name, name) if square == "Mul" else ("Pow", name, "two")

    model = spelled(
        ("y",),
        ("p", *squared("a")),
        ("q", *squared("b")),
        ("p2", "Reshape", "p", "shape"),
        ("q2", "Reshape", "q", "shape"),
        ("r", "Add", "p2", "q2"),
        ("y", "Sqrt", "r"),
        a=f(2, 9),
        b=f(2, 9),
        shape=i64(1, 3, 6),
        **({} if square == "Mul" else {"two": np.float32([2])}),
    )
    fused = fuse(model)
    assert operators(fused) == {"Magnitude": 1, "Reshape": 2}
    inputs = {
        name: np.random.default_rng(0).normal(size=(4, 2, 9)).astype(np.float32) for name in "ab"
    }
    compare(run_hops(model, inputs), run_hops(fused, inputs), what=square)


def test_macs_of_a_recurrent_layer_count_by_the_operands_of_each_product() -> None:
    model = lstm_cell()
    inputs = {"x": np.random.default_rng(0).standard_normal((40, 1, WIDTH)).astype(np.float32)}
    calibration = Calibration((inputs,), "noise")
    own, recurrent = WIDTH * 4 * UNITS, UNITS * 4 * UNITS
    for tensors, int8, int16 in (
        ({}, own + recurrent, 0),
        ({"h_next": "int16"}, own, recurrent),
        ({"x": "int16"}, recurrent, own),
    ):
        recipe = Recipe(**{**vars(RECIPES["w8a8"]), "tensors": tensors})
        quantized = quantize(model, calibration, recipe)
        manifest = with_macs(describe(quantized, "c99"), quantized)
        assert (manifest.macs_int8, manifest.macs_int16, manifest.macs_float) == (int8, int16, 0)


def test_a_float_island_may_read_the_successor_of_an_integer_state() -> None:
    nodes = [
        helper.make_node("Add", ["x", "s"], ["s_next"]),
        helper.make_node("Tan", ["s_next"], ["y"]),
    ]
    case = network("island", nodes, {"x": f(1, 7), "s": f(1, 7)}, ["y", "s_next"])
    model = from_onnx(case.onnx, name="island", states=[("s", "s_next")])
    random = np.random.default_rng(0)
    inputs = {"x": random.uniform(-0.05, 0.05, (60, 1, 7)).astype(np.float32)}
    quantized = quantize(model, Calibration((inputs,), "noise"), "w8a16")
    assert float_operators(quantized) == ("Tan (1)",)
    oracle = Oracle(quantized)
    found = oracle.run_hops(inputs)["y"]
    assert oracle.states["s"].dtype == np.int16
    assert np.abs(found - run_hops(model, inputs)["y"]).max() < 0.01
