"""Linear operators of ONNX's domain of learners, which skl2onnx writes, as operators of the standard.

Of the rest of that domain (trees, support vectors, texts) nothing is rewritten, so it is refused by name.
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.chain import Chain
from edgekit.export.passes.each_node import EachNode
from edgekit.graph.nodes import attribute, static_shape

LEARNERS = "ai.onnx.ml"
FLOAT = ir.DataType.FLOAT
TINY = 1e-30  # a row of zeros is divided by this


class UnpackLearners(EachNode):
    """Rewrite every node that a row of `UNPACKED` names; needs no inferred shapes."""

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Apply the row of its operator."""
        rule = UNPACKED.get(node.op_type) if node.domain == LEARNERS else None
        return rule is not None and rule(Chain(graph, node), node)


def _scaler(chain: Chain, node: ir.Node) -> bool:
    offset, scale = (attribute(node, name, None) for name in ("offset", "scale"))
    if offset is None or scale is None:  # onnxruntime then computes something else than ONNX states
        return False
    centred = chain.add("Sub", _float_input(chain, node), chain.constant(offset))
    chain.add("Mul", centred, chain.constant(scale))
    return chain.finish()


def _normalizer(chain: Chain, node: ir.Node) -> bool:
    kind = NORMS.get(attribute(node, "norm", "MAX"))
    if kind is None:
        return False
    x = _float_input(chain, node)
    size = chain.add(kind, x, chain.constant([-1], np.int64), keepdims=1)
    chain.add("Div", x, chain.add("Max", size, chain.constant(TINY)))
    return chain.finish()


def _feature_extractor(chain: Chain, node: ir.Node) -> bool:
    """Take columns of x; a vector becomes a row first."""
    x, indices = node.inputs
    shape = static_shape(x)
    if x is None or shape is None or indices is None:
        return False
    rows = chain.reshape(x, (1, *shape)) if len(shape) == 1 else x
    chain.add("Gather", rows, chain.reshape(indices, (-1,)), axis=-1)
    return chain.finish()


def _regressor(chain: Chain, node: ir.Node) -> bool:
    if attribute(node, "post_transform", "NONE") != "NONE":
        return False
    return _scores(chain, node, int(attribute(node, "targets", 1))) is not None and chain.finish()


def _classifier(chain: Chain, node: ir.Node) -> bool:
    """Give labels and scores, of a row of coefficients for each class or of one for two classes."""
    labels = attribute(node, "classlabels_ints", ())
    if len(labels) == 2 and len(attribute(node, "intercepts", ())) == 1:
        return _two_classes(chain, node, labels)
    scores = _scores(chain, node, len(labels)) if len(labels) > 1 else None
    result = scores and _transform(chain, node, scores)
    if scores is None or result is None:
        return False
    best = chain.add("ArgMax", scores, axis=1, keepdims=0)
    label = chain.add("Gather", chain.constant(labels, np.int64), best)
    return chain.finish({node.outputs[0]: label, node.outputs[1]: result})


def _two_classes(chain: Chain, node: ir.Node, labels: Sequence[int]) -> bool:
    """Give labels and scores of one row, the second class's: the first score is the rest to 1, as in onnxruntime."""
    score = _scores(chain, node, 1)
    if score is None or attribute(node, "post_transform", "NONE") not in ("NONE", "LOGISTIC"):
        return False
    second = _transform(chain, node, score)
    result = chain.add("Concat", chain.add("Sub", chain.constant(1), second), second, axis=1)
    is_second = chain.add("Greater", chain.reshape(score, (-1,)), chain.constant(0))
    place = chain.add("Cast", is_second, to=ir.DataType.INT64)
    label = chain.add("Gather", chain.constant(labels, np.int64), place)
    return chain.finish({node.outputs[0]: label, node.outputs[1]: result})


def _scores(chain: Chain, node: ir.Node, count: int) -> ir.Value | None:
    """Append x times the coefficients, (count, features) in a row, plus the intercepts."""
    weights = np.asarray(attribute(node, "coefficients", ()), np.float32)
    bias = np.asarray(attribute(node, "intercepts", np.zeros(count)), np.float32)
    if not weights.size or weights.size % count or bias.size != count:
        return None
    columns = chain.constant(np.ascontiguousarray(weights.reshape(count, -1).T))
    return chain.add(
        "Add", chain.add("MatMul", _float_input(chain, node), columns), chain.constant(bias)
    )


def _transform(chain: Chain, node: ir.Node, scores: ir.Value) -> ir.Value | None:
    """Append what makes probabilities of scores; None if that has no row."""
    kind = attribute(node, "post_transform", "NONE")
    if kind == "SOFTMAX":
        return chain.add("Softmax", scores, axis=1)
    if kind == "LOGISTIC":
        return chain.add("Sigmoid", scores)
    return scores if kind == "NONE" else None


def _float_input(chain: Chain, node: ir.Node) -> ir.Value:
    return chain.add("Cast", node.inputs[0], to=FLOAT)


NORMS = {"L1": "ReduceL1", "L2": "ReduceL2"}
UNPACKED: dict[str, Callable[[Chain, ir.Node], bool]] = {
    "Scaler": _scaler,
    "Normalizer": _normalizer,
    "ArrayFeatureExtractor": _feature_extractor,
    "LinearRegressor": _regressor,
    "LinearClassifier": _classifier,
}
