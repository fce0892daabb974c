"""The ONNX network that grows while the operators of a .tflite are read: its tensors, and how their axes lie.

A tensor of four axes has its channels last in a .tflite and second here, whatever reads it; others keep their axes.
Integers become floats between QuantizeLinear and DequantizeLinear, on the scales of the file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.base.arrays import Array
from edgekit.export.tflite_file.file import Graph, Grid, Operator, Tensor, refuse
from edgekit.graph.model import OPSET, TFLITE

CHANNELS_SECOND = (0, 3, 1, 2)  # the axes of four, in the order of ONNX
CHANNELS_LAST = (0, 2, 3, 1)
ACTIVATIONS: dict[int, tuple[str, tuple[float, ...]]] = {
    1: ("Relu", ()),
    2: ("Clip", (-1.0, 1.0)),
    3: ("Clip", (0.0, 6.0)),
}
STORED = ("int8", "uint8", "int16")  # of tensors between operators


def to_axis(axis: int, rank: int) -> int:
    """Return where an axis of the file lies in the network.

    Raises:
        IndexError: there is no such axis.
    """
    axis = range(rank)[axis]
    return CHANNELS_SECOND.index(axis) if rank == 4 else axis


def to_sizes(sizes: Sequence[int]) -> list[int]:
    """Return what the file says of each axis, in the order of the network."""
    return [sizes[axis] for axis in CHANNELS_SECOND] if len(sizes) == 4 else list(sizes)


def to_array(array: Array) -> Array:
    """Return a constant of the file with the axes of the network."""
    return array.transpose(CHANNELS_SECOND) if array.ndim == 4 else array


@dataclass
class Network:
    """The nodes so far; `values` has the ONNX name of each tensor of the graph by its number."""

    graph: Graph
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)
    values: dict[int, str] = field(default_factory=dict)
    in_file_order: dict[int, str] = field(default_factory=dict)
    handles: dict[int, tuple[str, str]] = field(default_factory=dict)  # of resource variables
    count: int = 0

    def tensor(self, number: int) -> Tensor:
        """Return a tensor of the file."""
        return self.graph.tensors[number]

    def name(self, stem: str) -> str:
        """Return a new name."""
        self.count += 1
        return f"{stem}_{self.count}"

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        """Add a node and return the names of its outputs."""
        made = [self.name(kind.lower()) for _ in range(outputs)]
        label = self.name(kind)
        self.nodes.append(helper.make_node(kind, list(inputs), made, name=label, **attributes))
        return made

    def mark_rounding(self) -> None:
        """Let the last node round its integers as LiteRT does."""
        self.nodes[-1].metadata_props.add(key=TFLITE, value="1")

    def constant(self, array: Array, stem: str = "constant") -> str:
        """Add a constant and return its name."""
        name = self.name(stem)
        self.constants[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def numbers(self, values: Iterable[int]) -> str:
        """Add a list of int64."""
        return self.constant(np.asarray(list(values), np.int64))

    def real(self, number: int) -> str:
        """Return the real values of a tensor, with the axes of the network."""
        if number not in self.values:
            held = self.tensor(number)
            if held.data is None:
                refuse(
                    f"tensor '{held.name}'",
                    "read before it has a value",
                    "a computed tensor",
                    "convert the network again",
                )
            self.values[number] = self.store(held, to_array(held.data))
        return self.values[number]

    def store(self, held: Tensor, array: Array, axis: int | None = None) -> str:
        """Add the content of a constant, behind a DequantizeLinear where its integers stand for reals.

        Args:
            held: the constant.
            array: its content, with the axes that its reader wants.
            axis: where several scales run along another axis of `array` than that of the file.
        """
        if held.dtype == "float16":
            return self.constant(array.astype(np.float32), held.name)
        if not held.is_integer:
            return self.constant(array, held.name)
        grid = held.grid
        assert grid is not None
        if axis is None:
            axis = to_axis(grid.axis, array.ndim) if array.ndim else 0
        return self.dequantize(self.constant(array, held.name), grid, held.dtype, axis)

    def _parameters(self, grid: Grid, dtype: str) -> tuple[str, str]:
        scale, zero = grid.scale, grid.zero.astype(dtype)
        if scale.size == 1:
            scale, zero = scale.reshape(()), zero.reshape(())
        return self.constant(scale, "scale"), self.constant(zero, "zero_point")

    def dequantize(self, value: str, grid: Grid, dtype: str, axis: int = 0) -> str:
        """Return the real values of integers."""
        return self.add("DequantizeLinear", value, *self._parameters(grid, dtype), axis=axis)[0]

    def round_to_grid(self, value: str, held: Tensor) -> str:
        """Return real values on the grid of a tensor of the file; those of a float tensor as they are."""
        if not held.is_integer or held.dtype not in STORED:
            return value
        assert held.grid is not None
        if held.grid.scale.size > 1:
            found, step = "several scales", "convert the network with one scale for each tensor"
            refuse(f"tensor '{held.name}'", found, "one scale for a computed tensor", step)
        grid = self._parameters(held.grid, held.dtype)
        integers = self.add("QuantizeLinear", value, *grid)[0]
        return self.add("DequantizeLinear", integers, *grid)[0]

    def reinterpret(self, value: str, held: Tensor, other: Tensor) -> str:
        """Return what the integers of one tensor stand for in another one, or the integers where it has no scale."""
        if held.is_integer and held.grid is not None:
            value = self.add("QuantizeLinear", value, *self._parameters(held.grid, held.dtype))[0]
        if other.is_integer and other.grid is not None:
            value = self.dequantize(value, other.grid, other.dtype)
        return value

    def set_value(self, number: int, value: str, activation: int = 0) -> None:
        """Say what a tensor of the file is: real values with the axes of the network, before its activation."""
        held = self.tensor(number)
        if activation:
            value = self.activate(value, held, activation)
        self.values[number] = self.round_to_grid(value, held)

    def activate(self, value: str, held: Tensor, activation: int) -> str:
        """Return values behind an activation of the schema's number."""
        if activation not in ACTIVATIONS:
            found, step = f"activation {activation}", "convert the network with another one"
            refuse(f"tensor '{held.name}'", found, "none, relu, relu6 or [-1, 1]", step)
        kind, bounds = ACTIVATIONS[activation]
        return self.add(kind, value, *map(self.bound, bounds))[0]

    def bound(self, number: float) -> str:
        """Add a float32 without axes."""
        return self.constant(np.array(number, np.float32))

    def move(self, number: int, kind: str, *parameters: str, **attributes: Any) -> str:
        """Return a tensor's values in other places, on their own grid."""
        return self.add(kind, self.real(number), *parameters, **attributes)[0]

    def as_in_file(self, number: int) -> str:
        """Return the real values of a tensor with the axes of the file."""
        held = self.tensor(number)
        if len(held.shape) != 4:
            return self.real(number)
        if number not in self.in_file_order:
            self.in_file_order[number] = self.permute(self.real(number), held, CHANNELS_LAST)
        return self.in_file_order[number]

    def permute(self, value: str, held: Tensor, perm: Sequence[int]) -> str:
        """Return values with their axes permuted: of a tensor with the axes of the file or the network."""
        moved = self.add("Transpose", value, perm=list(perm))[0]
        return self.round_to_grid(moved, held)

    def set_as_in_file(self, number: int, value: str, activation: int = 0) -> None:
        """Say what a tensor of the file is, with the axes of the file."""
        held = self.tensor(number)
        if len(held.shape) != 4:
            self.set_value(number, value, activation)
            return
        if activation == 0:
            self.in_file_order[number] = self.round_to_grid(value, held)
            value = self.in_file_order[number]
        value = self.add("Transpose", value, perm=list(CHANNELS_SECOND))[0]
        self.set_value(number, value, activation)

    def integers(self, number: int, operator: Operator) -> list[int]:
        """Return the content of a constant of whole numbers.

        Raises:
            ModelError: it is computed.
        """
        held = self.tensor(number)
        if held.data is None:
            found, step = f"'{held.name}' is computed", "convert the network with fixed sizes"
            refuse(f"operator {operator.builtin}", found, "a constant", step)
        return [int(n) for n in np.ravel(held.data)]

    def proto(self) -> onnx.ModelProto:
        """Return the network."""
        graph = helper.make_graph(
            self.nodes, self.graph.name, self.inputs, self.outputs, list(self.constants.values())
        )
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10
        )
