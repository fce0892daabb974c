"""Find the deformable convolutions that the engine can run: those whose offsets are one bounded integer per pixel."""

from collections.abc import Iterator
from dataclasses import dataclass

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.graph.nodes import array_of, attribute
from edgekit.operators.deform.dilation import Chain, offset_chain
from edgekit.operators.geometry import dims, ints, optional

STEP = "use edgekit.fpga.SquareDeformConv2d, or leave it to the CPU with --cpu-fallback"
ALLOWED = (
    "a depthwise 3x3 DeformConv of stride 1 and padding 1 whose offsets are (d - 1) * ((ky - 1), (kx - 1)), with one "
    "integer d in 0..{dmax} per pixel: d = clamp(floor(s + 0.5), 0, {dmax})"
)


@dataclass(frozen=True)
class DeformableConvs:
    """The deformable convolutions of a graph by node name, and those that do not fit.

    `untold` are the nodes that serve only these: their problem is already reported.
    """

    chains: dict[str, Chain]
    problems: list[Problem]
    untold: set[ir.Node]


def recognise(graph: ir.Graph, dmax: int) -> DeformableConvs:
    """Find the offset chain of every DeformConv."""
    chains: dict[str, Chain] = {}
    problems: list[Problem] = []
    untold: set[ir.Node] = set()
    for node in graph:
        if node.op_type != "DeformConv" or node.domain != "":
            continue
        chain = offset_chain(node)
        found = [*_geometry(node), *_range(chain, dmax)]
        if found or chain is None:
            where = f"DeformConv {node.name!r}"
            problems += [Problem(where, f, ALLOWED.format(dmax=dmax), STEP) for f in found]
            untold.add(node)
        else:
            chains[str(node.name)] = chain
    for node in reversed(graph):
        if _makes_offsets_of(node, untold):
            untold.add(node)
    return DeformableConvs(chains, problems, untold)


def _makes_offsets_of(node: ir.Node, untold: set[ir.Node]) -> bool:
    """Whether only these nodes read a node, and none of them as a picture that it deforms."""
    uses = [use for value in node.outputs for use in value.uses()]
    feeds_data = any(use.idx == 0 and use.node.op_type == "DeformConv" for use in uses)
    return bool(uses) and not feeds_data and all(use.node in untold for use in uses)


def _geometry(node: ir.Node) -> Iterator[str]:
    """Yield the parts of the layer's shape that do not fit."""
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
    """Yield the parts of the offsets that do not fit."""
    if chain is None:
        yield "18 offsets per pixel that are no multiple of the square of taps"
        return
    if not chain.rounded:
        yield "fractional offsets"
    if not 0 <= chain.low <= chain.high <= dmax:
        yield f"d in {chain.low:g}..{chain.high:g}"
