"""Writes digits.onnx from the committed weights, which stay in half precision there, too.

    python -m edgekit.demos.export_digits [WEIGHTS.npz OUT.onnx]

digits_few.onnx, for 4 steps, is made of others: `edgekit.demos.train_digits` describes their training.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from edgekit.demos.digits import WEIGHTS, build
from edgekit.demos.onnx_files import export_onnx
from edgekit.demos.weights import load

ONNX_FILE = Path(__file__).with_name("digits.onnx")
KEPT_SIZE = 256  # smaller tensors stay float32


def one_call(weights: Path = WEIGHTS) -> onnx.ModelProto:
    """Return the network for one image, with a Cast after every large weight."""
    network, example = build()
    load(network, weights)
    model = export_onnx(network, tuple(example.values()), list(example), ["v"])
    halve(model.graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def halve(graph: onnx.GraphProto) -> None:
    """Store large weights as float16, if that loses nothing."""
    for stored in list(graph.initializer):
        array = numpy_helper.to_array(stored)
        half = array.astype(np.float16)
        if array.size <= KEPT_SIZE or array.dtype != np.float32 or np.any(half != array):
            continue
        name = f"{stored.name}.half"
        graph.initializer.remove(stored)
        graph.initializer.append(numpy_helper.from_array(half, name))
        cast = onnx.helper.make_node("Cast", [name], [stored.name], to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, cast)


if __name__ == "__main__":
    weights, file = map(Path, sys.argv[1:]) if len(sys.argv) == 3 else (WEIGHTS, ONNX_FILE)
    onnx.save(one_call(weights), file)
    print(f"{file.name}: {file.stat().st_size} bytes")
