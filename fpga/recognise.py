"""Which deformable convolutions the engine can run: those whose offsets are one bounded integer per pixel.

The chain is ``d = clamp(floor(s + 0.5), 0, dmax)``, ``offset = (d - 1) * square``, in any order and with any
operators that come to the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from edgekit.errors import Problem
from edgekit.export.passes.graph import array_of, attribute
from edgekit.quantize.geometry import dims, ints, optional

SQUARE = np.array([(ky - 1, kx - 1) for ky in range(3) for kx in range(3)]).reshape(18)
STEP = "use edgekit.fpga.SquareDeformConv2d"
ALLOWED = (
    "a depthwise 3x3 DeformConv of stride 1 and padding 1 whose offsets are (d - 1) * ((ky - 1), (kx - 1)), with one "
    "integer d in 0..{dmax} per pixel: d = clamp(floor(s + 0.5), 0, {dmax})"
)


@dataclass
class Chain:
    """``d = clamp(floor(source + shift), low, high)`` with what makes the offsets of it.

    `half_even` says that the network rounds ties to even where the engine rounds them up.
    """

    source: ir.Value
    shift: float = 0.0
    low: float = -np.inf
    high: float = np.inf
    rounded: bool = False
    half_even: bool = False
    nodes: list[ir.Node] = field(default_factory=list)


@dataclass(frozen=True)
class Recognised:
    """The deformable convolutions of a graph by node name, and those that do not fit.

    `untold` are the nodes that serve only these: their problem is told already.
    """

    chains: dict[str, Chain]
    problems: list[Problem]
    untold: set[ir.Node]


def recognise(graph: ir.Graph, dmax: int) -> Recognised:
    """Find the offset chain of every DeformConv."""
    chains: dict[str, Chain] = {}
    problems: list[Problem] = []
    untold: set[ir.Node] = set()
    for node in graph:
        if node.op_type != "DeformConv" or node.domain != "":
            continue
        chain = _chain(node)
        found = [*_geometry(node), *_range(chain, dmax)]
        if found or chain is None:
            where = f"DeformConv {node.name!r}"
            problems += [Problem(where, f, ALLOWED.format(dmax=dmax), STEP) for f in found]
            untold.add(node)
        else:
            chains[str(node.name)] = chain
    for node in reversed(graph):
        users = [user.node for value in node.outputs for user in value.uses()]
        if users and all(user in untold for user in users) and node not in untold:
            feeds_data = any(
                user.idx == 0 and user.node.op_type == "DeformConv"
                for value in node.outputs
                for user in value.uses()
            )
            if not feeds_data:
                untold.add(node)
    return Recognised(chains, problems, untold)


def _geometry(node: ir.Node) -> Iterator[str]:
    """What of the layer's shape does not fit."""
    x, w = dims(node.inputs[0]), array_of(node.inputs[1])
    if w is None:
        yield "computed weights"
    elif w.shape[2:] != (3, 3):
        yield f"a kernel of {w.shape[2]}x{w.shape[3]}"
    elif attribute(node, "group", 1) != x[1] or len(w) != x[1]:
        yield f"{attribute(node, 'group', 1)} groups for {x[1]} channels and {len(w)} outputs"
    for name, value in (("strides", [1, 1]), ("dilations", [1, 1]), ("pads", [1, 1, 1, 1])):
        default = [0] * 4 if name == "pads" else [1, 1]
        if (given := ints(node, name, default)) != value:
            yield f"{name} {given}"
    if attribute(node, "offset_group", 1) != 1:
        yield f"{attribute(node, 'offset_group', 1)} groups of offsets"
    if optional(node, 4) is not None:
        yield "a mask"


def _range(chain: Chain | None, dmax: int) -> Iterator[str]:
    """What of the offsets does not fit."""
    if chain is None:
        yield "18 offsets per pixel that are no multiple of the square of taps"
        return
    if not chain.rounded:
        yield "fractional offsets"
    if not 0 <= chain.low <= chain.high <= dmax:
        yield f"d in {chain.low:g}..{chain.high:g}"


def _chain(node: ir.Node) -> Chain | None:
    """Walk up from the offsets; None where they are not one number per pixel times the square of taps."""
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
        _apply(chain, node.op_type, first, second)
    _apply(chain, "Add", 1.0, 0.0)
    return chain


def _step(value: ir.Value) -> tuple[ir.Node, float, float, ir.Value] | None:
    """The operator that makes `value` of one other value and numbers: ``(node, number, number, other)``."""
    node = value.producer()
    if node is None:
        return None
    kind = node.op_type
    if kind in ("Floor", "Round", "Relu") and node.inputs[0] is not None:
        return node, 0.0, 0.0, node.inputs[0]
    if kind == "Clip" and node.inputs[0] is not None:
        ends = [_number(optional(node, i)) for i in (1, 2)]
        low, high = (
            e if e is not None else x for e, x in zip(ends, (-np.inf, np.inf), strict=True)
        )
        return node, low, high, node.inputs[0]
    if kind not in ("Add", "Sub", "Max", "Min") or len(node.inputs) != 2:
        return None
    left, right = node.inputs
    number = _number(right)
    if number is not None and left is not None:
        return node, number, 0.0, left
    number = _number(left)
    return None if number is None or kind == "Sub" or right is None else (node, number, 0.0, right)


def _number(value: ir.Value | None) -> float | None:
    array = array_of(value)
    return float(array.ravel()[0]) if array is not None and array.size == 1 else None


def _apply(chain: Chain, kind: str, first: float, second: float) -> None:
    """Let one more operator follow on ``clamp(floor(source + shift), low, high)``."""
    if kind in ("Add", "Sub"):
        step = first if kind == "Add" else -first
        if chain.rounded and step != round(step):
            chain.rounded = False
        chain.shift, chain.low, chain.high = chain.shift + step, chain.low + step, chain.high + step
    elif kind in ("Floor", "Round"):
        rule = np.floor if kind == "Floor" else np.rint
        if not chain.rounded and kind == "Round":
            chain.shift, chain.half_even = chain.shift + 0.5, True
        chain.rounded = True
        chain.low, chain.high = (float(rule(end)) for end in (chain.low, chain.high))
    else:
        low, high = {"Relu": (0.0, np.inf), "Max": (first, np.inf), "Min": (-np.inf, first)}.get(
            kind, (first, second)
        )
        if chain.rounded and not all(end == np.floor(end) for end in (low, high)):
            chain.rounded = False
        chain.low, chain.high = (float(np.clip(e, low, high)) for e in (chain.low, chain.high))
