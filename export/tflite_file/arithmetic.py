"""Elementwise operators, sums along axes and comparisons of a .tflite."""

from collections.abc import Callable

import numpy as np
import onnx

from edgekit.export.tflite_file.file import AGAIN, Operator, refuse
from edgekit.export.tflite_file.network import CHANNELS_SECOND, STORED, Network, to_axis
from edgekit.graph.litert_builtins import BUILTINS

Reader = Callable[[Network, Operator], None]
SUMS = ("Add", "Sub")
LEAST_LENGTH = 1e-6  # of a vector that is divided by its length
MAX_BETA = 1e4  # beyond it a softmax is a maximum, and its products overflow


def elementwise(kind: str) -> Reader:
    """Return the reader of an operator on operands that broadcast."""

    def read(network: Network, operator: Operator) -> None:
        operands = [operand(network, operator, place) for place in range(len(operator.inputs))]
        value = network.add(kind, *operands)[0]
        held = network.tensor(operator.outputs[0])
        if held.is_integer and held.dtype not in STORED:
            found, allowed = f"{held.dtype} on a scale", ", ".join(STORED)
            refuse(f"operator {operator.builtin}", found, allowed, AGAIN)
        if kind in SUMS and held.dtype in ("int8", "uint8"):
            network.mark_rounding()
        network.set_value(operator.outputs[0], value, fused_activation(operator))

    return read


def sequence(*kinds: str) -> Reader:
    """Return the reader of an operator that is several ONNX operators, the first on all operands."""

    def read(network: Network, operator: Operator) -> None:
        operands = [operand(network, operator, place) for place in range(len(operator.inputs))]
        value = network.add(kinds[0], *operands)[0]
        for kind in kinds[1:]:
            value = network.add(kind, value)[0]
        network.set_value(operator.outputs[0], value, fused_activation(operator))

    return read


def square(network: Network, operator: Operator) -> None:
    """SQUARE, and SQUARED_DIFFERENCE of two operands."""
    operands = [operand(network, operator, place) for place in range(len(operator.inputs))]
    value = operands[0] if len(operands) == 1 else network.add("Sub", *operands)[0]
    network.set_value(operator.outputs[0], network.add("Mul", value, value)[0])


def running_sum(network: Network, operator: Operator) -> None:
    """CUMSUM along a constant axis."""
    rank = len(network.tensor(operator.inputs[0]).shape)
    (place,) = network.integers(operator.inputs[1], operator)
    axis = network.constant(np.array(to_axis(place, rank), np.int64), "axis")
    flags = {"exclusive": "Exclusive", "reverse": "Reverse"}
    chosen = {name: int(operator.option(option, False)) for name, option in flags.items()}
    value = network.move(operator.inputs[0], "CumSum", axis, **chosen)
    network.set_value(operator.outputs[0], value)


def unit_length(network: Network, operator: Operator) -> None:
    """L2_NORMALIZATION: vectors along the last axis of the file, divided by their lengths."""
    rank = len(network.tensor(operator.inputs[0]).shape)
    axis = network.numbers([to_axis(-1, rank)])
    length = network.move(operator.inputs[0], "ReduceL2", axis, keepdims=1)
    length = network.add("Max", length, network.bound(LEAST_LENGTH))[0]
    value = network.move(operator.inputs[0], "Div", length)
    network.set_value(operator.outputs[0], value, fused_activation(operator))


def gelu(network: Network, operator: Operator) -> None:
    """GELU by the error function, or by its approximation with tanh."""
    form = "tanh" if operator.option("Approximate", False) else "none"
    value = network.move(operator.inputs[0], "Gelu", approximate=form)
    network.set_value(operator.outputs[0], value)


def floor_division(network: Network, operator: Operator) -> None:
    """FLOOR_DIV and FLOOR_MOD, whose remainder has the sign of the divisor."""
    one, other = (operand(network, operator, place) for place in (0, 1))
    if network.tensor(operator.outputs[0]).dtype.startswith("float"):
        quotient = network.add("Floor", network.add("Div", one, other)[0])[0]
        remainder = network.add("Sub", one, network.add("Mul", quotient, other)[0])[0]
    else:
        remainder = network.add("Mod", one, other)[0]
        quotient = network.add("Div", network.add("Sub", one, remainder)[0], other)[0]
    is_division = operator.builtin == "FLOOR_DIV"
    network.set_value(operator.outputs[0], quotient if is_division else remainder)


def operand(network: Network, operator: Operator, place: int) -> str:
    """Return an operand whose axes lie as those of the result: LiteRT counts missing ones at the front."""
    number = operator.inputs[place]
    held = network.tensor(number)
    rank = max(len(network.tensor(n).shape) for n in operator.inputs)
    if rank != 4 or len(held.shape) in (0, 4):
        return network.real(number)
    shape = (1,) * (4 - len(held.shape)) + held.shape
    if held.data is not None:
        array = held.data.reshape(shape).transpose(CHANNELS_SECOND)
        return network.store(held, array, 1)
    value = network.add("Reshape", network.real(number), network.numbers(shape))[0]
    return network.permute(network.round_to_grid(value, held), held, CHANNELS_SECOND)


