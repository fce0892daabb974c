"""A .tflite for LiteRT."""

from edgekit.base.errors import Problem
from edgekit.graph.model import Model
from edgekit.targets.build import Build
from edgekit.targets.litert import check_litert, lower_litert, lower_stateful


def check(model: Model, stateful: bool = False, micro: bool = False) -> list[Problem]:
    """Return all problems of a model against LiteRT, in each of its forms."""
    return check_litert(model)


def lower(model: Model, target: str, stateful: bool = False, micro: bool = False) -> Build:
    """Return the build, with states inside the file where they are to be."""
    return (lower_stateful if stateful else lower_litert)(model, target, micro)
