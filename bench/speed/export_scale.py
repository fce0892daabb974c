"""Networks of many sizes for `export_time.py --scale`: what a stage costs against nodes and parameters."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
SIZES = (  # blocks, channels: nodes grow with the first, parameters with blocks times the square of the second
    (8, 64),
    (8, 256),
    (8, 512),
    (8, 1024),
    (64, 64),
    (64, 128),
    (256, 32),
    (512, 32),
)
SIDE = 14


class Network:
    """An ONNX graph that grows node by node, with seeded weights."""

    def __init__(self, seed: int) -> None:
        """An empty one."""
        self._random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def weights(self, *shape: int) -> str:
        """Add weights whose product with unit noise is unit noise; returns their name."""
        scale = 1 / np.sqrt(np.prod(shape[1:]))
        array: NDArray[np.float32] = self._random.standard_normal(shape, np.float32)
        self.tensors.append(
            numpy_helper.from_array(array * np.float32(scale), f"w{len(self.tensors)}")
        )
        return str(self.tensors[-1].name)

    def node(self, operator: str, *inputs: str, **attributes: object) -> str:
        """Add a node; returns the name of its output."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name


def inverted_residuals(blocks: int, channels: int) -> onnx.ModelProto:
    """Blocks of a pointwise convolution to twice the channels, a depthwise one, and one back, with a shortcut.

    As in MobileNetV2: 6 nodes a block, 4 channels^2 + 18 channels parameters.
    """
    net, value = Network(blocks + channels), "x"
    for _ in range(blocks):
        wide = 2 * channels
        inner = net.node("Conv", value, net.weights(wide, channels, 1, 1))
        inner = net.node("Relu", inner)
        deep = net.weights(wide, 1, 3, 3)
        inner = net.node("Conv", inner, deep, group=wide, pads=[1, 1, 1, 1])
        inner = net.node("Relu", inner)
        inner = net.node("Conv", inner, net.weights(channels, wide, 1, 1))
        value = net.node("Add", value, inner)
    shape = [1, channels, SIDE, SIDE]
    given, made = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", value)
    )
    graph = helper.make_graph(net.nodes, "net", [given], [made], net.tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
