"""Finds which frames of every tensor are read: what a crop cuts off needs no padding."""

import onnx_ir as ir

from edgekit.export.stream.rules.table import rule_of
from edgekit.export.stream.tensor_timing import Facts, TimeAxis
from edgekit.export.stream.track import Span


def find_needs(graph: ir.Graph, facts: Facts) -> dict[ir.Value, Span]:
    """Return the frames of each value that are read. Values without readers are left out."""
    needs: dict[ir.Value, Span] = {}
    for output in graph.outputs:
        if (whole := facts.time(output)) is not None:
            needs[output] = Span(0, whole.offset)
    for node in reversed(list(graph)):
        rule = rule_of(node)
        for value in node.inputs:
            time = facts.time(value)
            if value is None or time is None:
                continue
            for output in node.outputs:
                made = facts.time(output)
                if made is None:
                    wanted = Span(0, time.offset)
                elif output in needs:
                    wanted = _clip(time, rule.needs(node, time, made, needs[output]))
                else:
                    continue
                needs[value] = wanted.union(needs.get(value, wanted))
    return needs


def _clip(time: TimeAxis, read: Span) -> Span:
    """Leave out frames that a tensor does not have."""
    return Span(max(0, read.first), min(time.offset, read.end))
