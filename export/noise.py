"""Inputs that the build draws itself: each is replaced by a noise node, whose state is a seed and a position."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from edgekit.base import random_normals
from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import Layout, plain_layout
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.export.own_operators.functions import define_functions
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape
from edgekit.graph.noises import OPERATORS, PARTS, Noise


def with_noise(model: Model, distributions: Mapping[str, str]) -> Model:
    """Return a model that draws these inputs itself.

    Numbers fill an input frame by frame in the order of time, and a frame axis by axis. So they do not depend on the
    hop. Several inputs have separate noises, in the order of the graph.

    Args:
        model: one hop.
        distributions: of each input, one of `random_normals.DISTRIBUTIONS`.

    Raises:
        UsageError: a name is no stream of float32, or is a control, a session constant, a state or the sound of a
            front end; or no other input remains.
    """
    if not distributions:
        return model
    _check(model, distributions)
    rows = noises_of(model, distributions)
    graph_model = model.ir.clone()
    graph = graph_model.graph
    for port, row in enumerate(rows, len(model.noises)):
        _draw_input(graph, row, port, _time_axis(model, row.name, row.shape))
    define_functions(graph_model)
    names = {row.name for row in rows}
    states = [*model.states, *({"input": r.state, "output": f"{r.state}_next"} for r in rows)]
    return Model(graph_model).describe(
        states=states,
        noises=[*model.noises, *rows],
        timing={name: time for name, time in model.timing.items() if name not in names},
        layouts={name: str(form) for name, form in model.layouts.items() if name not in names},
    )


def _draw_input(graph: ir.Graph, row: Noise, port: int, axis: int | None) -> None:
    """Replace an input by nodes that draw its values."""
    value = next(value for value in graph.inputs if value.name == row.name)
    _remove_nan_guard(graph, value)
    graph.inputs.remove(value)
    value.name = f"{row.name}/given"
    new = FrontendWriter(graph, f"noise/{row.name}", (row.name, row.state, f"{row.state}_next"))
    drawn = _drawn(new, row, port, axis)
    value.replace_all_uses_with(drawn)
    drawn.name = row.name
    nodes = new.take()
    graph.insert_before(graph[0], nodes) if len(graph) else graph.extend(nodes)


def noises_of(model: Model, distributions: Mapping[str, str]) -> tuple[Noise, ...]:
    """Return the inputs of a model that will be drawn, in its order."""
    found = []
    for value in model.stream_inputs:
        name, shape = str(value.name), static_shape(value) or ()
        if name in distributions:
            layout = _layout(model, name, shape)
            text = None if layout is None else str(layout)
            found.append(Noise(name, distributions[name], shape, text, f"noise/{name}/state"))
    return tuple(found)


def drawn(model: Model, row: Noise, port: int, hops: int) -> Float32:
    """Return the noise of an input in a build's first hops, (hops, *shape), from seed 0.

    Args:
        model: a hop that still has the input.
        row: the input.
        port: its number from `noises_of`.
        hops: number of hops.
    """
    axis, shape = _time_axis(model, row.name, row.shape), row.shape
    flat = random_normals.noise(row.distribution, 0, 0, hops * int(np.prod(shape)), port)
    if axis is None:
        return flat.reshape(hops, *shape)
    others = (*shape[:axis], *shape[axis + 1 :])
    return np.moveaxis(flat.reshape(hops, shape[axis], *others), 1, axis + 1)


def with_drawn(
    model: Model, examples: Mapping[str, Array], distributions: Mapping[str, str]
) -> Mapping[str, Array]:
    """Return example inputs, (hops, *shape), whose noise inputs hold the values that a build draws."""
    rows = enumerate(noises_of(model, distributions))
    return {
        **examples,
        **{row.name: drawn(model, row, port, len(examples[row.name])) for port, row in rows},
    }


def _drawn(new: FrontendWriter, row: Noise, port: int, axis: int | None) -> ir.Value:
    """Return the input's values, drawn from a separate state."""
    count = int(np.prod(row.shape))
    state = new.state(row.state, (2 * PARTS,))
    outputs = {"numbers": (count,), "state_next": (2 * PARTS,)}
    flat, following = new.node(
        OPERATORS[row.distribution], [state], outputs, port=port, count=count
    )
    new.follow(state, following)
    axis = 0 if axis is None else axis
    frames = row.shape[axis : axis + 1]
    framed = new.reshape(flat, "frames", (*frames, *row.shape[:axis], *row.shape[axis + 1 :]))
    perm = [*range(1, axis + 1), 0, *range(axis + 1, len(row.shape))]
    if int(np.prod(row.shape[:axis])) == 1 or frames == (1,):
        return new.reshape(flat, "shaped", row.shape)
    return new.transpose(framed, perm, "turned")


