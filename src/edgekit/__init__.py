"""EdgeKit: `edgekit.api` has the verbs. Its processes send nothing to anyone."""

import os

__version__ = "0.2.0"

# onnxruntime reads it while it is imported; its own call comes too late to keep it from writing files.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
