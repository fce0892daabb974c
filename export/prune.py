"""Prune the weights of a float network to N:M: of each M along the input dimension the N largest stay."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, UsageError
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model
from edgekit.graph.nodes import add_initializer, array_of, attribute, optional
from edgekit.graph.sparsity import Pattern, expression_problem, mask_of

SMALLEST = 1024  # weights of a layer; smaller ones gain little


@dataclass(frozen=True)
class PrunedLayer:
    """Result of pruning one weight.

    Attributes:
        node: the layer's name.
        operator: the layer's operator.
        weight: the name of the weight.
        shape: shape of the weight in the file.
        inputs: axis along which groups are counted.
        kept: share of the weights that are not zero afterwards.
        energy: share of the sum of squares that stays.
        left: reason why it was not pruned; None if it was.
    """

    node: str
    operator: str
    weight: str
    shape: tuple[int, ...]
    inputs: int
    kept: float
    energy: float
    left: str | None = None


@dataclass(frozen=True)
class _Site:
    node: ir.Node
    index: int
    value: ir.Value
    weights: Array
    axis: int


def prune(
    model: Model, pattern: Pattern, layers: str | None = None, smallest: int = SMALLEST
) -> tuple[Model, tuple[PrunedLayer, ...]]:
    """Return the float model with pruned weights, and a row for each weight of a layer that can be pruned.

    Layers are Gemm, MatMul with constant weights, 1x1 Conv of one group, GRU and LSTM. A weight that several nodes
    read is pruned once.

    Args:
        model: a float network.
        pattern: number of weights kept per group.
        layers: a regular expression; only layers whose node or weight has it in its name are pruned.
        smallest: layers with fewer weights stay unchanged.

    Raises:
        UsageError: the network is quantized, no layer can be pruned, or the expression is invalid.
    """
    problems = _problems(model, layers)
    if problems:
        raise UsageError(problems)
    result = Model(model.ir.clone())
    graph, rows = result.ir.graph, []
    done: dict[ir.Value, ir.Value] = {}
    for site in list(_sites(graph)):
        if site.value not in done:
            left = _reason_left_dense(site, layers, smallest)
            mask = mask_of(site.weights, pattern, site.axis)
            made = site.weights if left else np.where(mask, site.weights, 0)
            rows.append(_row(site, made, left))
            done[site.value] = (
                site.value
                if left
                else add_initializer(graph, f"{site.value.name}_pruned", made.astype(np.float32))
            )
        site.node.replace_input_with(site.index, done[site.value])
    _forget(graph, done)
    if all(row.left for row in rows):
        raise UsageError([_nothing_pruned_problem(rows, layers, smallest)])
    return result, tuple(rows)


def _problems(model: Model, layers: str | None) -> list[Problem]:
    found = []
    recipe = model.quantization.recipe
    if recipe not in ("float32", "float16"):
        step = "prune the float network, then quantize"
        found.append(Problem("network", f"quantized ({recipe})", "a float network", step))
    if problem := expression_problem(layers):
        found.append(problem)
    return found


def _sites(graph: ir.Graph) -> Iterator[_Site]:
    for node in graph:
        for index, axis in _input_axes(node):
            value = optional(node, index)
            weights = array_of(value)
            if value is not None and weights is not None and weights.dtype == np.float32:
                yield _Site(node, index, value, weights, axis)


def _input_axes(node: ir.Node) -> list[tuple[int, int]]:
    """Return the inputs of a node that are weights to prune, and their input dimension."""
    if node.domain:
        return []
    if node.op_type in ("GRU", "LSTM"):
        return [(1, 2), (2, 2)]
    weights = array_of(optional(node, 1))
    shape = () if weights is None else weights.shape
    facts = facts_of(node)
    if facts.weights == (1,) and len(shape) == 2:  # of a MatMul, or by a Gemm's attribute
        return [(1, 1 if attribute(node, "transB", 0) else 0)]
    dense = facts.linear and len(shape) > 2 and attribute(node, "group", 1) == 1
    return [(1, 1)] if dense and node.op_type == "Conv" and set(shape[2:]) == {1} else []


def _reason_left_dense(site: _Site, layers: str | None, smallest: int) -> str | None:
    names = str(site.node.name), str(site.value.name)
    if layers is not None and not any(re.search(layers, name) for name in names):
        return "not named"
    return f"under {smallest} weights" if site.weights.size < smallest else None


def _row(site: _Site, made: Array, left: str | None) -> PrunedLayer:
    before, after = (float(np.square(w.astype(np.float64)).sum()) for w in (site.weights, made))
    return PrunedLayer(
        str(site.node.name),
        site.node.op_type,
        str(site.value.name),
        site.weights.shape,
        site.weights.shape[site.axis],
        np.count_nonzero(made) / max(made.size, 1),
        after / before if before else 1.0,
        left,
    )


def _forget(graph: ir.Graph, done: dict[ir.Value, ir.Value]) -> None:
    """Give the new weights the names of the old ones, which have no reader left."""
    for old, new in done.items():
        if old is not new and not old.uses() and old.is_initializer():
            name = str(old.name)
            del graph.initializers[name]
            del graph.initializers[str(new.name)]
            new.name = name
            graph.register_initializer(new)


def _nothing_pruned_problem(rows: list[PrunedLayer], layers: str | None, smallest: int) -> Problem:
    allowed = "Gemm, MatMul with constant weights, 1x1 Conv of one group, GRU, LSTM"
    if not rows:
        return Problem("network", "no layer that can be pruned", allowed, "prune another network")
    large = [row for row in rows if row.left == "not named"]
    if large:
        names = ", ".join(repr(row.node) for row in rows[:8])
        found = f"'{layers}' is in no name of a layer with {smallest} weights or more"
        return Problem("--layers", found, names, "correct the expression")
    most = max(int(np.prod(row.shape)) for row in rows)
    found = f"every layer has under {smallest} weights, {most} at most"
    return Problem("--smallest", found, f"up to {most}", "give a smaller number")
