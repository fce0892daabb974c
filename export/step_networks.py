"""Step networks: calls iterate their state, and an output shows how much a call changed it."""

import math

import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem
from edgekit.base.until import Until
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape


def with_until(model: Model, until: Until) -> Model:
    """Return a model with a record of when its calls have settled.

    Raises:
        ModelError: it has no such output, or no state that a call could change.
    """
    problems, outputs = [], {str(value.name): value for value in model.stream_outputs}
    where = f"--iterate {until.output}"
    value = outputs.get(until.output)
    if value is None:
        found = f"the network has no output '{until.output}'"
        problems.append(Problem(where, found, ", ".join(outputs), "name one of these"))
    elif value.dtype != ir.DataType.FLOAT or math.prod(static_shape(value) or (0,)) != 1:
        found = f"{value.dtype} {static_shape(value)}"
        step = "give out the change as one number, as (z_next - z).abs().amax(1)"
        problems.append(Problem(where, found, "one float32 number", step))
    if not model.states:
        step = "make what is iterated a state: an input z and an output z_next"
        problems.append(Problem(where, "a network without states", "a step of a state", step))
    if problems:
        raise ModelError(problems)
    return model.describe(until=vars(until))
