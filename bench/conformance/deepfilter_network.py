"""The trained DeepFilterNet3 whole, as one .onnx over spectra: features, encoder, both decoders, gains and taps.

Its authors publish three parts as .onnx, in an archive of a wheel; what stands between and around them is code of
their runtime, libDF, and written here as nodes: bands of equal width on the ERB scale, exponential normalization,
gains by bands, five complex taps for the low bins. ``spec`` (1, 481, T, 2) are spectra of 960 samples every 480 with
the Vorbis window, real and imaginary part; ``enhanced`` is as ``spec``.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike
from onnx import TensorProto, compose, helper, numpy_helper, version_converter
from quality.part_inputs import BANDS, BINS, HOP, KEPT, LOW, widths
from quality.part_networks import deepfilter_file

from edgekit.export.own_operators.functions import with_bodies
from edgekit.graph.model import FRONTEND_DOMAIN, OPSET

PARTS = ("enc", "erb_dec", "df_dec")
SKIPS = ("e0", "e1", "e2", "e3", "emb", "c0")  # of the encoder, that the decoders read
AHEAD, ORDER = 2, 5  # frames that the features look ahead, and taps of a bin
WHOLE = BINS // 2 + 1
QUIET = 1e-10  # power of a band that libDF adds before the logarithm
START = np.linspace(-60, -90, BANDS), np.linspace(0.001, 0.0001, LOW)  # of the running means
SPECTRUM = f"stft:{BINS}:{HOP}:vorbis"


class Nodes:
    """Nodes and constants of a graph."""

    def __init__(self) -> None:
        """Start without any."""
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def const(self, array: ArrayLike, dtype: DTypeLike = np.float32) -> str:
        """Add a constant."""
        name = f"constant_{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def add(self, op_type: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Append a node with one output; returns the output's name, `name` if one is given."""
        made = name or f"{op_type.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [made], name=made, **attributes))
        return made

    def cut(self, x: str, axis: int, start: int, end: int = 2**62) -> str:
        """Cut [start, end) of an axis."""
        return self.add("Slice", x, *(self.const([n], np.int64) for n in (start, end, axis)))

    def pad_axis(self, x: str, axis: int, before: int, behind: int) -> str:
        """Pad an axis of four with zeros."""
        pads = np.zeros((2, 4), np.int64)
        pads[:, axis] = before, behind
        return self.add("Pad", x, self.const(pads.ravel(), np.int64))

    def running_mean(self, x: str, start: np.ndarray[Any, Any]) -> str:
        """Return ``mean[t] = 0.99 mean[t-1] + 0.01 x[t]`` of x (1, channels, T), from `start` before frame 0.

        What the start adds is that of a first frame that is larger by 99 times the start.
        """
        channels = len(start)
        frames = self.add("Squeeze", self.add("Shape", x, start=2), self.const([0], np.int64))
        zero, one = self.const(0, np.int64), self.const(1, np.int64)
        early = self.add("Less", self.add("Range", zero, frames, one), one)
        more = self.const(start[:, None] * KEPT / (1 - KEPT))
        first = self.add("Mul", self.add("Cast", early, to=TensorProto.FLOAT), more)
        transition, drive, readout = np.zeros((3, 2, channels, 1, 1))
        transition[0], drive[0], readout[0] = (
            KEPT,
            1 - KEPT,
            0.5,
        )  # the output is twice the real part
        numbers = transition[..., 0], drive, readout, np.zeros(channels)
        return self.add(
            "DiagonalSSM",
            self.add("Add", x, first),
            *map(self.const, numbers),
            domain=FRONTEND_DOMAIN,
            groups=channels,
        )


