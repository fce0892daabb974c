"""Parts of a network without engine layers, which the CPU computes in float between the engine's layers.

A part begins with an operator that the engine does not have. It ends before the first layer of the engine that reads
its outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.fpga.network import CpuPart, View
from edgekit.graph.model import Model, Source
from edgekit.graph.nodes import array_of
from edgekit.operators.geometry import dims


@dataclass
class _Part:
    nodes: list[ir.Node] = field(default_factory=list)
    at: int | None = None  # layers that run before it; None while it still grows
    writes: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, ir.Value] = field(default_factory=dict)
    reads: dict[str, View] = field(default_factory=dict)


class CpuOperators:
    """The operators that stay on the CPU, in the graph's order; `problems` say why."""

    def __init__(self, model: Model) -> None:
        """Start with none."""
        self.model, self.problems = model, list[Problem]()
        self._parts: list[_Part] = []
        self._made: dict[ir.Value, _Part] = {}

    def take(self, node: ir.Node) -> None:
        """Leave a node to the CPU."""
        if not self._parts or self._parts[-1].at is not None:
            self._parts.append(_Part())
        self._parts[-1].nodes.append(node)
        self._made |= dict.fromkeys(node.outputs, self._parts[-1])

    def makes(self, value: ir.Value) -> bool:
        """Whether the CPU makes a value."""
        return value in self._made

    def written(self, name: str, layers: int) -> ir.Value | None:
        """Let the engine read a value, from layer number `layers` on; None where the CPU does not make it."""
        value = next((v for v in self._made if v.name == name), None)
        if value is None:
            return None
        part = self._made[value]
        part.at = layers if part.at is None else part.at
        part.writes[name] = name
        return value

    def finish(
        self, layers: int, stored_view: Callable[[ir.Value], View | None]
    ) -> tuple[CpuPart, ...]:
        """Return the CPU's parts for this number of layers; `stored_view` finds the engine's place of a value."""
        for part in self._parts:
            part.at = layers if part.at is None else part.at
            own = list(part.nodes)
            for node in own:
                self._inputs(node, part, stored_view)
        wanted = {name for part in self._parts for name in part.inputs}
        wanted |= {str(value.name) for value in self.model.ir.graph.outputs}
        return tuple(self._cut(part, wanted, i) for i, part in enumerate(self._parts))

    def _inputs(
        self, node: ir.Node, part: _Part, stored_view: Callable[[ir.Value], View | None]
    ) -> None:
        """Find the sources of a node's inputs; nodes that only move the engine's results are repeated here."""
        for value in node.inputs:
            if value is None or array_of(value) is not None:
                continue
            maker = self._made.get(value)
            if maker is part or value.producer() in part.nodes:
                continue
            view = None if maker is not None else stored_view(value)
            if view is not None:
                part.reads[str(value.name)] = view
            producer = value.producer()
            if maker is not None or view is not None or producer is None:
                part.inputs[str(value.name)] = value
            else:
                part.nodes.append(producer)
                self._inputs(producer, part, stored_view)

    def _cut(self, part: _Part, wanted: set[str], number: int) -> CpuPart:
        made = [str(v.name) for v, owner in self._made.items() if owner is part]
        outputs = [name for name in made if name in wanted or name in part.writes]
        cut = _extract(self.model, [*part.inputs], outputs)
        source = self.model.source
        model = cut.describe(source=Source(f"{source.name}-cpu{number}", source.sha256))
        nodes = tuple(str(node.name) for node in self.model.ir.graph if node in part.nodes)
        assert part.at is not None
        return CpuPart(part.at, nodes, model, part.reads, part.writes)


def is_picture(value: ir.Value) -> bool:
    """Whether a value can lie in the engine's memory: float, (1, channels, height, width)."""
    return value.dtype == ir.DataType.FLOAT and len(dims(value)) == 4 and dims(value)[0] == 1


def _extract(model: Model, inputs: list[str], outputs: list[str]) -> Model:
    from onnx.utils import Extractor

    return Model(ir.from_proto(Extractor(ir.to_proto(model.ir)).extract_model(inputs, outputs)))
