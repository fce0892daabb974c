"""`FilteredNoise`: DDSP's noise in torch and as ONNX function, in a stream and in C."""

import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from near import assert_near
from quick_build import load_kernels, quick_build
from stream_networks import Net, check

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.own_operators.filtered_noise import FilteredNoise
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.verbs.export.importing import ImportOptions, with_surroundings

FEW = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # a case takes seconds: it is not made smaller
)


def sounded(noise, magnitudes, block):
    """Frame by frame in float64, from the formula."""
    bins, frames = magnitudes.shape
    taps = 2 * (bins - 1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(taps) / taps)
    total = np.zeros(frames * block + taps)
    for frame in range(frames):
        centred = np.roll(np.fft.irfft(magnitudes[:, frame].astype(np.float64), taps), taps // 2)
        part = np.convolve(noise[frame * block :][:block], centred * window)
        total[frame * block :][: len(part)] += part
    return total[: frames * block]


def drawn(bins, frames, block, seed=0):
    random = np.random.default_rng(seed)
    noise = random.uniform(-1, 1, (1, 1, frames * block)).astype(np.float32)
    return noise, random.uniform(0, 2, (1, bins, frames)).astype(np.float32)


def test_the_module_is_the_formula():
    noise, magnitudes = drawn(9, 12, 20)
    given = torch.from_numpy(noise), torch.from_numpy(magnitudes).requires_grad_()
    sound = FilteredNoise(20)(*given)
    expected = sounded(noise[0, 0], magnitudes[0], 20)
    assert_near(sound.detach()[0, 0], expected, 2 * 20)  # a sum over a block
    sound.square().mean().backward()
    assert torch.isfinite(given[1].grad).all() and given[1].grad.any()


def network(bins, block, left=0, early=0):
    """Magnitudes come from a convolution over frames that looks `left` frames ahead, noise from one of samples."""
    net = Net()
    noise = net.conv("x", 1, 1, 5, left=4 - early, right=early)
    given = net.conv("controls", 2, bins, 3, left=2 - left, right=left)
    softened = net.add("Softplus", given)
    y = net.add("FilteredNoise", noise, softened, domain="edgekit", block=block)
    return net.model([1, 1, f"{block}*T"], y, more={"controls": [1, 2, "T"]})


@pytest.mark.rows(2)
@pytest.mark.parametrize(
    ("left", "early", "delay"), [(0, 0, 0), (1, 0, 12), (0, 2, 12), (1, 2, 12)]
)
def test_it_streams_as_it_sounds_offline(left, early, delay):
    models = check(network(5, 12, left, early), hops=(1, 2, 3))
    assert models[0].streaming.outputs[0].delay_samples == delay
    assert models[0].stream.minimum_hop_samples == 12


def test_the_function_in_onnx_is_the_module():
    noise, magnitudes = drawn(17, 9, 24)
    net = Net()
    y = net.add("FilteredNoise", "x", "controls", domain="edgekit", block=24)
    running = in_onnxruntime(net.model([1, 1, "24*T"], y, more={"controls": [1, 17, "T"]}))
    (found,) = running({"x": noise, "controls": magnitudes}).values()
    assert_near(found[0, 0], sounded(noise[0, 0], magnitudes[0], 24), 2 * 24)


@pytest.mark.slow
@needs_cc
@FEW
@given(
    bins=st.integers(2, 65),
    block=st.integers(1, 80),
    blocks=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_c_is_the_formula_at_any_size(bins, block, blocks, seed):
    load_kernels()
    net = Net()
    y = net.add("FilteredNoise", "x", "controls", domain="edgekit", block=block)
    samples = f"{block}*T" if block > 1 else "T"
    data = net.model([1, 1, samples], y, more={"controls": [1, bins, "T"]})
    made = stream(onnx_offline(data, name="net"), hop=blocks * block)
    stream_of_c = quick_build(with_surroundings(made, ImportOptions()))
    noise, magnitudes = drawn(bins, 6 * blocks, block, seed)
    (found,) = stream_of_c.clip({"x": noise, "controls": magnitudes}).values()
    expected = sounded(noise[0, 0], magnitudes[0], block)
    assert np.abs(found[0, 0] - expected).max() <= 1e-5 * np.abs(expected).max()
    kept = [value for value in made.ir.graph.inputs if value.name not in ("x", "controls")]
    assert [int(d) for value in kept for d in value.shape] == [1, 2 * bins - 3]


def test_magnitudes_at_another_rate_are_refused():
    net = Net()
    y = net.add("FilteredNoise", "x", "controls", domain="edgekit", block=12)
    data = net.model([1, 1, "6*T"], y, more={"controls": [1, 5, "T"]})
    with pytest.raises(ModelError):
        stream(onnx_offline(data, name="net"))
    net = Net()
    y = net.add("FilteredNoise", "x", net.const(np.ones((1, 5, 4))), domain="edgekit", block=12)
    with pytest.raises(ModelError):
        stream(onnx_offline(net.model([1, 1, "12*T"], y), name="net"))
