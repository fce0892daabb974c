"""Inputs that are not streams: session constants, as the embedding of a speaker, and controls, as a knob."""

from collections.abc import Sequence

from edgekit.base.errors import ModelError, Problem
from edgekit.graph.model import Model


def declare_constants(model: Model, names: Sequence[str]) -> Model:
    """Return the model with these inputs as additional session constants.

    Raises:
        ModelError: a name is no input, carries time or is a state; or no other input remains.
    """
    if not names:
        return model
    _check(model, "--constant", names)
    return model.describe(constants=list(dict.fromkeys([*model.constants, *names])))


def declare_controls(model: Model, names: Sequence[str]) -> Model:
    """Return the model with these inputs as controls: one value holds for a hop.

    Raises:
        ModelError: a name is no input, has a frame per sample, is a session constant or a state; or no other input
            remains.
    """
    if not names:
        return model
    _check(model, "--control", names)
    return model.describe(controls=list(dict.fromkeys([*model.controls, *names])))


def _check(model: Model, flag: str, names: Sequence[str]) -> None:
    """Raise a ModelError for names that `flag` cannot declare."""
    problems = [p for name in names if (p := _port_problem(model, flag, name)) is not None]
    inputs = {str(value.name) for value in model.given_inputs}
    if not problems and inputs <= {*names, *model.constants, *model.controls}:
        found, allowed = "no input is left that is new in each hop", "a stream input"
        problems.append(Problem(f"{flag} {', '.join(names)}", found, allowed, "leave one out"))
    if problems:
        raise ModelError(problems)


def _port_problem(model: Model, flag: str, name: str) -> Problem | None:
    """Return the reason why `flag` cannot declare an input; None if it can."""
    constant = flag == "--constant"
    others = model.controls if constant else model.constants
    inputs = [str(value.name) for value in model.given_inputs]
    where, listed = f"{flag} {name}", ", ".join(inputs)
    what = "stays the same for a session" if constant else "holds one value for a hop"
    step, choice = f"name an input that {what}", "declare it as one of the two"
    if name in {pair.input for pair in model.states}:
        return Problem(where, "a state of the network", listed, choice)
    if name not in inputs:
        return Problem(where, "the network has no such input", listed, step)
    if name in model.timing:
        return Problem(where, "the input has a time axis", "an input without", step)
    if name in others:
        return Problem(where, "a session constant and a control", listed, choice)
    return None
