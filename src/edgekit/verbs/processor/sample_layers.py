"""A network of convolutions side by side, on which kernels are measured."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import FLOATS

SEED = 1
LEAST_MACS, MOST_MACS = 2e4, 2e7
KERNELS = ((1, 1), (1, 1), (3, 3), (3, 3), (5, 5), (7, 7), (1, 3), (1, 5), (3, 1))
STRIDES = ((1, 1), (1, 1), (2, 2), (1, 2))
FEW = 0.3  # of the layers have few positions


@dataclass(frozen=True)
class SampleConv:
    """A convolution of one group: its input (channels, height, width), outputs and taps; whether it keeps that size."""

    x: tuple[int, int, int]
    out_c: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilation: int
    is_padded: bool

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns from the first tap to the last."""
        down, across = self.kernel
        return (down - 1) * self.dilation, (across - 1) * self.dilation

    @property
    def is_usual(self) -> bool:
        """Whether it has outputs without padding, and as many products as layers of small networks have."""
        (in_c, high, wide), (down, across) = self.x, self.reach
        positions = high * wide / np.prod(self.strides)
        macs = in_c * self.out_c * np.prod(self.kernel) * positions
        return down < high and across < wide and bool(LEAST_MACS <= macs <= MOST_MACS)


def sample_convs(count: int) -> Iterator[SampleConv]:
    """Yield convolutions of one seed: channels to 256, planes to 80 x 80 and rows to 300, as networks have them."""
    draw = np.random.default_rng(SEED)

    def number(low: int, high: int) -> int:
        return int(np.exp(draw.uniform(np.log(low), np.log(high + 1))))

    while count:
        kernel, strides = KERNELS[draw.integers(len(KERNELS))], STRIDES[draw.integers(len(STRIDES))]
        dilation = int(draw.integers(2, 4)) if max(kernel) > 1 and draw.random() < 0.15 else 1
        most = 6 if draw.random() < FEW else 80
        is_row = kernel[0] == 1 and draw.random() < 0.5
        high = 1 if is_row else number(2, most)
        wide = number(4, 4 * most) if is_row else number(2, most)
        x = (number(1, 256), high, wide)
        found = SampleConv(x, number(8, 256), kernel, strides, dilation, draw.random() < 0.7)
        if found.is_usual:
            count -= 1
            yield found


def sample_network(count: int, recipe: str) -> Model:
    """Return `sample_convs` as a network, which a recipe of integers quantizes on noise."""
    draw, convs = np.random.default_rng(SEED), list(sample_convs(count))
    graph = helper.make_graph(
        [_node(i, conv) for i, conv in enumerate(convs)],
        "convolutions",
        [
            helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, (1, *conv.x))
            for i, conv in enumerate(convs)
        ],
        [
            helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, None)
            for i in range(len(convs))
        ],
        [
            numpy_helper.from_array(
                draw.standard_normal((conv.out_c, conv.x[0], *conv.kernel)).astype(np.float32),
                f"w{i}",
            )
            for i, conv in enumerate(convs)
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model = from_onnx(onnx.shape_inference.infer_shapes(made).SerializeToString(), name="convs")
    if recipe in FLOATS:
        return model
    hops = {f"x{i}": draw.standard_normal((2, 1, *c.x)) for i, c in enumerate(convs)}
    clip = {name: values.astype(np.float32) for name, values in hops.items()}
    return quantize(model, Calibration((clip,), "noise"), recipe)


def _node(i: int, conv: SampleConv) -> onnx.NodeProto:
    down, across = conv.reach if conv.is_padded else (0, 0)
    pads = (down // 2, across // 2, down - down // 2, across - across // 2)
    return helper.make_node(
        "Conv",
        [f"x{i}", f"w{i}"],
        [f"y{i}"],
        f"conv{i}",
        strides=conv.strides,
        dilations=(conv.dilation, conv.dilation),
        pads=pads,
    )
