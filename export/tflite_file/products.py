"""Convolutions, dense layers and pools of a .tflite."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Array
from edgekit.export.tflite_file.file import AGAIN, Grid, Operator, Table, Tensor, refuse
from edgekit.export.tflite_file.network import Network

SAME, VALID = 0, 1  # of the schema's Padding
SCALE_TOLERANCE = 1e-4  # of a bias: converters multiply in float32 or float64


@dataclass(frozen=True)
class DilatedOptions:
    """The options of a convolution, with another dilation and the padding of each side."""

    stated: Table
    dilation: tuple[int, int]  # of rows and columns
    pads: tuple[int, int, int, int]  # before rows and columns, and after them

    def DilationHFactor(self) -> int:  # noqa: N802 - the schema's name
        """Rows from one weight to the next."""
        return self.dilation[0]

    def DilationWFactor(self) -> int:  # noqa: N802 - the schema's name
        """Columns from one weight to the next."""
        return self.dilation[1]

    def __getattr__(self, name: str) -> Table:
        """Any other option, as the file has it."""
        return getattr(self.stated, name)


def conv(network: Network, operator: Operator) -> None:
    """CONV_2D: weights are (out, height, width, in); fewer input channels than the tensor has are groups."""
    x, weights = network.tensor(operator.inputs[0]), network.tensor(operator.inputs[1])
    groups, left = divmod(x.shape[3], weights.shape[3])
    if left or not groups:
        found = f"weights of {weights.shape[3]} channels on {x.shape[3]}"
        refuse("operator CONV_2D", found, "a divisor of the channels", "convert the network again")
    array = _content(weights, operator).transpose(0, 3, 1, 2)
    _convolve(network, operator, array, groups, 0)


def depthwise(network: Network, operator: Operator) -> None:
    """DEPTHWISE_CONV_2D: weights are (1, height, width, channels * multiplier)."""
    weights = network.tensor(operator.inputs[1])
    array = _content(weights, operator).transpose(3, 0, 1, 2)
    _convolve(network, operator, array, network.tensor(operator.inputs[0]).shape[3], 0)


def _convolve(network: Network, operator: Operator, array: Array, groups: int, axis: int) -> None:
    x, weights = network.tensor(operator.inputs[0]), network.tensor(operator.inputs[1])
    strides = operator.option("StrideH", 1), operator.option("StrideW", 1)
    dilations = operator.option("DilationHFactor", 1), operator.option("DilationWFactor", 1)
    pads = _pads(operator, x.shape[1:3], array.shape[2:], strides, dilations)
    inputs = [network.real(operator.inputs[0]), network.store(weights, array, axis)]
    inputs += bias(network, operator, 2, (x, weights))
    value = network.add(
        "Conv",
        *inputs,
        kernel_shape=list(array.shape[2:]),
        strides=list(strides),
        dilations=list(dilations),
        pads=pads,
        group=groups,
    )[0]
    network.set_value(operator.outputs[0], value, operator.option("FusedActivationFunction"))


def transpose_conv(network: Network, operator: Operator) -> None:
    """TRANSPOSE_CONV: inputs are the output's shape, weights (out, height, width, in), x, and a bias."""
    weights, x = network.tensor(operator.inputs[1]), network.tensor(operator.inputs[2])
    result = network.tensor(operator.outputs[0])
    sizes = network.tensor(operator.inputs[0]).data
    if sizes is not None and sizes.tolist() != list(result.shape):
        found = f"an output of {list(result.shape)}, where {sizes.tolist()} is stated"
        refuse("operator TRANSPOSE_CONV", found, "one shape", AGAIN)
    array = _content(weights, operator).transpose(3, 0, 1, 2)
    strides = operator.option("StrideH", 1), operator.option("StrideW", 1)
    full = [(n - 1) * s + k for n, s, k in zip(x.shape[1:3], strides, array.shape[2:], strict=True)]
    surplus = [a - b for a, b in zip(full, result.shape[1:3], strict=True)]
    if operator.option("Padding") != SAME and max(surplus) > 0:
        found = f"an output of {list(result.shape)}, of which {full} is computed without padding"
        refuse("operator TRANSPOSE_CONV", found, "the computed shape", AGAIN)
    before = [max(n, 0) // 2 for n in surplus]
    after = [max(n, 0) - b for n, b in zip(surplus, before, strict=True)]
    extra = [max(-n, 0) for n in surplus]
    inputs = [network.real(operator.inputs[2]), network.store(weights, array, 1)]
    inputs += bias(network, operator, 3, (x, weights))
    value = network.add(
        "ConvTranspose",
        *inputs,
        kernel_shape=list(array.shape[2:]),
        strides=list(strides),
        pads=[*before, *after],
        output_padding=extra,
    )[0]
    network.set_value(operator.outputs[0], value, operator.option("FusedActivationFunction"))


def dense(network: Network, operator: Operator) -> None:
    """FULLY_CONNECTED: weights are (out, in); the input is flattened unless its axes are kept."""
    x, weights = network.tensor(operator.inputs[0]), network.tensor(operator.inputs[1])
    result = network.tensor(operator.outputs[0])
    array = _content(weights, operator)
    flat = network.as_in_file(operator.inputs[0])
    rows = int(np.prod(x.shape)) // array.shape[1]
    if x.shape != (rows, array.shape[1]):
        flat = network.add("Reshape", flat, network.numbers((rows, array.shape[1])))[0]
        flat = network.round_to_grid(flat, x)
    inputs = [flat, network.store(weights, array, 0), *bias(network, operator, 2, (x, weights))]
    activation = operator.option("FusedActivationFunction")
    value = network.add("Gemm", *inputs, transB=1)[0]
    if result.shape[-1:] != array.shape[:1] or (result.shape[:-1] not in (x.shape[:-1], (rows,))):
        found = f"an output of {list(result.shape)} of {list(x.shape)}"
        refuse("operator FULLY_CONNECTED", found, "rows of the input", AGAIN)
    if result.shape == (rows, array.shape[0]):
        network.set_value(operator.outputs[0], value, activation)
        return
    # the activation belongs to the product, before its shape changes
    network.set_value(operator.outputs[0], value, activation)
    shaped = network.values[operator.outputs[0]]
    value = network.add("Reshape", shaped, network.numbers(result.shape))[0]
    network.set_as_in_file(operator.outputs[0], value)


def bias(
    network: Network, operator: Operator, place: int, factors: Sequence[Tensor] = ()
) -> list[str]:
    """Return the bias of an operator, if it has one; its scale is the product of those of the `factors`."""
    if len(operator.inputs) <= place or operator.inputs[place] < 0:
        return []
    held = network.tensor(operator.inputs[place])
    _check_scale(held, [factor.grid for factor in factors], operator)
    array = _content(held, operator)
    if held.dtype == "int64" and held.grid is not None:  # of int16 activations
        narrow = array.astype(np.int32)
        if np.array_equal(narrow, array):
            name = network.constant(narrow, held.name)
            return [network.dequantize(name, held.grid, "int32")]
        scale = held.grid.scale.astype(np.float64)
        return [network.constant((array * scale).astype(np.float32), held.name)]
    return [network.store(held, array, 0)]


def _check_scale(held: Tensor, grids: Sequence[Grid | None], operator: Operator) -> None:
    """Refuse an integer bias on another scale than its products: runtimes add it as it is."""
    if held.grid is None or len(grids) != 2 or grids[0] is None or grids[1] is None:
        return
    stated, products = held.grid.scale, grids[0].scale * grids[1].scale
    stated, products = np.broadcast_arrays(stated, products)
    off = np.abs(stated / products - 1) > SCALE_TOLERANCE
    if np.any(off) or np.any(held.grid.zero):
        place = int(off.argmax())
        found = f"a bias on scale {stated[place]:g}, on products of scale {products[place]:g}"
        refuse(f"operator {operator.builtin}", found, "the scale of the products", AGAIN)


def pool(network: Network, operator: Operator) -> None:
    """AVERAGE_POOL_2D and MAX_POOL_2D: an average counts what is no padding."""
    x = network.tensor(operator.inputs[0])
    kernel = operator.option("FilterHeight"), operator.option("FilterWidth")
    strides = operator.option("StrideH", 1), operator.option("StrideW", 1)
    pads = _pads(operator, x.shape[1:3], kernel, strides, (1, 1))
    kind = "AveragePool" if operator.builtin == "AVERAGE_POOL_2D" else "MaxPool"
    value = network.move(
        operator.inputs[0], kind, kernel_shape=list(kernel), strides=list(strides), pads=pads
    )
    if kind == "AveragePool" and x.dtype == "int8":
        network.mark_rounding()
    network.set_value(operator.outputs[0], value, operator.option("FusedActivationFunction"))


def _content(held: Tensor, operator: Operator) -> Array:
    if held.data is None:
        found, step = f"'{held.name}' is computed", "convert the network with constant weights"
        refuse(f"operator {operator.builtin}", found, "constant weights", step)
    if held.dtype == "int8" and held.grid is not None and np.any(held.grid.zero):
        found = f"weights around {held.grid.zero[held.grid.zero != 0][0]}"
        refuse(f"operator {operator.builtin}", found, "int8 weights around 0", AGAIN)
    return held.data


def _pads(
    operator: Operator,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> list[int]:
    """Return the padding before and after each axis; an odd one has more after."""
    if isinstance(operator.options, DilatedOptions):
        return list(operator.options.pads)
    if operator.option("Padding") == VALID:
        return [0, 0, 0, 0]
    if operator.option("Padding") != SAME:
        found = f"padding {operator.option('Padding')}"
        refuse(f"operator {operator.builtin}", found, f"{SAME}, SAME, or {VALID}, VALID", AGAIN)
    totals = [
        max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
        for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)
    ]
    return [*(t // 2 for t in totals), *(t - t // 2 for t in totals)]
