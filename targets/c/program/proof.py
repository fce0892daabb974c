"""``proof.json``: what the graph says of every call of a build, for the check of its C (`edgekit.runtime.proof`).

Facts of the graph and of operators alone: nothing of the memory plan, but for the places of states, which the check
confirms.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Int64
from edgekit.base.json_values import JsonObject
from edgekit.graph.facts import names
from edgekit.graph.model import Model
from edgekit.graph.nodes import attribute
from edgekit.operators.geometry import conv_shape, dims, ints, optional
from edgekit.operators.pooling.twin import pool_of
from edgekit.operators.qdq import ZERO_POINT
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import Context, Emitter, free_name, size
from edgekit.targets.c.emit.conv.rows import phases_of_node
from edgekit.targets.c.emit.pointwise import emit_elementwise, emit_unary, formula
from edgekit.targets.c.loops.walks import Walk, walk
from edgekit.targets.c.plan.storage import Traits, item_bytes, nbytes
from edgekit.targets.c.program.sums import sums_of
from edgekit.targets.c.rewrite.epilogues import ACT, ADDED
from edgekit.targets.c.rewrite.epilogues import NUMBERS as NUMBERS_OF_ACT
from edgekit.targets.c.rewrite.moves import (
    FORMS,
    MOVE,
    NUMBERS,
    data_inputs,
    is_movement,
)

CALLED = re.compile(r"\b(ek_\w+|mem\w+)\(")
PARAMETERS = {"epsilon": "eps", "b_zero": "x_zero"}  # of kernels, by the attributes that they are
DEFAULTS = {"GRU": {"linear_before_reset": 0}}  # of attributes that a node may leave out
BORDERS = ("include_pad", "pad_bottom", "pad_right")
Facts = JsonObject
PARTS = ("Resize",)  # operators that need not read all of an operand
POOLS = names(lambda row: row.slides and not row.linear)
WINDOWS = names(lambda row: row.slides)


def node_facts(
    ctx: Context, node: ir.Node, label: str, emitter: Emitter, lines: Sequence[str]
) -> Facts:
    """Return what a node reads and writes: tensors, arrays by their role, numbers, and what it only moves.

    Args:
        ctx: of the function.
        node: the node.
        label: its name in a comment.
        emitter: that wrote its lines.
        lines: these lines.
    """
    facts: Facts = {"node": label, "op": node.op_type, **_tensors(ctx, node)}
    facts["uses"] = sorted({*CALLED.findall("\n".join(lines))})
    if emitter.emit in (emit_unary, emit_elementwise):
        facts |= _formula(ctx, node)
    facts |= _properties(node, _arrays(ctx, node), emitter.sizes(node))
    if node.op_type == MOVE or is_movement(node):
        return facts | {"moves": list(_moves(ctx, node))}
    traits = emitter.traits(node)
    same, updates = list(_same_bytes(node, traits)), _updates(node, traits)
    return facts | ({"same": same} if same else {}) | ({"updates": updates} if updates else {})


def _formula(ctx: Context, node: ir.Node) -> Facts:
    """The expression of each result and the sizes of its operands, where a node is a loop over all results."""
    text, operands = formula(node)
    named = [v for v in operands if v is not None]
    names = [ctx.pointer(v) if _is_array(v) else str(v.name) for v in named]
    rows = [[name, list(dims(v))] for name, v in zip(names, named, strict=True)]
    return {"formula": {"each": text, "dims": list(dims(node.outputs[0])), "of": rows}}


def _properties(node: ir.Node, arrays: Mapping[str, str], sizes: Facts) -> Facts:
    """Arrays, numbers, windows and sums of a node, and whether it reads operands in part, where it has any."""
    found: Facts = {
        "arrays": arrays,
        "numbers": _numbers(node, sizes),
        "shape": _shape(node),
        "phases": _phases(node),
        "sums": sums_of(node),
        "part": "bands" in arrays or _reads_part(node),  # filter banks read bands of each
    }
    return {key: value for key, value in found.items() if value}


def _reads_part(node: ir.Node) -> bool:
    """Whether an operator need not read all of an operand: GatherElements of fewer indices than elements."""
    if node.op_type == "GatherElements":
        x, indices = dims(node.inputs[0]), dims(node.inputs[1])
        axis = attribute(node, "axis", 0) % len(x)
        return x[:axis] + x[axis + 1 :] != indices[:axis] + indices[axis + 1 :]
    return node.op_type in PARTS


def _arrays(ctx: Context, node: ir.Node) -> dict[str, str]:
    """The constant arrays that the lines of a node name, by their role."""
    found: dict[str, str] = {}
    for wanted, name in dict.fromkeys(ctx.used):
        found[free_name(wanted.removeprefix(f"{node.name}_"), found)] = name
    return found


def _tensors(ctx: Context, node: ir.Node) -> Facts:
    """Results and operands by name; where some operands are arrays, all of them in the order of the graph."""
    given, constants = [v for v in node.inputs if v is not None], dict(ctx.used)
    inputs = [str(v.name) for v in given if not _is_array(v)]
    facts: Facts = {"outputs": [str(v.name) for v in node.outputs if v.name], "inputs": inputs}
    order = [constants.get(str(v.name), "") if _is_array(v) else str(v.name) for v in given]
    return facts if len(inputs) == len(given) else {**facts, "order": order}


def _updates(node: ir.Node, traits: Traits) -> list[list[str]]:
    """The pairs of an operand and the result that replaces it; a constant stays, the result begins as a copy."""
    pairs = [(optional(node, i), _output(node, o)) for i, o in traits.updates]
    both = [(x, y) for x, y in pairs if x is not None and y is not None and not _is_array(x)]
    return [[str(x.name), str(y.name)] for x, y in both]


def _output(node: ir.Node, index: int) -> ir.Value | None:
    """A result that the node has; one that is left out has no name."""
    found = node.outputs[index] if index < len(node.outputs) else None
    return found if found is not None and found.name else None


def _numbers(node: ir.Node, sizes: Facts) -> Facts:
    """Numbers of a node by the names of kernels' parameters; `add` is the operand that a layer adds to its sums."""
    found = _scalars(node)
    renamed = {new: found[old] for old, new in PARAMETERS.items() if old in found}
    found |= {name: value for name, value in renamed.items() if name not in found}
    found |= dict(zip(BORDERS, ints(node, "borders", []), strict=False))
    found |= sizes
    is_layer = node.op_type in (*ADDED, "ConvTranspose") and not node.domain
    return found | (_epilogue(node) if is_layer else {})


