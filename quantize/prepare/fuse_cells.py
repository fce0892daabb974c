"""Replaces one step of an LSTM in several nodes by ONNX's operator: its memory then is wide."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Float32, Float64
from edgekit.export.passes.chain import Chain
from edgekit.graph.nodes import array_of, attribute, sole_user
from edgekit.operators.geometry import dims, optional
from edgekit.operators.qdq import require
from edgekit.operators.roles import is_move

ONNX_ORDER = ("input", "output", "forget", "candidate")  # of the gates
Gates = dict[str, ir.Value]


def lstm_step(graph: ir.Graph, root: ir.Node) -> list[ir.Value | None]:
    """Fuse ``o * tanh(c')`` with ``c' = f * c + i * g``, gates from a sum of two Gemms, one of the state h.

    Returns values that only the replaced nodes read or made; none if it is no such step.
    """
    found = _cell(root)
    if found is None:
        return []
    gates, memory, after = found
    units = dims(root.outputs[0])[-1]
    order = _parts(gates, units)
    terms = None if order is None else _terms(next(iter(gates.values())).producer())
    layers = None if terms is None else _layers(terms, units)
    if order is None or layers is None:
        return []
    (x, w), (h, r), bias = layers
    chain, rows = Chain(graph, root), dims(root.outputs[0])[:-1]
    batch = int(np.prod(rows))
    states = [chain.reshape(value, (1, batch, units)) for value in (h, memory)]
    weights = [chain.constant(_reorder_gates(array, order, units)[None]) for array in (w, r)]
    both = np.concatenate([_reorder_gates(bias[:, None], order, units)[:, 0], np.zeros(4 * units)])
    inputs = [chain.reshape(x, (1, batch, w.shape[1])), *weights, chain.constant(both[None]), None]
    outputs = chain.add_all("LSTM", [*inputs, *states], {"hidden_size": units}, 3)
    outputs[0].name = ""
    h_next, c_next = (
        chain.reshape(new, dims(old))
        for new, old in zip(outputs[1:], (root.outputs[0], after), strict=True)
    )
    replaced = [*root.inputs, after]
    chain.finish({root.outputs[0]: h_next, after: c_next})
    return replaced


def _cell(root: ir.Node) -> tuple[Gates, ir.Value, ir.Value] | None:
    """Gates before their functions, the memory before and after."""
    for opening, after in _either(root, "Mul"):
        output, entered = _operand_of_type(opening, "Sigmoid"), _operand_of_type(after, "Tanh")
        if output is None or entered is None:
            continue
        for (forget, memory), (enter, candidate) in _sums_of_products(entered.producer()):
            known = {
                "input": _operand_of_type(enter, "Sigmoid"),
                "forget": _operand_of_type(forget, "Sigmoid"),
                "candidate": _operand_of_type(candidate, "Tanh"),
                "output": output,
            }
            gates = {name: value for name, value in known.items() if value is not None}
            if len(gates) == len(known) and dims(memory) == dims(entered):
                return gates, memory, entered
    return None


Pair = tuple[ir.Value, ir.Value]


def _sums_of_products(total: ir.Node | None) -> Iterator[tuple[Pair, Pair]]:
    """Yield the factors of both products of a sum, in all orders."""
    for a, b in _either(total, "Add"):
        yield from product(_either(a.producer(), "Mul"), _either(b.producer(), "Mul"))


def _parts(gates: Gates, units: int) -> list[int] | None:
    """Return the part of one Split that is each gate, in the operator's order."""
    split = gates["input"].producer()
    if split is None or split.op_type != "Split" or len(split.outputs) != len(gates):
        return None
    if any(gate.producer() is not split or dims(gate)[-1] != units for gate in gates.values()):
        return None
    rank = len(dims(split.inputs[0]))
    if attribute(split, "axis", 0) % rank != rank - 1 or sole_user(split.inputs[0]) is None:  # type: ignore[arg-type]
        return None
    return [list(split.outputs).index(gates[name]) for name in ONNX_ORDER]


def _terms(split: ir.Node | None) -> list[ir.Value]:
    """Return the terms of the sum that the Split reads."""
    waiting, terms = ([] if split is None else [split.inputs[0]]), []
    while waiting:
        value = waiting.pop()
        node = None if value is None else value.producer()
        if value is not None and node is not None and node.op_type == "Add" and sole_user(value):
            waiting += node.inputs
        elif value is not None:
            terms.append(value)
    return terms


Layer = tuple[ir.Value, Float32]


def _rows(node: ir.Node) -> Float32 | None:
    """Return the weights (output, input) of a plain Gemm with constants; None of another node."""
    if node.op_type != "Gemm" or attribute(node, "transA", 0):
        return None
    weight, bias = array_of(node.inputs[1]), optional(node, 2)
    plain = attribute(node, "alpha", 1.0) == attribute(node, "beta", 1.0) == 1.0
    if weight is None or (bias is not None and array_of(bias) is None) or not plain:
        return None
    return weight if attribute(node, "transB", 0) else weight.T


def _layers(terms: list[ir.Value], units: int) -> tuple[Layer, Layer, Float64] | None:
    """Return the layer of the input, that of a state, both as (output, input), and the sum of all constants."""
    layers, bias = [], np.zeros(4 * units)
    for value in terms:
        array = array_of(value)
        if array is None or array.size not in (1, 4 * units):
            layer = _layer(value, 4 * units)
            if layer is None:
                return None
            array = array_of(optional(require(value.producer()), 2))
            layers.append(layer)
        bias = bias if array is None else bias + np.ravel(array)
    hidden = [layer for layer in layers if layer[1].shape[1] == units and _is_state(layer[0])]
    if len(layers) != 2 or len(hidden) != 1:
        return None
    return layers[layers[0] is hidden[0]], hidden[0], bias


def _layer(value: ir.Value, outputs: int) -> Layer | None:
    """Return the operand and the weights of the Gemm with `outputs` that makes a value."""
    node = value.producer()
    rows = None if node is None else _rows(node)
    if node is None or rows is None or node.inputs[0] is None or len(rows) != outputs:
        return None
    return node.inputs[0], rows


def _is_state(value: ir.Value) -> bool:
    """Whether a value is a graph input, perhaps moved."""
    while (node := value.producer()) is not None:
        if not is_move(node) or node.inputs[0] is None:
            return False
        value = node.inputs[0]
    return value.is_graph_input()


def _reorder_gates(
    rows: NDArray[np.floating], order: list[int], units: int
) -> NDArray[np.floating]:
    return np.concatenate([rows[units * part : units * (part + 1)] for part in order])


def _either(node: ir.Node | None, op_type: str) -> Iterator[tuple[ir.Value, ir.Value]]:
    """Yield the operands of a node of this type, in both orders."""
    if node is not None and node.op_type == op_type and node.domain == "":
        a, b = node.inputs[:2]
        if a is not None and b is not None and array_of(a) is None and array_of(b) is None:
            yield a, b
            yield b, a


def _operand_of_type(value: ir.Value, op_type: str) -> ir.Value | None:
    node = value.producer()
    return node.inputs[0] if node is not None and node.op_type == op_type else None
