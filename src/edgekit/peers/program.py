"""A network as plain data for the environments of peers: program.json, weights.npz, network.onnx.

program.json holds ``inputs`` (name, shape, dtype), ``outputs`` (names), ``states`` (pairs of names) and ``nodes``
(op, inputs, outputs, attributes), as ONNX has them but for layers with weights, whose form is that of torch:
``Linear`` (x, weight, bias), ``GRU`` (x, weight, recurrent, bias, recurrent bias, h) and ``LSTM`` (x, weight,
recurrent, bias, h, c), of one direction. For a peer it is the float network: what a recipe rounded stays so in the
weights, its quantizers between layers do nothing, since peers have their own, and its guards neither, since peers
have none. For a target it is the network as it is.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, attribute
from edgekit.operators.geometry import dims
from edgekit.operators.roles import RECURRENT

Change = Callable[[Array], Array]
Integers = tuple[Array, Array]  # of a weight, and their scale by output
DROPPED = ("QuantizeLinear", "DequantizeLinear", "Finite")  # of what peers get


def plain_onnx(model: Model) -> bytes:
    """Return ONNX's own operators alone, without the guards that make infinities and NaN zero.

    Peers have no such guards.
    """
    import onnx
    from onnx.inliner import inline_local_functions

    proto = onnx.load_model_from_string(model.to_bytes())
    for node in proto.graph.node:
        if node.op_type == "Finite":
            node.op_type, node.domain = "Identity", ""
            del node.attribute[:]
    return bytes(inline_local_functions(proto).SerializeToString())


def write_program(
    model: Model, folder: Path, calibration: Mapping[str, Array], whole: bool = False
) -> None:
    """Write a network that has no session part.

    Args:
        model: float, or with the quantizers of a recipe.
        folder: is there.
        calibration: what its inputs hold in some hops, states included, (hops, *shape).
        whole: whether quantizers and guards stay, and weights of matrices and convolutions are integers where the
            network's are.
    """
    graph = model.ir.graph
    weights: dict[str, Array] = {}
    integers: dict[str, Integers] = {}
    nodes = []
    for node in graph:
        if node.op_type == "DequantizeLinear" and array_of(node.inputs[0]) is not None:
            weights[str(node.outputs[0].name)] = _dequantize_constant(node)
            if whole and (found := _integers(node)) is not None:
                integers[str(node.outputs[0].name)] = found
            continue
        for value in node.inputs:
            if value is not None and (array := array_of(value)) is not None:
                weights[str(value.name)] = array
        op, given = _as_torch(node, weights, integers)
        if not whole and op in DROPPED:
            op, given = "Identity", given[:1]
        nodes.append(
            {
                "op": op,
                "inputs": given,
                "outputs": [str(value.name) for value in node.outputs],
                "attributes": {name: _plain(a.value) for name, a in node.attributes.items()},
            }
        )
    facts = {
        "inputs": [
            {"name": str(v.name), "shape": dims(v), "dtype": str(v.dtype.numpy())}
            for v in graph.inputs
            if v.dtype is not None
        ],
        "outputs": [str(value.name) for value in graph.outputs],
        "states": [[pair.input, pair.output] for pair in model.states],
        "nodes": nodes,
    }
    (folder / "program.json").write_text(json.dumps(facts), encoding="utf-8")
    for name, (rows, scale) in integers.items():
        weights |= {f"{name}:integers": rows, f"{name}:scale": scale}
    np.savez(folder / "weights.npz", **weights)  # type: ignore[arg-type]
    np.savez(folder / "calibration.npz", **calibration)  # type: ignore[arg-type]
    (folder / "network.onnx").write_bytes(plain_onnx(model))


def _as_torch(
    node: ir.Node, weights: dict[str, Array], integers: dict[str, Integers]
) -> tuple[str, list[str]]:
    """Operator and inputs; weights in another form are added under names of their own, so are their integers."""
    op, given = node.op_type, ["" if value is None else str(value.name) for value in node.inputs]

    def formed(index: int, form: str, change: Change) -> str:
        if index >= len(given) or not given[index]:
            return ""
        if given[index] not in weights:
            found = f"{op} '{node.name}' with a weight that is computed"
            raise UsageError(Problem("network", found, "constant weights", "leave this peer out"))
        name = f"{given[index]}:{form}"
        weights[name] = np.ascontiguousarray(change(weights[given[index]]))
        if given[index] in integers and form in ("turned", "same"):
            rows, scale = integers[given[index]]
            integers[name] = np.ascontiguousarray(change(rows)), scale
        return name

    def state(index: int) -> str:
        return given[index] if index < len(given) else ""

    if op == "MatMul" and given[1] in weights and weights[given[1]].ndim == 2:
        return "Linear", [given[0], formed(1, "turned", np.transpose)]
    if op == "Gemm" and not attribute(node, "transA", 0):
        beta = float(attribute(node, "beta", 1.0))
        weight = formed(1, *_rows(node))
        return "Linear", [given[0], weight, formed(2, "flat", lambda b: beta * b.reshape(-1))]
    if op in RECURRENT:
        matrices = [formed(index, "forward", lambda w: w[0]) for index in (1, 2)]
        if op == "LSTM":
            bias = formed(3, "sum", lambda b: b[0].reshape(2, -1).sum(0))
            return op, [given[0], *matrices, bias, state(5), state(6)]
        biases = [formed(3, "given", _half(0)), formed(3, "kept", _half(1))]
        return op, [given[0], *matrices, *biases, state(5)]
    return op, given


def _rows(node: ir.Node) -> tuple[str, Change]:
    """How the matrix of a Gemm becomes rows by output: the name of that form, and what it does."""
    turned, alpha = attribute(node, "transB", 0), float(attribute(node, "alpha", 1.0))
    if alpha != 1.0:
        return "rows", lambda w: alpha * (w if turned else w.T)
    return ("same", np.asarray) if turned else ("turned", np.transpose)


def _half(index: int) -> Change:
    return lambda bias: bias[0].reshape(2, -1)[index]


def _integers(node: ir.Node) -> Integers | None:
    """The integers of a weight and its scale by output; None where they have a zero point, or one scale for all."""
    q, scale, zero = (None if v is None else array_of(v) for v in (*node.inputs, None)[:3])
    if q is None or scale is None or scale.size < 2 or q.dtype != np.int8:
        return None
    return None if zero is not None and np.any(zero) else (np.asarray(q), np.asarray(scale))


def _dequantize_constant(node: ir.Node) -> Array:
    q, scale, zero = (None if v is None else array_of(v) for v in (*node.inputs, None)[:3])
    assert q is not None and scale is not None
    shape = [1] * q.ndim
    if scale.size > 1:
        shape[int(attribute(node, "axis", 1))] = scale.size
    offset = (
        0.0
        if zero is None
        else np.asarray(zero, np.float64).reshape(shape if zero.size > 1 else ())
    )
    real = (np.asarray(q, np.float64) - offset) * np.asarray(scale, np.float64).reshape(shape)
    return real.astype(np.float32)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