def _scalars(node: ir.Node) -> Facts:
    """Attributes that are one finite number."""
    kinds = (ir.AttributeType.INT, ir.AttributeType.FLOAT)
    names = [name for name, attribute in node.attributes.items() if attribute.type in kinds]
    found = DEFAULTS.get(node.op_type, {}) | {name: attribute(node, name, 0) for name in names}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _epilogue(node: ir.Node) -> Facts:
    """The function that a float layer takes of its sums, its numbers, and the operand that it adds before."""
    act, values = node.attributes.get(ACT), node.attributes.get(NUMBERS_OF_ACT)
    a, b = (0.0, 0.0) if values is None else values.as_floats()
    added = optional(node, ADDED[node.op_type]) if node.op_type in ADDED else None
    name = None if added is None or _is_array(added) else str(added.name)
    return {"act": "EK_NO_ACT" if act is None else act.as_string(), "a": a, "b": b, "add": name}


def _shape(node: ir.Node) -> list[int] | None:
    """The sizes of a convolution or a pooling, as of an ``ek_conv_shape``."""
    if node.op_type == "DeformConv":
        return conv_shape(node, list(dims(node.inputs[1])[2:])).fields()
    if node.op_type.startswith("Global") and not node.domain:
        return pool_of(node).shape.fields()
    if node.op_type not in WINDOWS:
        return None
    if "shape" in node.attributes:
        return ints(node, "shape", [])
    if node.op_type in POOLS:
        return pool_of(node).shape.fields()
    kernel = ints(node, "kernel_shape", [])
    kernel = kernel or (list(dims(node.inputs[1])[2:]) if len(node.inputs) > 1 else [])
    return conv_shape(node, kernel).fields() if kernel else None


def _phases(node: ir.Node) -> list[int] | None:
    """The sizes of the convolution that computes all phases of a transposed one in integers."""
    found = phases_of_node(node) if "w" in node.attributes else None
    return None if found is None else found.shape.fields()


def _is_array(value: ir.Value) -> bool:
    return value.const_value is not None and not value.is_graph_input()


def _same_bytes(node: ir.Node, traits: Traits) -> Iterator[list[int | str]]:
    """Yield [result, first byte, operand, first byte, bytes] where both are the same by the operator's definition."""
    y = node.outputs[0]
    view = [(traits.view[0], 0, traits.view[1], nbytes(y))] if traits.view is not None else []
    parts = [(i, offset, 0, 0) for i, offset in traits.parts]
    for i, to, start, count in (*view, *parts):
        x = optional(node, i)
        if x is not None and not _is_array(x):
            item = item_bytes(x)
            yield [str(y.name), to * item, str(x.name), start * item, count or nbytes(x)]
    for a, b in traits.same:
        first, second = _output(node, a), _output(node, b)
        if first is not None and second is not None:
            yield [str(second.name), 0, str(first.name), 0, nbytes(second)]


