"""Layers whose inputs a file rounds to 8 bits by the range of each call, as float layers with the stored weights.

onnxruntime's dynamic quantization writes them. A stream does not know the range of a whole recording, and no target
rounds so. The weights keep the values that their integers stand for.
"""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit.base.arrays import Array

LSTM = "DynamicQuantizeLSTM"
CELL_INPUTS = 12  # with scales and zero points of both weights
PRODUCTS = ("MatMulInteger", "ConvInteger")
OF_INTEGERS = "Integer"  # after the name of the float operator
NOTE = "the file rounds inputs of {} to 8 bits by the range of each call; here they are computed in float"


def in_float(data: bytes, *, products: bool) -> tuple[bytes, list[str]]:
    """Return a file whose dynamically quantized layers are float layers, and a note on each kind of them.

    Args:
        data: content of an .onnx; one that cannot be read is returned as it is.
        products: products and convolutions as well; without it recurrent layers alone.
    """
    if LSTM.encode() not in data and not (products and b"DynamicQuantizeLinear" in data):
        return data, []
    try:
        proto = onnx.load_model_from_string(data)
        weights = {tensor.name: tensor for tensor in proto.graph.initializer}
        changed = _float_cells(proto.graph, weights)
        if products:
            changed |= _float_products(proto.graph, weights)
    except Exception:  # a file of unknown origin, refused with a reason where it is read
        return data, []
    if not changed:
        return data, []
    return proto.SerializeToString(), [NOTE.format(kind) for kind in sorted(changed)]


def _float_cells(graph: onnx.GraphProto, weights: dict[str, onnx.TensorProto]) -> set[str]:
    changed = set()
    for node in graph.node:
        if node.op_type != LSTM or len(node.input) < CELL_INPUTS:
            continue
        if not set(node.input[1:3]) | set(node.input[8:12]) <= set(weights):
            continue
        for place, first in ((1, 8), (2, 10)):
            whole = _real(weights, node.input[place], node.input[first], node.input[first + 1])
            name = f"{node.input[place]}/{node.output[0]}/float"
            turned = np.ascontiguousarray(whole.transpose(0, 2, 1))  # as LSTM stores them
            graph.initializer.append(numpy_helper.from_array(turned, name))
            node.input[place] = name
        del node.input[8:]
        node.op_type, node.domain = "LSTM", ""
        changed.add(LSTM)
    return changed


def _float_products(graph: onnx.GraphProto, weights: dict[str, onnx.TensorProto]) -> set[str]:
    """Rewrite products of integers whose only inputs are one rounded tensor and constant weights."""
    changed = set()
    for node in list(graph.node):
        if node.op_type != "DynamicQuantizeLinear":
            continue
        x, (rounded, scale, zero) = node.input[0], node.output
        readers = [one for one in graph.node if {rounded, zero} & set(one.input)]
        if not all(_is_product(one, rounded, zero, weights) for one in readers):
            continue
        for one in readers:
            changed.add(one.op_type)
            _as_float(graph, one, x, weights)
        ones = numpy_helper.from_array(np.array(1, np.float32), f"{scale}/one")
        graph.initializer.append(ones)
        node.CopyFrom(helper.make_node("Identity", [ones.name], [scale], node.name))
    return changed


def _is_product(node: onnx.NodeProto, rounded: str, zero: str, weights: Iterable[str]) -> bool:
    given = [*node.input, "", ""][:4]
    known = all(name in weights for name in (given[1], given[3]) if name)
    return node.op_type in PRODUCTS and given[0] == rounded and given[2] == zero and known


def _as_float(
    graph: onnx.GraphProto, node: onnx.NodeProto, x: str, weights: dict[str, onnx.TensorProto]
) -> None:
    given = [*node.input, "", ""][:4]
    whole = numpy_helper.to_array(weights[given[1]]).astype(np.float32)
    if given[3]:
        offset = numpy_helper.to_array(weights[given[3]]).astype(np.float32)
        around = [1] * whole.ndim
        if offset.size > 1:  # columns of a matrix, output channels of a convolution
            around[-1 if node.op_type == "MatMulInteger" else 0] = offset.size
        whole = whole - offset.reshape(around)
    name = f"{given[1]}/{node.output[0]}/float"
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(whole), name))
    node.op_type = node.op_type.removesuffix(OF_INTEGERS)
    del node.input[:]
    node.input.extend([x, name])


def _real(weights: dict[str, onnx.TensorProto], whole: str, scale: str, zero: str) -> Array:
    """Return the numbers that integers (directions, rows, gates) stand for; a scale for each direction, or gate."""
    numbers, factor, offset = (
        numpy_helper.to_array(weights[name]).astype(np.float32) for name in (whole, scale, zero)
    )
    shape = (numbers.shape[0], 1, -1)
    return np.asarray((numbers - offset.reshape(shape)) * factor.reshape(shape), np.float32)
