"""How a source is named: a file, or a factory of a module."""

from pathlib import Path

from edgekit.verbs.doctor import NETWORKS

GENERIC_FACTORIES = frozenset({"build", "create", "factory", "get_model", "make", "model"})


def is_onnx(source: str) -> bool:
    """Whether `source` names an ONNX file rather than torch code."""
    return Path(source).suffix.lower() == ".onnx"


def source_needs(source: str) -> list[str]:
    """Packages that reading a source takes, see `edgekit.verbs.doctor.require`."""
    return list(NETWORKS) if is_onnx(source) else [*NETWORKS, "torch"]


def source_name(source: str) -> str:
    """Name a source without its path: file stem, factory, or the module of a ``build``."""
    if Path(source).suffix.lower() in (".onnx", ".pt2"):
        return Path(source).stem
    module, _, factory = source.partition(":")
    return module.rpartition(".")[2] if factory in GENERIC_FACTORIES else factory
