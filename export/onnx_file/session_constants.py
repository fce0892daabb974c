"""Session constants: inputs that stay the same from hop to hop, as the embedding of a speaker."""

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
    inputs = [str(value.name) for value in model.given_inputs]
    states = {pair.input for pair in model.states}
    problems = []
    for name in names:
        where, step = f"--constant {name}", "name an input that stays the same for a session"
        listed = ", ".join(inputs)
        if name in states:
            found = "a state of the network"
            problems.append(Problem(where, found, listed, "declare it as one of the two"))
        elif name not in inputs:
            problems.append(Problem(where, "the network has no such input", listed, step))
        elif name in model.timing:
            problems.append(Problem(where, "the input has a time axis", "an input without", step))
    constants = dict.fromkeys([*model.constants, *names])
    if not problems and set(inputs) <= set(constants):
        found, allowed = "no input is left that a hop brings", "a stream input"
        problems.append(Problem(f"--constant {', '.join(names)}", found, allowed, "leave one out"))
    if problems:
        raise ModelError(problems)
    return model.describe(constants=list(constants))
