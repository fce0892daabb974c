"""Layouts of frames in a network's inputs and outputs: spectra, numbers per bin, or samples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import onnx_ir as ir

from edgekit.export.frontend.spec import FrontendSpec
from edgekit.graph.nodes import static_shape

AXES = ("frames", "bins", "parts")  # their order in the front end; parts are real and imaginary


@dataclass(frozen=True)
class Layout:
    """Content of a value, and the order of its axes.

    Attributes:
        content: ``spectrum``, ``bins`` (a number per bin) or ``frame`` (samples).
        shape: all dimensions.
        order: index in the front end's (frames, bins[, 2]) of each axis here, without unit axes; frames come first if
            there is only one.
    """

    content: str
    shape: tuple[int, ...]
    order: tuple[int, ...] = ()

    def ordered(self, dims: Sequence[int]) -> tuple[int, ...]:
        """Return the front end's dimensions in the order that they have here."""
        return tuple(dims[axis] for axis in self.order)


def layout_of(
    value: ir.Value, form: FrontendSpec, frames: int = 1, time_axis: int | None = None
) -> Layout | None:
    """Return the layout of a value by its shape; None if no front end has such a shape.

    Args:
        value: an input or output of a network.
        form: the front end.
        frames: number of frames in a call.
        time_axis: the axis of the frames, if known.
    """
    shape = static_shape(value) or ()
    sized = {axis: dim for axis, dim in enumerate(shape) if dim != 1}
    if form.kind == "frame":
        return Layout("frame", shape) if [*sized.values()] == [form.length] else None
    sizes = {"frames": frames, "bins": form.width, "parts": 2}
    for content, order in _orders_of_axes(form, sizes):
        if [*sized.values()] != [sizes[axis] for axis in order]:
            continue
        if "frames" not in order:
            order = ("frames", *order)
        elif time_axis not in (None, [*sized][order.index("frames")]):
            continue
        return Layout(content, shape, tuple(map(AXES.index, order)))
    if form.features is not None and [*sized.values()] == [frames * form.width]:
        return Layout("bins", shape, (0, 1))  # one frame after the other along one axis
    return None


def _orders_of_axes(
    form: FrontendSpec, sizes: Mapping[str, int]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each possible content of a network's input, with all orders of its axes that are not 1."""
    contents = {"bins": AXES[:2], **({"spectrum": AXES} if form.kind == "complex" else {})}
    for content, axes in contents.items():
        for order in permutations(axis for axis in axes if sizes[axis] != 1):
            yield content, order
