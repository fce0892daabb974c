"""Finds how far every tensor is read: a convolution whose last frames are cut off needs no right padding."""

import onnx_ir as ir

from edgekit.export.stream.rules.table import rule_of
from edgekit.export.stream.tensor_timing import Facts


def find_needs(graph: ir.Graph, facts: Facts) -> dict[ir.Value, int]:
    """Return the offset n for which the frames below ``rate * samples + n`` of a value are read.

    Values without readers are left out.
    """
    needs: dict[ir.Value, int] = {}
    for output in graph.outputs:
        if (whole := facts.time(output)) is not None:
            needs[output] = whole.offset
    for node in reversed(list(graph)):
        rule = rule_of(node)
        for value in node.inputs:
            time = facts.time(value)
            if value is None or time is None:
                continue
            for output in node.outputs:
                made = facts.time(output)
                if made is None:
                    wanted = time.offset
                elif output in needs:
                    wanted = min(time.offset, rule.needs(node, time, made, needs[output]))
                else:
                    continue
                needs[value] = max(needs.get(value, wanted), wanted)
    return needs
