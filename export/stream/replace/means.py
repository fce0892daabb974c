"""Replaces means, sums and maxima over all of time by those of the input so far or of a window."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.chain import Chain
from edgekit.export.stream.replace.forms import Form
from edgekit.export.stream.replace.instance import Grown, Instance, Shape, append_time_constant
from edgekit.export.stream.rules.elementwise import axes_input, spatial_axes
from edgekit.export.stream.track import StreamingRefused
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import attribute, static_shape

Over = Callable[[ir.Value, str], ir.Value]  # reduces the other axes


def reduced_axes(node: ir.Node) -> list[int]:
    """Return the axes that a reduction or a global pooling sums up; none of another node."""
    rank, mixes = len(static_shape(node.inputs[0]) or ()), facts_of(node).mixes
    if mixes == "axes":
        return axes_input(node, rank)
    return spatial_axes(node, rank) if mixes == "spatial" else []


def is_extreme(node: ir.Node) -> bool:
    """Whether a reduction looks for the largest or the smallest value."""
    return facts_of(node).moves == "chooses"


def variance_of(node: ir.Node) -> ir.Value | None:
    """Return x for a mean of squares ``mean((x - mean(x)) ** 2)``, its variance; None for another mean."""
    difference = _base_of_square(node.inputs[0]) if facts_of(node).averages else None
    source = _producer(difference)
    if source is None or source.op_type != "Sub":
        return None
    x, mean = source.inputs
    averaged = _producer(mean)
    if averaged is None or averaged.inputs[0] is not x or not facts_of(averaged).averages:
        return None
    same = reduced_axes(averaged) == reduced_axes(node) and _keeps(averaged)
    return x if same else None


def _producer(value: ir.Value | None) -> ir.Node | None:
    return None if value is None else value.producer()


def _base_of_square(value: ir.Value | None) -> ir.Value | None:
    """Return x if a value is ``x * x`` or ``x ** 2``."""
    made = _producer(value)
    if made is None or made.op_type not in ("Mul", "Pow"):
        return None
    base, other = made.inputs
    if made.op_type == "Mul":
        return base if other is base else None
    power = None if other is None else other.const_value
    squares = power is not None and power.numpy().ravel().tolist() == [2]
    return base if squares else None


def _keeps(node: ir.Node) -> bool:
    return facts_of(node).mixes == "spatial" or bool(attribute(node, "keepdims", 1))


class RunningMeans:
    """Sums and means up to each frame, or over the last frames, along one axis."""

    def __init__(self, instance: Instance, chain: Chain, shape: Shape, axis: int, form: Form):
        """Store the shape of the tensor summed along `axis`; all other reduced axes already have size 1."""
        self.instance, self.chain, self.form = instance, chain, form
        self.shape, self.axis = shape, axis
        self.count = np.arange(1, shape[axis] + 1, dtype=np.float32)

    def mean(self, x: ir.Value) -> ir.Value:
        """Return the mean; at the start of a window, that of the frames so far."""
        window = self.form.window
        if window is None:
            return self.chain.add("Div", self.sum(x), self._along())
        steps = ("Min", window), ("Div", window)
        return self.chain.add("Mul", self._pooled(x, "AveragePool"), self._along(*steps))

    def sum(self, x: ir.Value) -> ir.Value:
        """Return the sum."""
        if self.form.window is None:
            return self.chain.add("CumSum", x, self.chain.constant(self.axis, np.int64))
        pooled = self._pooled(x, "AveragePool")
        return self.chain.add("Mul", pooled, self.chain.constant(self.form.window))

    def largest(self, x: ir.Value) -> ir.Value:
        """Return the largest value of the window."""
        return self._pooled(x, "MaxPool")

    def _along(self, *steps: tuple[str, float]) -> ir.Value:
        return append_time_constant(
            self.instance, self.chain, self.count, self.axis, len(self.shape), *steps
        )

    def _pooled(self, x: ir.Value, kind: str) -> ir.Value:
        chain, axis, size = self.chain, self.axis, self.form.window or 1
        before = int(np.prod(self.shape[:axis]))
        behind = int(np.prod(self.shape[axis + 1 :]))
        flat = chain.reshape(x, (1, before, self.shape[axis], behind))
        pads = [size - 1, 0, 0, 0]
        counts = {"count_include_pad": 1} if kind == "AveragePool" else {}
        pooled = chain.add(kind, flat, kernel_shape=[size, 1], strides=[1, 1], pads=pads, **counts)
        return chain.reshape(pooled, self.shape)


def mean(instance: Instance, node: ir.Node, form: Form, variance: int | None) -> None:
    """Replace a reduction over time; `variance` is the number of the value whose variance it is."""
    source = node.inputs[0]
    time = instance.time(source)
    if source is None or time is None:
        raise StreamingRefused(
            "time is not one of its axes alone", "one time axis", "reduce other axes apart"
        )
    chain, shape, axis = Chain(instance.graph, node), instance.shape(source), time.axis
    axes = [n for n in reduced_axes(node) if n != axis]
    narrow = tuple(1 if n in axes else size for n, size in enumerate(shape))
    running = RunningMeans(instance, chain, narrow, axis, form)

    def over(x: ir.Value, op_type: str) -> ir.Value:
        others = chain.constant(axes, np.int64)
        return chain.add(op_type, x, others, keepdims=1) if axes else x

    if variance is not None:
        result = _variance(chain, running, over, instance.value(variance))
    elif is_extreme(node):
        result = _extreme(chain, running, over, source, node)
    elif facts_of(node).averages:
        result = running.mean(over(source, "ReduceMean"))
    else:
        result = _sum(chain, running, over, source, node)
    _place_mean(
        instance, chain, result, narrow, axis, reduced_axes(node), Grown(axis, time, form.window)
    )


def _variance(chain: Chain, running: RunningMeans, over: Over, x: ir.Value) -> ir.Value:
    """Return ``mean(x ** 2) - mean(x) ** 2``, at least 0."""
    middle = running.mean(over(x, "ReduceMean"))
    power = running.mean(over(chain.add("Mul", x, x), "ReduceMean"))
    spread = chain.add("Sub", power, chain.add("Mul", middle, middle))
    return chain.add("Max", spread, chain.constant(0))


def _extreme(
    chain: Chain, running: RunningMeans, over: Over, source: ir.Value, node: ir.Node
) -> ir.Value:
    if node.op_type == "ReduceMin":
        turned = over(chain.add("Neg", source), "ReduceMax")
        return chain.add("Neg", running.largest(turned))
    return running.largest(over(source, "ReduceMax"))


def _sum(
    chain: Chain, running: RunningMeans, over: Over, source: ir.Value, node: ir.Node
) -> ir.Value:
    kind = node.op_type.removeprefix("Reduce")
    if kind == "L1":
        return running.sum(over(chain.add("Abs", source), "ReduceSum"))
    if kind == "Sum":
        return running.sum(over(source, "ReduceSum"))
    if kind in ("L2", "SumSquare"):
        total = running.sum(over(chain.add("Mul", source, source), "ReduceSum"))
        return chain.add("Sqrt", total) if kind == "L2" else total
    raise StreamingRefused(
        f"{node.op_type} over all of time", "means, sums and norms", "compute it otherwise"
    )


def _place_mean(
    instance: Instance,
    chain: Chain,
    result: ir.Value,
    narrow: Shape,
    axis: int,
    axes: list[int],
    grown: Grown,
) -> None:
    """Remove the axes that the node removes; the frames are then on an axis of size 1, as the batch."""
    node = chain.node
    if _keeps(node):
        instance.finish(chain, narrow, grown)
        return
    left = [n for n in range(len(narrow)) if n not in axes]
    if (
        not left
    ):  # a number for all: its axes stay, with which it broadcasts to what it was made from
        instance.finish(chain, narrow, grown)
        return
    carrier = next((n for n in left if narrow[n] == 1), None)
    if carrier is None:
        raise StreamingRefused(
            "its result has no axis of size 1", "a batch of 1", "keep the axes: keepdim=True"
        )
    order = list(range(len(narrow)))
    order[axis], order[carrier] = carrier, axis
    moved = chain.transpose(result, order)
    shape = tuple(narrow[axis] if n == carrier else narrow[n] for n in left)
    chain.reshape(moved, shape)
    place = Grown(left.index(carrier), grown.time, grown.window)
    instance.finish(chain, shape, place)
