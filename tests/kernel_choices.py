"""A network whose layers several kernels compute, in float and in integers."""

from functools import cache
from pathlib import Path

import numpy as np
from builds import Inputs, noise
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.stream import Stream
from edgekit.targets.build import Build
from edgekit.targets.build_files import write_build
from edgekit.targets.c.lower import lower_c

SIZES = {"body": (16, 8, 3, 3), "point": (16, 16, 1, 1), "whole": (32, 16, 4, 4), "fc": (24, 32)}
SPARSE = ("point", "fc")  # one of four weights


@cache
def network() -> Model:
    """A 3x3 convolution, a 1x1 one, one that covers its input, a fully connected layer."""
    draw = np.random.default_rng(0)
    weights = {name: draw.standard_normal(size) / 9 for name, size in SIZES.items()}
    for name in SPARSE:
        flat = weights[name].reshape(-1, 4)
        flat[:, 1:] = 0
    nodes = [
        helper.make_node("Conv", ["x", "body.w"], ["a"], "body", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "point.w"], ["c"], "point"),
        helper.make_node("MaxPool", ["c"], ["d"], kernel_shape=[3, 3], strides=[3, 3]),
        helper.make_node("Conv", ["d", "whole.w"], ["e"], "whole"),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "fc.w"], ["y"], "fc", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "choices",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 8, 12, 12))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 24))],
        [numpy_helper.from_array(w.astype(np.float32), f"{n}.w") for n, w in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return from_onnx(made.SerializeToString(), name="choices")


@cache
def integers() -> Model:
    """The same at w8a8."""
    return quantize(network(), Calibration((noise(network(), 8),), "noise"), "w8a8")


def ran(build: Build, folder: Path, inputs: Inputs) -> Inputs:
    """The outputs of a build for this machine."""
    folder.mkdir()
    write_build(build, folder)
    return Stream.open(folder).run(inputs)


def schedules(model: Model, target: str) -> list[dict[str, str]]:
    """A schedule for each kernel that computes a layer, and is not the one of the cost model."""
    choices = lower_c(model, target).choices
    return [{choice.node: other} for choice in choices for other in choice.others]