def fused_activation(operator: Operator) -> int:
    """Return the number of the activation on an operator's result; 0 where it has none."""
    known = operator.options is not None and hasattr(operator.options, "FusedActivationFunction")
    return int(operator.options.FusedActivationFunction()) if known else 0


def clip(low: float, high: float) -> Reader:
    """Return the reader of an activation between two bounds."""

    def read(network: Network, operator: Operator) -> None:
        bounds = [network.bound(bound) for bound in (low, high)]
        network.set_value(operator.outputs[0], network.move(operator.inputs[0], "Clip", *bounds))

    return read


def leaky_relu(network: Network, operator: Operator) -> None:
    """LEAKY_RELU with one slope."""
    alpha = operator.option("Alpha")
    network.set_value(
        operator.outputs[0], network.move(operator.inputs[0], "LeakyRelu", alpha=alpha)
    )


def prelu(network: Network, operator: Operator) -> None:
    """PRELU: a slope for each channel, or as its shape says."""
    slope = operand(network, operator, 1)
    network.set_value(
        operator.outputs[0], network.add("PRelu", network.real(operator.inputs[0]), slope)[0]
    )


def softmax(network: Network, operator: Operator) -> None:
    """SOFTMAX and LOG_SOFTMAX along the last axis of the file; beta scales the operand first."""
    rank = len(network.tensor(operator.inputs[0]).shape)
    beta = 1.0
    if operator.builtin == "SOFTMAX":
        beta = operator.option("Beta", 0.0)  # of a file without it runtimes take 0
        if not 0 <= beta <= MAX_BETA:
            refuse("operator SOFTMAX", f"beta {beta:g}", f"0 to {MAX_BETA:g}", AGAIN)
    value = network.real(operator.inputs[0])
    if beta != 1.0:
        value = network.add("Mul", value, network.bound(beta))[0]
    kind = "Softmax" if operator.builtin == "SOFTMAX" else "LogSoftmax"
    network.set_value(operator.outputs[0], network.add(kind, value, axis=to_axis(-1, rank))[0])


def reduction(kind: str) -> Reader:
    """Return the reader of a sum, mean or extreme along constant axes."""

    def read(network: Network, operator: Operator) -> None:
        x, result = (network.tensor(n) for n in (operator.inputs[0], operator.outputs[0]))
        axes = [
            to_axis(axis, len(x.shape)) for axis in network.integers(operator.inputs[1], operator)
        ]
        value = network.move(operator.inputs[0], kind, network.numbers(axes), keepdims=1)
        if operator.option("KeepDims", False):
            network.set_value(operator.outputs[0], value)
            return
        value = network.round_to_grid(value, result)
        if len(x.shape) == 4:
            value = network.permute(value, result, (0, 2, 3, 1))
        value = network.add("Reshape", value, network.numbers(result.shape))[0]
        network.set_as_in_file(operator.outputs[0], value)

    return read


def extreme_index(kind: str) -> Reader:
    """Return the reader of the place of an extreme along a constant axis."""

    def read(network: Network, operator: Operator) -> None:
        axis = network.integers(operator.inputs[1], operator)[0]
        value = network.add(kind, network.as_in_file(operator.inputs[0]), axis=axis, keepdims=0)[0]
        dtype = network.tensor(operator.outputs[0]).dtype
        network.set_as_in_file(operator.outputs[0], cast(network, value, dtype))

    return read


def cast(network: Network, value: str, dtype: str) -> str:
    """Return values in another type."""
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return network.add("Cast", value, to=kind)[0]


def read_cast(network: Network, operator: Operator) -> None:
    """CAST of plain values."""
    dtype = network.tensor(operator.outputs[0]).dtype
    network.set_value(operator.outputs[0], cast(network, network.real(operator.inputs[0]), dtype))


def requantize(network: Network, operator: Operator) -> None:
    """QUANTIZE and DEQUANTIZE: the same real values on the grid of the output, or as floats."""
    if len(network.tensor(operator.inputs[0]).shape) == 0:
        refuse(f"operator {operator.builtin}", "a scalar", "a tensor", "convert the network again")
    network.set_value(operator.outputs[0], network.real(operator.inputs[0]))


def batch_matmul(network: Network, operator: Operator) -> None:
    """BATCH_MATMUL, with either operand transposed."""
    operands = []
    for number, flag in zip(operator.inputs, ("AdjX", "AdjY"), strict=True):
        value, rank = network.as_in_file(number), len(network.tensor(number).shape)
        if operator.option(flag, False):
            perm = [*range(rank - 2), rank - 1, rank - 2]
            value = network.permute(value, network.tensor(number), perm)
        operands.append(value)
    network.set_as_in_file(operator.outputs[0], network.add("MatMul", *operands)[0])


UNARY = {
    builtin: elementwise(name)
    for name, builtin in BUILTINS.items()
    if not name.startswith("Reduce") and name not in ("Mean", "Sum")
}
