"""What the engine asks of one layer: its shape, a number for each channel, the limits behind it."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.fpga.integers import Sums
from edgekit.fpga.network import View
from edgekit.fpga.tail import Tail
from edgekit.graph.nodes import attribute
from edgekit.operators.geometry import ints

STRIDES = (1, 2, 4)


def shape_problems(
    node: ir.Node, w: NDArray[np.generic], groups: int, depthwise: bool
) -> list[str]:
    """What of a convolution's shape does not fit."""
    kernel, found = w.shape[2:], []
    if len(kernel) != 2 or kernel[0] != kernel[1] or kernel[0] % 2 == 0:
        return [f"a kernel of {'x'.join(map(str, kernel))}"]
    if groups > 1 and not depthwise:
        found.append(f"{groups} groups for {groups * w.shape[1]} channels and {len(w)} outputs")
    if depthwise and kernel[0] != 3:
        found.append(f"a depthwise kernel of {kernel[0]}x{kernel[0]}")
    strides, half = ints(node, "strides", [1, 1]), kernel[0] // 2
    if strides[0] != strides[1] or strides[0] not in STRIDES:
        found.append(f"strides {strides}")
    if (dilations := ints(node, "dilations", [1, 1])) != [1, 1]:
        found.append(f"dilations {dilations}")
    if given := auto_pad(node):
        found.append(given)
    elif (pads := ints(node, "pads", [0] * 4)) != [half] * 4:
        found.append(f"pads {pads}")
    return found


def auto_pad(node: ir.Node) -> str:
    """An auto_pad that says other pads than `pads` does; empty where there is none."""
    given = attribute(node, "auto_pad", "NOTSET")
    return "" if given in ("NOTSET", b"NOTSET", "", b"") else f"auto_pad {given}"


def merged(view: View, weights: NDArray[np.float64]) -> tuple[View, NDArray[np.float64]]:
    """A dense layer's view with each channel once, and its weights ``(out, in, k, k)``: those of one channel added."""
    sources = list(dict.fromkeys(view.sources))
    if len(sources) == len(view.sources):
        return view, weights
    merged = np.zeros((len(weights), len(sources), *weights.shape[2:]))
    for i, source in enumerate(view.sources):
        merged[:, sources.index(source)] += weights[:, i]
    tensors, channels, factors = zip(*sources, strict=True)
    return View(tensors, channels, view.height, view.width, factors), merged


def pointwise_sums(name: str, view: View, y: str, tail: Tail) -> Sums:
    """A function per channel as a depthwise layer, of which only the centre has weights."""
    weights = np.zeros((len(tail.factor), 3, 3))
    weights[:, 1, 1] = tail.factor
    return Sums(name, "depthwise", view, y, weights, tail.addend, tail.low, tail.high, 1)
