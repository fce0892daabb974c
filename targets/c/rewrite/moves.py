"""Movement after movement becomes one copy: no element is copied on its way to a reader.

Every element of a moved tensor is one element of a computed, stored or given tensor, or a zero. Those
numbers pass through a row of movement operators (on which their NumPy forms run) and come out at the
tensors that other operators read. There one operator, `MOVE`, fetches each element from its origin.
"""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.facts import facts_of, names
from edgekit.graph.model import Model
from edgekit.operators import indexing, movement
from edgekit.operators.geometry import dims
from edgekit.operators.operator import Operator
from edgekit.operators.roles import constant
from edgekit.operators.table import OPERATORS
from edgekit.targets.c.rewrite.shared_storage import (
    Numbers,
    SharedStorage,
    elements,
    shared_storage,
    short_walks,
)
from edgekit.targets.c.rewrite.windows import carry_windows

MOVE, MOVE_DOMAIN = "Move", "edgekit.c"
NUMBERS = "numbers"  # attribute: per element of the result its origin, see `fuse_moves`
LIMIT = 1 << 22  # elements of a tensor whose numbers are followed


def _pad_numbers(node: ir.Node, x: list[Array]) -> list[Array]:
    """A fill that is given is an element too; else it is the zero."""
    if indexing.pad_mode(node) != "constant":
        return indexing.pad(node, x)
    return [movement.pad_data(x, np.ravel(x[2])[0] if 2 in data_inputs(node) else 0)]


BY_PLACE = names(lambda row: row.moves not in (None, "chooses"))
FORMS: dict[str, Operator] = {
    name: row.form for (domain, name), row in OPERATORS.items() if not domain and name in BY_PLACE
} | {"Pad": _pad_numbers}


def fuse_moves(model: Model) -> Model:
    """Return the model with `MOVE` nodes in place of movement operators, where that saves copies.

    The inputs of a `MOVE` are the tensors that its elements come from. Its attribute `NUMBERS` counts their elements
    from 1 on through all inputs, end to end. 0 stands for a zero (the zero point of an integer tensor). Tensors of more
    than `LIMIT` elements are moved as before.
    """
    graph_model = model.ir.clone()
    fuser = _Fuser(graph_model.graph)
    states = carry_windows(graph_model.graph, model, fuser)
    fuser.replace()
    return Model(graph_model).describe(states=states)


def data_inputs(node: ir.Node) -> tuple[int, ...]:
    """The inputs whose elements a movement operator moves."""
    if node.op_type == "Concat":
        return tuple(range(len(node.inputs)))
    if node.op_type in indexing.SCATTERS:
        return (0, 2)
    fill = constant(node.inputs[2]) if node.op_type == "Pad" and len(node.inputs) > 2 else None
    return (0, 2) if fill is not None and fill.any() else (0,)


def is_movement(node: ir.Node) -> bool:
    """Whether every element of the results is an element of an operand, chosen by constants."""
    if node.domain or node.op_type not in FORMS:
        return False
    if node.op_type in indexing.SCATTERS and indexing.reduction(node) != "none":
        return False
    data = data_inputs(node)
    computed = {i for i, v in enumerate(node.inputs) if v is not None and constant(v) is None}
    return bool(computed) and computed <= set(data)


