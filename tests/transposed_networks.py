"""Networks of transposed convolutions side by side: hops and clips, large strides, groups, cut edges, taps apart."""

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe_file import find_recipe

# x (channels, [height,] width), outputs, kernel, strides, and other attributes
LAYERS: dict[str, tuple[tuple[int, ...], int, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "hop": ((24, 2), 2, (40,), (20,), {"pads": [20, 20]}),
    "long_hop": ((9, 3), 1, (60,), (20,), {"pads": [40, 40]}),
    "cut_hop": ((12, 2), 3, (16,), (8,), {"pads": [11, 7]}),
    "clip": ((10, 7), 3, (12,), (5,), {"pads": [3, 2]}),
    "first_and_last": ((12, 3), 2, (9,), (4,), {"pads": [1, 6]}),
    "more_behind": ((10, 4), 2, (5,), (3,), {"output_padding": [2]}),
    "groups": ((12, 9), 4, (10,), (5,), {"group": 2, "pads": [2, 3]}),
    "each": ((4, 9), 4, (32,), (16,), {"group": 4, "pads": [8, 8]}),
    "each_small": ((4, 9), 4, (4,), (4,), {"group": 4}),
    "runs": ((1, 5), 2, (35,), (16,), {"pads": [3, 1]}),
    "runs_of_two": ((1, 3, 4), 1, (3, 35), (2, 16), {"pads": [1, 2, 0, 4]}),
    "gaps": ((9, 5), 2, (2,), (7,), {}),
    "stride_one": ((17, 20), 1, (3,), (1,), {"pads": [1, 1]}),
    "picture": ((9, 4, 6), 3, (4, 4), (2, 2), {"pads": [1, 1, 1, 1]}),
    "tall": ((9, 6, 1), 2, (6, 1), (3, 1), {"pads": [1, 0, 2, 0]}),
    "two_rows": ((10, 1, 2), 1, (6, 30), (3, 30), {}),
    "apart": ((11, 5), 2, (3,), (2,), {"dilations": [3], "pads": [2, 1]}),
    "many": ((32, 16), 20, (4,), (2,), {"pads": [1, 1]}),
}


def float_network() -> Model:
    """All layers, each from an input to an output of its own."""
    random, nodes, inputs, outputs, constants = np.random.default_rng(0), [], [], [], []
    for name, (x, out, kernel, strides, more) in LAYERS.items():
        shape = (x[0], out // more.get("group", 1), *kernel)
        arrays = random.standard_normal(shape), random.standard_normal(out)
        constants += [
            numpy_helper.from_array(array.astype(np.float32), f"{name}_{what}")
            for what, array in zip("wb", arrays, strict=True)
        ]
        ends = [f"x_{name}", f"{name}_w", f"{name}_b"], [f"y_{name}"]
        nodes.append(helper.make_node("ConvTranspose", *ends, name=name, strides=strides, **more))
        kind = onnx.TensorProto.FLOAT
        inputs.append(helper.make_tensor_value_info(ends[0][0], kind, (1, *x)))
        outputs.append(helper.make_tensor_value_info(ends[1][0], kind, None))
    graph = helper.make_graph(nodes, "transposed", inputs, outputs, constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return from_onnx(
        onnx.shape_inference.infer_shapes(proto).SerializeToString(), name="transposed"
    )


def integer_network(recipe: str) -> Model:
    """The same in integers, from noise."""
    model, random = float_network(), np.random.default_rng(1)
    calls = {
        f"x_{name}": random.standard_normal((4, 1, *layer[0])).astype(np.float32)
        for name, layer in LAYERS.items()
    }
    return quantize(model, Calibration((calls,), "noise"), find_recipe(recipe))
