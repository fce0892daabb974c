"""Converts operators with inner quantization to float operators between Dequantize and Quantize.

These are QLinearConv, QLinearMatMul, and the operators of onnxruntime's quantizer in its own domain
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md).
"""

from collections.abc import Callable

import onnx_ir as ir

from edgekit.export.passes.chain import AttributeValue, Chain
from edgekit.export.passes.each_node import EachNode
from edgekit.graph.nodes import attribute, optional

MICROSOFT = "com.microsoft"


class UnpackQuantized(EachNode):
    """Rewrite every node that a row of `UNPACKED` names; needs no shapes and no constants."""

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Apply the row of its operator."""
        rule = UNPACKED.get((node.domain, node.op_type))
        return rule is not None and rule(graph, node)


Rule = Callable[[ir.Graph, ir.Node], bool]


def _triple(chain: Chain, node: ir.Node, first: int, axis: int = 1) -> ir.Value:
    """Return the real value of (integers, scale, zero point), which start at input `first`."""
    return chain.add("DequantizeLinear", *node.inputs[first : first + 3], axis=axis)


def _finish(chain: Chain, result: ir.Value, scale: ir.Value | None, zero: ir.Value | None) -> bool:
    chain.add("QuantizeLinear", result, scale, zero)
    return chain.finish()


def _attributes_of(node: ir.Node, *names: str) -> dict[str, AttributeValue]:
    return {name: node.attributes[name].value for name in names if name in node.attributes}


def _bias(chain: Chain, node: ir.Node, bias: ir.Value | None) -> tuple[ir.Value, ...]:
    """Return an int32 bias, which is stored at the scale of input times weight."""
    if bias is None:
        return ()
    scale = chain.add("Mul", node.inputs[1], node.inputs[4])
    return (chain.add("DequantizeLinear", bias, scale, axis=0),)


def _conv(graph: ir.Graph, node: ir.Node) -> bool:
    chain = Chain(graph, node)
    x, w = _triple(chain, node, 0), _triple(chain, node, 3, axis=0)
    names = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    result = chain.add(
        "Conv", x, w, *_bias(chain, node, optional(node, 8)), **_attributes_of(node, *names)
    )
    return _finish(chain, result, node.inputs[6], node.inputs[7])


def _matmul(graph: ir.Graph, node: ir.Node) -> bool:
    chain = Chain(graph, node)
    result = chain.add("MatMul", _triple(chain, node, 0, axis=-2), _triple(chain, node, 3, axis=-1))
    return _finish(chain, result, node.inputs[6], node.inputs[7])


def _gemm(graph: ir.Graph, node: ir.Node) -> bool:
    if attribute(node, "alpha", 1.0) != 1:
        return False
    chain, axis = Chain(graph, node), 0 if attribute(node, "transB", 0) else 1
    a, b = _triple(chain, node, 0), _triple(chain, node, 3, axis)
    bias = _bias(chain, node, optional(node, 6))
    result = chain.add("Gemm", a, b, *bias, **_attributes_of(node, "transA", "transB"))
    if optional(node, 7) is None:
        return chain.finish()
    return _finish(chain, result, optional(node, 7), optional(node, 8))


def _binary(op_type: str) -> Rule:
    def rule(graph: ir.Graph, node: ir.Node) -> bool:
        chain = Chain(graph, node)
        result = chain.add(op_type, _triple(chain, node, 0), _triple(chain, node, 3))
        return _finish(chain, result, node.inputs[6], optional(node, 7))

    return rule


def _unary(op_type: str, *names: str) -> Rule:
    def rule(graph: ir.Graph, node: ir.Node) -> bool:
        if attribute(node, "channels_last", 0):
            return False
        chain = Chain(graph, node)
        result = chain.add(op_type, _triple(chain, node, 0), **_attributes_of(node, *names))
        return _finish(chain, result, node.inputs[3], optional(node, 4))

    return rule


def _softmax(graph: ir.Graph, node: ir.Node) -> bool:
    if attribute(node, "opset", 13) >= 13:
        return _unary("Softmax", "axis")(graph, node)
    # before opset 13 Softmax runs over all axes from `axis` on
    chain = Chain(graph, node)
    x = _triple(chain, node, 0)
    rows = chain.add("Flatten", x, axis=attribute(node, "axis", -1))
    result = chain.add("Reshape", chain.add("Softmax", rows, axis=-1), chain.add("Shape", x))
    return _finish(chain, result, node.inputs[3], optional(node, 4))


def _concat(graph: ir.Graph, node: ir.Node) -> bool:
    chain = Chain(graph, node)
    parts = [_triple(chain, node, first) for first in range(2, len(node.inputs), 3)]
    result = chain.add("Concat", *parts, axis=attribute(node, "axis", 0))
    return _finish(chain, result, node.inputs[0], node.inputs[1])


def _standard(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite the contributed form of an operator to the standard one."""
    chain = Chain(graph, node)
    chain.add(node.op_type, *node.inputs, **_attributes_of(node, "axis"))
    return chain.finish()


POOL = ("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides")
UNPACKED: dict[tuple[str, str], Rule] = {
    ("", "QLinearConv"): _conv,
    ("", "QLinearMatMul"): _matmul,
    (MICROSOFT, "QuantizeLinear"): _standard,
    (MICROSOFT, "DequantizeLinear"): _standard,
    (MICROSOFT, "QGemm"): _gemm,
    (MICROSOFT, "QLinearAdd"): _binary("Add"),
    (MICROSOFT, "QLinearMul"): _binary("Mul"),
    (MICROSOFT, "QLinearConcat"): _concat,
    (MICROSOFT, "QLinearSigmoid"): _unary("Sigmoid"),
    (MICROSOFT, "QLinearLeakyRelu"): _unary("LeakyRelu", "alpha"),
    (MICROSOFT, "QLinearSoftmax"): _softmax,
    (MICROSOFT, "QLinearAveragePool"): _unary("AveragePool", *POOL),
    (MICROSOFT, "QLinearGlobalAveragePool"): _unary("GlobalAveragePool"),
}
