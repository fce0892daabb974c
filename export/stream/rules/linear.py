"""Matrix products: time among the rows, columns or batch, not the axis that is summed over."""

import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules import attention
from edgekit.export.stream.rules.elementwise import framewise
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.track import StreamingRefused
from edgekit.graph.nodes import attribute

INSTEAD = "use a convolution or attention with a window"


def gemm(writer: Rewriter, node: ir.Node) -> None:
    """Gemm: each row is a frame or part of one."""
    summed = {0: attribute(node, "transA", 0) == 0, 1: attribute(node, "transB", 0) == 1}
    _product(writer, node, [1 if last else 0 for last in summed.values()])


def matmul(writer: Rewriter, node: ir.Node) -> None:
    """Rewrite a MatMul, which sums over the last axis of the left and the last but one of the right operand."""
    if len(writer.facts.axes.get(node.outputs[0], ())) > 1:
        attention.scores(writer, node)
    else:
        _product(writer, node, [-1, -2])


def _product(writer: Rewriter, node: ir.Node, summed: list[int]) -> None:
    for value, axis in zip(node.inputs, summed, strict=False):
        track = writer.track(value)
        rank = 0 if track is None else len(track.shape)
        if track is not None and track.axis == max(axis % rank, 0) and rank > 1:
            raise StreamingRefused("it sums over all of time", "a sum over other axes", INSTEAD)
    framewise(writer, node)


RULES = StreamingRule("Gemm", gemm, late=True), StreamingRule("MatMul", matmul, late=True)
