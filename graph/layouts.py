"""What the axes of a model's inputs and outputs are: as the user declares, and where they are sound."""

from collections.abc import Mapping

import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import Layout, plain_layout
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape


def with_layouts(network: Model, layouts: Mapping[str, Layout]) -> Model:
    """Return the network with the declared layouts of its inputs and outputs.

    Raises:
        UsageError: names that it does not have, or letters that are not those of its axes.
    """
    if not layouts:
        return network
    ports = {str(v.name): v for v in (*network.stream_inputs, *network.stream_outputs)}
    listed = ", ".join(f"{name} {list(static_shape(v) or ())}" for name, v in ports.items())
    problems = []
    for name, layout in layouts.items():
        where = f"--layout {name}={layout}"
        if name not in ports:
            found = "no input or output of this name"
            problems.append(Problem(where, found, listed, "correct the name"))
            continue
        shape, time = static_shape(ports[name]) or (), network.timing.get(name)
        if len(layout.axes) != len(shape):
            found = f"{len(layout.axes)} letters for {list(shape)}"
            problems.append(Problem(where, found, "a letter for each axis", "correct it"))
        elif time is not None and layout.axes[time.axis] != "T":
            found, allowed = f"its time axis is {time.axis}", f"T in place {time.axis}"
            problems.append(Problem(where, found, allowed, "correct it, or --time-axis"))
    if problems:
        raise UsageError(problems)
    known = {**network.layouts, **layouts}
    return network.describe(layouts={name: str(layout) for name, layout in known.items()})


def pcm_layout(model: Model, value: ir.Value) -> Layout | None:
    """The layout of a stream of PCM at the reference rate; None where an input or output is no such stream."""
    name, hop, shape = str(value.name), model.stream.hop_samples, static_shape(value)
    if hop is None or shape is None or value.dtype != ir.DataType.FLOAT:
        return None
    time = model.timing.get(name)
    axis = None if time is None else time.axis
    layout = model.layouts.get(name) or plain_layout(shape, axis, hop)
    return layout if layout is not None and layout.pcm_channels(shape, hop) else None
