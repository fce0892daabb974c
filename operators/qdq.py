"""Reads Quantize and Dequantize nodes: the type of a tensor, stored weights, where an output is quantized."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Float32
from edgekit.base.errors import ModelError, Problem
from edgekit.graph.hops import state_values
from edgekit.graph.model import Model
from edgekit.operators.roles import CELL_INPUT, CELL_OUTPUT, constant, fused_activation
from edgekit.operators.scheme import QuantType

T = TypeVar("T")
# where a node's output is quantized: the quantized value, its type, the Relu or Clip between
Frame = tuple[ir.Value, QuantType, ir.Node | None]
INTEGER_DOMAIN = "edgekit.int"
FAKE_DOMAIN = "edgekit.fake"  # floats that are rounded as integers would be, see `selectable`
SCALE, ZERO_POINT = "edgekit.scale", "edgekit.zero_point"  # metadata of an integer value: its type
CELL_BITS = "edgekit.cell_bits"  # metadata of an LSTM: its c is int32 of scale 2^-bits
HIDDEN_OPERAND = "edgekit.hidden_operand"  # metadata of a GRU or LSTM: how its product reads h
COPY = "_int8"  # suffix of a tensor's name: its 8-bit copy, which products read
TENSOR = "edgekit.tensor"  # metadata of an integer value: the float tensor that it stores


@dataclass(frozen=True)
class Operand:
    """An integer tensor of the new graph and its type."""

    value: ir.Value
    kind: QuantType


@dataclass(frozen=True)
class Weight:
    """The constant input of a DequantizeLinear: integers, and scales that broadcast against them.

    Integers of 4 `bits` are stored here in bytes.
    """

    q: NDArray[np.signedinteger]
    scale: Float32
    zero_point: int
    bits: int = 8

    @property
    def real(self) -> Float32:
        """The dequantized array."""
        centred = self.q.astype(np.float32) - np.float32(self.zero_point)
        real: Float32 = centred * self.scale
        return real

    def kept(self, rows: NDArray[np.signedinteger]) -> NDArray[np.generic]:
        """Return integers of this weight in a new layout, in the type that kernels read."""
        dtype = ir.DataType.INT4.numpy() if self.bits == 4 else np.dtype(np.int8)
        return np.ascontiguousarray(rows).astype(dtype)


def frame_of(node: ir.Node, index: int = 0) -> Frame | None:
    """Return the frame of a quantized output of a node, perhaps after an activation that can run inside it."""
    value, fused = node.outputs[index], None
    if index == 0 and not _only_quantized(value):
        fused = fused_activation(node)
        if fused is None:
            return None
        value = fused.outputs[0]
    if not _only_quantized(value):
        return None
    quantizer = next(iter(value.uses())).node
    return quantizer.outputs[0], qdq_type(quantizer), fused


def scales_of(model: Model) -> dict[str, tuple[float, int]]:
    """Return scale and zero point of each tensor of a QDQ model, by its name; 8-bit copies have the suffix `COPY`."""
    found = {}
    for node in model.ir.graph:
        if node.op_type == "QuantizeLinear" and node.name:
            kind = qdq_type(node)
            found[scaled_tensor(node)] = kind.scale, kind.zero_point
    return found


def scaled_tensor(node: ir.Node) -> str:
    """Return the name of the tensor that a QuantizeLinear rounds, as `scales_of` has it."""
    return str(node.name).removesuffix("_quantize")


def cell_type(node: ir.Node) -> QuantType | None:
    """Return the type of an LSTM's c, if the file states it."""
    bits = node.metadata_props.get(CELL_BITS, "") if node.op_type == "LSTM" else ""
    return (
        QuantType("int32", 2.0 ** -int(bits), 0) if bits.isdecimal() and int(bits) <= 30 else None
    )


def stored_weight(node: ir.Node) -> Weight | None:
    """Return the weight that a DequantizeLinear of a constant represents; None for a computed tensor."""
    array = constant(node.inputs[0])
    if array is None:
        return None
    zero = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    narrow = array.dtype == ir.DataType.INT4.numpy()
    return Weight(
        array.astype(np.int8) if narrow else array,
        _wide_scale(node, array.ndim),
        0 if zero is None else int(np.ravel(zero)[0]),
        4 if narrow else 8,
    )


