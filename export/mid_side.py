"""Mid and side: two channels outside are their half sum and half difference inside."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.layouts import pcm_layout
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape, unused_name, value_names


def with_mid_side(model: Model, names: Sequence[str]) -> Model:
    """Return a model whose named inputs and outputs are left and right instead of the network's mid and side.

    mid = (left + right) / 2, side = (left - right) / 2; back left = mid + side, right = mid - side.

    Raises:
        UsageError: a name is no stream, or a stream is not stereo sound.
    """
    if not names:
        return model
    axes = _channel_axes(model, names)
    graph_model = model.ir.clone()
    graph = graph_model.graph
    new = FrontendWriter(graph, "mid_side", ())
    for value in [value for value in graph.inputs if value.name in axes]:
        readers = list(value.uses())
        mixed = _sum_and_difference(new, value, str(value.name), axes[str(value.name)], 0.5)
        for reader, place in readers:
            reader.replace_input_with(place, mixed)
        graph.insert_before(graph[0], new.take())
    for place, value in enumerate(graph.outputs):
        if (name := str(value.name)) in axes:
            value.name = unused_name(value_names(graph), f"network/{name}")
            graph.outputs[place] = _sum_and_difference(new, value, name, axes[name], 1.0)
            graph.outputs[place].name = name
            graph.extend(new.take())
    return Model(graph_model)


def _channel_axes(model: Model, names: Sequence[str]) -> dict[str, int]:
    """Return the axis of the two channels of each stream; UsageError for streams without one."""
    ports = {str(v.name): v for v in (*model.stream_inputs, *model.stream_outputs)}
    axes = {name: _stereo_axis(model, ports.get(name)) for name in names}
    problems = [
        _not_stereo_problem(name, ports.get(name)) for name, axis in axes.items() if axis is None
    ]
    if problems:
        raise UsageError(problems)
    return {name: axis for name, axis in axes.items() if axis is not None}


def _stereo_axis(model: Model, value: ir.Value | None) -> int | None:
    layout, shape = None if value is None else pcm_layout(model, value), static_shape(value)
    axis = None if layout is None else layout.axis("C")
    return axis if axis is not None and shape is not None and shape[axis] == 2 else None


def _not_stereo_problem(name: str, value: ir.Value | None) -> Problem:
    shape = static_shape(value)
    found = f"shape {list(shape)}" if shape else "no input or output of this name"
    step = "declare its channels, as --layout NAME=NCT"
    return Problem(f"--mid-side {name}", found, "sound of two channels", step)


def _sum_and_difference(
    new: FrontendWriter, value: ir.Value, name: str, axis: int, factor: float
) -> ir.Value:
    """Sum and difference of two channels, times a factor."""
    shape = static_shape(value) or ()
    half = (*shape[:axis], 1, *shape[axis + 1 :])
    outputs = {f"{name}_{part}": half for part in ("first", "second")}
    first, second = new.node("Split", [value], outputs, axis=axis, num_outputs=2)
    (total,) = new.node("Add", [first, second], {f"{name}_sum": half})
    (rest,) = new.node("Sub", [first, second], {f"{name}_difference": half})
    (both,) = new.node("Concat", [total, rest], {f"{name}_both": shape}, axis=axis)
    if factor == 1:
        return both
    scale = new.constant(f"{name}_scale", np.float32(factor))
    return new.node("Mul", [both, scale], {f"{name}_mixed": shape})[0]
