"""Data movement as addresses: which stored element every element of a moved tensor is.

Each operator that only moves elements is run once, in NumPy, on the elements' numbers. What comes out must be a
choice of whole channels, each pixel repeated upsample x upsample times, however the graph says it.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.fpga.network import View
from edgekit.graph.nodes import array_of
from edgekit.operators.geometry import dims
from edgekit.operators.indexing import BY_INDEX
from edgekit.operators.resize.taps import text
from edgekit.operators.table import OPERATORS

MOVES = frozenset(
    {"Reshape", "Transpose", "Slice", "Split", "Concat", "Resize", "Identity", "Expand", *BY_INDEX}
)
UPSAMPLE = (1, 2, 4, 8)
Numbers = NDArray[np.int32]


@dataclass
class Addresses:
    """The numbers of the elements of every value that is stored or moved."""

    numbers: dict[str, Numbers] = field(default_factory=dict)
    _first: list[int] = field(default_factory=lambda: [1])  # 0 is what fills read
    _names: list[str] = field(default_factory=list)
    _shapes: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def store(self, value: ir.Value, name: str) -> None:
        """Let `value`, (1, channels, height, width), be the new stored tensor `name`."""
        shape = dims(value)
        count = int(np.prod(shape))
        first = self._first[-1]
        self.numbers[str(value.name)] = np.arange(first, first + count, dtype=np.int32).reshape(
            shape
        )
        self._first.append(first + count)
        self._names.append(name)
        self._shapes[name] = (shape[1], shape[2], shape[3])

    def move(self, node: ir.Node) -> bool:
        """Follow a node that moves elements; False where it does something else, or is not known here."""
        if node.domain != "" or node.op_type not in MOVES:
            return False
        if node.op_type == "Resize" and text(node, "mode", "nearest") != "nearest":
            return False
        operands = [self._operand(value) for value in node.inputs]
        known = [
            array is not None for array, value in zip(operands, node.inputs, strict=True) if value
        ]
        if not all(known):
            return False
        results = OPERATORS["", node.op_type](node, operands)  # type: ignore[arg-type]
        for value, result in zip(node.outputs, results, strict=False):
            self.numbers[str(value.name)] = np.asarray(result, np.int32).reshape(dims(value))
        return True

    def _operand(self, value: ir.Value | None) -> NDArray[np.generic] | None:
        if value is None:
            return None
        return self.numbers.get(str(value.name), array_of(value))

    def view(self, value: ir.Value) -> View | None:
        """What `value` is of the stored tensors; None where it is more than channels and upsampling."""
        numbers = self.numbers[str(value.name)]
        if numbers.ndim != 4 or numbers.shape[0] != 1:
            return None
        which = np.searchsorted(self._first, numbers[0], side="right") - 1
        if which.min() < 0:
            return None
        owner = which[:, 0, 0]
        names = tuple(self._names[i] for i in owner)
        sizes = {self._shapes[name][1:] for name in names}
        if len(sizes) != 1:
            return None
        (stored_h, stored_w) = sizes.pop()
        _, height, width = numbers[0].shape
        plane, rest = (
            stored_h * stored_w,
            numbers[0] - np.asarray(self._first)[owner][:, None, None],
        )
        channels = rest[:, 0, 0] // plane
        for factor in UPSAMPLE:
            rows, columns = np.arange(height) // factor, np.arange(width) // factor
            pixels = rows[:, None] * stored_w + columns
            fits = stored_h * factor == height and stored_w * factor == width
            if fits and np.array_equal(rest, channels[:, None, None] * plane + pixels):
                return View(names, tuple(int(c) for c in channels), height, width, factor)
        return None
