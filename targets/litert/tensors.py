"""The operators of a .tflite as they are written: tensors by their numbers, constants, one operator after another."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Array
from edgekit.operators.scheme import QuantType
from edgekit.targets.litert.file import Graph, Scales, options

# Operators that need options, all at their defaults, under the operator's name; and those that need none.
OWN_OPTIONS = """
ADD SUB MUL DIV POW SELECT_V2 QUANTIZE DEQUANTIZE TRANSPOSE EXP NEG ABS SQUARE CAST PAD SLICE TILE EQUAL
NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL LOGICAL_AND LOGICAL_OR LOGICAL_NOT FLOOR_MOD FLOOR_DIV COS
SIGN BROADCAST_TO BITWISE_XOR LOG_SOFTMAX HARD_SWISH SELECT
"""
NO_OPTIONS = """
ROUND FLOOR CEIL RELU RELU6 RELU_N1_TO_1 LOGISTIC TANH SQRT RSQRT REAL IMAG SIN LOG ELU PRELU ATAN2
"""
BUILTIN_OPTIONS: dict[str, str | None] = {
    **{name: name.title().replace("_", "") for name in OWN_OPTIONS.split()},
    "MAXIMUM": "MaximumMinimum",
    "MINIMUM": "MaximumMinimum",
    "PADV2": "PadV2",
    "RFFT2D": "Rfft2d",
    **dict.fromkeys(NO_OPTIONS.split()),
}


class Tensors:
    """Appends operators to a graph; a tensor is known by its number."""

    def __init__(self, name: str, halves: bool, micro: bool) -> None:
        """Start an empty graph of this name.

        `halves`: weights of products are stored as float16 where that is exact. `micro`: the file is for
        tflite-micro, which has no Fourier transforms; its QUANTIZE may make 16 bits of 8, which tflite-runtime 2.14
        does not know: there it goes through floats.
        """
        self.graph, self.micro = Graph(name), micro
        self.label = name  # of the tensors that are made
        self._halves = halves
        self._widened: dict[int, int] = {}  # stored halves, and the outputs of DEQUANTIZE for them

    def constant(self, array: Array, kind: QuantType | None = None, name: str = "constant") -> int:
        """A constant tensor."""
        return self.graph.constant(name, np.asarray(array), scales_of(kind))

    def factors(self, array: Array) -> int:
        """Return float weights of a product; stored as float16 and dequantized with that recipe, if that is exact."""
        array = np.ascontiguousarray(array, np.float32)
        if not self._halves:
            return self.constant(array)
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), array):
            return self.constant(array)
        stored = self.constant(half, name="weights_half")
        if stored not in self._widened:
            self._widened[stored] = self.op("DEQUANTIZE", [stored], dtype="float32")
        return self._widened[stored]

    def scalar(self, value: np.generic) -> int:
        """A constant without axes."""
        return self.constant(np.asarray(value))

    def real_constant(self, value: float | Sequence[float] | NDArray[np.floating]) -> int:
        """A float32 constant."""
        return self.constant(np.asarray(value, np.float32))

    def ints_constant(self, values: Iterable[int]) -> int:
        """An int32 list, as LiteRT takes axes and shapes."""
        return self.constant(np.asarray(list(values), np.int32))

    def shape(self, number: int) -> tuple[int, ...]:
        """The stored shape of a tensor."""
        return self.graph.tensors[number].shape

    def op(
        self,
        builtin: str,
        inputs: Sequence[int],
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
        kind: QuantType | None = None,
        chosen: object = None,
    ) -> int:
        """Append an operator of one result; return its tensor.

        By default the shape is that of broadcast inputs, the type and scales those of the first. Constants then have as
        many axes as the result.
        """
        if shape is None:
            shape = np.broadcast_shapes(*(self.shape(n) for n in inputs))
            inputs = [self._ranked(number, len(shape)) for number in inputs]
        first = self.graph.tensors[inputs[0]]
        scales = scales_of(kind)
        if kind is not None:
            dtype = kind.dtype
        elif dtype is None:
            dtype, scales = first.dtype, first.scales
        if chosen is None:
            name = BUILTIN_OPTIONS.get(builtin)
            chosen = None if name is None else plain_options(name)
        number = self.graph.tensor(f"{self.label}_{builtin.lower()}", shape, dtype, scales)
        self.graph.operator(builtin, inputs, [number], chosen)
        return number

    def _ranked(self, number: int, rank: int) -> int:
        """Return a constant with leading axes of extent 1, as broadcasting adds them; computed tensors as they are.

        LiteRT broadcasts without them, but quantizers of .tflite files want a scale for each axis.
        """
        held = self.graph.tensors[number]
        missing = rank - len(held.shape)
        if number not in self.graph.data or not missing:
            return number
        array = self.graph_array(number).reshape((1,) * missing + held.shape)
        return self.graph.constant(held.name, array, held.scales)

    def ops(
        self,
        builtin: str,
        inputs: Sequence[int],
        shapes: Sequence[Sequence[int]],
        like: int,
        chosen: object,
    ) -> list[int]:
        """Append an operator of several results, of the type and scales of a tensor."""
        held = self.graph.tensors[like]
        label = f"{self.label}_{builtin.lower()}"
        numbers = [self.graph.tensor(label, shape, held.dtype, held.scales) for shape in shapes]
        self.graph.operator(builtin, inputs, numbers, chosen)
        return numbers

    def reshaped(self, number: int, shape: Sequence[int]) -> int:
        """A tensor under another shape."""
        if self.shape(number) == tuple(shape):
            return number
        chosen = options("Reshape", newShape=list(shape))
        return self.op("RESHAPE", [number, self.ints_constant(shape)], shape, chosen=chosen)

    def relabelled(self, number: int, kind: QuantType | None) -> int:
        """The same integers with another scale, or none."""
        shape, dtype = self.shape(number), self.graph.tensors[number].dtype
        chosen = options("Reshape", newShape=list(shape))
        inputs = [number, self.ints_constant(shape)]
        return self.op("RESHAPE", inputs, shape, dtype, kind, chosen)

    def bare(self, number: int) -> int:
        """Integers without their scale, which some operators of LiteRT would apply."""
        return self.relabelled(number, None)

    def requantized_tensor(self, number: int, kind: QuantType) -> int:
        """Return a tensor of integers in another type, or itself if it has that type."""
        held = self.graph.tensors[number]
        if held.dtype == kind.dtype and held.scales == scales_of(kind):
            return number
        if held.dtype == "int8" and kind.dtype == "int16" and not self.micro:
            number = self.op("DEQUANTIZE", [number], dtype="float32")
        return self.op("QUANTIZE", [number], kind=kind)

    def graph_array(self, number: int) -> Array:
        """The content of a constant tensor."""
        held = self.graph.tensors[number]
        return np.frombuffer(self.graph.data[number], held.dtype).reshape(held.shape)


def plain_options(name: str) -> object:
    """Options at their defaults, but for sums of 16 bits, whose scales need not be powers of two."""
    general = {"potScaleInt16": False} if name in ("Add", "Sub") else {}
    return options(name, **general)


def scales_of(kind: QuantType | None) -> Scales | None:
    """The quantization of a tensor of this type; None of floats."""
    return None if kind is None else Scales((kind.scale,), kind.zero_point)
