"""State pairs: which graph output of one hop is which graph input of the next."""

import re
from collections.abc import Container, Iterable, Sequence
from itertools import product

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.graph.facts import facts_of
from edgekit.graph.model import WITHIN_HOP, StatePair
from edgekit.graph.nodes import optional, static_shape

STATE_TYPES = ir.DataType.FLOAT, ir.DataType.INT16, ir.DataType.INT32  # of declared ones
RECORDING = 16  # hops, from which on an axis of an input looks like the time of a recording

# (pattern of the input's name, output names it may have). Names of these forms mark states.
NAMED = (
    (r"(?P<x>.+)", ("{x}_next", "{x}.next", "next_{x}", "new_{x}", "{x}_new")),
    (r"(?P<x>.+)_prev", ("{x}", "{x}_next", "{x}_new")),
    (r"(?P<x>.+)_old", ("{x}", "{x}_next", "{x}_new")),
    (r"(?:prev|old)_(?P<x>.+)", ("{x}", "next_{x}", "new_{x}")),
)
# These forms also fit streams (audio_in -> audio_out): the name itself must say "state", too.
ONLY_IF_STATEFUL = (
    (r"(?P<x>.+)", ("{x}_out", "out_{x}", "{x}_o", "output_{x}", "{x}n", "{x}N", "{x}_n")),
    (r"(?P<x>.+?)_?0", ("{x}n", "{x}_n")),
    (r"(?P<x>.+)_in", ("{x}_out", "{x}")),
    (r"(?:in|input)_(?P<x>.+)", ("out_{x}", "output_{x}")),
)
STATEFUL = re.compile(
    r"(?:^|[^a-z])(?:[hc]\d*|[hc][nx]|hidden|cell|states?|caches?|mem(?:ory)?|hist(?:ory)?|buf(?:fer)?"
    r"|ctx|context|overlap|gru|lstm|rnn)(?:[^a-z]|$)",
    re.IGNORECASE,
)


def find_states(
    graph: ir.Graph,
    declared: Iterable[tuple[str, str]],
    *,
    in_order: bool = False,
    constants: Iterable[str] = (),
) -> tuple[StatePair, ...]:
    """Return the declared pairs and those found by names and shapes, in the order of the inputs.

    An input and an output form a pair if their names match by a rule above. Both must be float32 of one shape, and
    match nothing else. Declared pairs may also be int16 or int32, as those of the front end ``micro``.

    Args:
        graph: the network.
        declared: (input name, output name).
        in_order: if nothing was declared or matched, also pair all inputs but the first with all
            outputs but the first, in order, when their shapes agree one to one: the convention
            ``forward(x, *states) -> (y, *states)``.
        constants: names of inputs that are session constants, so no states unless declared.

    Raises:
        ModelError: a declared name is unknown, used twice, or the two shapes or types differ; or no
            input is left that is not a state.
    """
    given = [StatePair(*pair) for pair in declared]
    if problems := [*_unknown(graph, given), *_twice(given), *_unequal(graph, given)]:
        raise ModelError(problems)
    inputs = [value for value in graph.inputs if value.name not in set(constants)]
    pairs = given + _by_name(inputs, graph.outputs, given)
    if in_order and not given:
        pairs += _by_order(inputs, graph.outputs, pairs)
    if graph.inputs and len(pairs) == len(graph.inputs):
        raise ModelError(_no_stream_problem(pairs))
    order = {value.name: index for index, value in enumerate(graph.inputs)}
    return tuple(sorted(pairs, key=lambda pair: order[pair.input]))


def _no_stream_problem(pairs: Sequence[StatePair]) -> Problem:
    listed = ", ".join(f"{pair.input}:{pair.output}" for pair in pairs)
    step = "leave out the --state of what the network is fed"
    return Problem("states", f"every input is one: {listed}", "a stream input", step)


