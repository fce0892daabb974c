"""A float network in which every quantized tensor can be rounded to any grid while it runs.

Trying types one by one needs many networks that differ only in the grids of their tensors. So the
Q/DQ pairs of one QDQ network become `FakeQuantize` nodes that read their grid, (scale, low, high), from a row of one
more input. Weights have the values of their integers. Rounding at the same places, with exact arithmetic between,
equals the integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float32
from edgekit.graph.model import Model
from edgekit.graph.nodes import remove_unread_constants
from edgekit.operators.qdq import CELL_BITS, FAKE_DOMAIN, initializer, qdq_type, stored_weight
from edgekit.operators.roles import activations, is_move
from edgekit.operators.scheme import QuantType

GRIDS = "edgekit.grids"
Grid = Float32  # (scale, low, high); a scale of 0 leaves floats as they are
Key = tuple[int | None, str | None]  # the number of a group and, of a copy, the tensor
EXACT = np.zeros(3, np.float32)


@dataclass(frozen=True)
class Selectable:
    """The network, and the meaning of its rows.

    Attributes:
        model: with one more stream input `GRIDS`, (rows, 3).
        stored: row by the number of a group: how its tensors are stored.
        copies: rows by the number of a group: the int8 copies of its tensors that products read.
        default: (rows, 3): the grids of its QDQ network.
    """

    model: Model
    stored: Mapping[int, int]
    copies: Mapping[int, Sequence[int]]
    default: Float32


def grid(kind: QuantType | None) -> Grid:
    """Return the grid of a type; None has no grid."""
    if kind is None:
        return EXACT
    low, high = kind.limits
    return np.array([kind.scale, low - kind.zero_point, high - kind.zero_point], np.float32)


def make_selectable(quantized: Model, groups: Sequence[Sequence[str]]) -> Selectable:
    """Return the selectable form of a QDQ network whose groups of tensors share a grid each."""
    writer = _Writer(quantized, {name: i for i, members in enumerate(groups) for name in members})
    return writer.run()


class _Writer:
    def __init__(self, quantized: Model, group_of: Mapping[str, int]) -> None:
        self.model, self.group_of = Model(quantized.ir.clone()), group_of
        self.graph = self.model.ir.graph
        self.rows: dict[Key, int] = {}
        self.defaults: list[Grid] = []
        self.grids = ir.val(GRIDS, ir.DataType.FLOAT)
        states = {pair.input for pair in self.model.states}
        # values that their group's grid has rounded already: states start at 0, and end rounded
        self.on_grid = {
            value: group
            for value in self.graph.inputs
            if value.name in states and (group := self._group(value)) is not None
        }

    def run(self) -> Selectable:
        for node in self.graph:
            node.metadata_props.pop(CELL_BITS, None)  # its c is float here
        for node in [n for n in self.graph if n.op_type == "DequantizeLinear"]:
            weight = stored_weight(node)
            if weight is None:
                self._pair(node)
            else:
                real = initializer(f"{node.outputs[0].name}_real", weight.real)
                self.graph.register_initializer(real)
                self._replace(node, real)
        for node in [n for n in self.graph if n.op_type == "QuantizeLinear"]:
            self.graph.remove(node, safe=True)
        remove_unread_constants(self.graph)
        self.grids.shape = ir.Shape((len(self.rows), 3))
        self.graph.inputs.append(self.grids)
        self.graph.opset_imports[FAKE_DOMAIN] = 1
        self.graph.sort()
        default = np.array(self.defaults, np.float32).reshape(len(self.rows), 3)
        return Selectable(self.model, *self._rows_of_groups(), default)

    def _rows_of_groups(self) -> tuple[dict[int, int], dict[int, list[int]]]:
        """Return, by the number of a group, the row of its tensors, and those of their copies."""
        stored, copies = dict[int, int](), dict[int, list[int]]()
        for (group, copy), row in self.rows.items():
            if group is not None and copy is None:
                stored[group] = row
            elif group is not None:
                copies.setdefault(group, []).append(row)
        return stored, copies

    def _pair(self, node: ir.Node) -> None:
        """Return one DequantizeLinear of a computed tensor, and the QuantizeLinear before it."""
        quantizer = node.inputs[0].producer() if node.inputs[0] is not None else None
        assert quantizer is not None and quantizer.op_type == "QuantizeLinear", node.name
        source = quantizer.inputs[0]
        assert source is not None
        group = self._group(source)
        if source not in self.on_grid and group is not None and self._moves(source, group):
            self.on_grid[source] = group
            self._replace(node, source)
            return
        key = self._key(source, group)
        row = self.rows.setdefault(key, len(self.rows))
        if row == len(self.defaults):
            self.defaults.append(grid(qdq_type(node)))
        rounded = ir.val(f"{node.outputs[0].name}_rounded", ir.DataType.FLOAT, source.shape)
        fake = ir.node(
            "FakeQuantize",
            [source, self.grids],
            {"row": row},
            domain=FAKE_DOMAIN,
            outputs=[rounded],
            name=f"{node.name}_fake",
        )
        self.graph.append(fake)
        if group is not None and key == (group, None):
            self.on_grid[rounded] = group
        self._replace(node, rounded)

    def _key(self, source: ir.Value, group: int | None) -> Key:
        """Return the key of a row: that of the group, of a copy of a rounded tensor, or of a tensor in no group."""
        if source in self.on_grid:
            return self.on_grid[source], str(source.name)
        return group, None if group is not None else str(source.name)

    def _group(self, value: ir.Value) -> int | None:
        name = str(value.name)
        return self.group_of.get(name, self.group_of.get(name.removesuffix("_raw")))

    def _moves(self, value: ir.Value, group: int) -> bool:
        """Whether a tensor holds elements of its group's grid only."""
        node = value.producer()
        return (
            node is not None
            and is_move(node)
            and all(self.on_grid.get(operand) == group for operand in activations(node))
        )

    def _replace(self, node: ir.Node, new: ir.Value) -> None:
        old = node.outputs[0]
        name, is_output = old.name, old.is_graph_output()
        old.replace_all_uses_with(new, replace_graph_outputs=True)
        self.graph.remove(node, safe=True)
        if is_output:
            new.name = name
