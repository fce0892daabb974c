"""Random modules that may depend on the length of their input: equal at every length, or refused."""

import numpy as np
import pytest
import torch
from length_modules import CHANNELS, draw_module
from slices import slow_except

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.prove import run_stream
from edgekit.export.stream.sources import torch_offline
from edgekit.export.verify import compare
from edgekit.graph.model import Model

QUICK = (0, 4, 12, 23)
TIMES = 10  # of the example


def streamed(seed: int) -> Model | None:
    """The stream of a drawn module; None where it is refused."""
    source = f"length_modules:seed_{seed}"
    try:
        return stream(torch_offline(source, name="net", time_axes={"input": 1}))
    except ModelError:
        return None


def compare_everywhere(seed: int, model: Model) -> None:
    """Every length that is a multiple of the hop, from the shortest to ten times the example."""
    drawn, hop = draw_module(seed), model.stream.hop_samples
    longest = TIMES * drawn.example.shape[1]
    random, running = np.random.default_rng(seed), in_onnxruntime(model.to_bytes())
    (name,), (output,) = (
        [str(v.name) for v in vs] for vs in (model.stream_inputs, model.stream_outputs)
    )
    compared, delay = 0, model.stream.delay_samples
    for samples in range(hop * (delay // hop + 1), longest + 1, hop):  # longer than the delay
        x = random.normal(size=(1, samples, CHANNELS)).astype(np.float32)
        try:
            with torch.no_grad():
                whole = drawn.module(torch.from_numpy(x)).numpy()
        except RuntimeError:  # too short for a layer
            assert samples < drawn.example.shape[1]
            continue
        compare(
            {output: whole}, run_stream(model, {name: x}, samples, running), what=f"at {samples} it"
        )
        compared += 1
    assert compared > longest // hop // 2


def check(seed: int) -> bool:
    model = streamed(seed)
    if model is not None:
        compare_everywhere(seed, model)
    return model is not None


@pytest.mark.rows(1)
@pytest.mark.parametrize("seed", slow_except(lambda seed: seed in (4, 12), QUICK))
def test_some_modules_are_equal_at_every_length_or_refused(seed):
    assert draw_module(seed).is_same == check(seed)


@pytest.mark.slow
def test_thirty_modules_are_equal_at_every_length_or_refused():
    """None of those that do the same at every length is refused."""
    drawn = {seed: draw_module(seed).is_same for seed in range(30)}
    streaming = {seed for seed in drawn if check(seed)}
    assert {seed for seed, is_same in drawn.items() if is_same} <= streaming
    assert len(streaming) < len(drawn)
