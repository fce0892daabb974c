"""Networks of one fixed window, as texts, and the sizes of the states that hops of them need."""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx_texts import network

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model

SIZES = {
    "a": (6, 4, 3),
    "a2": (6, 4, 3),
    "b": (6, 6, 3),
    "d": (6, 1, 4),
    "f": (3, 6 * 8),
    "g": (3, 6),
    "s": (4,),
}


@dataclass(frozen=True)
class Row:
    """A network, the frames of a hop, and the frames that each state holds along time."""

    text: str
    states: list[int]
    hop: int = 1
    axes: dict[str, int] = field(default_factory=lambda: {"x": 2})


def weights(text: str) -> dict[str, np.ndarray]:
    """The weights that a text reads."""
    random = np.random.default_rng(2)
    drawn = {n: random.normal(size=s).astype(np.float32) / 3 for n, s in SIZES.items()}
    shapes = {"flat": [1, 48], "rows": [1, 12, 4], "first": [2], "last": [12], "middle": [10]}
    whole = {name: np.array(shape, np.int64) for name, shape in shapes.items()}
    whole["time"] = np.array([2], np.int64)
    read = set(text.replace("(", " ").replace(")", " ").replace(",", " ").split())
    return {name: array for name, array in (drawn | whole).items() if name in read}


def onnx_file(text: str) -> onnx.ModelProto:
    """The file of a text."""
    return network(text, **weights(text))


def window_model(text: str) -> Model:
    """The network of a text."""
    return from_onnx(onnx_file(text).SerializeToString(), name="net")


def _text(body: str, output: str, x: str = "1,4,12") -> str:
    return f"(float[{x}] x) => (float[{output}] y) {{ {body} }}"


ROWS: dict[str, Row] = {
    "convolutions": Row(
        _text("p = Conv (x, a) q = Relu (p) y = Conv <dilations = [2]> (q, b)", "1,6,6"), [2, 4, 5]
    ),
    "a stride that divides the hop": Row(
        _text("p = Conv <strides = [2]> (x, a) q = Conv (p, b) y = Conv (q, b)", "1,6,1"),
        [2, 2, 2],
        hop=2,
    ),
    "a stride that does not": Row(
        _text("p = Conv (x, a) q = Conv <strides = [2]> (p, b) y = Conv (q, b)", "1,6,2"), [2, 9]
    ),
    "padding along time": Row(
        _text("p = Conv (x, a) y = Conv <pads = [1, 1]> (p, b)", "1,6,10"), [2, 9]
    ),
    "a pool and a dense layer": Row(
        _text(
            "p = Conv (x, a) q = MaxPool <kernel_shape = [3]> (p)"
            " r = Reshape (q, flat) y = Gemm <transB = 1> (r, f)",
            "1,3",
        ),
        [2, 2, 7],
    ),
    "a mean over the window": Row(
        _text("p = Conv (x, a) q = ReduceMean <keepdims = 0> (p, time) y = Softmax (q)", "1,6"),
        [2, 9],
    ),
    "frames that no kernel reaches": Row(
        _text("p = AveragePool <kernel_shape = [3], strides = [2]> (x) y = Relu (p)", "1,4,5"),
        [2, 4],
        hop=2,
    ),
    "a part of the window beside a layer": Row(
        _text(
            "p = Conv (x, a) q = Conv (p, b) r = Slice (p, first, middle, time) y = Add (q, r)",
            "1,6,8",
        ),
        [2, 2, 7],
    ),
    "the newest part of the window": Row(
        _text("p = Conv (x, a) r = Slice (p, first, last, time) y = Conv (r, b)", "1,6,6"),
        [2, 2, 5],
    ),
    "rows of features": Row(
        _text(
            "r = Transpose <perm = [0, 2, 1]> (x) p = Mul (r, s) q = Softmax (p)"
            " t = Transpose <perm = [0, 2, 1]> (q) y = Conv (t, a)",
            "1,6,10",
        ),
        [2, 9],
    ),
    "joined layers": Row(
        _text("p = Tanh (x) q = Concat <axis = 1> (p, x) y = Conv <group = 2> (q, a2)", "1,6,10"),
        [2, 9],
    ),
    "a whole window in a hop": Row(_text("y = Conv (x, a)", "1,6,10"), [], hop=12),
}
