"""The litert target: a .tflite written from the (QDQ) model with LiteRT's own schema.

Reading order: file (the flatbuffer), orders (how axes are stored), writer (the walk over the network),
emit/ (operators by family) and table (which they are), lower (check and build), variables (states inside).
"""

from edgekit.base.errors import Problem
from edgekit.base.installation import install_extra
from edgekit.graph.model import Model
from edgekit.targets.build import Build


def check_litert(model: Model) -> list[Problem]:
    """Return every node without a LiteRT form, and why; or the problem that its schema is not installed."""
    import importlib.util

    if importlib.util.find_spec("ai_edge_litert") is None:
        step = install_extra("litert")
        return [Problem("target litert", "ai-edge-litert is not installed", "its schema", step)]
    from edgekit.targets.litert import lower

    return lower.check_litert(model)


def lower_litert(model: Model, target: str, micro: bool = False) -> Build:
    """See `edgekit.targets.litert.lower`."""
    from edgekit.targets.litert import lower

    return lower.lower_litert(model, target, micro)


def lower_stateful(model: Model, target: str, micro: bool = False) -> Build:
    """See `edgekit.targets.litert.lower`."""
    from edgekit.targets.litert import lower

    return lower.lower_stateful(model, target, micro)
