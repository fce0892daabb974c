"""Writes deform.onnx from the committed weights: static shapes, BN folded.

Run ``python -m edgekit.demos.export_deform``.
"""

from pathlib import Path

from edgekit.demos.show_deform import NETWORK
from edgekit.verbs.export.importing import ImportOptions, load_model

SOURCE = "edgekit.demos.codenet:small"


def write(path: Path) -> None:
    """Write the detector as `edgekit export` imports it."""
    load_model(SOURCE, ImportOptions()).model.save(path)


if __name__ == "__main__":
    write(NETWORK)
