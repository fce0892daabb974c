"""Converts quantized networks of other tools to EdgeKit's form: int8 around constant scales.

uint8 becomes int8 with the zero point 128 lower, the scales stay. Values outside the stored types become float
arithmetic with the same result.
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError
from edgekit.export.passes.chain import Chain
from edgekit.export.passes.foreign_integers.expand import expand_dequantizer, expand_quantizer
from edgekit.export.passes.foreign_integers.grids import (
    STORED,
    Grid,
    grid_of,
    grid_problem,
    is_dequantizer,
    is_kept_weight,
    is_quantizer,
)
from edgekit.export.passes.foreign_integers.narrow import is_weight, narrow_weights
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import add_initializer, array_of, producer_of, replace, static_shape


class UnifyQuantizers(ir.passes.InPlacePass):
    """Shift, fold or expand every QuantizeLinear and DequantizeLinear; shapes must be known.

    Raises:
        ModelError: blocked quantization, and types of which EdgeKit has no arithmetic.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in place."""
        graph = model.graph
        own = [node for node in graph if is_quantizer(node) or is_dequantizer(node)]
        if problems := list(filter(None, map(grid_problem, own))):
            raise ModelError(problems)
        for node in list(graph):
            _frame_move(graph, node)
        _merge(graph)
        for node in list(graph):
            if node.graph is not None:  # the one before may have removed it
                _unify(graph, node)
        computes = _computes_integers(graph)
        for node in list(graph):
            _constant(graph, node, computes)
        return ir.passes.PassResult(model, modified=bool(own))


def _carries_integers(node: ir.Node) -> bool:
    """Whether the results hold integers of the first input, or of all (Concat), unchanged."""
    facts = facts_of(node)
    if facts.moves == "chooses":  # the largest stays the largest where scales are positive
        return not facts.joins and node.op_type != "Resize"
    return facts.name == "Concat" or (facts.moves in ("renames", "copies") and not facts.joins)


def _is_framable(node: ir.Node) -> bool:
    """Whether a node moves integers that may be real numbers instead, and only this graph reads them."""
    written = sum(bool(value.uses()) for value in node.outputs)
    if node.op_type == "MaxPool" and written != 1:
        return False
    return _carries_integers(node) and not any(value.is_graph_output() for value in node.outputs)


def _common_grid(writers: Sequence[ir.Node | None]) -> Grid | None:
    """Return the common grid of all these quantizers if it can be stored; None if one is another node."""
    grids = [None if w is None or not is_quantizer(w) else grid_of(w) for w in writers]
    first = grids[0]
    same = all(first is not None and grid is not None and grid.equals(first) for grid in grids)
    return first if same and first is not None and first.is_stored else None


def _frame_move(graph: ir.Graph, node: ir.Node) -> None:
    """Rewrite a movement of a quantizer's integers to move their real values instead."""
    if not _is_framable(node):
        return
    count = len(node.inputs) if node.op_type == "Concat" else 1
    writers = [producer_of(value) for value in node.inputs[:count]]
    grid, first = _common_grid(writers), writers[0]
    if grid is None or first is None:
        return
    written = [value for value in node.outputs if value.uses()]
    for index in range(count):
        _read_real(graph, node, index)
    for value in written:
        _write_integers(graph, node, value, first, grid)


def _read_real(graph: ir.Graph, node: ir.Node, index: int) -> None:
    """Put a DequantizeLinear before an input, on the grid of the quantizer that wrote it."""
    value, writer = node.inputs[index], producer_of(node.inputs[index])
    assert writer is not None
    real = ir.node("DequantizeLinear", [value, *writer.inputs[1:3]])
    _describe(real.outputs[0], value, ir.DataType.FLOAT)
    graph.insert_before(node, real)
    node.replace_input_with(index, real.outputs[0])


def _write_integers(
    graph: ir.Graph, node: ir.Node, value: ir.Value, writer: ir.Node, grid: Grid
) -> None:
    """Put a QuantizeLinear like `writer`, whose grid is `grid`, after an output of the node."""
    q = ir.node("QuantizeLinear", [value, *writer.inputs[1:3]])
    value.replace_all_uses_with(q.outputs[0])
    q.replace_input_with(0, value)
    _describe(q.outputs[0], value, grid.dtype)
    value.type = ir.TensorType(ir.DataType.FLOAT)
    graph.insert_after(node, q)


def _merge(graph: ir.Graph) -> None:
    """Merge quantizers of one value on one grid into one node."""
    first: dict[tuple[object, ...], ir.Node] = {}
    for node in list(graph):
        grid = grid_of(node) if is_quantizer(node) else None
        if grid is None or node.outputs[0].is_graph_output():
            continue
        key = (node.inputs[0], grid.dtype, grid.axis, grid.scale.tobytes(), grid.zero.tobytes())
        kept = first.setdefault(key, node)
        if kept is not node:
            node.outputs[0].replace_all_uses_with(kept.outputs[0])
            graph.remove(node, safe=True)


def _describe(value: ir.Value, like: ir.Value | None, dtype: ir.DataType) -> None:
    value.shape, value.type = None if like is None else like.shape, ir.TensorType(dtype)


def _unify(graph: ir.Graph, node: ir.Node) -> None:
    if is_quantizer(node):
        _quantizer(graph, node)
    elif is_dequantizer(node):
        _dequantizer(graph, node)


