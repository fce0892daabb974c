"""Random networks for the engine, drawn from a grammar: all that it runs, in any order, with any number of readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.fpga import golden
from edgekit.fpga.network import CpuPart, Network
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.verbs.export.importing import ImportOptions, load_model

SIDES, MOST_CHANNELS, MOST_PIXELS = (8, 16), 24, 400


@dataclass(frozen=True)
class Picture:
    """A value ``(1, channels, height, width)``."""

    name: str
    channels: int
    height: int
    width: int


@dataclass
class Grammar:
    """A network that grows by one operator at a time; every operator reads any of the values before it."""

    random: np.random.Generator
    values: list[Picture] = field(default_factory=list)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, array: NDArray[np.generic]) -> str:
        """A new initializer."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(
        self, kind: str, inputs: Sequence[str], shape: tuple[int, int, int], **attributes: object
    ) -> Picture:
        """A new value, made by one operator."""
        made = Picture(f"{kind.lower()}{len(self.nodes)}", *shape)
        self.nodes.append(
            helper.make_node(kind, inputs, [made.name], name=f"n{made.name}", **attributes)
        )
        self.values.append(made)
        return made

    def any(self) -> Picture:
        """A value: the picture itself, a late one, or any."""
        how = self.random.integers(0, 5)
        return self.values[
            0 if how == 0 else -1 if how < 3 else int(self.random.integers(0, len(self.values)))
        ]

    def normal(self, *shape: int, scale: float = 1.0) -> str:
        """A constant of random numbers."""
        return self.constant((self.random.standard_normal(shape) * scale).astype(np.float32))

    def conv(self) -> None:
        """Any kernel and stride, with bias or without."""
        x, kernel, stride = (
            self.any(),
            int(self.random.choice([1, 1, 3, 5])),
            int(self.random.choice([1, 1, 2, 4])),
        )
        outputs = int(self.random.integers(1, MOST_CHANNELS))
        weight = self.normal(
            outputs, x.channels, kernel, kernel, scale=(x.channels * kernel**2) ** -0.5
        )
        self._windowed(
            "Conv", x, outputs, kernel, stride, [weight, self.normal(outputs, scale=0.3)]
        )

    def depthwise(self) -> None:
        """A 3x3 of its own for every channel."""
        x, stride = self.any(), int(self.random.choice([1, 1, 2, 4]))
        weight = self.normal(x.channels, 1, 3, 3, scale=0.4)
        self._windowed("Conv", x, x.channels, 3, stride, [weight], group=x.channels)

    def pool(self) -> None:
        """2x2 or 3x3, of even and odd sizes."""
        x, kernel = self.any(), int(self.random.choice([2, 3]))
        if min(x.height, x.width) < kernel:
            return
        odd = x.height % 2 + x.width % 2
        more = {"ceil_mode": 1} if kernel == 2 and odd else {}
        self._windowed("MaxPool", x, x.channels, kernel, 2, [], **more)

    def _windowed(
        self,
        kind: str,
        x: Picture,
        channels: int,
        kernel: int,
        stride: int,
        more: list[str],
        **rest: object,
    ) -> None:
        half = (kernel - 1) // 2
        shape = channels, -(-x.height // stride), -(-x.width // stride)
        self.node(
            kind,
            [x.name, *more],
            shape,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[half] * 4,
            **rest,
        )

    def odd_conv(self) -> None:
        """A kernel of any sides, padded on any of them, in groups."""
        x, stride = self.any(), int(self.random.choice([1, 1, 2]))
        sides, kernel = (x.height, x.width), [int(n) for n in self.random.integers(1, 5, 2)]
        shape = [-(-side // stride) for side in sides]
        pads = [
            max((made - 1) * stride + k - side, 0)
            for made, k, side in zip(shape, kernel, sides, strict=True)
        ]
        before = [int(self.random.integers(pad + 1)) for pad in pads]
        groups = int(self.random.choice([n for n in (1, 2, 3, x.channels) if x.channels % n == 0]))
        outputs = groups * int(self.random.integers(1, 3))
        size = outputs, x.channels // groups, *kernel
        weight = self.normal(*size, scale=float(np.prod(size[1:])) ** -0.5)
        self.node(
            "Conv",
            [x.name, weight],
            (outputs, *shape),
            kernel_shape=kernel,
            strides=[stride] * 2,
            pads=[*before, *(pad - first for pad, first in zip(pads, before, strict=True))],
            group=groups,
        )

    def residual(self) -> None:
        """The sum or difference of two values of one shape, which may be one."""
        x = self.any()
        shape = x.channels, x.height, x.width
        fits = [v for v in self.values if (v.channels, v.height, v.width) == shape]
        other = fits[int(self.random.integers(len(fits)))]
        kind = "Sub" if other is not x and self.random.integers(0, 3) == 0 else "Add"
        self.node(kind, [x.name, other.name], shape)

    def average(self) -> None:
        """3x3 whose padding counts, or 2x2 of even sizes."""
        x = self.any()
        if x.height % 2 or x.width % 2 or self.random.integers(0, 2):
            self._windowed("AveragePool", x, x.channels, 3, 1, [], count_include_pad=1)
        else:
            self._windowed("AveragePool", x, x.channels, 2, 2, [])

    def activation(self) -> None:
        """Behind anything, also what others read without it."""
        x = self.any()
        shape = x.channels, x.height, x.width
        if self.random.integers(0, 2):
            self.node("Relu", [x.name], shape)
        else:
            ends = [self.constant(np.float32(end)) for end in sorted(self.random.normal(0, 2, 2))]
            self.node("Clip", [x.name, *ends], shape)

    def affine(self) -> None:
        """One operation with a number per channel."""
        x, kind = self.any(), str(self.random.choice(["Mul", "Add", "Sub", "Div"]))
        numbers = self.random.uniform(0.5, 2, (x.channels, 1, 1)) * self.random.choice(
            [-1, 1], (x.channels, 1, 1)
        )
        self.node(
            kind,
            [x.name, self.constant(numbers.astype(np.float32))],
            (x.channels, x.height, x.width),
        )

    def upsample(self) -> None:
        """Nearest, by 2 or 4."""
        x, factor = self.any(), int(self.random.choice([2, 2, 4]))
        if x.height * x.width * factor**2 > MOST_PIXELS:
            return
        scales = self.constant(np.array([1, 1, factor, factor], np.float32))
        shape = x.channels, x.height * factor, x.width * factor
        self.node(
            "Resize",
            [x.name, "", scales],
            shape,
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )

    def concat(self) -> None:
        """Of values of one size, also of one twice."""
        x = self.any()
        fits = [v for v in self.values if (v.height, v.width) == (x.height, x.width)]
        parts = [
            x,
            *(fits[i] for i in self.random.integers(0, len(fits), int(self.random.integers(1, 3)))),
        ]
        channels = sum(part.channels for part in parts)
        if channels <= 2 * MOST_CHANNELS:
            self.node(
                "Concat", [part.name for part in parts], (channels, x.height, x.width), axis=1
            )

    def shuffle(self) -> None:
        """Channels in another order, some twice, some not at all."""
        x = self.any()
        count = int(self.random.integers(1, x.channels + 2))
        picked = self.random.integers(0, x.channels, count)
        if self.random.integers(0, 2):
            picked = np.arange(x.channels)[::-1]
        indices = self.constant(picked.astype(np.int64))
        self.node("Gather", [x.name, indices], (len(picked), x.height, x.width), axis=1)


def random_network(seed: int, wider: bool = False) -> onnx.ModelProto:
    """A network of one picture, and one to three outputs, which may be the picture, or in the middle.

    `wider` ones have sums, averages and odd kernels too.
    """
    random = np.random.default_rng(seed)
    sides = (int(random.integers(*SIDES)) for _ in range(2))
    grammar = Grammar(random, [Picture("x", int(random.integers(1, 7)), *sides)])
    rules = (
        Grammar.conv,
        Grammar.conv,
        Grammar.depthwise,
        Grammar.pool,
        Grammar.activation,
        Grammar.affine,
        Grammar.upsample,
        Grammar.concat,
        Grammar.concat,
        Grammar.shuffle,
        *(
            wider
            * (
                Grammar.odd_conv,
                Grammar.odd_conv,
                Grammar.residual,
                Grammar.residual,
                Grammar.average,
            )
        ),
    )
    for _ in range(int(random.integers(4, 16))):
        rules[int(random.integers(0, len(rules)))](grammar)
    ends = [grammar.values[-1], *(grammar.any() for _ in range(int(random.integers(0, 3))))]
    kinds = ["Sigmoid" if random.integers(0, 5) == 0 else "Identity" for _ in ends]
    return finished(grammar, {end: kind for end, kind in zip(ends, kinds, strict=True)})


def finished(grammar: Grammar, ends: Mapping[Picture, str]) -> onnx.ModelProto:
    """The network whose outputs ``y0``, ``y1`` ... are these values, each behind an operator."""
    outputs = []
    for i, (end, kind) in enumerate(ends.items()):
        grammar.nodes.append(helper.make_node(kind, [end.name], [f"y{i}"], name=f"end{i}"))
        shape = (1, end.channels, end.height, end.width)
        outputs.append(helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, shape))
    first = grammar.values[0]
    shape = (1, first.channels, first.height, first.width)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    graph = helper.make_graph(grammar.nodes, "random", [x], outputs, grammar.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def loaded(proto: onnx.ModelProto, folder: Path) -> Model:
    """A network as `edgekit export` imports it."""
    onnx.save(proto, folder / "net.onnx")
    return load_model(str(folder / "net.onnx"), ImportOptions()).model


def on_the_cpu(
    part: CpuPart, floats: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """What the CPU's part makes of its inputs, in onnxruntime."""
    names = [str(value.name) for value in part.model.ir.graph.inputs]
    shapes = {str(value.name): dims(value) for value in part.model.ir.graph.inputs}
    given = {name: floats[name].reshape(1, *shapes[name]) for name in names}
    made = run_hops(part.model, given)
    return {name: array[0] for name, array in made.items()}


def compared(model: Model, network: Network, x: NDArray[np.float32]) -> dict[str, float]:
    """How near the golden model's outputs of pictures are to the float network's, in dB."""
    found = []
    for picture in x:
        values, floats = golden.run_with_cpu(network, {"x": picture}, on_the_cpu)
        found.append(floats | golden.dequantize(network, values))
    reference = run_hops(model, {"x": x})
    return {
        name: snr_db(y, np.stack([row[name] for row in found]).reshape(y.shape))
        for name, y in reference.items()
    }