def _unknown(graph: ir.Graph, pairs: Sequence[StatePair]) -> list[Problem]:
    borders = (("input", graph.inputs), ("output", graph.outputs))
    problems = []
    for pair in pairs:
        for kind, values in borders:
            name, known = getattr(pair, kind), [str(value.name) for value in values]
            if name not in known:
                where, found = (
                    f"--state {pair.input}:{pair.output}",
                    f"the network has no {kind} '{name}'",
                )
                allowed, step = (
                    f"one of its {kind}s: {', '.join(known)}",
                    "write --state INPUT:OUTPUT",
                )
                problems.append(Problem(where, found, allowed, step))
    return problems


def _twice(pairs: Sequence[StatePair]) -> list[Problem]:
    problems = []
    for kind in ("input", "output"):
        names = [getattr(pair, kind) for pair in pairs]
        problems += [
            Problem(
                f"--state with {kind} '{name}'",
                f"declared {names.count(name)} times",
                "each input and each output in one pair",
                "remove the other pairs",
            )
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
    return problems


def _unequal(graph: ir.Graph, pairs: Sequence[StatePair]) -> list[Problem]:
    inputs = {value.name: value for value in graph.inputs}
    outputs = {value.name: value for value in graph.outputs}
    return [
        Problem(
            f"--state {pair.input}:{pair.output}",
            f"input '{pair.input}' is {_describe(inputs[pair.input])}, "
            f"output '{pair.output}' is {_describe(outputs[pair.output])}",
            "float32, or a declared int16 or int32, of the same shape on both sides",
            "pair the output that has the shape of the input",
        )
        for pair in pairs
        if pair.input in inputs
        and pair.output in outputs
        and not _same_type_and_shape(inputs[pair.input], outputs[pair.output], STATE_TYPES)
    ]


def _describe(value: ir.Value) -> str:
    return f"{value.dtype} {list(static_shape(value) or ())}".lower()


def _same_type_and_shape(
    left: ir.Value, right: ir.Value, types: Sequence[ir.DataType] = STATE_TYPES[:1]
) -> bool:
    """Whether both have one shape and one of these types; by its name alone only float32 is a state."""
    is_type = left.dtype == right.dtype and left.dtype in types
    return is_type and static_shape(left) == static_shape(right)


def _partners(name: str) -> set[str]:
    """Return the output names that would make the input `name` a state."""
    rules = NAMED + (ONLY_IF_STATEFUL if STATEFUL.search(name.replace("_", " ")) else ())
    return {
        form.format(x=match["x"])
        for pattern, forms in rules
        if (match := re.fullmatch(pattern, name))
        for form in forms
    } - {name}


def _by_name(
    inputs: Sequence[ir.Value], outputs: Sequence[ir.Value], taken: Sequence[StatePair]
) -> list[StatePair]:
    used_inputs = {pair.input for pair in taken}
    used_outputs = {pair.output for pair in taken}
    matches = [
        StatePair(str(source.name), str(result.name))
        for source, result in product(inputs, outputs)
        if _is_next_state(source, result)
        and source.name not in used_inputs
        and result.name not in used_outputs
    ]
    read = [pair.input for pair in matches]
    made = [pair.output for pair in matches]
    return [pair for pair in matches if read.count(pair.input) == made.count(pair.output) == 1]


def _is_next_state(source: ir.Value, result: ir.Value) -> bool:
    """Whether names, types and shapes show that an output is the next value of an input."""
    named = str(result.name) in _partners(str(source.name))
    return named and _same_type_and_shape(source, result)


def _by_order(
    inputs: Sequence[ir.Value], outputs: Sequence[ir.Value], taken: Sequence[StatePair]
) -> list[StatePair]:
    used = {pair.input for pair in taken} | {pair.output for pair in taken}
    left = [value for value in inputs[1:] if value.name not in used]
    made = [value for value in outputs[1:] if value.name not in used]
    if len(left) != len(made) or not all(map(_same_type_and_shape, left, made)):
        return []
    return [StatePair(str(i.name), str(o.name)) for i, o in zip(left, made, strict=True)]


def other_shapes(graph: ir.Graph, pairs: Iterable[StatePair]) -> list[str]:
    """Return notes on outputs with the name of a next state but another shape or type, so that they are none."""
    paired = {pair.input for pair in pairs}
    return [
        f"output '{result.name}' {_describe(result)} has the name of what follows input '{source.name}' "
        f"{_describe(source)}: it is no state, as a state keeps its shape; nothing is carried from hop to hop"
        for source in graph.inputs
        for result in graph.outputs
        if source.name not in paired
        and str(result.name) in _partners(str(source.name))
        and not _same_type_and_shape(source, result)
    ]


def possible_states(
    graph: ir.Graph, pairs: Iterable[StatePair], others: Iterable[str]
) -> list[str]:
    """Return a note on inputs and outputs of equal shapes that no pair joins, though they may be states.

    The first input with the first output is the stream itself. A shape counts if as many inputs as outputs have it.

    Args:
        graph: the network.
        pairs: its states.
        others: names of inputs that are known to be something else, as constants.
    """
    known = {*others, *(name for pair in pairs for name in (pair.input, pair.output))}
    found = _pairs_by_shape(graph, known)
    stream = (graph.inputs[0], graph.outputs[0]) if found else ()
    names = [
        f"{source.name}:{result.name}" for source, result in found if (source, result) != stream
    ]
    if not names:
        return []
    options = " ".join(f"--state {name}" for name in names)
    return [
        f"{', '.join(names)}: input and output have one shape, and nothing is carried from one to the other; "
        f"if the output is the next value of the input, add {options}"
    ]


def _pairs_by_shape(graph: ir.Graph, known: Container[str]) -> list[tuple[ir.Value, ir.Value]]:
    """Return inputs and outputs in order, of each shape that as many of both have."""
    sources, results = (_floats_by_shape(v, known) for v in (graph.inputs, graph.outputs))
    return [
        pair
        for shape, values in sources.items()
        if len(values) == len(results.get(shape, ()))
        for pair in zip(values, results[shape], strict=True)
    ]


def _floats_by_shape(
    values: Iterable[ir.Value], known: Container[str]
) -> dict[tuple[int, ...], list[ir.Value]]:
    """Return the float32 values of each shape but those whose names are known."""
    found: dict[tuple[int, ...], list[ir.Value]] = {}
    for value in values:
        shape = static_shape(value)
        if value.dtype == ir.DataType.FLOAT and shape and value.name not in known:
            found.setdefault(tuple(shape), []).append(value)
    return found


def longer_than_hop(graph: ir.Graph, pairs: Iterable[StatePair], hop: int | None) -> list[str]:
    """Return notes on inputs so much longer than the hop that they look like whole recordings.

    A spectrum or a window of samples may be some hops long; an axis beyond `RECORDING` hops gets a note.
    """
    states = {pair.input for pair in pairs}
    notes = []
    for value in graph.inputs:
        shape = static_shape(value) or ()
        if hop is None or value.name in states or max(shape, default=0) <= RECORDING * hop:
            continue
        axis = shape.index(max(shape))
        notes.append(
            f"input {value.name!r} {list(shape)} is taken whole in every hop of {hop} samples; where axis {axis} is "
            f"the time of a network for whole recordings, --time-axis {value.name}:{axis} makes hops of it"
        )
    return notes


def restarting_cells(graph: ir.Graph) -> list[str]:
    """Return notes on recurrent layers that start every call at a constant state and so remember nothing."""
    cells = [
        f"{node.op_type} {node.name!r}" for node in graph if facts_of(node).cell and _restarts(node)
    ]
    if not cells:
        return []
    return [
        f"{', '.join(cells)}: every call begins at a constant state, so nothing is remembered from hop to hop; "
        "a stream needs the state as an input and an output of the network, "
        "or, of a network for whole recordings, --time-axis INPUT:AXIS and --hop"
    ]


def _restarts(node: ir.Node) -> bool:
    if WITHIN_HOP in node.metadata_props:
        return False
    initial = optional(node, 5)
    return initial is None or initial.is_initializer()
