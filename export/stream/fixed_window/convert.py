"""`stream_window`: a network of one fixed window becomes one that takes the newest frames in each hop."""

from collections.abc import Mapping

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.export.own_operators.functions import define_functions
from edgekit.export.passes import simplify
from edgekit.export.stream.fixed_window.rules import RULES
from edgekit.export.stream.fixed_window.writer import WindowWriter
from edgekit.graph.model import Model, StreamInfo
from edgekit.graph.nodes import static_shape


def stream_window(model: Model, axes: Mapping[str, int], hop: int | None = None) -> Model:
    """Rewrite a network of one window to hops: its outputs are those of the window that ends with the hop.

    A layer whose result moves with the window computes its newest frames alone; states hold the frames that it reads
    again. After the first layer whose result does not move, as one with padding along time, all frames are computed.
    Integers stay on their scales. Before the first window is full, outputs have no meaning.

    Args:
        model: the network; its inputs hold the window.
        axes: input name -> its time axis; the inputs have equally many frames.
        hop: frames of one call; None means 1.

    Raises:
        ModelError: no such axis, windows of several lengths, a hop longer than the window, a network with states.
    """
    hop = 1 if hop is None else hop
    return _rewrite(model, _checked_axes(model, axes, hop), hop)


def _checked_axes(model: Model, axes: Mapping[str, int], hop: int) -> dict[str, int]:
    """Return the axes, counted from the front."""
    shapes = {str(value.name): static_shape(value) or () for value in model.stream_inputs}
    listed = "; ".join(f"{name} ({', '.join(map(str, dims))})" for name, dims in shapes.items())
    problems = [
        Problem(
            f"--time-axis {name}:{axis}", "not an axis of an input", listed, "count its axes from 0"
        )
        for name, axis in axes.items()
        if not -len(shapes.get(name, ())) <= axis < len(shapes.get(name, ()))
    ]
    if model.states:
        found = f"a network with states: {', '.join(pair.input for pair in model.states)}"
        step = "leave --time-axis out: it is a stream as it is"
        problems.append(Problem("--time-axis", found, "a network without states", step))
    if problems:
        raise ModelError(problems)
    counted = {name: axis % len(shapes[name]) for name, axis in axes.items()}
    _check_window(counted, shapes, hop)
    return counted


def _check_window(axes: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]], hop: int) -> None:
    """Refuse windows of several lengths, and a hop that does not fit into one."""
    sizes = {shapes[name][axis] for name, axis in axes.items()}
    if len(sizes) > 1:
        step = "name the axes of inputs with equally many frames"
        found = f"windows of {sorted(sizes)} frames"
        raise ModelError(Problem("--time-axis", found, "windows of one length", step))
    size = sizes.pop()
    if not 1 <= hop <= size:
        step = "take a hop that fits into the window"
        raise ModelError(Problem("--hop", str(hop), f"1 to {size}, the window", step))


def _rewrite(model: Model, axes: Mapping[str, int], hop: int) -> Model:
    writer = WindowWriter(hop, dict(model.ir.graph.opset_imports))
    for value in model.ir.graph.inputs:
        writer.add_input(value, axes.get(str(value.name)))
    for node in model.ir.graph:
        if not _moves(writer, node):
            writer.copy_whole(node)
    outputs = [writer.output(value) for value in model.ir.graph.outputs]
    graph = writer.new.graph
    states = list(graph.outputs)
    graph.outputs.clear()
    graph.outputs.extend([*outputs, *states])
    made = ir.Model(graph, ir_version=model.ir.ir_version)
    made.metadata_props.update(model.ir.metadata_props)
    define_functions(made)
    simplify(made)
    places = {str(value.name): place for place, value in enumerate(made.graph.inputs)}
    pairs = sorted(writer.new.states, key=lambda pair: places[pair.input])
    return Model(made).describe(
        states=pairs, stream=StreamInfo(hop, model.stream.sample_rate_hz, 0, 1)
    )


def _moves(writer: WindowWriter, node: ir.Node) -> bool:
    """Add a node for its newest frames alone; False where it needs all."""
    if node.domain or not any(v in writer.newest for v in node.inputs if v is not None):
        return False
    rule = RULES.get(node.op_type)
    return rule is not None and rule(writer, node)
