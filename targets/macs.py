"""Multiply-accumulates of one hop, by the type of their activations."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import onnx_ir as ir

from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.graph.nodes import static_shape
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.roles import RECURRENT, is_move
from edgekit.operators.to_integer import to_integer
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.c.emit.recurrent import products
from edgekit.targets.c.emit.table import EMITTERS
from edgekit.targets.session import split_session


def with_macs(manifest: Manifest, model: Model) -> Manifest:
    """Fill the manifest's counts. A MAC is int8 where activation and weight are 8 bits.

    Operators that the C targets do not know count nothing. The part that a session computes once does not belong to the
    hop, and is counted separately.
    """
    parts = split_session(to_integer(model))
    counts = {"int8": 0, "int16": 0, "float": 0}
    for _, kind, macs in _node_mac_counts(parts.hop):
        counts[kind] += macs
    once = None
    if parts.session is not None:
        saved = sum(macs for _, _, macs in _node_mac_counts(parts.session))
        once = {"parameters": split_session(model).parameters, "macs": saved}
    return replace(
        manifest,
        session=once,
        macs_per_hop=sum(counts.values()),
        macs_int8=counts["int8"],
        macs_int16=counts["int16"],
        macs_float=counts["float"],
    )


def node_macs(model: Model) -> dict[str, int]:
    """Multiply-accumulates of one hop by the name of the node."""
    found = Counter[str]()
    for node, _, macs in _node_mac_counts(model):
        found[str(node.name)] += macs
    return found


def layer_macs(integer: Model) -> dict[str, dict[str, int]]:
    """Multiply-accumulates of one hop by the name of the node, and by the type of their activations."""
    found: dict[str, dict[str, int]] = {}
    for node, kind, macs in _node_mac_counts(integer):
        kinds = found.setdefault(str(node.name), {})
        kinds[kind] = kinds.get(kind, 0) + macs
    return found


def float_layers(model: Model) -> tuple[str, ...]:
    """The nodes with multiply-accumulates in float, as ``LSTM 'name' (12288 MACs)``."""
    counted = [
        (node, macs)
        for node, kind, macs in _node_mac_counts(to_integer(model))
        if kind == "float" and macs
    ]
    return tuple(f"{node.op_type} {node.name!r} ({macs} MACs)" for node, macs in counted)


def float_batch(model: Model) -> int | None:
    """Return the first axis of convolutions in float, if it is more than 1: their integer kernels take one item."""
    sizes = [
        shape[0]
        for node, kind, _ in _node_mac_counts(to_integer(model))
        if kind == "float" and node.op_type in ("Conv", "ConvTranspose")
        if (shape := static_shape(node.inputs[0]))
    ]
    return max(sizes) if sizes and max(sizes) > 1 else None


def float_operators(model: Model) -> tuple[str, ...]:
    """Return the other operators that compute in float, with their counts, as ``Sqrt (5)``."""
    integer = to_integer(model)
    layers = {node.name for node, _, macs in _node_mac_counts(integer) if macs}
    names = Counter(
        node.op_type
        for node in integer.ir.graph
        if _computes_floats(node) and node.name not in layers
    )
    return tuple(f"{name} ({count})" for name, count in sorted(names.items()))


def _computes_floats(node: ir.Node) -> bool:
    """Whether a node makes floats that are neither moved nor made of integers."""
    if node.domain or is_move(node) or FLOAT_NODE in node.metadata_props:
        return False
    return any(value.dtype == ir.DataType.FLOAT for value in node.outputs)


def _node_mac_counts(integer: Model) -> Iterator[tuple[ir.Node, str, int]]:
    """Every node of an integer graph that the C targets know, the type of its MACs, and their number.

    A recurrent layer comes twice: its two products have different operands.
    """
    for node in integer.ir.graph:
        emitter = EMITTERS.get((node.domain, node.op_type))
        if emitter is None or emitter.check(node):
            continue
        if node.domain != INTEGER_DOMAIN or not node.inputs or node.inputs[0] is None:
            yield node, "float", emitter.macs(node)
        elif node.op_type in RECURRENT:
            for dtype, macs in products(node):
                yield node, dtype, macs
        else:
            narrow = node.inputs[0].dtype == ir.DataType.INT8
            yield node, "int8" if narrow else "int16", emitter.macs(node)