def _remove_nan_guard(graph: ir.Graph, value: ir.Value) -> None:
    """Remove the guard against NaN from an input, as drawn numbers are finite."""
    for guard in [node for node in value.consumers() if node.op_type == "Finite"]:
        guard.outputs[0].replace_all_uses_with(value)
        graph.remove(guard, safe=True)


def _layout(model: Model, name: str, shape: tuple[int, ...]) -> Layout | None:
    time = model.timing.get(name)
    plain = plain_layout(shape, None if time is None else time.axis, model.stream.hop_samples)
    return model.layouts.get(name) or plain


def _time_axis(model: Model, name: str, shape: tuple[int, ...]) -> int | None:
    if (time := model.timing.get(name)) is not None:
        return time.axis
    layout = _layout(model, name, shape)
    return None if layout is None else layout.axis("T")


def _check(model: Model, distributions: Mapping[str, str]) -> None:
    problems = [
        problem
        for name, distribution in distributions.items()
        for problem in (_distribution_problem(name, distribution), _port_problem(model, name))
        if problem is not None
    ]
    if not problems and {str(v.name) for v in model.stream_inputs} <= distributions.keys():
        found, allowed = "no input is left that is new in each hop", "a stream input"
        step = "leave one out, or give the network a control or a clock as input"
        problems.append(Problem(f"--noise {', '.join(distributions)}", found, allowed, step))
    if problems:
        raise UsageError(problems)


def _distribution_problem(name: str, distribution: str) -> Problem | None:
    if distribution in OPERATORS:
        return None
    allowed, step = " or ".join(OPERATORS), f"write --noise {name}=uniform"
    return Problem(f"--noise {name}={distribution}", "unknown", allowed, step)


def _port_problem(model: Model, name: str) -> Problem | None:
    """Return the reason why an input cannot be drawn; None if it can."""
    states = {pair.input for pair in model.states}
    ports = {str(v.name): v for v in model.ir.graph.inputs if v.name not in states}
    where, step, listed = f"--noise {name}", "name a stream of float32", ", ".join(ports)
    if name in states:
        return Problem(where, "a state of the network", listed, step)
    if name not in ports:
        return Problem(where, "the network has no such input", listed, step)
    if name in (*model.constants, *model.controls):
        kind = "a session constant" if name in model.constants else "a control"
        step = "declare it as one of the two"
        return Problem(where, f"also declared as {kind}", "one of the two", step)
    if ports[name].dtype != ir.DataType.FLOAT:
        return Problem(where, "integers or truth values", "float32", step)
    if _is_sound(model, ports[name]):
        found = f"the sound that --frontend {model.frontend} takes"
        return Problem(where, found, "an input of the network itself", step)
    return None


def _is_sound(model: Model, value: ir.Value) -> bool:
    """Whether a front end reads it."""
    if model.frontend is None:
        return False
    readers = list(value.consumers())
    readers += [user for node in readers for out in node.outputs for user in out.consumers()]
    return value.name == "pcm" or any(node.op_type == "STFT" for node in readers)
