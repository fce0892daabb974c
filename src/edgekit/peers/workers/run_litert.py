"""LiteRT with XNNPACK, on networks that litert-torch converts and its quantizer rounds; invoke alone is timed."""

import re
from importlib.metadata import version
from pathlib import Path

import litert_torch
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

from edgekit.base.arrays import Array
from edgekit.base.json_values import JsonObject
from edgekit.peers.workers.network import Network
from edgekit.peers.workers.protocol import Arrays, Step, serve, time_call


def prepare(folder: Path, form: str) -> Step:
    """Convert and quantize (``dynamic`` or ``static``) the files that the folder lacks, and plan."""
    torch.set_num_threads(1)
    network, path = Network(folder).eval(), folder / "network.tflite"
    if not path.is_file():
        part = folder / "part.tflite"
        litert_torch.convert(network, network.examples()).export(str(part))
        part.replace(path)
    if form != "float":
        path = quantize_file(path, folder, form)
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    ins, outs = (
        _order_tensors(interpreter.get_input_details()),
        _order_tensors(interpreter.get_output_details()),
    )

    def step(inputs: Arrays) -> tuple[Arrays, int]:
        for detail, array in zip(ins, inputs, strict=True):
            interpreter.set_tensor(detail["index"], _as_held(detail, array))
        _, elapsed = time_call(interpreter.invoke)
        return [
            _as_real(detail, interpreter.get_tensor(detail["index"])) for detail in outs
        ], elapsed

    return step


def quantize_file(path: Path, folder: Path, form: str) -> Path:
    """Return the .tflite with int8 weights: activations quantized as they come, or on calibrated scales."""
    out, part = folder / f"{form}.tflite", folder / f"{form}.part"
    if out.is_file():
        return out
    calibrator, calibrated = quantizer.Quantizer(str(path)), None
    if form == "dynamic":
        calibrator.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    else:
        calibrator.load_quantization_recipe(recipe.static_wi8_ai8())
        arrays = list(dict(np.load(folder / "calibration.npz")).values())
        feeds = [
            {f"args_{i}": array[hop] for i, array in enumerate(arrays)}
            for hop in range(len(arrays[0]))
        ]
        calibrated = calibrator.calibrate({"serving_default": feeds})
    part.unlink(missing_ok=True)
    calibrator.quantize(calibrated).export_model(str(part))
    return part.replace(out)


def _order_tensors(details: list[JsonObject]) -> list[JsonObject]:
    """Return tensors in the order of the program; the converter numbers its named tensors."""
    return sorted(details, key=lambda detail: int(re.findall(r"\d+", detail["name"])[0]))


def _as_held(detail: JsonObject, array: Array) -> Array:
    scale, zero = detail["quantization"]
    if not scale:  # floats, and the integers of a network's own
        return array.astype(detail["dtype"], copy=False)
    limits = np.iinfo(detail["dtype"])
    held: Array = np.clip(np.rint(array / scale) + zero, limits.min, limits.max)
    return held.astype(detail["dtype"])


def _as_real(detail: JsonObject, array: Array) -> Array:
    scale, zero = detail["quantization"]
    if not scale:
        return array
    return np.asarray((array.astype(np.float32) - zero) * scale, np.float32)


if __name__ == "__main__":
    serve(version("ai-edge-litert"), prepare)
