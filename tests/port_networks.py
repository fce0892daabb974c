"""Networks of several channels and several streams, and what they give, in NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgekit.base.layout import parse_layout
from edgekit.export.from_onnx import from_onnx
from edgekit.graph.layouts import with_layouts
from edgekit.graph.model import Model
from edgekit.runtime.stream import Stream
from edgekit.targets.build_files import write_build
from edgekit.targets.c.lower import lower_c

RATE = 16000
SHAPES = {"NCT": (0, 1, 2), "NTC": (0, 2, 1), "CT": (1, 2), "TC": (2, 1)}  # of (1, channels, hop)


@dataclass(frozen=True)
class Mixer:
    """Output j is the sum over inputs i of ``weights[j, i] (out channels, in channels) @ input i``.

    `inputs` and `outputs` are channels and layout by name.
    """

    inputs: Mapping[str, tuple[int, str]]
    outputs: Mapping[str, tuple[int, str]]
    hop: int
    weights: Mapping[tuple[str, str], NDArray[np.float32]]

    @staticmethod
    def drawn(
        random: np.random.Generator,
        inputs: Mapping[str, tuple[int, str]],
        outputs: Mapping[str, tuple[int, str]],
        hop: int,
    ) -> "Mixer":
        """A mixer of random weights that never clips."""
        total = sum(channels for channels, _ in inputs.values())
        weights = {
            (out, name): (random.uniform(-0.9, 0.9, (n, m)) / total).astype(np.float32)
            for out, (n, _) in outputs.items()
            for name, (m, _) in inputs.items()
        }
        return Mixer(inputs, outputs, hop, weights)

    def mixed(self, sounds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """What it gives for (channels, samples) of each input."""
        return {
            out: np.sum([self.weights[out, n] @ sound for n, sound in sounds.items()], axis=0)
            for out in self.outputs
        }

    def model(self) -> Model:
        """The network of one hop, its axes in the order of the layouts."""
        nodes, constants = [], []
        ordered = {}
        for name, (_, layout) in self.inputs.items():
            # to (channels, hop)
            text = layout.replace("N", "")
            value = name
            if "N" in layout:
                nodes.append(helper.make_node("Squeeze", [name, "first"], [f"{name}_s"]))
                value = f"{name}_s"
            if text == "TC":
                nodes.append(helper.make_node("Transpose", [value], [f"{name}_t"], perm=[1, 0]))
                value = f"{name}_t"
            ordered[name] = value
        constants.append(numpy_helper.from_array(np.zeros(1, np.int64), "first"))
        for out, (_, layout) in self.outputs.items():
            total = None
            for name, value in ordered.items():
                constants.append(
                    numpy_helper.from_array(self.weights[out, name], f"w_{out}_{name}")
                )
                nodes.append(
                    helper.make_node("MatMul", [f"w_{out}_{name}", value], [f"{out}_{name}"])
                )
                if total is not None:
                    nodes.append(
                        helper.make_node("Add", [total, f"{out}_{name}"], [f"{out}_{name}_sum"])
                    )
                total = f"{out}_{name}" if total is None else f"{out}_{name}_sum"
            assert total is not None
            if layout.replace("N", "") == "TC":
                nodes.append(helper.make_node("Transpose", [total], [f"{out}_t"], perm=[1, 0]))
                total = f"{out}_t"
            last = ("Unsqueeze", [total, "first"]) if "N" in layout else ("Identity", [total])
            nodes.append(helper.make_node(*last, [out]))
        sides = [
            [
                helper.make_tensor_value_info(
                    name, TensorProto.FLOAT, [(1, n, self.hop)[axis] for axis in SHAPES[layout]]
                )
                for name, (n, layout) in side.items()
            ]
            for side in (self.inputs, self.outputs)
        ]
        graph = helper.make_graph(nodes, "mixer", *sides, constants)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        layouts = {
            name: parse_layout(layout)
            for side in (self.inputs, self.outputs)
            for name, (_, layout) in side.items()
        }
        data = proto.SerializeToString()
        model = from_onnx(data, name="mixer", hop=self.hop, sample_rate=RATE)
        return with_layouts(model, layouts)

    def stream(self, folder: Path) -> Stream:
        """Its generated C, running."""
        folder.mkdir(parents=True, exist_ok=True)
        write_build(lower_c(self.model(), "c99"), folder)
        return Stream.open(folder)


def convolution(path: Path, channels: int, names: tuple[str, str] = ("pcm", "out")) -> Path:
    """Write an offline .onnx with an open time axis: a symmetric convolution of 5 taps over all channels."""
    random = np.random.default_rng(channels)
    weights = (random.standard_normal((channels, channels, 5)) / (3 * channels)).astype(np.float32)
    shape = [1, channels, "samples"]
    source, sink = names
    graph = helper.make_graph(
        [helper.make_node("Conv", [source, "w"], [sink], pads=[2, 2])],
        "convolution",
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(sink, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights, "w")],
    )
    opset = [helper.make_opsetid("", 21)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


def convolved(path: Path, sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the network of `convolution` gives for (channels, samples)."""
    (tensor,) = onnx.load(path).graph.initializer
    weights = numpy_helper.to_array(tensor).astype(np.float64)
    padded = np.pad(sound.astype(np.float64), ((0, 0), (2, 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 5, axis=1)  # channels, samples, taps
    return np.einsum("oik,isk->os", weights, windows).astype(np.float32)


def canceller_file(
    path: Path, far: NDArray[np.float32], echo: NDArray[np.float32], taps: int
) -> Path:
    """Write an offline .onnx of inputs mic and ref and output out: mic minus the filter of ref that fits the echo."""
    padded = np.pad(far.astype(np.float64), (taps - 1, 0))
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)  # samples, taps
    weights, *_ = np.linalg.lstsq(windows[::4], echo[::4].astype(np.float64), rcond=None)
    shape = [1, 1, "samples"]
    nodes = [
        helper.make_node("Conv", ["ref", "w"], ["echo"], pads=[taps - 1, 0]),
        helper.make_node("Sub", ["mic", "echo"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "canceller",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("mic", "ref")],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights.astype(np.float32)[None, None], "w")],
    )
    opset = [helper.make_opsetid("", 21)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path
