"""Random modules that may depend on the length of their input: equal at every length, or refused."""

import numpy as np
import pytest
import torch
from length_modules import CHANNELS, draw_module

from edgekit.base.errors import ModelError
from edgekit.export.running import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.prove import run_stream
from edgekit.export.stream.sources import torch_offline
from edgekit.export.verify import compare
from edgekit.graph.model import Model

QUICK = (1, 4, 12, 14)
TIMES = 10  # of the example


def streamed(seed: int) -> Model | None:
    """The stream of a drawn module; None where it is refused."""
    try:
        return stream(torch_offline(f"length_modules:seed_{seed}", name="net", time_axes={"input": 1}))
    except ModelError as error:
        print(seed, error)
        return None


def compare_everywhere(seed: int, model: Model) -> None:
    """Every length that is a multiple of the hop, from the shortest to ten times the example."""
    drawn, hop = draw_module(seed), model.stream.hop_samples
    longest = TIMES * drawn.example.shape[1]
    random, running = np.random.default_rng(seed), in_onnxruntime(model.to_bytes())
    (name,), (output,) = ([str(v.name) for v in vs] for vs in (model.stream_inputs, model.stream_outputs))
    compared = 0
    for samples in range(hop, longest + 1, hop):
        x = random.normal(size=(1, samples, CHANNELS)).astype(np.float32)
        try:
            with torch.no_grad():
                whole = drawn.module(torch.from_numpy(x)).numpy()
        except RuntimeError:  # too short for a layer
            assert samples < drawn.example.shape[1]
            continue
        compare({output: whole}, run_stream(model, {name: x}, samples, running), what=f"at {samples} it")
        compared += 1
    assert compared > longest // hop // 2


def check(seed: int) -> bool:
    model = streamed(seed)
    if model is not None:
        compare_everywhere(seed, model)
    return model is not None