def _quantizer(graph: ir.Graph, node: ir.Node) -> None:
    source, output, grid = node.inputs[0], node.outputs[0], grid_of(node)
    array = array_of(source)
    if grid is None or (array is None and not grid.is_stored):
        expand_quantizer(graph, node)
    elif array is not None:
        if not output.is_graph_output():
            folded = add_initializer(graph, f"{output.name}_folded", grid.quantized(array))
            output.replace_all_uses_with(folded)
            graph.remove(node, safe=True)
    elif grid.shift or not _is_plain(node, grid):
        _shift_quantizer(graph, node, grid)


def _shift_quantizer(graph: ir.Graph, node: ir.Node, grid: Grid) -> None:
    """Write signed integers; readers other than a DequantizeLinear get the old ones back."""
    q = ir.node("QuantizeLinear", [node.inputs[0], *_parameters(graph, node, grid.shifted)])
    if not grid.shift:
        replace(graph, node, [q])
        return
    readers = [(user.node, user.idx) for user in node.outputs[0].uses()]
    _describe(q.outputs[0], node.inputs[0], grid.shifted.dtype)
    graph.insert_before(node, q)
    for reader, index in readers:
        theirs = grid_of(reader) if is_dequantizer(reader) and index == 0 else None
        if theirs is not None:
            _read_signed_integers(graph, reader, q.outputs[0], theirs)
    old = node.outputs[0]
    if old.uses() or old.is_graph_output():
        chain = Chain(graph, node)
        _shift_integers(chain, q.outputs[0], grid.shift, grid.dtype)
        chain.finish()
    else:
        graph.remove(node, safe=True)


def _is_plain(node: ir.Node, grid: Grid) -> bool:
    """Whether scale and zero point are both given, of one shape; one value each is a scalar."""
    shapes = [static_shape(value) for value in node.inputs[1:3]]
    return shapes == [grid.scale.shape] * 2


def _parameters(graph: ir.Graph, node: ir.Node, grid: Grid) -> list[ir.Value]:
    stem = node.outputs[0].name or node.op_type
    zero = grid.zero.astype(grid.dtype.numpy())
    scale = add_initializer(graph, f"{stem}_scale", grid.scale)
    return [scale, add_initializer(graph, f"{stem}_zero_point", zero)]


def _read_signed_integers(graph: ir.Graph, node: ir.Node, q: ir.Value, grid: Grid) -> None:
    """Let a DequantizeLinear with this grid read the signed integers `q`."""
    shifted = grid.shifted
    inputs = [q, *_parameters(graph, node, shifted)]
    new = ir.node("DequantizeLinear", inputs, {"axis": shifted.axis}, name=node.name)
    replace(graph, node, [new])


def _shift_integers(chain: Chain, value: ir.Value, shift: int, dtype: ir.DataType) -> ir.Value:
    """Integers moved by `shift`, as another type."""
    wide = chain.add("Cast", value, to=ir.DataType.INT32)
    sums = chain.add("Add", wide, chain.constant(shift, np.int32))
    return chain.add("Cast", sums, to=dtype)


def _dequantizer(graph: ir.Graph, node: ir.Node) -> None:
    source, grid = node.inputs[0], grid_of(node)
    if source is None or array_of(source) is not None:
        return
    if grid is None or not grid.is_stored:
        expand_dequantizer(graph, node)
    elif source.dtype not in STORED:
        chain = Chain(graph, node)
        q = _shift_integers(chain, source, -grid.shift, grid.shifted.dtype)
        chain.add("DequantizeLinear", q, *_parameters(graph, node, grid.shifted))
        chain.finish()
    elif not _is_plain(node, grid):
        _read_signed_integers(graph, node, source, grid)


def _computes_integers(graph: ir.Graph) -> bool:
    """Whether integers of another tool are computed; else only weights are stored so, and all arithmetic is float."""
    return any(
        is_quantizer(node) or (is_dequantizer(node) and array_of(node.inputs[0]) is None)
        for node in graph
    )


def _constant(graph: ir.Graph, node: ir.Node, computes: bool) -> None:
    """Keep a constant that is an operand of integer arithmetic, if there is any; convert others to float."""
    if not is_dequantizer(node) or is_kept_weight(node):
        return
    source, grid, array = node.inputs[0], grid_of(node), array_of(node.inputs[0])
    if source is None or grid is None or array is None:
        return
    if not (computes and _stays_integer(graph, node, grid, array)):
        real = add_initializer(graph, f"{node.outputs[0].name}_real", grid.real(array))
        node.outputs[0].replace_all_uses_with(real)
    elif grid.shift or not _is_plain(node, grid):
        q = (array.astype(np.int64) - grid.shift).astype(grid.shifted.dtype.numpy())
        _read_signed_integers(graph, node, add_initializer(graph, f"{source.name}_signed", q), grid)


def _stays_integer(graph: ir.Graph, node: ir.Node, grid: Grid, array: Array) -> bool:
    """Whether all readers of a stored constant use its integers; weights are narrowed if needed."""
    users = [(user.node, user.idx) for user in node.outputs[0].uses()]
    signed = grid.shifted
    if signed.dtype == ir.DataType.INT8 and all(is_weight(*user) for user in users):
        return narrow_weights(graph, node, grid, array)
    if signed.dtype == ir.DataType.INT8:
        return bool((signed.zero == signed.zero.flat[0]).all())
    if signed.dtype == ir.DataType.INT32:
        biases = (facts_of(user).linear and facts_of(user).bias == i for user, i in users)
        return not signed.zero.any() and all(biases)
    return signed.is_stored
