"""Axes of a model's inputs and outputs: as the user declares them, and which hold sound."""

from collections.abc import Mapping

import onnx_ir as ir

from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import Layout, plain_layout, unit_of_time
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape


def with_layouts(network: Model, layouts: Mapping[str, Layout]) -> Model:
    """Return the network with the declared layouts of its inputs and outputs.

    An output without one gets the layout of an input of its shape, or of one channel of it, with a note.

    Raises:
        UsageError: unknown names, or letters that do not fit the axes.
    """
    if not layouts:
        return network
    checked = [_layout_problem(network, name, layout) for name, layout in layouts.items()]
    if problems := [problem for problem in checked if problem is not None]:
        raise UsageError(problems)
    known = {**network.layouts, **layouts}
    like = _like_inputs(network, known)
    notes = [
        f"output '{name}' is taken to be {known[of]}, as input '{of}' is; --layout {name}=LETTERS says otherwise"
        for name, of in like.items()
    ]
    known |= {name: known[of] for name, of in like.items()}
    return network.describe(
        layouts={name: str(layout) for name, layout in known.items()},
        notes=[*network.notes, *notes],
    )


def _layout_problem(network: Model, name: str, layout: Layout) -> Problem | None:
    """Return the fault of a declared layout."""
    ports = {str(v.name): v for v in (*network.stream_inputs, *network.stream_outputs)}
    where = f"--layout {name}={layout}"
    if name not in ports:
        listed = ", ".join(f"{port} {list(static_shape(v) or ())}" for port, v in ports.items())
        return Problem(where, "no input or output of this name", listed, "correct the name")
    shape, time = static_shape(ports[name]) or (), network.timing.get(name)
    if len(layout.axes) != len(shape):
        found = f"{len(layout.axes)} letters for the {len(shape)} axes of {list(shape)}"
        return Problem(where, found, "a letter for each axis", "correct it")
    if time is not None and layout.axes[time.axis] != "T":
        found, allowed = f"its time axis is {time.axis}", f"T in place {time.axis}"
        return Problem(where, found, allowed, "correct it, or --time-axis")
    return None


def _like_inputs(network: Model, known: Mapping[str, Layout]) -> dict[str, str]:
    """Return the outputs without a layout, each with the first input of the same form."""
    found = {}
    declared = [value for value in network.stream_inputs if str(value.name) in known]
    for output in network.stream_outputs:
        name, time = str(output.name), network.timing.get(str(output.name))
        axis = None if time is None else time.axis
        same = (v for v in declared if _is_like(output, axis, v, known[str(v.name)]))
        source = None if name in known else next(same, None)
        if source is not None:
            found[name] = str(source.name)
    return found


def _is_like(output: ir.Value, time: int | None, source: ir.Value, layout: Layout) -> bool:
    """Whether an output with this axis of time may have the layout of an input: its shape, or one channel of it."""
    shape, other = static_shape(output), static_shape(source) or ()
    mono = tuple(1 if a == "C" else n for a, n in zip(layout.axes, other, strict=True))
    in_time = time is None or (time < len(other) and layout.axes[time] == "T")
    return shape in (other, mono) and in_time and output.dtype == source.dtype


def pcm_layout(model: Model, value: ir.Value) -> Layout | None:
    """Return the layout of a stream of PCM at the reference rate; None for any other input or output."""
    name, hop, shape = str(value.name), model.stream.hop_samples, static_shape(value)
    if hop is None or shape is None or value.dtype != ir.DataType.FLOAT:
        return None
    time = model.timing.get(name)
    axis = None if time is None else time.axis
    layout = model.layouts.get(name) or plain_layout(shape, axis, hop)
    return layout if layout is not None and layout.pcm_channels(shape, hop) else None


def time_unit(model: Model) -> str:
    """Return what a hop and delays count, see `unit_of_time`."""
    streams = (*model.stream_inputs, *model.stream_outputs)
    shapes = [static_shape(value) or () for value in streams]
    is_pcm = any(pcm_layout(model, value) for value in streams)
    return unit_of_time(is_pcm, shapes, model.stream.hop_samples, model.stream.sample_rate_hz)


def layout_with_channels(model: Model, value: ir.Value) -> Layout | None:
    """Return the layout that makes a stream PCM of several channels; None where no one axis can be the channels."""
    hop, shape, time = (
        model.stream.hop_samples,
        static_shape(value),
        model.timing.get(str(value.name)),
    )
    if hop is None or shape is None or time is None or value.dtype != ir.DataType.FLOAT:
        return None
    kinds = ["N" if size == 1 else "C" for size in shape]
    kinds[time.axis] = "T"
    layout = Layout(tuple(kinds))
    return layout if kinds.count("C") == 1 and layout.pcm_channels(shape, hop) else None
