"""Encoder propagation (Li et al., "Faster Diffusion", 2023): a U-Net cut into two parts, one only for key steps.

At key steps the whole network runs and keeps the tensors of the cut: skips and the middle's output. At the others
only the decoder runs, with that step's time, on the kept tensors.
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.base.sampler_table import StepTable
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

WHOLE, DECODER = 0, 1  # graphs of a step table
PAPER = (0, 1, 2, 3, 5, 10, 15, 25, 35)  # key steps of 50
TENSOR = "edgekit.tensor"  # metadata of an integer value: the float tensor that it stores


def uniform_keys(steps: int, every: int) -> tuple[int, ...]:
    """Return key steps: every `every`-th step, from the first on."""
    return tuple(range(0, steps, every))


def paper_keys(steps: int) -> tuple[int, ...]:
    """Return the paper's nine key steps of 50, at the same places of another number of steps."""
    return tuple(sorted({key * steps // 50 for key in PAPER}))


def with_keys(table: StepTable, keys: Sequence[int], prior_noise: float = 0.0) -> StepTable:
    """Return the table that runs only the decoder, except at the key rows.

    Args:
        table: of rows that run the whole network.
        keys: rows that still do so; the first row is one.
        prior_noise: of x_T is added to x ahead of each network call in the second half of the rows.

    Raises:
        UsageError: keys are no rows, or lack the first one; or rows are in other groups than their key.
    """
    listed, step = f"rows 0 to {table.rows - 1}, the first among them", "correct the keys"
    if not keys or min(keys) != 0 or max(keys) >= table.rows:
        raise UsageError(Problem("encoder propagation, keys", str(tuple(keys)), listed, step))
    graph = np.full(table.rows, DECODER, np.int64)
    graph[list(keys)] = WHOLE
    d = table.d.copy()
    if prior_noise:
        first_late = max(1, -(-table.rows // 2))
        d[first_late - 1 : table.rows - 1] += prior_noise
    made = table.with_(graph=graph, d=d)
    if problem := group_problem(made):
        raise UsageError(problem)
    return made


def network_problem(model: Model) -> Problem | None:
    """Return a problem if rows after the decoder's graphs run the network `first`, but it is missing."""
    table = model.sampler
    if table is None or not (table.graph > DECODER).any() or "first" in model.networks:
        return None
    found, step = "rows of another network", 'name it: [networks] first = "package.module:factory"'
    return Problem("sampler", found, "networks that the build has", step)


def group_problem(table: StepTable) -> Problem | None:
    """Return a problem if a row before the next key is in another scale group than its key row."""
    group = int(table.group[0])
    for row in range(table.rows):
        if table.graph[row] == WHOLE:
            group = int(table.group[row])
        elif table.graph[row] == DECODER and table.group[row] != group:
            found = f"group {table.group[row]} after a key step of group {group}"
            allowed = "step groups that begin at key steps"
            return Problem(f"step table, row {row}", found, allowed, "move the groups or the keys")
    return None


def _grows(node: ir.Node, noisy: set[ir.Value], least: int) -> bool:
    """Whether a node makes larger pictures of the smallest noisy ones."""
    smallest = any(value in noisy and _area(value) == least for value in node.inputs)
    return smallest and any((_area(value) or 0) > least for value in node.outputs)


def find_cut(model: Model, x: str) -> tuple[str, ...]:
    """Return the names of the cut: the tensors of encoder and middle that the decoder reads.

    The decoder begins where the smallest pictures grow again.

    Raises:
        ModelError: the network is not a U-Net: its pictures never grow.
    """
    graph = model.ir.graph
    noisy = _noisy_values(graph, x)
    inside = _decoder_nodes(graph, noisy)
    cut = [
        str(value.name)
        for value in _values(graph)
        if value in noisy
        and value.producer() not in inside
        and any(user.node in inside for user in value.uses())
    ]
    if not cut or x in cut:
        found = "pictures that never grow again" if not cut else f"a decoder that reads '{x}'"
        step = "name the cut in the sampler.toml: cut = [...]"
        raise ModelError(Problem("encoder propagation", found, "a U-Net", step))
    return tuple(cut)


def _decoder_nodes(graph: ir.Graph, noisy: set[ir.Value]) -> set[ir.Node]:
    """Return the nodes that enlarge the smallest noisy pictures, and all nodes after them."""
    areas = [area for value in noisy if (area := _area(value)) is not None]
    least = min(areas, default=0)
    inside: set[ir.Node] = set()
    for node in graph:
        follows = any(value is not None and value.producer() in inside for value in node.inputs)
        if follows or _grows(node, noisy, least):
            inside.add(node)
    return inside


def split(model: Model, x: str, cut: Sequence[str]) -> tuple[Model, Model, tuple[str, ...]]:
    """Return the whole network with the cut among its outputs, the decoder with it among its inputs, and its names.

    Args:
        model: of any stage of its lowering.
        x: the noisy input.
        cut: names of float tensors; found automatically if empty.

    Raises:
        ModelError: a name is not in the network, or the decoder still needs `x`.
    """
    wanted = tuple(cut) or find_cut(model, x)
    kept = {str(value.name) for value in _values_by_name(model, wanted)}
    whole, decoder = model.ir.clone(), model.ir.clone()
    outputs = whole.graph.outputs
    outputs.extend(v for v in _values(whole.graph) if v.name in kept and v not in outputs)
    _read_instead_of_made(decoder.graph, kept)
    common.RemoveUnusedNodesPass()(decoder)
    _check_decoder(decoder.graph, x, wanted)
    for value in [v for v in decoder.graph.inputs if not v.uses() and v.name not in kept]:
        decoder.graph.inputs.remove(value)
    return Model(whole), Model(decoder), tuple(sorted(kept))


def _check_decoder(graph: ir.Graph, x: str, cut: Sequence[str]) -> None:
    if any(value.name == x and value.uses() for value in graph.inputs):
        found = f"the decoder still reads '{x}'"
        allowed, step = "tensors that all ways from x to the output pass", "name all skips"
        raise ModelError(Problem(f"cut {', '.join(cut)}", found, allowed, step))


def _read_instead_of_made(graph: ir.Graph, kept: set[str]) -> None:
    """Turn the kept values of a graph from results into inputs."""
    for value in [value for value in _values(graph) if value.name in kept]:
        given = ir.Value(name=f"{value.name}.kept", shape=value.shape, type=value.type)
        given.metadata_props.update(value.metadata_props)
        value.replace_all_uses_with(given)
        graph.inputs.append(given)
        value.name, given.name = f"{value.name}.made", value.name


def _values_by_name(model: Model, names: Sequence[str]) -> list[ir.Value]:
    """Return the values of these names; in an integer graph, the values that store these tensors."""
    graph = model.ir.graph
    stored = {v.metadata_props[TENSOR]: v for v in _values(graph) if TENSOR in v.metadata_props}
    plain = {str(value.name): value for value in _values(graph)}
    missing = [name for name in names if name not in plain and name not in stored]
    if missing:
        step = "name tensors between encoder and decoder, or leave the cut out to have it found"
        raise ModelError(
            Problem(f"cut {', '.join(missing)}", "no such tensor", "tensors of the network", step)
        )
    return [plain.get(name) or stored[name] for name in names]


def _noisy_values(graph: ir.Graph, x: str) -> set[ir.Value]:
    """Return all values that depend on the noisy input."""
    found = {value for value in graph.inputs if value.name == x}
    for node in graph:
        if any(value in found for value in node.inputs):
            found.update(node.outputs)
    return found


def _values(graph: ir.Graph) -> list[ir.Value]:
    return [*graph.inputs, *(value for node in graph for value in node.outputs if value.name)]


def _area(value: ir.Value | None) -> int | None:
    shape = static_shape(value)
    return shape[2] * shape[3] if shape is not None and len(shape) == 4 else None
