"""The number of samples that is a whole number of frames of every tensor, and lengths that are multiples."""

from collections.abc import Mapping
from fractions import Fraction
from math import lcm, prod

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.export.stream.tensor_timing import check_same, values_of
from edgekit.export.stream.windows import per_axis, slice_of
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import array_of, attribute, static_shape

NONE: Mapping[str, Fraction] = {}
MOST = 2**17  # samples at which a network is read: 8 s at 16 kHz


def period(short: ir.Graph, long: ir.Graph, own: Mapping[str, Fraction] = NONE) -> int:
    """Return the least number of samples that the strides along time divide, and the rates of the inputs.

    Which axis is time is told by two lengths; how many frames a node gives for one of its input, by its own
    strides, steps and shapes, since sizes alone are rounded down where the length is no multiple.

    Args:
        short: the network at some length.
        long: the same at a greater one.
        own: input name -> its frames for a sample; 1 for those left out.

    Raises:
        ModelError: the graphs differ in more than sizes and constants, or more than `MOST` samples.
    """
    check_same(short, long)
    pairs = zip(values_of(short), values_of(long), strict=True)
    axes = {value: axis for value, twin in pairs if (axis := _grown(value, twin)) is not None}
    rates = {v: own.get(str(v.name), Fraction(1)) for v in short.inputs if v in axes}
    for node in short:
        known = [value for value in node.inputs if value in rates]
        if not known:
            continue
        source = min(known, key=lambda value: rates[value])
        assert source is not None
        for output in node.outputs:
            if output not in axes and _keeps_axes(node, source, output):
                axes[output] = axes[source]  # maybe so few frames that their number does not grow
            if output in axes:
                ratio = _ratio(node, source, output, axes)
                rates[output] = rates[source] * ratio
    return _largest_period(lcm(1, *(rate.denominator for rate in rates.values())))


def rough_period(graph: ir.Graph, own: Mapping[str, Fraction] = NONE) -> int:
    """Return what the strides multiply to, those along other axes than time included."""
    rates = {v: own.get(str(v.name), Fraction(1)) for v in graph.inputs}
    for node in graph:
        before = [rates[value] for value in node.inputs if value is not None and value in rates]
        stride = lcm(1, *attribute(node, "strides", ()))
        up = node.op_type in ("ConvTranspose", "Col2Im")
        ratio = Fraction(stride) if up else Fraction(1, stride)
        rates.update(dict.fromkeys(node.outputs, min(before, default=Fraction(1)) * ratio))
    return _largest_period(lcm(1, *(rate.denominator for rate in rates.values())))


def _largest_period(least: int) -> int:
    if 2 * least > MOST:
        found = f"its strides in time multiply to {least} samples"
        step = "stream the part behind or before some of the strides"
        raise ModelError(Problem("the network", found, f"at most {MOST // 2}", step))
    return least


def _grown(value: ir.Value, twin: ir.Value) -> int | None:
    before, after = static_shape(value) or (), static_shape(twin) or ()
    places = [n for n, (a, b) in enumerate(zip(before, after, strict=False)) if b > a]
    return places[0] if places else None


def _keeps_axes(node: ir.Node, source: ir.Value, output: ir.Value) -> bool:
    ranks = {len(static_shape(value) or ()) for value in (source, output)}
    return len(ranks) == 1 and node.op_type not in ("Reshape", "Transpose")


def _ratio(
    node: ir.Node, source: ir.Value, output: ir.Value, axes: dict[ir.Value, int]
) -> Fraction:
    """Frames of the output for one of the input."""
    before, after = axes[source], axes[output]
    if facts_of(node).slides:
        stride = per_axis(node, "strides")[before - 2] if before >= 2 else 1
        return Fraction(stride) if node.op_type == "ConvTranspose" else Fraction(1, stride)
    if node.op_type == "Col2Im":
        return Fraction(list(attribute(node, "strides", [1] * 2))[after - 2])
    shape, made = static_shape(source) or (), static_shape(output) or ()
    if node.op_type == "Slice":
        cut = slice_of(node, before, shape[before])
        return Fraction(1, abs(cut.step) if cut else 1)
    if node.op_type == "Gather":
        index = array_of(node.inputs[1])
        if index is not None and index.ndim == 2 and len(index) > 1 and before == after:
            return Fraction(1, max(abs(int(index[1, 0] - index[0, 0])), 1))
    if node.op_type == "Resize":
        return _resize_factor(node, shape[before], made[after], before)
    if node.op_type == "Reshape":
        return Fraction(prod(shape) * made[after], shape[before] * prod(made))
    return Fraction(1)


def _resize_factor(node: ir.Node, before: int, after: int, axis: int) -> Fraction:
    scales = array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    if scales is not None and scales.size == len(static_shape(node.inputs[0]) or ()):
        return Fraction(float(scales[axis])).limit_denominator(1000)
    aligned = attribute(node, "coordinate_transformation_mode", "") == "align_corners"
    if aligned and before > 1 and after > 1:
        return Fraction(after - 1, before - 1).limit_denominator(1000)
    return Fraction(after, before).limit_denominator(1000)
