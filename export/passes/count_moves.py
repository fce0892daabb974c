"""Bytes that the operators of a network only move from place to place, counted before passes save any.

An element that is copied counts twice, because it is read and written; one that is filled in (padding) counts once.
Operators that rename axes, as Reshape, cost nothing.
"""

import onnx_ir as ir

from edgekit.export.passes.reshape import moves_only_unit_axes
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import nbytes

MOVED_BYTES = "edgekit.moved_bytes"  # metadata of a model: the count of its import


class CountMoves(ir.passes.InPlacePass):
    """Write the count into the model's metadata; nothing else is changed."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Count every node whose shapes are known."""
        total = sum(moved_bytes(node) for node in model.graph)
        model.metadata_props[MOVED_BYTES] = str(total)
        return ir.passes.PassResult(model, modified=False)  # of what it computes


def moved_bytes(node: ir.Node) -> int:
    """Return the bytes that one run of a movement operator reads and writes; 0 for all others."""
    moves = facts_of(node).moves
    if moves not in ("copies", "fills"):
        return 0
    if node.op_type == "Transpose" and moves_only_unit_axes(node):
        return 0
    written = sum(nbytes(value) for value in node.outputs)
    read = min(written, nbytes(node.inputs[0])) if moves == "fills" else written
    return read + written
