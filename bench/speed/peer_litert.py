"""What LiteRT's own tools make of a network of `networks`. Started by `litert_own` in LiteRT's environment.

    python bench peer_litert FACTORY OUT.tflite HOPS.npz

The quantizer's recipe of int8 weights and activations, calibrated on hops with states carried.
"""

import inspect
import sys
from pathlib import Path
from typing import Any

import numpy as np


def factory(source: str) -> tuple[Any, tuple[Any, ...], list[str], list[str]]:
    """Return the module, its examples, and the names of what goes in and out."""
    module_name, _, name = source.partition(":")
    module, examples = getattr(__import__(module_name), name)()
    inputs = list(inspect.signature(module.forward).parameters)
    return module, examples, inputs, list(module(*examples))


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


if __name__ == "__main__":
    static(sys.argv[1], *map(Path, sys.argv[2:]))
