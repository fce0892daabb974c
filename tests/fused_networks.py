"""Networks that spell out what becomes one node."""

from collections import Counter

from onnx import helper
from operator_cases import Operand, c, f, network

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model


def operators(model: Model) -> Counter[str]:
    return Counter(node.op_type for node in model.ir.graph)


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
