"""Offsets of a deformable convolution that are one bounded integer d per pixel, however the graph computes them.

The chain is ``d = clamp(floor(s + 0.5), 0, dmax)``, ``offset = (d - 1) * square``, in any order and with any
equivalent operators.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.graph.nodes import add_initializer, array_of, attribute
from edgekit.operators.geometry import dims, ints, optional

ROUNDING = 0.5  # s + 0.5, floor
DILATION_MOST = 127  # of an int8 d
SQUARE = np.array([(ky - 1, kx - 1) for ky in range(3) for kx in range(3)]).reshape(18)


@dataclass
class Chain:
    """``d = clamp(floor(source + shift), low, high)`` with the nodes that compute its offsets.

    With `half_even` the network rounds ties to even; the engine rounds them up.
    """

    source: ir.Value
    shift: float = 0.0
    low: float = -np.inf
    high: float = np.inf
    rounded: bool = False
    half_even: bool = False
    nodes: list[ir.Node] = field(default_factory=list)

    def follow(self, kind: str, first: float, second: float) -> None:
        """Add one more operator to the chain."""
        if kind in ("Add", "Sub"):
            self._add(first if kind == "Add" else -first)
        elif kind in ("Floor", "Round"):
            self._round(kind)
        else:
            ends = {"Relu": (0.0, np.inf), "Max": (first, np.inf), "Min": (-np.inf, first)}
            self._clamp(*ends.get(kind, (first, second)))

    def _add(self, step: float) -> None:
        self.rounded = self.rounded and step == round(step)
        self.shift, self.low, self.high = self.shift + step, self.low + step, self.high + step

    def _round(self, kind: str) -> None:
        if not self.rounded and kind == "Round":
            self.shift, self.half_even = self.shift + 0.5, True
        self.rounded = True
        rule = np.floor if kind == "Floor" else np.rint
        self.low, self.high = float(rule(self.low)), float(rule(self.high))

    def _clamp(self, low: float, high: float) -> None:
        self.rounded = self.rounded and all(end == np.floor(end) for end in (low, high))
        self.low, self.high = (float(np.clip(end, low, high)) for end in (self.low, self.high))


def integer_chain(node: ir.Node) -> Chain | None:
    """Return the chain of a depthwise 3x3 DeformConv if d is s rounded to int8: ``clamp(s_q, low, high)``.

    None for any other DeformConv, and if s or the chain have other uses, too.
    """
    if node.op_type != "DeformConv" or node.domain != "":
        return None
    square = is_square(node, array_of(node.inputs[1]))
    chain = offset_chain(node) if square else None
    rounds = chain is not None and chain.rounded and not chain.half_even
    if chain is None or not rounds or chain.shift != ROUNDING or not _serves_alone(chain, node):
        return None
    return chain if 0 <= chain.low <= chain.high <= DILATION_MOST else None


def _serves_alone(chain: Chain, node: ir.Node) -> bool:
    """Whether s and the chain are only used for the offsets of this node."""
    readers = {user.node for link in chain.nodes for v in link.outputs for user in v.uses()}
    first = [user.node for user in chain.source.uses()]
    return len(first) == 1 and readers == {node, *chain.nodes} - {*first}


def keep_offsets(model: Model) -> Model:
    """Keep the steps from s to the offsets in float: rounding them to 8 bits would move d.

    If d is an integer, the 0.5 of ``floor(s + 0.5)`` may be in the bias of the convolution that makes s. It becomes a
    separate step, so that s can be stored rounded.
    """
    copy = model.ir.clone()
    for node in list(copy.graph):
        chain = offset_chain(node) if node.op_type == "DeformConv" and not node.domain else None
        if chain is None:
            continue
        for link in chain.nodes:
            link.metadata_props[FLOAT_NODE] = "1"
        if chain.rounded and chain.shift != ROUNDING:
            _split_bias(copy.graph, chain)
    return Model(copy)


def _split_bias(graph: ir.Graph, chain: Chain) -> None:
    """Move the chain's shift into the bias of the convolution before it, except the rounding's half."""
    conv, first = chain.source.producer(), chain.nodes[-1]
    if conv is None or conv.op_type != "Conv" or len(list(chain.source.uses())) != 1:
        return
    given = optional(conv, 2)
    bias = np.zeros(dims(chain.source)[1], np.float32) if given is None else array_of(given)
    if bias is None:
        return
    moved = (bias + np.float32(chain.shift - ROUNDING)).astype(np.float32)
    conv.resize_inputs(3)
    conv.replace_input_with(2, add_initializer(graph, f"{conv.name}.s_bias", moved))
    back = add_initializer(
        graph, f"{conv.name}.half", np.float32(ROUNDING - chain.shift).reshape(1)
    )
    lifted = ir.val(f"{chain.source.name}_lifted", chain.source.dtype, chain.source.shape)
    step = ir.node("Add", [chain.source, back], outputs=[lifted], name=f"{first.name}.half")
    step.metadata_props[FLOAT_NODE] = "1"
    first.replace_input_with([*first.inputs].index(chain.source), lifted)
    graph.insert_before(first, step)


def is_square(node: ir.Node, w: NDArray[np.generic] | None) -> bool:
    """Whether a DeformConv is depthwise, 3x3, of stride 1 and padding 1, one picture, without mask."""
    channels = dims(node.inputs[0])[1]
    kernel = [3, 3] if w is None else list(w.shape[2:])
    return (
        len(dims(node.inputs[0])) == 4
        and dims(node.inputs[0])[0] == 1
        and kernel == [3, 3]
        and attribute(node, "group", 1) == channels == dims(node.outputs[0])[1]
        and attribute(node, "offset_group", 1) == 1
        and ints(node, "strides", [1, 1]) == ints(node, "dilations", [1, 1]) == [1, 1]
        and ints(node, "pads", [0] * 4) == [1] * 4
        and optional(node, 4) is None
    )


def offset_chain(node: ir.Node) -> Chain | None:
    """Return the chain of a DeformConv; None unless its offsets are a number per pixel times the square of taps."""
    scaled = node.inputs[2]
    product = None if scaled is None else scaled.producer()
    if product is None or product.op_type != "Mul":
        return None
    for value, factor in (product.inputs, product.inputs[::-1]):
        square = array_of(factor)
        if square is not None and square.shape == (1, 18, 1, 1) and value is not None:
            if dims(value)[1] != 1 or not np.array_equal(square.ravel(), SQUARE):
                return None
            return _scalar_chain(value, product)
    return None


def _scalar_chain(value: ir.Value, product: ir.Node) -> Chain:
    steps: list[tuple[ir.Node, float, float]] = []
    while (step := _step(value)) is not None:
        node, first, second, value = step
        steps.append((node, first, second))
    chain = Chain(value, nodes=[product, *(node for node, _, _ in steps)])
    for node, first, second in reversed(steps):
        chain.follow(node.op_type, first, second)
    chain.follow("Add", 1.0, 0.0)
    return chain


def _step(value: ir.Value) -> tuple[ir.Node, float, float, ir.Value] | None:
    """Return the operator that makes `value` of one other value and numbers: ``(node, number, number, other)``."""
    node = value.producer()
    operand = None if node is None else optional(node, 0)
    if node is None or operand is None:
        return None
    if node.op_type in ("Floor", "Round", "Relu"):
        return node, 0.0, 0.0, operand
    if node.op_type == "Clip":
        low, high = _number(optional(node, 1)), _number(optional(node, 2))
        return node, -np.inf if low is None else low, np.inf if high is None else high, operand
    if node.op_type in ("Add", "Sub", "Max", "Min") and len(node.inputs) == 2:
        return _step_with_number(node)
    return None


def _step_with_number(node: ir.Node) -> tuple[ir.Node, float, float, ir.Value] | None:
    """Return an operator of a value and a number; of a Sub the second one."""
    left, right = node.inputs
    number = _number(right)
    if number is not None and left is not None:
        return node, number, 0.0, left
    number = None if node.op_type == "Sub" else _number(left)
    return None if number is None or right is None else (node, number, 0.0, right)


def _number(value: ir.Value | None) -> float | None:
    array = array_of(value)
    return float(array.ravel()[0]) if array is not None and array.size == 1 else None
