"""EdgeKit: `deploy` makes a build, `edgekit.api` has all verbs. Its processes send nothing to anyone."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgekit.deployment import Build, deploy

__all__ = ["Build", "__version__", "deploy"]

__version__ = "0.3.0"

# onnxruntime reads it while it is imported; its own call comes too late to keep it from writing files.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def __getattr__(name: str) -> Any:
    """Import `deploy` and `Build` when they are asked for."""
    if name not in ("Build", "deploy"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from edgekit import deployment

    return getattr(deployment, name)
