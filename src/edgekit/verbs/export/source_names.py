"""Names of sources: a file, or a factory of a module."""

from pathlib import Path

from edgekit.verbs.doctor import NETWORKS

GENERIC_FACTORIES = frozenset({"build", "create", "factory", "get_model", "make", "model"})

_WEIGHTS = (
    "it may hold weights alone: write a function that loads them and returns (module, example_inputs), "
    "and name it package.module:function"
)
_KERAS = "Keras saved it: call it once, then model.export('model.onnx', format='onnx')"
_TENSORFLOW = "TensorFlow saved it: export it to .onnx with tf2onnx"
_COMPILED = "another engine made it: start from the network that it was made of"
FILES = (".onnx", ".pt2", ".tflite")
OTHER_FILES = {
    ".py": "name the function in it that returns (module, example_inputs), as {stem}:factory",
    ".json": "of a wake word, `edgekit export` takes its manifest",
    ".h5": _KERAS,
    ".hdf5": _KERAS,
    ".keras": _KERAS,
    ".pb": _TENSORFLOW,
    ".pte": _COMPILED,
    ".ort": _COMPILED,
    ".engine": _COMPILED,
    ".trt": _COMPILED,
    ".mlmodel": _COMPILED,
    ".mlpackage": _COMPILED,
    ".zip": "unpack it, and give the network in it",
    ".ipynb": "move the factory into a module: package.module:factory",
    ".pt": _WEIGHTS,
    ".pth": _WEIGHTS,
    ".ckpt": _WEIGHTS,
    ".safetensors": _WEIGHTS,
}


def is_graph_file(source: str) -> bool:
    """Whether `source` names a file with a graph, .onnx or .tflite, rather than torch code."""
    return Path(source).suffix.lower() == ".onnx" or is_tflite(source)


def is_tflite(source: str) -> bool:
    """Whether `source` names a file of LiteRT."""
    return Path(source).suffix.lower() == ".tflite"


def source_needs(source: str) -> list[str]:
    """Packages that reading a source takes, see `edgekit.verbs.doctor.require`."""
    if is_tflite(source):
        return [*NETWORKS, "ai-edge-litert"]
    return list(NETWORKS) if is_graph_file(source) else [*NETWORKS, "torch"]


def source_name(source: str) -> str:
    """Name a source without its path: file stem, factory, or the module of a ``build``."""
    if Path(source).suffix.lower() in FILES:
        return Path(source).stem
    module, _, factory = source.partition(":")
    return module.rpartition(".")[2] if factory in GENERIC_FACTORIES else factory


def other_file(path: Path) -> tuple[str, str]:
    """Return what the file is instead of a network, and the step to take."""
    if (path / "manifest.json").is_file():
        return "a build", "give the network that it was exported from"
    if (path / "saved_model.pb").is_file():
        return "a folder of TensorFlow", _TENSORFLOW
    kind = "folder" if path.is_dir() else f"{path.suffix} file" if path.suffix else "file"
    step = OTHER_FILES.get(path.suffix.lower(), "export the network to .onnx where it was trained")
    return f"a {kind}, which EdgeKit does not read as a network", step.format(stem=path.stem)
