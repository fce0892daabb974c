"""Values that depend only on the timestep, or only on a label, become tables: there are finitely many.

The embedding of t, its layers and every block's projection are computed once at export, for each row of the step
table. The network reads its row by the index of the step. The same is done for labels if that needs less memory.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.random_inputs import draw
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.graph.nodes import (
    add_initializer,
    array_of,
    static_shape,
    unused_name,
    value_names,
)

GROWING = frozenset({"Expand", "Tile"})  # done at run time: less is kept
STEP = "step"
CHECKED = 3  # rows on which the folded network is compared with its source


@dataclass(frozen=True)
class FoldCost:
    """Cost and saving of folding one input.

    Attributes:
        input: its name before folding.
        rows: number of values that it takes.
        constants: elements of a row.
        weights: elements of the constants that only these layers read; about the multiply-accumulates of a call.
    """

    input: str
    rows: int
    constants: int
    weights: int

    @property
    def text(self) -> str:
        """Sentence for a report."""
        table = f"{self.rows} rows of {self.constants:,} constants"
        return (
            f"input '{self.input}' folded: {self.weights:,} weights, and about as many multiply-accumulates of a "
            f"call, became a table of {table} ({self.rows * self.constants * 4:,} bytes as float32)"
        )


def fold_steps(model: Model) -> Model:
    """Return the model with its time input folded into tables, and its step table giving row indices.

    Inputs that only select a row of a constant table (labels) are folded too where their table holds no more
    than the weights that it replaces.

    Raises:
        ModelError: the model has no step table, or time does not reach the network through separate layers.
        VerificationError: the folded network differs from the model.
    """
    table = model.sampler
    if table is None or table.roles.time is None:
        found, step = "no time input in the step table", "attach a sampler with roles.time"
        raise ModelError(Problem("timestep folding", found, "a model with a sampler", step))
    if table.folded:
        return model
    times, index = np.unique(table.time, return_inverse=True)
    folded = _fold_input(model, table.roles.time, times, STEP)
    if folded is None:
        found = f"input '{table.roles.time}' is read by nothing, or by everything"
        allowed = "layers that depend on the timestep alone"
        raise ModelError(Problem("timestep folding", found, allowed, "set fold = false"))
    made, fact, name = folded
    roles = replace(table.roles, time=name)
    stepped = table.with_(time=index.astype(np.float64), roles=roles, folded=True)
    made = made.describe(sampler=stepped.facts(), notes=[*model.notes, fact.text])
    _check(model, made, {table.roles.time: times, name: np.arange(len(times))})
    for label, count in label_counts(made).items():
        again = _fold_input(made, label, np.arange(count), label)
        if again is not None and again[1].rows * again[1].constants <= again[1].weights:
            smaller = again[0].describe(notes=[*made.notes, again[1].text])
            _check(made, smaller, {label: np.arange(count)})
            made = smaller
    return made


def _fold_input(
    model: Model, name: str, values: Array, index: str
) -> tuple[Model, FoldCost, str] | None:
    """Replace an input by the index of its value; returns the model, the cost, and the new input's name."""
    copy = model.ir.clone()
    graph = copy.graph
    given = next(value for value in graph.inputs if value.name == name)
    inside = _dependent_nodes(graph, given)
    border = _border(inside)
    if not border or given.is_graph_output():
        return None
    before = _weights(graph)
    tables = _evaluate(model, given, [str(value.name) for value in border], values)
    place = list(graph.inputs).index(given)
    renamed = index if index == name else unused_name(value_names(graph), index)
    given.name = unused_name(value_names(graph), f"{name}.folded")
    step = ir.Value(name=renamed, shape=ir.Shape((1,)), type=ir.TensorType(ir.DataType.INT64))
    graph.inputs.insert(place, step)
    for value, rows in zip(border, tables, strict=True):
        _gather(graph, value, rows, step, inside)
    for node in reversed(inside):
        graph.remove(node, safe=True)
    graph.inputs.remove(given)
    common.RemoveUnusedNodesPass()(copy)
    common.TopologicalSortPass()(copy)
    size = sum(rows.shape[1] for rows in tables)
    after = _weights(graph) - size * len(values)
    return Model(copy), FoldCost(name, len(values), size, before - after), renamed


def _dependent_nodes(graph: ir.Graph, given: ir.Value) -> list[ir.Node]:
    """Return the nodes that depend only on the input and constants, in order."""
    known, free, inside = {given}, set[ir.Value](), list[ir.Node]()
    for node in graph:
        read = {value for value in node.inputs if value is not None and array_of(value) is None}
        if not read <= known | free:
            continue
        if read & known:
            inside.append(node)
            known.update(node.outputs)
        else:
            free.update(node.outputs)
    return _without_last_growing(inside)


def _without_last_growing(inside: list[ir.Node]) -> list[ir.Node]:
    while cut := {node for node in inside if _grows(node, set(inside))}:
        inside = [node for node in inside if node not in cut]
    return inside


def _grows(node: ir.Node, inside: set[ir.Node]) -> bool:
    """Whether a last node makes many elements of few."""
    users = {user.node for output in node.outputs for user in output.uses()}
    return node.op_type in GROWING and not users & inside


