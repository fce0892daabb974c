"""Products of two tensors whose second operand is a window of frames, as of attention with its keys and values.

In a ring the elements of a frame are contiguous. Where time is the columns of the operand, each column is a stretch of
a frame, and the product with it a dot product. Where it is the rows, the product is a sum of stretches with a weight
for each. Both read their frames in place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from edgekit.operators.geometry import dims, ints
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.roles import constant
from edgekit.targets.c.loops.strides import contiguous
from edgekit.targets.c.rewrite.frames import MOST_TAPS

DOTS, SUMS = "RingDots", "RingSums"
NUMBERS = ("a_zero", "b_zero", "mult", "shift", "y_zero", "y_min", "y_max")


@dataclass(frozen=True)
class Product:
    """A product that reads frames of a ring.

    Attributes:
        node: the MatMul.
        passed: nodes that move the window on its way there; nothing else reads it.
        kind: `DOTS` or `SUMS`.
        sizes: per axis of its second operand.
        strides: of these in the ring, in elements; 0 for time.
    """

    node: ir.Node
    passed: tuple[ir.Node, ...]
    kind: str
    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def attributes(self) -> dict[str, ir.Attr]:
        """The attributes for its emitter, besides those of the ring."""
        own = {name: self.node.attributes[name] for name in NUMBERS if self.node.domain}
        lies = {"sizes": self.sizes, "strides": self.strides}
        return own | {name: ir.AttrInt64s(name, values) for name, values in lies.items()}


@dataclass(frozen=True)
class View:
    """A window after nodes that move it: sizes, strides in the ring, and the axis of time."""

    value: ir.Value
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    time: int
    passed: tuple[ir.Node, ...] = ()


def product(node: ir.Node, window: ir.Value, axis: int) -> Product | None:
    """Return the product that a reader of a window is or leads to; None for other readers."""
    sizes = dims(window)
    view: View | None = View(window, sizes, _strides(sizes, axis), axis)
    while view is not None and node.op_type in ("Reshape", "Transpose") and not node.domain:
        view = _follow_window(view, node)
        if view is not None:
            (node,) = view.value.consumers()
    if view is None or not _multiplies(node, view.value) or view.sizes[view.time] > MOST_TAPS:
        return None
    kind = _kind(view)
    return None if kind is None else Product(node, view.passed, kind, view.sizes, view.strides)


def _kind(view: View) -> str | None:
    """`SUMS` where time is the rows of an operand, `DOTS` where it is the columns; None where it is neither."""
    rows = len(view.sizes) - 2
    if rows < 0 or view.time < rows:
        return None
    other = rows + 1 if view.time == rows else rows
    if view.strides[other] != 1 and view.sizes[other] != 1:
        return None
    return SUMS if view.time == rows else DOTS


def _follow_window(view: View, node: ir.Node) -> View | None:
    """Return the window after one more node; None where something else reads it, or time is no separate axis."""
    result, passed = node.outputs[0], (*view.passed, node)
    if node.inputs[0] is not view.value or result.is_graph_output() or len(result.uses()) != 1:
        return None
    if node.op_type == "Transpose":
        order = ints(node, "perm", list(reversed(range(len(view.sizes)))))
        sizes, strides = (tuple(of[at] for at in order) for of in (view.sizes, view.strides))
        return View(result, sizes, strides, order.index(view.time), passed)
    after = dims(result)
    time = _time_axis_after_reshape(view.sizes, view.time, after)
    if time is None or view.strides != _strides(view.sizes, view.time):
        return None
    return View(result, after, _strides(after, time), time, passed)


def _strides(sizes: Sequence[int], time: int) -> tuple[int, ...]:
    """Row-major within a frame; 0 for time."""
    steps = contiguous([1 if at == time else size for at, size in enumerate(sizes)])
    return tuple(0 if at == time else step for at, step in enumerate(steps))


def _time_axis_after_reshape(before: Sequence[int], time: int, after: Sequence[int]) -> int | None:
    """Return the axis of time after a Reshape; None where that cuts or joins time."""
    outer = prod(before[:time])
    for axis, size in enumerate(after):
        if size == before[time] and prod(after[:axis]) == outer:
            return axis
    return None


def _multiplies(node: ir.Node, value: ir.Value) -> bool:
    known = node.op_type == "MatMul" and node.domain in ("", INTEGER_DOMAIN)
    if not known or node.inputs[1] is not value or node.inputs[0] is value:
        return False
    a = node.inputs[0]
    floats = value.dtype == ir.DataType.FLOAT
    return constant(a) is None and a is not None and (node.domain != "") != floats
