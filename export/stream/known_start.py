"""Frames at the start of a stream that follow from constants alone, in front of those of the input."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.time_patterns import Pattern, TimeConstant, emit_pattern


def with_known_start(writer: Rewriter, node: ir.Node, value: ir.Value, known: Array) -> ir.Value:
    """Return the hops of a padded stream whose first frames follow from constants, as after padding with zeros."""
    track, name = writer.stream(node.inputs[0]), str(node.name)
    if track.delay <= 0:
        return value  # they come before the first hop
    count = known.shape[track.axis]
    along = TimeConstant(f"{name}.known", (known, known), track.axis, track.time.rate, count)
    later = np.zeros_like(np.take(known, [0], track.axis))
    pattern = Pattern(known, later, np.take(known, [], track.axis))
    first = emit_pattern(writer.new, along, pattern, track.frames, track.delay - count)
    inside = writer.inside(track, 0, name, before=True, after=False)
    return writer.new.one(f"{name}.started", "Where", inside, value, first)
