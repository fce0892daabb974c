"""An offline network that is told a speaker and a level once per session."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from stream_networks import Net

WIDTH, EMBEDDING, HIDDEN = 4, 6, 32


def network(path: Path) -> Path:
    """(1, 4, T) between two convolutions, scaled and shifted per channel by what an embedding says."""
    net = Net(3)
    inner = net.add("Gemm", "speaker", net.weight(HIDDEN, EMBEDDING), net.weight(HIDDEN), transB=1)
    both = net.add(
        "Gemm",
        net.add("Relu", inner),
        net.weight(2 * WIDTH, HIDDEN),
        net.weight(2 * WIDTH),
        transB=1,
    )
    both = net.add("Reshape", both, net.const([1, 2 * WIDTH, 1], np.int64))
    scale, shift = (net.cut(both, n * WIDTH, (n + 1) * WIDTH, axis=1) for n in (0, 1))
    y = net.add("Tanh", net.conv("x", WIDTH, WIDTH, 3, left=2))
    y = net.add("Add", net.add("Mul", y, scale), shift)
    y = net.add("Mul", net.conv(y, WIDTH, WIDTH, 3, left=1, right=1), "level")
    graph = helper.make_graph(
        net.nodes,
        "net",
        [
            helper.make_tensor_value_info("level", TensorProto.FLOAT, [1, 1, 1]),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, WIDTH, "time"]),
            helper.make_tensor_value_info("speaker", TensorProto.FLOAT, [1, EMBEDDING]),
        ],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [None] * 3)],
        net.tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


def drawn(seed: int) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(seed)
    level, speaker = random.uniform(0.5, 1, (1, 1, 1)), random.uniform(-2, 2, (1, EMBEDDING))
    return {"level": level.astype(np.float32), "speaker": speaker.astype(np.float32)}
