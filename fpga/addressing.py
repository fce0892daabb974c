"""Data movement as addresses: the stored element of every element of a moved tensor.

Each operator that only moves elements is run once, in NumPy, on the elements' numbers. The result must be a choice of
whole channels, each pixel repeated a fixed number of times each way. The form of the graph does not matter.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Array, Int32
from edgekit.fpga.network import View
from edgekit.graph.facts import names
from edgekit.graph.nodes import array_of
from edgekit.operators.geometry import dims
from edgekit.operators.indexing import SCATTERS
from edgekit.operators.resize.taps import text
from edgekit.operators.table import OPERATORS

BY_PLACE = names(lambda row: row.moves not in (None, "chooses"))
MOVES = {n for domain, n in OPERATORS if not domain and n in BY_PLACE} - {"Pad", *SCATTERS} | {
    "Resize"
}
UPSAMPLE = (1, 2, 4, 8)
Numbers = Int32


def picture_dims(value: ir.Value) -> tuple[int, ...]:
    """The shape of a picture; a row of channels is one pixel."""
    shape = dims(value)
    return (*shape, 1, 1) if len(shape) == 2 else shape


class NoView(Exception):
    """A moved tensor that is not whole channels of pictures: the found form, and the allowed one."""

    def __init__(self, found: str, allowed: str) -> None:
        """Keep both for the problem."""
        super().__init__(found)
        self.found, self.allowed = found, allowed


@dataclass
class Addresses:
    """The numbers of the elements of every value that is stored or moved."""

    numbers: dict[str, Numbers] = field(default_factory=dict)
    _first: list[int] = field(default_factory=lambda: [1])  # 0 is the number of fill elements
    _names: list[str] = field(default_factory=list)
    _shapes: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def store(self, value: ir.Value, name: str) -> None:
        """Let `value`, (1, channels, height, width) or (1, channels), be the new stored tensor `name`."""
        shape = picture_dims(value)
        count = int(np.prod(shape))
        first = self._first[-1]
        numbers = np.arange(first, first + count, dtype=np.int32)
        self.numbers[str(value.name)] = numbers.reshape(dims(value))
        self._first.append(first + count)
        self._names.append(name)
        self._shapes[name] = (shape[1], shape[2], shape[3])

    def move(self, node: ir.Node) -> bool:
        """Follow a node that moves elements; return False for other and unknown nodes."""
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
        results = OPERATORS["", node.op_type].form(node, operands)  # type: ignore[arg-type]
        for value, result in zip(node.outputs, results, strict=False):
            self.numbers[str(value.name)] = np.asarray(result, np.int32).reshape(dims(value))
        return True

    def _operand(self, value: ir.Value | None) -> NDArray[np.generic] | None:
        if value is None:
            return None
        return self.numbers.get(str(value.name), array_of(value))

    def view(self, value: ir.Value) -> View:
        """Return `value` as a view of stored tensors; raises `NoView` if it is more than channels and upsampling."""
        name = f"{value.name!r}"
        if str(value.name) not in self.numbers:
            raise NoView(f"{name} is nothing that a layer or the input made", "a picture")
        numbers = self.numbers[str(value.name)]
        if numbers.ndim == 2:
            numbers = numbers[:, :, None, None]
        if numbers.ndim != 4 or numbers.shape[0] != 1:
            raise NoView(f"{name} has shape {numbers.shape}", "(1, channels, height, width)")
        _, height, width = numbers[0].shape
        which = np.searchsorted(self._first, numbers[0], side="right") - 1
        if which.min() < 0:
            raise NoView(f"{name} is filled up with constants", "what layers made, whole")
        owner = which[:, 0, 0]
        channels, factors = np.zeros(len(owner), int), np.ones(len(owner), int)
        for tensor in np.unique(owner):
            mine = np.flatnonzero(owner == tensor)
            own = numbers[0][mine] - self._first[tensor]
            if (which[mine] != tensor).any():
                raise NoView(*_mixed_channels(name))
            channels[mine], factors[mine] = self._channels(name, self._names[tensor], own)
        names = tuple(self._names[i] for i in owner)
        return View(names, tuple(map(int, channels)), height, width, tuple(map(int, factors)))

    def _channels(self, name: str, tensor: str, own: Array) -> tuple[Array, int]:
        """Return the channels of a stored tensor, and the number of repeats of each pixel each way.

        `own` (channels, height, width) is the element of the tensor for each pixel; `name` is the value's.
        """
        _, stored_h, stored_w = self._shapes[tensor]
        _, height, width = own.shape
        plane, factor = stored_h * stored_w, max(height // stored_h, 1)
        channels = own[:, 0, 0] // plane
        first = channels[:, None, None]
        if (own // plane != first).any():
            raise NoView(*_mixed_channels(name))
        size = f"{stored_h}x{stored_w}"
        if (stored_h * factor, stored_w * factor) != (height, width) or factor not in UPSAMPLE:
            found = f"{name} reads a picture of {size} as {height}x{width}"
            raise NoView(found, "each pixel once, or repeated 2, 4 or 8 times each way")
        rows, columns = np.arange(height) // factor, np.arange(width) // factor
        pixels = np.broadcast_to(rows[:, None] * stored_w + columns, own.shape)
        if not np.array_equal(own - first * plane, pixels):
            raise NoView(f"{name} moves the pixels of a picture of {size}", "pixels where they are")
        return channels, factor


def _mixed_channels(name: str) -> tuple[str, str]:
    """Return the found and the allowed, where a channel of a value is none of a stored tensor."""
    return f"a channel of {name} holds pixels of several channels", "whole channels"
