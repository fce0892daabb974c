"""What constants that follow the length of an input were computed from, kept while they are folded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import add_initializer, array_of

KEY = "edgekit.origins"
LARGEST = 2**22  # elements of an operand that is kept


@dataclass(frozen=True)
class Origin:
    """A node that was folded: its operator and attributes, and its operands as (name, content)."""

    op_type: str
    attributes: tuple[ir.Attr, ...]
    operands: tuple[tuple[str, Array] | None, ...]


def record(graph: ir.Graph, node: ir.Node) -> None:
    """Remember a node that is folded, where it grows to a size that it is told, or reads what did."""
    origins: dict[str, Origin] = graph.meta.setdefault(KEY, {})
    names = [value.name for value in node.inputs if value is not None]
    if not (facts_of(node).grows or any(name in origins for name in names)) or node.domain:
        return
    operands: list[tuple[str, Array] | None] = []
    for value in node.inputs:
        array = None if value is None else array_of(value)
        if value is not None and (array is None or array.size > LARGEST):
            return
        operands.append(None if value is None or array is None else (str(value.name), array))
    attributes: tuple[Any, ...] = tuple(node.attributes.values())
    origins[str(node.outputs[0].name)] = Origin(node.op_type, attributes, tuple(operands))


def origins_of(graph: ir.Graph) -> dict[str, Origin]:
    """Return origins by the names of constants."""
    found: dict[str, Origin] = graph.meta.get(KEY, {})
    return found


def add_reshaped_constant(
    graph: ir.Graph,
    value: ir.Value,
    array: Array,
    shape: tuple[int, ...],
    label: str,
    perm: Sequence[int] | None = None,
) -> ir.Value:
    """Add the constant `value`, whose content is `array`, in another shape, its axes then in the order `perm`.

    What it was computed from stays known.
    """
    origins: dict[str, Origin] = graph.meta.setdefault(KEY, {})
    wide = array.reshape(shape)
    if perm is None:
        made = add_initializer(graph, f"{value.name}_{label}", wide)
        origins[str(made.name)] = Origin("Reshape", (), ((str(value.name), array),))
        return made
    made = add_initializer(graph, f"{value.name}_{label}", wide.transpose(perm))
    between = f"{made.name}/wide"
    origins[between] = Origin("Reshape", (), ((str(value.name), array),))
    order = ir.AttrInt64s("perm", list(perm))
    origins[str(made.name)] = Origin("Transpose", (order,), ((between, wide),))
    return made
