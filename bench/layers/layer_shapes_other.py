"""Layers of `layers.py` other than convolutions and poolings, and odd ones of every family, drawn from seeds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from layers.layer_shapes import Layer, conv, depthwise, linear, pool

GATES = {"GRU": 3, "LSTM": 4}


def recurrent(source: str, op: str, steps: int, batch: int, inputs: int, hidden: int) -> Layer:
    """A GRU or LSTM over some steps of some sequences."""
    gates = GATES[op] * hidden
    attributes: dict[str, Any] = {"hidden_size": hidden}
    if op == "GRU":
        attributes["linear_before_reset"] = 1
    return Layer(
        "recurrent",
        f"{source}: {op} {steps} steps of {batch}, {inputs}->{hidden}",
        op,
        (steps, batch, inputs),
        ((1, gates, inputs), (1, gates, hidden), (1, 2 * gates)),
        attributes,
        steps * batch * gates * (inputs + hidden),
    )


def elementwise(
    family: str,
    source: str,
    op: str,
    x: tuple[int, ...],
    weights: tuple[tuple[int, ...], ...] = (),
    attributes: dict[str, Any] | None = None,
    then: tuple[str, ...] = (),
    scales: tuple[float, ...] = (),
) -> Layer:
    """An operator counted by the elements that it writes, and others of one operand behind it."""
    name = f"{source}: {' '.join((op, *then))} {'x'.join(map(str, x))}"
    elements = int(np.prod(x) * np.prod(scales or (1.0,)))
    return Layer(family, name, op, x, weights, attributes or {}, elements, scales, then)


OTHERS = (
    recurrent("TF-GridNet", "LSTM", 97, 1, 64, 64),
    recurrent("TF-GridNet, over time", "LSTM", 1, 97, 64, 64),
    recurrent("Silero", "LSTM", 1, 1, 128, 128),
    recurrent("a long one", "GRU", 128, 1, 64, 64),
    recurrent("a batch", "GRU", 16, 32, 64, 64),
    recurrent("a batch", "LSTM", 4, 128, 32, 32),
    linear("a classifier", "Gemm", 1, 1024, 1000),
    linear("4 rows", "Gemm", 4, 256, 256),
    linear("16 rows", "MatMul", 16, 512, 512),
    linear("ViT", "MatMul", 197, 192, 768),
    linear("512 rows", "MatMul", 512, 128, 256),
    elementwise("norm", "ViT", "LayerNormalization", (1, 197, 192), ((192,), (192,))),
    elementwise("norm", "Conformer", "LayerNormalization", (1, 100, 256), ((256,), (256,))),
    elementwise("norm", "one frame", "LayerNormalization", (1, 1, 512), ((512,), (512,))),
    elementwise("norm", "style", "InstanceNormalization", (1, 32, 56, 56), ((32,), (32,))),
    elementwise("softmax", "attention", "Softmax", (1, 4, 100, 100), (), {"axis": -1}),
    elementwise("softmax", "a classifier", "Softmax", (1, 1000), (), {"axis": -1}),
    elementwise(
        "transpose", "channels last", "Transpose", (1, 64, 48, 48), (), {"perm": [0, 2, 3, 1]}
    ),
    elementwise(
        "transpose", "channels first", "Transpose", (1, 48, 48, 64), (), {"perm": [0, 3, 1, 2]}
    ),
    elementwise("transpose", "heads", "Transpose", (1, 100, 4, 64), (), {"perm": [0, 2, 1, 3]}),
    elementwise(
        "resize", "U-Net", "Resize", (1, 64, 24, 24), (), {"mode": "nearest"}, (), (1, 1, 2, 2)
    ),
    elementwise(
        "resize", "DeepLab", "Resize", (1, 32, 33, 33), (), {"mode": "linear"}, (), (1, 1, 2, 2)
    ),
    elementwise(
        "pointwise chain", "a gate", "Mul", (1, 64, 48, 48), ((1, 64, 1, 1),), None, ("Sigmoid",)
    ),
    elementwise(
        "pointwise chain", "a mask", "Add", (1, 257, 100), ((1, 257, 1),), None, ("Relu", "Tanh")
    ),
    elementwise("pointwise chain", "MobileNetV3", "HardSwish", (1, 96, 28, 28)),
    elementwise(
        "pointwise chain",
        "gelu",
        "Mul",
        (1, 197, 768),
        ((1, 1, 768),),
        None,
        ("Erf", "Abs", "Sqrt"),
    ),
)


def odd_others(seed: int) -> Iterator[Layer]:
    """Yield layers of sizes that no network has, from a seed."""
    random = np.random.default_rng([seed, 1])
    source = f"seed {seed}"

    def one(low: int, high: int) -> int:
        return int(random.integers(low, high, endpoint=True))

    for _ in range(2):
        narrow, few = (one(5, 120), one(2, 8)), (one(1, 7), one(1, 7))
        k = 2 * one(1, 4) + 1
        yield conv("odd", source, (one(8, 100), *narrow), one(8, 100), (3, one(1, 3)))
        yield conv("odd", source, (one(30, 300), *few), one(16, 300), (1, 1))
        yield conv("odd", source, (one(30, 200), *few), one(16, 200), (3, 3))
        yield depthwise(
            source, (one(8, 120), one(6, 60), one(6, 80)), (k, one(1, 4) * 2 + 1), one(1, 2)
        )
        side = one(12, 60)
        kernel = one(2, 3)
        yield pool(source, "MaxPool", (one(4, 70), side, side + 5), kernel, one(1, 2))
        yield pool(source, "AveragePool", (one(4, 70), side, side + 5), kernel, one(1, 2))
        yield linear(source, "Gemm", one(1, 512), one(20, 300), one(20, 300))
        yield recurrent(
            source, ("GRU", "LSTM")[one(0, 1)], one(1, 60), one(1, 12), one(8, 90), one(8, 90)
        )
        yield elementwise(
            "softmax", source, "Softmax", (1, one(2, 60), one(10, 300)), (), {"axis": -1}
        )
