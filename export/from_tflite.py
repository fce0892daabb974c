"""`from_tflite`: a .tflite becomes a checked, simplified `Model` with the integers of the file."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx, read_content
from edgekit.export.tflite_file.convert import TfliteNetwork, to_onnx
from edgekit.export.tflite_file.file import read_tflite
from edgekit.graph.model import Model, Source


def from_tflite(
    path: str | Path, *, name: str, signature: str | None = None, **options: Any
) -> Model:
    """Import a .tflite: float, or with its integers, which are kept.

    The file is untrusted: everything that it says is checked before it is used. `edgekit.judge.tflite_runtimes`
    compares the result with the runtimes of such files.

    Args:
        path: the file.
        name: recorded as the source's name.
        signature: the name of the one to read, where the file has several.
        options: as `from_onnx` takes them.

    Returns:
        The network. Integers that stand for reals are float32 inputs and outputs, on the scales of the file.

    Raises:
        ModelError: all problems of the network.
    """
    data = read_content(Path(path))
    converted = _convert(Path(path), data, signature)
    states = [*converted.states, *options.pop("states", ())]
    model = from_onnx(converted.content, name=name, states=states, **options)
    return model.describe(source=Source(name, hashlib.sha256(data).hexdigest()))


def _convert(path: Path, data: bytes, signature: str | None) -> TfliteNetwork:
    """Return the network of a file, whose name stands in errors on the whole file."""
    try:
        return to_onnx(read_tflite(data), signature)
    except ModelError as error:
        raise ModelError(
            replace(problem, where=f"file '{path}'") if problem.where == "file" else problem
            for problem in error.problems
        ) from error


def tflite_inputs(path: str | Path, signature: str | None = None) -> frozenset[str]:
    """Return the names of the inputs of a .tflite without its states.

    Raises:
        ModelError: no readable .tflite.
    """
    converted = to_onnx(read_tflite(read_content(Path(path))), signature)
    return frozenset(converted.graph.tensors[number].name for number in converted.graph.inputs)
