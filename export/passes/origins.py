"""Origins of constants that follow the length of an input: their computation is kept when they are folded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    """Remember a folded node if it grows to a given size, reads a value that did, or cuts a table."""
    origins: dict[str, Origin] = graph.meta.setdefault(KEY, {})
    values = [value for value in node.inputs if value is not None]
    follows = any(value.name in origins for value in values)
    if node.domain or not (follows or _grows_or_cuts(node)):
        return
    contents = _contents(values)
    if len(contents) == len(set(values)):
        operands = [None if v is None else (str(v.name), contents[v]) for v in node.inputs]
        attributes = tuple(node.attributes.values())
        origins[str(node.outputs[0].name)] = Origin(node.op_type, attributes, tuple(operands))


def _grows_or_cuts(node: ir.Node) -> bool:
    return facts_of(node).grows or node.op_type == "Slice"


def _contents(values: Iterable[ir.Value]) -> dict[ir.Value, Array]:
    """Return the contents of those values that are constants of at most `LARGEST` elements."""
    arrays = {value: array_of(value) for value in values}
    return {v: array for v, array in arrays.items() if array is not None and array.size <= LARGEST}


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

    Its origin stays known.
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
