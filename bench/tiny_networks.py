"""Small ONNX files, for tests of what reads, quantizes and exports networks."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HOP = 8, 16
FRONTEND = "stft:32:16:sqrt_hann:mag"
BINS = 17


def _weights(name: str, *shape: int) -> onnx.TensorProto:
    random = np.random.default_rng(len(name) + sum(shape))
    array = random.standard_normal(shape) / np.sqrt(shape[0])
    return numpy_helper.from_array(array.astype(np.float32), name)


def _tensor(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _save(path: Path, graph: onnx.GraphProto) -> Path:
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


def recurrent(path: Path, width: int = WIDTH, batch: int | str = 1) -> Path:
    """Y = sigmoid(W x + U h), next h = tanh of the same sum; state `h` -> `h_next`."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="input"),
        helper.make_node("MatMul", ["h", "u"], ["b"], name="memory"),
        helper.make_node("Add", ["a", "b"], ["s"], name="sum"),
        helper.make_node("Tanh", ["s"], ["h_next"], name="next"),
        helper.make_node("Sigmoid", ["s"], ["y"], name="gain"),
    ]
    shape: list[int | str] = [batch, width]
    inputs, outputs = (
        [_tensor(first, shape), _tensor(second, shape)]
        for first, second in (("x", "h"), ("y", "h_next"))
    )
    weights = [_weights("w", width, width), _weights("u", width, width)]
    return _save(path, helper.make_graph(nodes, "tiny", inputs, outputs, weights))


def offline(path: Path) -> Path:
    """Two causal convolutions over an open time axis."""
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["h"], name="first", pads=[2, 0]),
        helper.make_node("Conv", ["h", "b"], ["y"], name="second", pads=[2, 0]),
    ]
    weights = [_weights("a", 3, 2, 3), _weights("b", 4, 3, 3)]
    graph = helper.make_graph(
        nodes, "offline", [_tensor("x", [1, 2, "T"])], [_tensor("y", [1, 4, "T"])], weights
    )
    return _save(path, graph)


def picture(path: Path) -> Path:
    """Return a depthwise and a pointwise convolution of a picture, as an FPGA engine takes them."""
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["h"], name="planes", group=4, pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("Conv", ["r", "b"], ["y"], name="points"),
    ]
    weights = [_weights("a", 4, 1, 3, 3), _weights("b", 8, 4, 1, 1)]
    graph = helper.make_graph(
        nodes, "picture", [_tensor("x", [1, 4, 8, 8])], [_tensor("y", [1, 8, 8, 8])], weights
    )
    return _save(path, graph)


def denoiser(path: Path) -> Path:
    """Eps = W x + t / 1000, for `SAMPLER_TOML`."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="map"),
        helper.make_node("Mul", ["t", "scale"], ["b"], name="time"),
        helper.make_node("Add", ["a", "b"], ["eps"], name="sum"),
    ]
    scale = numpy_helper.from_array(np.array([1e-3], np.float32), "scale")
    inputs = [_tensor("x", [1, WIDTH]), _tensor("t", [1])]
    weights = [_weights("w", WIDTH, WIDTH), scale]
    return _save(
        path, helper.make_graph(nodes, "denoiser", inputs, [_tensor("eps", [1, WIDTH])], weights)
    )


SAMPLER_TOML = """
prediction = "eps"
kind = "ddim"
steps = 2
eta = 1.0
start = "given"
noise = "given"
[schedule]
kind = "cosine"
"""


def unsupported(path: Path) -> Path:
    """Two operators that no C target has."""
    nodes = [
        helper.make_node("MaxRoiPool", ["x", "r"], ["l"], name="enc/roi", pooled_shape=[3, 3]),
        helper.make_node("Det", ["l"], ["y"], name="dec/det"),
    ]
    inputs, outputs = [_tensor("x", [1, 1, 3, 3])], [_tensor("y", [1, 1])]
    return _save(path, helper.make_graph(nodes, "odd", inputs, outputs, [_weights("r", 1, 5)]))


def mismatched(path: Path) -> Path:
    """An input and an output of different shapes, for a state pair that cannot be."""
    nodes = [helper.make_node("Concat", ["x", "s"], ["t"], name="join", axis=1)]
    inputs = [_tensor("x", [1, 4]), _tensor("s", [1, 4])]
    return _save(path, helper.make_graph(nodes, "odd", inputs, [_tensor("t", [1, 8])]))


def spectral_gain(path: Path) -> Path:
    """A gain per bin from magnitudes and a state: sits behind `FRONTEND`."""
    return recurrent(path, BINS)


def spectral_map(path: Path) -> Path:
    """A product of the magnitudes, which is the output: sits behind `FRONTEND`, and has no bias."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="map")]
    inputs, outputs = [_tensor("x", [1, BINS])], [_tensor("y", [1, BINS])]
    weights = [_weights("w", BINS, BINS)]
    return _save(path, helper.make_graph(nodes, "map", inputs, outputs, weights))


def spectral_pass(path: Path) -> Path:
    """A gain per bin of about 1: sits behind `FRONTEND` and leaves sound as it is."""
    nodes = [
        helper.make_node("Mul", ["x", "little"], ["s"], name="less"),
        helper.make_node("Add", ["s", "much"], ["t"], name="up"),
        helper.make_node("Sigmoid", ["t"], ["y"], name="gain"),
    ]
    inputs, outputs = [_tensor("x", [1, BINS])], [_tensor("y", [1, BINS])]
    constants = {"little": 1e-3, "much": 4.0}
    weights = [numpy_helper.from_array(np.float32([v]), n) for n, v in constants.items()]
    return _save(path, helper.make_graph(nodes, "pass", inputs, outputs, weights))