def _moves(ctx: Context, node: ir.Node) -> Iterator[Facts]:
    """Yield where the elements of results come from: an operand, or zeros (`fill`)."""
    moved = data_inputs(node) if is_movement(node) else range(len(node.inputs))
    operands = [node.inputs[i] for i in moved]
    for y, numbers in zip(node.outputs, _origins(node), strict=False):
        if y.name:
            common = {"to": str(y.name), "item": item_bytes(y)}
            for facts in (*_from_operands(ctx, operands, numbers), *_from_zeros(y, numbers)):
                yield common | facts


def _from_operands(
    ctx: Context, operands: Sequence[ir.Value | None], numbers: Int64
) -> Iterator[Facts]:
    start = 1
    for x in operands:
        places = np.flatnonzero((numbers >= start) & (numbers < start + size(x)))
        if x is not None and places.size:
            source = {"array": ctx.pointer(x)} if _is_array(x) else {"from": str(x.name)}
            yield source | _path(walk([numbers[places] - start, places]))
        start += size(x)


def _from_zeros(y: ir.Value, numbers: Int64) -> Iterator[Facts]:
    places = np.flatnonzero(numbers == 0)
    if places.size:
        zero = int(y.metadata_props.get(ZERO_POINT, "0")) if y.dtype != ir.DataType.FLOAT else 0
        yield {"fill": zero, **_path(walk([places, places]))}


def _origins(node: ir.Node) -> list[Int64]:
    """For each result the numbers of its elements' origins, flat: from 1 on through all operands; 0 for a zero."""
    if not is_movement(node):
        return [np.asarray(node.attributes[NUMBERS].as_tensor().numpy(), np.int64)]
    operands: list[Array] = []
    start, data = 1, data_inputs(node)
    for i, value in enumerate(node.inputs):
        if i not in data:
            operands.append(constant(value))  # type: ignore[arg-type]
            continue
        numbers = np.arange(start, start + size(value), dtype=np.int64)
        operands.append(numbers.reshape(dims(value)))
        start += size(value)
    return [np.ravel(found) for found in FORMS[node.op_type](node, operands)]


def _path(path: Walk) -> Facts:
    """Loops, outermost first: [count, steps of the source, steps of the result]; steps are a number or a list."""
    loops = [
        [count, *(step if isinstance(step, int) else step.tolist() for step in steps)]
        for count, steps in path.loops
    ]
    return {"starts": list(path.starts), "loops": loops}


def function_facts(model: Model, ctx: Context, nodes: Sequence[Facts]) -> Facts:
    """Return the facts of one function: what its caller hands over, its nodes, and what it leaves."""
    graph, kept = model.ir.graph, {before for before, _ in _state_pairs(model)}
    places = {str(v.name): _place(ctx, v, str(v.name) in kept) for v in graph.inputs}
    ends = [[after, places[before]] for before, after in _state_pairs(model)]
    ends += [[str(v.name), _place(ctx, v)] for v in model.stream_outputs]
    ready = ctx.layout.ready
    facts = {
        "values": _pointers(ctx, graph),
        "starts": [list(row) for row in places.items()],
        "ends": ends,
        "nodes": nodes,
    }
    return facts if ready is None else {**facts, "ready": ready}


def _state_pairs(model: Model) -> list[tuple[str, str]]:
    """What the state holds before and after a call: states and the next ones, session constants."""
    pairs = [(pair.input, pair.output) for pair in model.states]
    return pairs + [(name, name) for name in model.constants]


def _pointers(ctx: Context, graph: ir.Graph) -> dict[str, list[int | str]]:
    """The bytes of each tensor, and the variable that points to it, where there is one."""
    made = [v for node in graph for v in node.outputs if v.name]
    sizes = {str(v.name): nbytes(v) for v in (*graph.inputs, *made)}
    named = ctx.locals
    return {name: [n, named[name]] if name in named else [n] for name, n in sizes.items()}


def _place(ctx: Context, value: ir.Value, in_state: bool = False) -> str:
    """Where a caller's tensor, a state or a kept value is, outside of a call."""
    slot = ctx.layout.slots[str(value.name)]
    if in_state or slot.block == "state":
        return f"st+{slot.offset}"
    return f"{'in' if slot.block == 'input' else 'out'}->{ctx.fields[slot.name]}"
