"""Spelled-out operators become one node that computes the same, and only where nothing else reads their parts."""

from collections import Counter

import numpy as np
import pytest
from onnx import helper
from operator_cases import CASES, FUSED, Operand, c, f, i64, network

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.operators.qdq import stored_type
from edgekit.operators.to_integer import to_integer
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


def operators(model: Model) -> Counter[str]:
    return Counter(node.op_type for node in model.ir.graph)


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


UNITS, WIDTH = 6, 9


def lstm_cell() -> Model:
    """One step as Keras and torch's cells write it: a Split of the sum of two products."""
    text = [
        ("gx", "MatMul", "x", "w"),
        ("gh", "MatMul", "h", "r"),
        ("g", "Add", "gx", "gh"),
        ("z", "Add", "g", "bias"),
    ]
    nodes = [helper.make_node(op, list(inputs), [result]) for result, op, *inputs in text]
    nodes.append(helper.make_node("Split", ["z"], ["i", "f", "c", "o"], axis=1, num_outputs=4))
    tail = [
        ("si", "Sigmoid", "i"),
        ("sf", "Sigmoid", "f"),
        ("tc", "Tanh", "c"),
        ("so", "Sigmoid", "o"),
        ("keep", "Mul", "sf", "memory"),
        ("enter", "Mul", "si", "tc"),
        ("memory_next", "Add", "keep", "enter"),
        ("t", "Tanh", "memory_next"),
        ("h_next", "Mul", "so", "t"),
        ("y", "Neg", "h_next"),
    ]
    nodes += [helper.make_node(op, list(inputs), [result]) for result, op, *inputs in tail]
    operands: dict[str, Operand] = {
        "x": f(1, WIDTH),
        "h": f(1, UNITS),
        "memory": f(1, UNITS),
        "w": c(WIDTH, 4 * UNITS),
        "r": c(UNITS, 4 * UNITS, seed=1),
        "bias": c(4 * UNITS, seed=2),
    }
    case = network("cell", nodes, operands, ["y", "h_next", "memory_next"])
    states = [("h", "h_next"), ("memory", "memory_next")]
    return from_onnx(case.onnx, name="cell", states=states)


def test_a_spelled_out_lstm_step_becomes_the_operator_with_a_wide_memory() -> None:
    model = lstm_cell()
    fused = fuse(model)
    found = operators(fused)
    assert found["LSTM"] == 1 and not found.keys() & {"Gemm", "Split", "Sigmoid", "Tanh", "Mul"}
    inputs = {"x": np.random.default_rng(0).standard_normal((40, 1, WIDTH)).astype(np.float32)}
    expected = run_hops(model, inputs)
    compare(expected, run_hops(fused, inputs), what="cell")
    quantized = quantize(model, Calibration((inputs,), "noise"), "w8a16")
    kinds = [stored_type(value) for value in to_integer(quantized).ir.graph.inputs]
    assert sorted(kind.dtype for kind in kinds if kind is not None) == ["int16", "int32"]
    found_y = Oracle(quantized).run_hops(inputs)["y"]
    assert np.abs(found_y - expected["y"]).max() < 0.02


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
