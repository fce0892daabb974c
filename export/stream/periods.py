"""The number of samples that is a whole number of frames of every tensor, and lengths that are multiples."""

from collections.abc import Mapping
from fractions import Fraction
from math import lcm

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.export.stream.rules.rule import Growth
from edgekit.export.stream.rules.table import rule_of
from edgekit.export.stream.tensor_timing import check_same, values_of
from edgekit.graph.nodes import attribute, static_shape

NONE: Mapping[str, Fraction] = {}
MOST = 2**17  # samples at which a network is read: 8 s at 16 kHz


def period(short: ir.Graph, long: ir.Graph, own: Mapping[str, Fraction] = NONE) -> int:
    """Return the least number of samples that the strides along time divide, and the rates of the inputs.

    Two lengths show which axis is time. The frames of a node per input frame follow from its strides, steps and
    shapes, as sizes alone are rounded down if the length is no multiple.

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
        _add_rates(node, axes, rates)
    return _largest_period(lcm(1, *(rate.denominator for rate in rates.values())))


def _add_rates(node: ir.Node, axes: dict[ir.Value, int], rates: dict[ir.Value, Fraction]) -> None:
    """Add the rates of a node's outputs, which follow from its slowest input."""
    known = [value for value in node.inputs if value is not None and value in rates]
    if not known:
        return
    source = min(known, key=lambda value: rates[value])
    for output in node.outputs:
        if output not in axes and _keeps_axes(node, source, output):
            axes[output] = axes[source]  # maybe so few frames that their number does not grow
        if output in axes:
            rates[output] = rates[source] * rule_of(node).ratio(node, _growth(source, output, axes))


def _growth(source: ir.Value, output: ir.Value, axes: Mapping[ir.Value, int]) -> Growth:
    read, made = static_shape(source) or (), static_shape(output) or ()
    return Growth(read, made, axes[source], axes[output])


def rough_period(graph: ir.Graph, own: Mapping[str, Fraction] = NONE) -> int:
    """Return the product of the strides, those along other axes than time included."""
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
        step = "stream the part after or before some of the strides"
        raise ModelError(Problem("the network", found, f"at most {MOST // 2}", step))
    return least


def _grown(value: ir.Value, twin: ir.Value) -> int | None:
    before, after = static_shape(value) or (), static_shape(twin) or ()
    places = [n for n, (a, b) in enumerate(zip(before, after, strict=False)) if b > a]
    return places[0] if places else None


def _keeps_axes(node: ir.Node, source: ir.Value, output: ir.Value) -> bool:
    ranks = {len(static_shape(value) or ()) for value in (source, output)}
    return len(ranks) == 1 and node.op_type not in ("Reshape", "Transpose")
