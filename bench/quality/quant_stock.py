"""What the quantizers of others make of published pipelines: the file of each network, in its own runtime."""

import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from published_networks import CACHE, NETWORKS, path_of
from published_pipelines import Pipeline, Recorded, Run, Samples, reference
from quality.onnxruntime_static import FRAMES, heard_clips, static_quantized

from edgekit.base.errors import ToolError
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.litert import MODEL_NAME, interpreter_class
from edgekit.runtime.stream import Arrays
from edgekit.targets.litert import lower_litert
from edgekit.verbs.export.importing import load_model


def onnxruntime(pipeline: Pipeline, data: Path) -> list[Run]:
    """Static int8 of onnxruntime, `onnxruntime_static`."""
    return [
        reference(content, NETWORKS[name].states, NETWORKS[name].constants)
        for name, content in zip(pipeline.networks, static_quantized(pipeline, data), strict=True)
    ]


def ai_edge(pipeline: Pipeline, data: Path) -> list[Run]:
    """int8 weights and activations by ai-edge-quantizer, of our float32 .tflite of each network.

    Raises:
        ToolError: the package is missing, or does not take a network, or the pipeline runs it on whole recordings.
    """
    try:
        quantizer, recipe = map(
            import_module, ("ai_edge_quantizer.quantizer", "ai_edge_quantizer.recipe")
        )
    except ImportError as error:
        raise ToolError("ai-edge-quantizer is not installed: pip install it") from error
    models = [
        load_model(str(path_of(n, CACHE)), NETWORKS[n].options(1)).model for n in pipeline.networks
    ]
    builds = [lower_litert(model, "litert") for model in models]
    floats = [Tflite(build.manifest, build.files[MODEL_NAME]) for build in builds]
    try:
        for clip in heard_clips(data):
            pipeline.run(clip, *map(Recorded, floats))
    except ToolError as error:  # inputs of another shape than the file's
        raise ToolError(
            f"ai-edge-quantizer: a .tflite has fixed shapes, and the pipeline gives others: {error}"
        ) from error
    made: list[Run] = []
    for build, told in zip(builds, floats, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            path, out = Path(folder, MODEL_NAME), Path(folder, "int8.tflite")
            path.write_bytes(_numbered(build.files[MODEL_NAME]))
            try:
                made_by = quantizer.Quantizer(str(path))
                made_by.load_quantization_recipe(recipe.static_wi8_ai8())
                calls = told.feeds[:: max(len(told.feeds) // FRAMES, 1)]
                made_by.quantize(made_by.calibrate({"serving_default": calls})).export_model(
                    str(out)
                )
            except Exception as error:
                raise ToolError(f"ai-edge-quantizer: {type(error).__name__}: {error}") from error
            made.append(Tflite(build.manifest, out.read_bytes()))
    return made


def _numbered(content: bytes) -> bytes:
    """A .tflite in which no two tensors have one name, as ai-edge-quantizer wants it: repeated ones get numbers."""
    utils = import_module("ai_edge_litert.tools.flatbuffer_utils")
    model, seen = utils.read_model_from_bytearray(bytearray(content)), set[bytes]()
    for graph in model.subgraphs:
        for number, tensor in enumerate(graph.tensors):
            if tensor.name in seen:
                tensor.name += b"_%d" % number
            seen.add(tensor.name)
    return bytes(utils.convert_object_to_bytearray(model))


class Tflite:
    """A .tflite of a network, hop by hop, its states carried from zero in real numbers; `feeds` keeps all calls."""

    def __init__(self, manifest: Manifest, content: bytes) -> None:
        """Open it; `manifest` says what its states are."""
        interpreter = interpreter_class()(model_content=content, num_threads=1)
        self._run, self.feeds = interpreter.get_signature_runner(), list[Arrays]()
        self._takes, self._gives = self._run.get_input_details(), self._run.get_output_details()
        states = (
            [tensor.name for tensor in side if tensor.role == "state"]
            for side in (manifest.inputs, manifest.outputs)
        )
        self._pairs = dict(zip(*states, strict=True))

    def __call__(self, inputs: Arrays) -> Arrays:
        """Run all hops, (hops, *shape) each.

        Raises:
            ToolError: the interpreter does not run them.
        """
        state = {n: np.zeros(self._takes[n]["shape"], np.float32) for n in self._pairs}
        results = []
        for hop in range(len(next(iter(inputs.values())))):
            feed = {name: array[hop] for name, array in inputs.items()} | state
            self.feeds.append(feed)
            stored = {name: _stored(array, self._takes[name]) for name, array in feed.items()}
            try:
                made = self._run(**stored)
            except RuntimeError as error:
                raise ToolError(f"LiteRT: {error}") from error
            real = {name: _real(array, self._gives[name]) for name, array in made.items()}
            state = {name: real[output] for name, output in self._pairs.items()}
            results.append(real)
        carried = set(self._pairs.values())
        return {n: np.stack([r[n] for r in results]) for n in results[0] if n not in carried}


def _stored(array: Any, detail: dict[str, Any]) -> Any:
    scale, zero = detail["quantization"]
    if not scale:
        return array
    whole = np.iinfo(detail["dtype"])
    return np.clip(np.rint(array / scale) + zero, whole.min, whole.max).astype(detail["dtype"])


def _real(array: Any, detail: dict[str, Any]) -> Any:
    scale, zero = detail["quantization"]
    return (array.astype(np.float32) - zero) * np.float32(scale) if scale else array


STOCK: dict[str, Callable[[Pipeline, Path], list[Run]]] = {
    "onnxruntime static": onnxruntime,
    "ai-edge-quantizer": ai_edge,
}


def runs(
    stock: Callable[[Pipeline, Path], list[Run]], pipeline: Pipeline, data: Path
) -> Callable[[Samples], Samples]:
    """Return a pipeline of quantized networks: samples in, samples out, its delay taken away.

    Raises:
        ToolError: a quantizer does not take a network.
    """
    networks = [Recorded(network) for network in stock(pipeline, data)]
    return lambda heard: np.asarray(pipeline.run(heard, *networks)[pipeline.delay :], np.float32)
