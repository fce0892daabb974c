"""A network as plain data for the environments of peers: program.json, weights.npz, network.onnx.

program.json holds ``inputs`` (name, shape, dtype), ``outputs`` (names), ``states`` (pairs of names) and ``nodes``
(op, inputs, outputs, attributes), as ONNX has them but for layers with weights, whose form is that of torch:
``Linear`` (x, weight, bias), ``GRU`` (x, weight, recurrent, bias, recurrent bias, h) and ``LSTM`` (x, weight,
recurrent, bias, h, c), of one direction. For a peer it is the float network. Weights that a recipe rounded stay
rounded. Quantizers between layers do nothing, since peers have their own, and guards neither, since peers have none.
For a target it is the network as it is.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
DROPPED = ("QuantizeLinear", "DequantizeLinear", "Finite")  # from the peers' networks


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
        folder: an existing one.
        calibration: values of its inputs in some hops, states included, (hops, *shape).
        whole: whether quantizers and guards stay, and weights of matrices and convolutions are integers where the
            network's are.
    """
    graph = model.ir.graph
    weights = Weights()
    nodes = []
    for node in graph:
        if node.op_type == "DequantizeLinear" and array_of(node.inputs[0]) is not None:
            weights.add_integers(node, whole)
            continue
        weights.add_constants(node)
        op, given = _as_torch(node, weights)
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
    np.savez(folder / "weights.npz", **weights.arrays())  # type: ignore[arg-type]
    np.savez(folder / "calibration.npz", **calibration)  # type: ignore[arg-type]
    (folder / "network.onnx").write_bytes(plain_onnx(model))


@dataclass
class Weights:
    """The weights of a network by name, and the integers of those that have them."""

    real: dict[str, Array] = field(default_factory=dict)
    integers: dict[str, Integers] = field(default_factory=dict)

    def add_constants(self, node: ir.Node) -> None:
        """Add the constants that a node reads."""
        for value in node.inputs:
            if value is not None and (array := array_of(value)) is not None:
                self.real[str(value.name)] = array

    def add_integers(self, node: ir.Node, whole: bool) -> None:
        """Add the float values of a dequantized constant; of a whole network its integers, too."""
        name = str(node.outputs[0].name)
        self.real[name] = _dequantize_constant(node)
        if whole and (found := _integers(node)) is not None:
            self.integers[name] = found

    def add_form(self, node: ir.Node, index: int, form: str, change: Change) -> str:
        """Add another form of a node's weight, and of its integers where they have it; return its name."""
        source = _input_name(node, index)
        if not source:
            return ""
        if source not in self.real:
            found = f"{node.op_type} '{node.name}' with a weight that is computed"
            raise UsageError(Problem("network", found, "constant weights", "leave this peer out"))
        name = f"{source}:{form}"
        self.real[name] = np.ascontiguousarray(change(self.real[source]))
        if source in self.integers and form in ("turned", "same"):
            rows, scale = self.integers[source]
            self.integers[name] = np.ascontiguousarray(change(rows)), scale
        return name

    def arrays(self) -> dict[str, Array]:
        """All arrays, as weights.npz holds them."""
        rows = {f"{name}:integers": rows for name, (rows, _) in self.integers.items()}
        scales = {f"{name}:scale": scale for name, (_, scale) in self.integers.items()}
        return {**self.real, **rows, **scales}


def _input_name(node: ir.Node, index: int) -> str:
    """The name of an input, empty where it is left out."""
    value = node.inputs[index] if index < len(node.inputs) else None
    return "" if value is None else str(value.name)


def _as_torch(node: ir.Node, weights: Weights) -> tuple[str, list[str]]:
    """Return operator and inputs; weights in another form are added under new names."""
    op, given = node.op_type, [_input_name(node, index) for index in range(len(node.inputs))]
    if op == "MatMul" and given[1] in weights.real and weights.real[given[1]].ndim == 2:
        return "Linear", [given[0], weights.add_form(node, 1, "turned", np.transpose)]
    if op == "Gemm" and not attribute(node, "transA", 0):
        beta = float(attribute(node, "beta", 1.0))
        weight = weights.add_form(node, 1, *_rows(node))
        bias = weights.add_form(node, 2, "flat", lambda b: beta * b.reshape(-1))
        return "Linear", [given[0], weight, bias]
    if op not in RECURRENT:
        return op, given
    matrices = [weights.add_form(node, index, "forward", lambda w: w[0]) for index in (1, 2)]
    if op == "LSTM":
        bias = weights.add_form(node, 3, "sum", lambda b: b[0].reshape(2, -1).sum(0))
        return op, [given[0], *matrices, bias, _input_name(node, 5), _input_name(node, 6)]
    halves = enumerate(("given", "kept"))
    biases = [weights.add_form(node, 3, form, _half(index)) for index, form in halves]
    return op, [given[0], *matrices, *biases, _input_name(node, 5)]


def _rows(node: ir.Node) -> tuple[str, Change]:
    """Return the way to turn the matrix of a Gemm into rows by output: the name of that form, and its function."""
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


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