class _Fuser:
    """Follows all movement of a graph; `replace` rewrites it."""

    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph
        self.nodes = [node for node in graph if is_movement(node) and _fits(node)]
        inside = set(self.nodes)
        self.first: dict[ir.Value, int] = {}  # the number of an origin's first element
        self.origins: list[ir.Value] = []
        self.next = 1
        self.numbers: dict[ir.Value, Numbers] = {}
        self.read = {  # moved tensors that must be somewhere in memory
            value
            for node in self.nodes
            for value in node.outputs
            if value.is_graph_output() or any(user.node not in inside for user in value.uses())
        }
        self.composed: set[ir.Value] = set()
        for node in self.nodes:
            self._follow(node)

    def replace(self) -> None:
        for node in reversed(self.nodes):
            wanted = [value for value in node.outputs if value in self.read]
            if any(self._worth(node, value) for value in wanted):
                self._replace(node, wanted)
            elif not wanted:
                self.graph.remove(node, safe=True)

    def number(self, value: ir.Value) -> Numbers:
        """The numbers of an origin's elements, made on first use."""
        if value not in self.first:
            self.first[value] = self.next
            self.origins.append(value)
            self.next += elements(value)
        start = self.first[value]
        return np.arange(start, start + elements(value), dtype=np.int64)

    def owners(self, flat: Numbers) -> Numbers:
        """Return for each element the index of its origin; -1 for a zero."""
        starts = [self.first[value] for value in self.origins]
        return np.searchsorted(starts, flat, side="right") - 1

    def expanded(self, value: ir.Value) -> Numbers:
        """The numbers of a moved tensor's elements where they come from in the end, flat."""
        flat = self.numbers[value].ravel().copy()
        while True:
            owners, moved = self.owners(flat), False
            for owner in (int(i) for i in np.unique(owners) if i >= 0):
                origin = self.origins[owner]
                if origin in self.numbers:
                    mine, moved = owners == owner, True
                    flat[mine] = self.numbers[origin].ravel()[flat[mine] - self.first[origin]]
            if not moved:
                return flat

    def readers(self, origin: ir.Value) -> list[ir.Value]:
        """The tensors in memory that elements of an origin are moved into."""
        found = []
        for node in self.nodes:
            for value in node.outputs:
                if value in self.read and np.isin(self.numbers[value], self.number(origin)).any():
                    found.append(value)
        return found

    def _follow(self, node: ir.Node) -> None:
        inputs = [value for value in node.inputs if value is not None and value in self.numbers]
        passed = [value for value in inputs if value not in self.read]
        results = self._results(node)
        if passed and not all(map(self._is_plain, results)):
            self.read.update(passed)
            passed, results = [], self._results(node)
        for value, numbers in zip(node.outputs, results, strict=False):
            self.numbers[value] = numbers
            if passed:
                self.composed.add(value)

    def _results(self, node: ir.Node) -> list[Numbers]:
        data = data_inputs(node)
        operands = [
            None if v is None else self._numbers_of(v) if i in data else constant(v)
            for i, v in enumerate(node.inputs)
        ]
        return FORMS[node.op_type](node, operands)  # type: ignore[arg-type]

    def _numbers_of(self, value: ir.Value) -> Numbers:
        if value in self.numbers and value not in self.read:
            return self.numbers[value]
        return self.number(value).reshape(dims(value))

    def _is_plain(self, numbers: Numbers) -> bool:
        """Whether loops over strides, or over short tables, pass through the numbers."""
        flat = numbers.ravel()
        owners = self.owners(flat)
        return all(
            short_walks(flat[owners == owner], np.flatnonzero(owners == owner)) is not None
            for owner in np.unique(owners)
        )

    def _worth(self, node: ir.Node, value: ir.Value) -> bool:
        """Whether one `MOVE` is better than the operator: a shorter way, or storage to share."""
        if value in self.composed or len(node.outputs) > 1:
            return True
        if facts_of(node).moves == "renames":
            return False
        inputs, local = self._local(value)
        return shared_storage(local, inputs) != SharedStorage()

    def _local(self, value: ir.Value) -> tuple[list[ir.Value], Numbers]:
        """The origins of a moved tensor, and its numbers counted through these alone."""
        flat = self.numbers[value].ravel()
        owners = self.owners(flat)
        local, start, inputs = np.zeros_like(flat), 1, []
        for owner in (int(i) for i in np.unique(owners) if i >= 0):
            origin = self.origins[owner]
            mine = owners == owner
            local[mine] = flat[mine] - self.first[origin] + start
            start += elements(origin)
            inputs.append(origin)
        return inputs, local

    def _replace(self, node: ir.Node, wanted: list[ir.Value]) -> None:
        new = []
        for i, value in enumerate(wanted):
            inputs, local = self._local(value)
            attributes = [ir.AttrTensor(NUMBERS, ir.tensor(local, name=NUMBERS))]
            name = node.name if len(wanted) == 1 else f"{node.name}.{i}"
            moved = ir.Node(MOVE_DOMAIN, MOVE, inputs, attributes, num_outputs=1, name=name)
            moved.outputs[0].metadata_props.update(value.metadata_props)
            new.append(moved)
        made = [moved.outputs[0] for moved in new]
        ir.convenience.replace_nodes_and_values(self.graph, node, [node], new, wanted, made)


def _fits(node: ir.Node) -> bool:
    values = [*(node.inputs[i] for i in data_inputs(node)), *node.outputs]
    return all(elements(v) <= LIMIT for v in values if v is not None and v.shape is not None)
