"""LiteRT on a network of `networks`: converts it, or runs converted hops. Started by `peers` in LiteRT's environment.

    python bench/peer_litert.py convert FACTORY OUT.tflite [int8]
    python bench/peer_litert.py static FACTORY OUT.tflite HOPS.npz
    python bench/peer_litert.py run FACTORY MODEL.tflite IN.npz OUT.npz

int8 is the quantizer's dynamic recipe: int8 weights, activations quantized as they come; static its recipe of int8
weights and activations, calibrated on hops with states carried.
"""

import inspect
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP_HOPS = 200


def factory(source: str) -> tuple[Any, tuple[Any, ...], list[str], list[str]]:
    """Return the module, its examples, and the names of what goes in and out."""
    module_name, _, name = source.partition(":")
    module, examples = getattr(__import__(module_name), name)()
    inputs = list(inspect.signature(module.forward).parameters)
    return module, examples, inputs, list(module(*examples))


def convert(source: str, out: Path, int8: bool) -> None:
    """Write the network as a .tflite."""
    import litert_torch

    module, examples, _, _ = factory(source)
    litert_torch.convert(module, examples).export(str(out))
    if int8:
        from ai_edge_quantizer import quantizer, recipe

        quantized = quantizer.Quantizer(str(out))
        quantized.load_quantization_recipe(recipe.dynamic_wi8_afp32())
        out.unlink()
        quantized.quantize().export_model(str(out))


def static(source: str, out: Path, hops: Path) -> None:
    """Write the network as a .tflite with int8 weights and activations, calibrated on hops in order."""
    import litert_torch
    from ai_edge_quantizer import quantizer, recipe

    module, examples, inputs, outputs = factory(source)
    litert_torch.convert(module, examples).export(str(out))
    feeds = dict(np.load(hops))
    states = {
        n: np.zeros(tuple(e.shape), np.float32) for n, e in zip(inputs, examples, strict=True)
    }
    calls = []
    import torch

    for hop in range(len(next(iter(feeds.values())))):
        now = [feeds[n][hop] if n in feeds else states[n] for n in inputs]
        calls.append({f"args_{i}": array for i, array in enumerate(now)})
        with torch.no_grad():
            made = module(*map(torch.from_numpy, now))
        states = {n.removesuffix("_next"): made[n].numpy() for n in outputs}
    quantized = quantizer.Quantizer(str(out))
    quantized.load_quantization_recipe(recipe.static_wi8_ai8())
    seen = quantized.calibrate({"serving_default": calls})
    result = quantized.quantize(seen)
    out.unlink()
    result.export_model(str(out))


def _indices(details: list[dict[str, Any]], names: list[str], form: str) -> list[int]:
    """The tensors of some names, in their order, as the converter calls them."""
    found = {detail["name"].split(":")[0]: detail["index"] for detail in details}
    return [found[form.format(name)] for name in names]


def run(source: str, model: Path, given: Path, out: Path) -> None:
    """Run all hops of the .npz `given` with states carried; writes outputs and the microseconds of invoke."""
    from ai_edge_litert.interpreter import Interpreter

    _, examples, inputs, outputs = factory(source)
    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    numbers = [str(i) for i in range(len(inputs))]
    ins = _indices(interpreter.get_input_details(), numbers, "serving_default_args_{}")
    outs = _indices(interpreter.get_output_details(), outputs, "serving_default_{}_output")
    feeds = dict(np.load(given))
    hops = len(next(iter(feeds.values())))
    zeros = {
        name: np.zeros(tuple(e.shape), np.float32) for name, e in zip(inputs, examples, strict=True)
    }
    for measured in (False, True):
        states = {name: zero for name, zero in zeros.items() if name not in feeds}
        made = {name: [] for name in outputs if name.removesuffix("_next") not in states}
        times = np.zeros(hops)
        for hop in range(hops if measured else min(hops, WARM_UP_HOPS)):
            for index, name in zip(ins, inputs, strict=True):
                interpreter.set_tensor(index, states[name] if name in states else feeds[name][hop])
            start = time.perf_counter_ns()
            interpreter.invoke()
            times[hop] = (time.perf_counter_ns() - start) / 1000
            for index, name in zip(outs, outputs, strict=True):
                result = interpreter.get_tensor(index)
                if name in made:
                    made[name].append(result)
                else:
                    states[name.removesuffix("_next")] = result
    arrays = {name: np.stack(rows) for name, rows in made.items()}
    np.savez(out, times_us=times, version=version("ai-edge-litert"), **arrays)


if __name__ == "__main__":
    verb, source, *rest = sys.argv[1:]
    if verb == "static":
        static(source, *map(Path, rest))
    elif verb == "convert":
        convert(source, Path(rest[0]), rest[1:] == ["int8"])
    else:
        run(source, *map(Path, rest))