def _wide_scale(node: ir.Node, rank: int) -> Float32:
    """Return a DequantizeLinear's scales, broadcastable: one, one per index of an axis, or one per block."""
    scale = np.asarray(constant(node.inputs[1]), np.float32)
    axis, block = (
        default if (a := node.attributes.get(name)) is None else a.as_int()
        for name, default in (("axis", 1), ("block_size", 0))
    )
    if block:
        return np.repeat(scale, block, axis)
    if scale.size == 1:
        return scale.reshape([1] * rank)
    return scale.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def integer_states(model: Model) -> dict[str, QuantType]:
    """Return state inputs whose input and output have equal frames and no other reader."""
    kinds = {str(before.name): _state_type(before, after) for before, after in state_values(model)}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _state_type(state: ir.Value, successor: ir.Value) -> QuantType | None:
    """Return the type of a state that integers alone read and write; None of one in float."""
    producer, users = successor.producer(), list(state.uses())
    if producer is None or not users:
        return None
    if [(user.node, user.idx) for user in users] == [(producer, CELL_INPUT)]:
        cell = cell_type(producer)
        return cell if cell is not None and successor is producer.outputs[CELL_OUTPUT] else None
    if producer.op_type != "DequantizeLinear":
        return None
    kind = qdq_type(producer)
    alike = all(u.node.op_type == "QuantizeLinear" and qdq_type(u.node) == kind for u in users)
    return kind if alike else None


def qdq_type(node: ir.Node) -> QuantType:
    """Return the type in a per-tensor QuantizeLinear or DequantizeLinear.

    Raises:
        ModelError: scale or zero point are computed, or the zero point is left out.
    """
    scale, zero = (constant(v) for v in (*node.inputs[1:], None)[:2])
    if scale is None or zero is None:
        found = "a computed scale or zero point, or no zero point"
        where, allowed = f"{node.op_type} {node.name!r}", "constants"
        raise ModelError(Problem(where, found, allowed, "quantize with a static range"))
    return QuantType(zero.dtype.name, float(scale.ravel()[0]), int(zero.ravel()[0]))


def output_attributes(kind: QuantType, fused: ir.Node | None = None) -> dict[str, int]:
    """``y_zero, y_min, y_max`` of an integer operator, the clamp of a fused Relu or Clip included."""
    low, high = kind.limits
    if fused is not None:
        bounds = [None if v is None else constant(v) for v in fused.inputs[1:]]
        bounds += [None] * (2 - len(bounds))
        if fused.op_type == "Relu":
            bounds = [np.zeros(1, np.float32), None]
        if bounds[0] is not None:
            low = int(kind.quantize(np.ravel(bounds[0]))[0])
        if bounds[1] is not None:
            high = int(kind.quantize(np.ravel(bounds[1]))[0])
    return {"y_zero": kind.zero_point, "y_min": low, "y_max": high}


def convert(attributes: Mapping[str, object]) -> dict[str, ir.Attr]:
    """Make ONNX attributes of ints, floats, lists of ints and arrays."""
    made: dict[str, ir.Attr] = {}
    for name, value in attributes.items():
        if isinstance(value, np.ndarray):
            made[name] = ir.AttrTensor(name, ir.tensor(value, name=name))
        elif isinstance(value, float):
            made[name] = ir.AttrFloat32(name, value)
        elif isinstance(value, int):
            made[name] = ir.AttrInt64(name, value)
        else:
            made[name] = ir.AttrInt64s(name, list(value))  # type: ignore[call-overload]
    return made


def initializer(name: str, array: NDArray[np.generic]) -> ir.Value:
    """Return a named constant, not yet in a graph."""
    tensor = ir.tensor(array, name=name)
    kind = ir.TensorType(tensor.dtype)
    return ir.Value(name=name, const_value=tensor, shape=ir.Shape(array.shape), type=kind)


def stored_type(value: ir.Value) -> QuantType | None:
    """Return the type of a value of the integer graph; None for a float one."""
    if SCALE not in value.metadata_props or value.dtype is None:
        return None
    scale, zero = value.metadata_props[SCALE], value.metadata_props[ZERO_POINT]
    return QuantType(value.dtype.name.lower(), float.fromhex(scale), int(zero))


def mark_type(value: ir.Value, kind: QuantType) -> None:
    """Write the type of a value of the integer graph into its metadata."""
    value.metadata_props[SCALE] = kind.scale.hex()
    value.metadata_props[ZERO_POINT] = str(kind.zero_point)


def _only_quantized(value: ir.Value) -> bool:
    users = list(value.uses())
    one = len(users) == 1 and users[0].node.op_type == "QuantizeLinear"
    return one and not value.is_graph_output()


def require(value: T | None) -> T:
    """Return a value that must not be None."""
    assert value is not None
    return value
