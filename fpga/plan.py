"""The plan of a lowering: float layers before they are integers."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import onnx_ir as ir

from edgekit.fpga.integers import Sums
from edgekit.fpga.network import CpuPart, View
from edgekit.operators.pointwise.functions import POINTWISE

SOFTMAX = ("Softmax", "LogSoftmax")


@dataclass
class Plan:
    """The layers of a float model: their inputs, their float sums, and the stored tensors."""

    steps: list[Sums] = field(default_factory=list)
    shapes: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, View] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    cpu: tuple[CpuPart, ...] = ()


def final_functions(graph: ir.Graph) -> Iterator[ir.Node]:
    """Functions of elements, softmax, interleaved pixels, that only outputs read: their reader can compute them."""
    found: set[ir.Node] = set()
    for node in reversed(graph):
        users = [user for value in node.outputs for user in value.consumers()]
        known = node.op_type in POINTWISE or node.op_type in (*SOFTMAX, "DepthToSpace")
        if known and node.domain == "" and found.issuperset(users):
            found.add(node)
            yield node