def features(new: Nodes) -> tuple[str, str]:
    """Add what the encoder reads: bands (1, 1, T, 32) and low bins (1, 2, T, 96), two frames early."""
    band = np.zeros((WHOLE, BANDS))
    edges = np.cumsum([0, *widths()])
    for number, (first, last) in enumerate(pairwise(edges)):
        band[first:last, number] = 1 / (last - first) / BINS**2
    parts = new.add("Transpose", "spec", perm=[0, 3, 2, 1])  # (1, 2, T, 481)
    square = new.add("ReduceSum", new.add("Mul", parts, parts), new.const([1], np.int64))
    power = new.add("Add", new.add("MatMul", square, new.const(band)), new.const(QUIET))
    level = new.add("Mul", new.add("Log", power), new.const(10 / np.log(10)))
    first_axis = new.const([1], np.int64)
    rows = new.add("Transpose", new.add("Squeeze", level, first_axis), perm=[0, 2, 1])
    mean = new.running_mean(rows, START[0])
    normal = new.add("Mul", new.add("Sub", rows, mean), new.const(1 / 40))
    bands = new.add("Unsqueeze", new.add("Transpose", normal, perm=[0, 2, 1]), first_axis)
    low = new.add("Mul", new.cut(parts, 3, 0, LOW), new.const(1 / BINS))
    size = new.add("Sqrt", new.add("ReduceSum", new.add("Mul", low, low), first_axis, keepdims=0))
    sizes = new.running_mean(new.add("Transpose", size, perm=[0, 2, 1]), START[1])
    root = new.add("Transpose", new.add("Sqrt", sizes), perm=[0, 2, 1])
    bins = new.add("Div", low, new.add("Unsqueeze", root, first_axis))
    early = [new.pad_axis(new.cut(x, 2, AHEAD), 2, 0, AHEAD) for x in (bands, bins)]
    return early[0], early[1]


def taps(new: Nodes, coefficients: str) -> list[str]:
    """Add the low bins, (1, T, 96, 1) real and imaginary: five complex taps each, two frames ahead."""
    parts = new.add("Transpose", new.cut("spec", 1, 0, LOW), perm=[0, 2, 1, 3])  # (1, T, 96, 2)
    parts = new.pad_axis(parts, 1, ORDER - 1 - AHEAD, AHEAD)
    real: list[str] = []
    imaginary: list[str] = []
    for tap in range(ORDER):
        there = new.cut(parts, 1, tap, -(ORDER - 1 - tap) or 2**62)
        x, y = (new.cut(there, 3, part, part + 1) for part in (0, 1))
        a, b = (new.cut(coefficients, 3, 2 * tap + part, 2 * tap + part + 1) for part in (0, 1))
        real.append(new.add("Sub", new.add("Mul", x, a), new.add("Mul", y, b)))
        imaginary.append(new.add("Add", new.add("Mul", x, b), new.add("Mul", y, a)))
    return [new.add("Sum", *terms) for terms in (real, imaginary)]


def whole_network() -> bytes:
    """Return the file.

    Raises:
        ToolError: the package of the parts cannot be downloaded.
    """
    new = Nodes()
    bands, bins = features(new)
    parts = {name: _part(name) for name in PARTS}
    ends = {"enc/feat_erb": bands, "enc/feat_spec": bins}
    ends |= {f"{name}/{skip}": f"enc/{skip}" for name in PARTS[1:] for skip in SKIPS}
    for part in parts.values():
        for node in part.graph.node:
            node.input[:] = [ends.get(name, name) for name in node.input]
            new.nodes.append(node)
        new.tensors.extend(part.graph.initializer)
    index = new.const(np.repeat(np.arange(BANDS), widths()), np.int64)
    gains = new.add("Transpose", new.add("Gather", "erb_dec/m", index, axis=3), perm=[0, 3, 2, 1])
    masked = new.cut(new.add("Mul", "spec", gains), 1, LOW)
    coefficients = "df_dec/coefs"
    low = new.add("Concat", *taps(new, coefficients), axis=3)
    low = new.add("Transpose", low, perm=[0, 2, 1, 3])
    new.add("Concat", low, masked, axis=1, name="enhanced")
    shape = [1, WHOLE, "T", 2]
    read, made = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name in ("spec", "enhanced")
    )
    graph = helper.make_graph(new.nodes, "deepfilternet3", [read], [made], new.tensors)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FRONTEND_DOMAIN, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return with_bodies(model.SerializeToString())


def _part(name: str) -> onnx.ModelProto:
    model = version_converter.convert_version(onnx.load(deepfilter_file(name)), OPSET)
    return compose.add_prefix(model, f"{name}/")
