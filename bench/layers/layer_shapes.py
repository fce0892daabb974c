"""The layers of `layers.py`: shapes that published networks have, and odd ones drawn from seeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper


@dataclass(frozen=True)
class Layer:
    """One operator between an input and an output.

    Attributes:
        family: what it is averaged with.
        name: where it is from, and its shape.
        op: the ONNX operator.
        x: the shape of its input.
        weights: the shapes of its constants, in the order of its inputs.
        attributes: of the operator.
        macs: multiply-accumulates; of a pooling, comparisons and additions; else elements written.
        scales: by how much a Resize enlarges each axis.
        then: operators of one operand behind it.
    """

    family: str
    name: str
    op: str
    x: tuple[int, ...]
    weights: tuple[tuple[int, ...], ...]
    attributes: dict[str, Any]
    macs: int
    scales: tuple[float, ...] = ()
    then: tuple[str, ...] = ()

    def onnx(self) -> bytes:
        """Return it as a network, x -> y, with seeded weights."""
        results = [*(f"v{i}" for i in range(len(self.then))), "y"]
        random = np.random.default_rng(0)
        arrays = [self._constant(random, shape) for shape in self.weights]
        names = [f"w{i}" for i in range(len(arrays))]
        constants = [numpy_helper.from_array(a, n) for a, n in zip(arrays, names, strict=True)]
        if self.scales:
            constants.append(numpy_helper.from_array(np.array(self.scales, np.float32), "scales"))
            names += ["", "scales"]
        nodes = [
            helper.make_node(self.op, ["x", *names], results[:1], name="layer", **self.attributes)
        ]
        for op, given, result in zip(self.then, results, results[1:], strict=False):
            nodes.append(helper.make_node(op, [given], [result], name=f"layer_{result}"))
        value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, self.x)
        result = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
        graph = helper.make_graph(nodes, "layer", [value], [result], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        model.ir_version = 10
        return onnx.shape_inference.infer_shapes(model).SerializeToString()

    def _constant(self, random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        taps = int(np.prod(shape[1:])) if len(shape) > 1 else 16
        if self.op in ("Gemm", "MatMul"):
            taps = shape[0]
        return (random.standard_normal(shape) / np.sqrt(taps)).astype(np.float32)


def conv(
    family: str,
    source: str,
    x: tuple[int, ...],
    out: int,
    kernel: tuple[int, ...],
    stride: tuple[int, ...] | int = 1,
    dilation: int = 1,
    groups: int = 1,
    same: bool = True,
) -> Layer:
    """A convolution of x (channels, [height,] width); with `same` padded by half of its kernel."""
    rank = len(kernel)
    strides = (stride,) * rank if isinstance(stride, int) else stride
    reach = [(k - 1) * dilation for k in kernel]
    before = [r // 2 if same else 0 for r in reach]
    behind = [r - b if same else 0 for r, b in zip(reach, before, strict=True)]
    sizes = zip(x[1:], before, behind, reach, strides, strict=True)
    made = [(n + b + e - r - 1) // s + 1 for n, b, e, r, s in sizes]
    by = "x".join(map(str, kernel))
    steps = "" if set(strides) == {1} else "/" + ",".join(map(str, strides))
    wide = "" if dilation == 1 else f" d{dilation}"
    apart = "" if groups == 1 else " dw" if groups == x[0] else f" g{groups}"
    name = f"{source}: {by}{steps}{wide}{apart} {x[0]}->{out} {'x'.join(map(str, x[1:]))}"
    attributes = {
        "kernel_shape": list(kernel),
        "strides": list(strides),
        "dilations": [dilation] * rank,
        "pads": [*before, *behind],
        "group": groups,
    }
    w = (out, x[0] // groups, *kernel)
    return Layer(
        family, name, "Conv", (1, *x), (w, (out,)), attributes, int(np.prod(made) * np.prod(w))
    )


def depthwise(
    source: str, x: tuple[int, ...], kernel: tuple[int, ...], stride: int = 1, dilation: int = 1
) -> Layer:
    """A convolution of each channel by itself."""
    return conv("depthwise", source, x, x[0], kernel, stride, dilation, x[0])


def pool(source: str, op: str, x: tuple[int, ...], kernel: int, stride: int, pad: int = 0) -> Layer:
    """A pooling of x (channels, height, width)."""
    made = [(n + 2 * pad - kernel) // stride + 1 for n in x[1:]]
    attributes = {
        "kernel_shape": [kernel] * 2,
        "strides": [stride] * 2,
        "pads": [pad] * 4,
    }
    name = f"{source}: {op} {kernel}/{stride} {x[0]} {x[1]}x{x[2]}"
    return Layer(
        "pooling", name, op, (1, *x), (), attributes, x[0] * kernel**2 * int(np.prod(made))
    )


def linear(source: str, op: str, rows: int, k: int, n: int) -> Layer:
    """A product with a constant matrix."""
    weights: tuple[tuple[int, ...], ...] = ((k, n), (n,)) if op == "Gemm" else ((k, n),)
    return Layer(
        "linear", f"{source}: {op} {rows}x{k}x{n}", op, (rows, k), weights, {}, rows * k * n
    )


def gru(source: str, steps: int, inputs: int, hidden: int) -> Layer:
    """A GRU over some steps of one sequence."""
    shapes = ((1, 3 * hidden, inputs), (1, 3 * hidden, hidden), (1, 6 * hidden))
    attributes = {"hidden_size": hidden, "linear_before_reset": 1}
    macs = steps * 3 * hidden * (inputs + hidden)
    name = f"{source}: GRU {steps} steps {inputs}->{hidden}"
    return Layer("recurrent", name, "GRU", (steps, 1, inputs), shapes, attributes, macs)


NETWORKS = (
    conv("width 1", "CREPE", (1, 1024, 1), 128, (512, 1), (4, 1)),
    conv("width 1", "CREPE", (128, 128, 1), 16, (64, 1)),
    conv("width 1", "CREPE", (16, 64, 1), 16, (64, 1)),
    conv("width 1", "magika", (256, 512, 1), 512, (5, 1), same=False),
    conv("width 1", "magika, as a row", (256, 1, 512), 512, (1, 5), same=False),
    depthwise("width 1", (64, 500, 1), (9, 1)),
    depthwise("a row", (64, 1, 500), (1, 9)),
    conv("stem", "basic-pitch", (1, 172, 264), 32, (7, 7), (1, 3)),
    conv("stem", "basic-pitch", (1, 100, 260), 32, (5, 5)),
    conv("stem", "ds_cnn", (1, 49, 10), 64, (10, 4), 2),
    conv("stem", "ResNet-18", (3, 96, 96), 64, (7, 7), 2),
    conv("stem", "MobileNetV2", (3, 96, 96), 32, (3, 3), 2),
    conv("stem", "VGG", (3, 64, 64), 64, (3, 3)),
    conv("stem", "ViT", (3, 96, 96), 192, (16, 16), 16, same=False),
    conv("stem", "Encodec", (1, 2000), 32, (7,)),
    conv("stem", "wav2vec", (1, 4000), 128, (10,), 5, same=False),
    depthwise("ConvNeXt", (32, 62, 62), (7, 7)),
    depthwise("EfficientNet", (128, 18, 18), (5, 5)),
    depthwise("EfficientNet", (96, 28, 28), (5, 5), 2),
    depthwise("MobileNetV2", (96, 48, 48), (3, 3), 2),
    depthwise("MobileNetV2", (144, 24, 24), (3, 3)),
    depthwise("MobileNetV2", (384, 6, 6), (3, 3)),
    depthwise("ds_cnn", (64, 25, 5), (3, 3)),
    depthwise("RepLKNet", (32, 32, 32), (9, 9)),
    depthwise("DeepLab", (64, 33, 33), (3, 3), 1, 2),
    depthwise("Conv-TasNet", (128, 256), (3,), 1, 4),
    depthwise("Conformer", (256, 100), (31,)),
    conv("dense", "ResNet-18", (64, 24, 24), 64, (3, 3)),
    conv("dense", "ResNet-18", (128, 12, 12), 128, (3, 3)),
    conv("dense", "ResNet-18", (128, 12, 12), 256, (3, 3), 2),
    conv("dense", "ResNet-18", (256, 6, 6), 256, (3, 3)),
    conv("dense", "ResNet-18", (256, 3, 3), 256, (3, 3)),
    conv("dense", "ResNet-8", (16, 32, 32), 16, (3, 3)),
    conv("dense", "ResNet-8", (64, 8, 8), 64, (3, 3)),
    conv("dense", "a spectrogram's end", (64, 100, 2), 64, (3, 3)),
    conv("dense", "a spectrogram's end", (64, 50, 8), 64, (3, 3)),
    conv("dense", "DeepLab", (64, 66, 66), 64, (3, 3), 1, 2, same=False),
    conv("dense", "TF-GridNet", (4, 20, 97), 64, (3, 3)),
    conv("dense", "detector", (256, 9, 9), 256, (3, 3)),
    conv("dense", "detector", (64, 34, 34), 64, (3, 3)),
    conv("dense", "ResNeXt", (128, 14, 14), 128, (3, 3), 1, 1, 32),
    conv("dense", "ShuffleNet", (120, 14, 14), 120, (3, 3), 1, 1, 3),
    conv("pointwise", "MobileNetV2", (64, 32, 32), 128, (1, 1)),
    conv("pointwise", "MobileNetV2", (24, 24, 24), 144, (1, 1)),
    conv("pointwise", "MobileNetV2", (384, 6, 6), 64, (1, 1)),
    conv("pointwise", "MobileNetV2", (160, 3, 3), 320, (1, 1)),
    conv("pointwise", "ds_cnn", (64, 25, 5), 64, (1, 1)),
    conv("pointwise", "ResNet-50", (256, 14, 14), 64, (1, 1)),
    conv("pointwise", "ResNet-18", (64, 24, 24), 128, (1, 1), 2),
    conv("pointwise", "Conv-TasNet", (128, 500), 64, (1,)),
    conv("1-D", "Silero", (64, 256), 64, (3,)),
    conv("1-D", "Encodec", (64, 300), 128, (10,), 5),
    conv("1-D", "DNSMOS", (128, 100), 128, (3,)),
    conv("1-D", "TCN", (64, 200), 64, (5,), 1, 8),
    conv("1-D", "HiFi-GAN", (64, 400), 64, (11,)),
    pool("ResNet-18", "MaxPool", (64, 48, 48), 3, 2, 1),
    pool("VGG", "MaxPool", (64, 64, 64), 2, 2),
    pool("Inception", "MaxPool", (64, 28, 28), 3, 1, 1),
    pool("LeNet", "AveragePool", (64, 28, 28), 2, 2),
    pool("Inception", "AveragePool", (64, 28, 28), 3, 1, 1),
    pool("MobileNetV2", "AveragePool", (320, 7, 7), 7, 1),
    linear("a", "Gemm", 1, 256, 768),
    linear("ViT", "Gemm", 64, 192, 576),
    linear("Conformer", "MatMul", 100, 256, 512),
    linear("TF-GridNet", "MatMul", 97, 64, 256),
    linear("a batch", "Gemm", 512, 64, 64),
    gru("a", 1, 256, 256),
    gru("DTLN", 4, 128, 128),
    gru("GTCRN", 33, 16, 16),
)


def odd(seed: int) -> Iterator[Layer]:
    """Yield layers of sizes that no network has, from a seed."""
    random = np.random.default_rng(seed)

    def one(low: int, high: int) -> int:
        return int(random.integers(low, high, endpoint=True))

    for _ in range(4):
        size = one(5, 45), one(1, 45)
        kernel = one(1, 5), one(1, 5)
        strides = one(1, 3), one(1, 3)
        yield conv("odd", f"seed {seed}", (one(1, 70), *size), one(5, 90), kernel, strides)
        channels = one(9, 70)
        side = one(9, 40)
        k = 2 * one(1, 4) + 1
        yield conv(
            "odd",
            f"seed {seed}",
            (channels, side, side + 3),
            channels,
            (k, k),
            one(1, 2),
            1,
            channels,
        )
        yield conv(
            "odd",
            f"seed {seed}",
            (one(5, 90), one(20, 300)),
            one(5, 90),
            (one(1, 9),),
            one(1, 3),
            one(1, 3),
        )