def _border(inside: Sequence[ir.Node]) -> list[ir.Value]:
    """Return the values of these nodes that the rest of the network reads."""
    within = set(inside)
    return [
        value
        for node in inside
        for value in node.outputs
        if value.is_graph_output() or any(user.node not in within for user in value.uses())
    ]


def _evaluate(model: Model, given: ir.Value, names: Sequence[str], values: Array) -> list[Array]:
    """Return the border's tensors for each value of the input: one array (values, elements) each."""
    running = in_onnxruntime(Model(_part(model, str(given.name), names)).to_bytes())
    assert given.dtype is not None
    shape, dtype = static_shape(given) or (), given.dtype.numpy()
    rows = [running({str(given.name): np.full(shape, v, dtype)}) for v in values]
    return [np.stack([row[name].reshape(-1) for row in rows]) for name in names]


def _part(model: Model, read: str, names: Sequence[str]) -> ir.Model:
    """Return the part of the network that computes these values from one input."""
    copy = model.ir.clone()
    made = {str(value.name): value for node in copy.graph for value in node.outputs}
    copy.graph.outputs.clear()
    copy.graph.outputs.extend(made[name] for name in names)
    common.RemoveUnusedNodesPass()(copy)
    kept = [value for value in copy.graph.inputs if value.name == read]
    copy.graph.inputs.clear()
    copy.graph.inputs.extend(kept)
    return copy


def _gather(
    graph: ir.Graph, value: ir.Value, rows: Array, step: ir.Value, inside: Sequence[ir.Node]
) -> None:
    """Replace a border value by the step's row of a table for all its readers."""
    shape = static_shape(value) or ()
    first = shape[:1] == (1,)
    table = add_initializer(
        graph, f"{value.name}.steps", rows.reshape(len(rows), *(shape[1:] if first else shape))
    )
    nodes = [ir.node("Gather", [table, step], {"axis": 0}, name=f"{value.name}.step")]
    result = _set_name_and_shape(graph, nodes[-1], value, shape if first else (1, *shape))
    if not first:
        target = add_initializer(graph, f"{value.name}.shape", np.array(shape, np.int64))
        nodes.append(ir.node("Reshape", [result, target], name=f"{value.name}.shaped"))
        result = _set_name_and_shape(graph, nodes[-1], value, shape)
    graph.insert_before(graph[0], nodes)
    within = set(inside)
    for user, place in list(value.uses()):
        if user not in within:
            user.replace_input_with(place, result)
    for place, output in enumerate(graph.outputs):
        if output is value:
            graph.outputs[place] = result


def _set_name_and_shape(
    graph: ir.Graph, node: ir.Node, like: ir.Value, shape: tuple[int, ...]
) -> ir.Value:
    """Name and shape the result of a node."""
    result = node.outputs[0]
    result.name = unused_name(value_names(graph), f"{like.name}.now")
    result.shape, result.type = ir.Shape(shape), like.type
    return result


def label_counts(model: Model) -> dict[str, int]:
    """Return the integer inputs that only select rows of constants, by name, and how many rows there are."""
    table = model.sampler
    taken = set() if table is None else {table.roles.time, table.roles.group}
    found = {}
    for value in model.stream_inputs:
        is_index = value.dtype == ir.DataType.INT64 and math.prod(static_shape(value) or ()) == 1
        if is_index and value.name not in taken:
            counts = {_selected_index(user.node, user.idx) for user in value.uses()}
            if len(counts) == 1 and (count := counts.pop()) is not None:
                found[str(value.name)] = count
    return found


def _selected_index(node: ir.Node, place: int) -> int | None:
    data = array_of(node.inputs[0])
    first = "axis" not in node.attributes or node.attributes["axis"].as_int() == 0
    return (
        len(data)
        if node.op_type == "Gather" and place == 1 and first and data is not None
        else None
    )


def _weights(graph: ir.Graph) -> int:
    """Elements of all float constants."""
    arrays = [array_of(value) for value in graph.initializers.values() if value.uses()]
    return sum(array.size for array in arrays if array is not None and array.dtype.kind == "f")


def _check(source: Model, folded: Model, values: dict[str, Array]) -> None:
    """Compare both networks on random inputs; `values` has rows for inputs of one or both."""
    rows = len(next(iter(values.values())))
    before, after = (in_onnxruntime(model.to_bytes()) for model in (source, folded))
    for place in np.unique(np.linspace(0, rows - 1, CHECKED).astype(int)):
        random = np.random.default_rng(int(place))
        feeds = []
        shared: dict[str, Array] = {}
        for model in (source, folded):
            feed = {}
            for value in model.ir.graph.inputs:
                name = str(value.name)
                assert value.dtype is not None
                if name in values:
                    dtype, shape = value.dtype.numpy(), static_shape(value) or ()
                    feed[name] = np.full(shape, values[name][place], dtype)
                else:
                    feed[name] = shared.setdefault(name, draw(value, random, 1, 0)[0])
            feeds.append(feed)
        compare(before(feeds[0]), after(feeds[1]), what="the network with folded steps")
