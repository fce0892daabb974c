"""EdgeKit: `deploy` makes a build, `edgekit.api` has all verbs. Its processes send nothing to anyone."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit import adapt as adapt
    from edgekit import api as api
    from edgekit import frontend as frontend
    from edgekit import level as level
    from edgekit import red_diff as red_diff
    from edgekit import search as search
    from edgekit import sparsity as sparsity
    from edgekit.base.errors import CheckFailed, UsageError
    from edgekit.build import Build
    from edgekit.deployment import deploy
    from edgekit.runtime.stream import Stream

__version__ = "0.3.0"

# Where each name stands; a module stands for itself. They are imported when they are asked for.
_PLACES = {
    "Build": "edgekit.build",
    "CheckFailed": "edgekit.base.errors",
    "Stream": "edgekit.runtime.stream",
    "UsageError": "edgekit.base.errors",
    "deploy": "edgekit.deployment",
}
_MODULES = ("adapt", "api", "frontend", "level", "red_diff", "search", "sparsity")

__all__ = [
    "Build",
    "CheckFailed",
    "Stream",
    "UsageError",
    "__version__",
    "adapt",
    "api",
    "deploy",
    "frontend",
    "level",
    "red_diff",
    "search",
    "sparsity",
]

# onnxruntime reads it while it is imported; its own call comes too late to keep it from writing files.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


if not TYPE_CHECKING:  # a type checker would take any name for one of these

    def __getattr__(name: str) -> Any:
        """Import a name of `_PLACES`, or a module of `_MODULES`."""
        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    """Name what a program uses, whether it is imported yet or not."""
    return sorted(__all__)
