"""Inputs that are no streams: session constants, as the embedding of a speaker, and controls, as a knob."""

from collections.abc import Sequence

from edgekit.base.errors import ModelError, Problem
from edgekit.graph.model import Model


def declare_constants(model: Model, names: Sequence[str]) -> Model:
    """Return the model with these inputs as session constants, besides those that it has.

    Raises:
        ModelError: every name that is no input, carries time or is a state; or no other input is left.
    """
    if not names:
        return model
    _check(model, "--constant", names)
    return model.describe(constants=list(dict.fromkeys([*model.constants, *names])))


def declare_controls(model: Model, names: Sequence[str]) -> Model:
    """Return the model with these inputs as controls: one value holds for a hop.

    Raises:
        ModelError: every name that is no input, has a frame in each sample, is a session constant or a state; or no
            other input is left.
    """
    if not names:
        return model
    _check(model, "--control", names)
    return model.describe(controls=list(dict.fromkeys([*model.controls, *names])))


def _check(model: Model, flag: str, names: Sequence[str]) -> None:
    """Raise a ModelError for names that cannot be what `flag` declares."""
    what = "stays the same for a session" if flag == "--constant" else "holds one value for a hop"
    inputs = [str(value.name) for value in model.given_inputs]
    others = {*model.constants, *model.controls}
    states = {pair.input for pair in model.states}
    problems = []
    for name in names:
        where, step = f"{flag} {name}", f"name an input that {what}"
        listed = ", ".join(inputs)
        if name in states:
            found = "a state of the network"
            problems.append(Problem(where, found, listed, "declare it as one of the two"))
        elif name not in inputs:
            problems.append(Problem(where, "the network has no such input", listed, step))
        elif name in model.timing:
            problems.append(Problem(where, "the input has a time axis", "an input without", step))
        elif name in others and name not in (
            model.constants if flag == "--constant" else model.controls
        ):
            found = "a session constant and a control"
            problems.append(Problem(where, found, listed, "declare it as one of the two"))
    if not problems and set(inputs) <= {*names, *others}:
        found, allowed = "no input is left that a hop brings", "a stream input"
        problems.append(Problem(f"{flag} {', '.join(names)}", found, allowed, "leave one out"))
    if problems:
        raise ModelError(problems)
