"""`Oscillators`: in torch, as ONNX function, in a stream and in C; a phase that does not drift."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build
from stream_networks import Net, check

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import in_onnxruntime, zero_states
from edgekit.export.own_operators.oscillators import Oscillators
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline, torch_offline
from edgekit.export.verify import compare
from edgekit.verbs.export.importing import ImportOptions, with_surroundings

RATE = 16000
UNIT = 2**48  # of a turn, in the states


def bank(harmonics=3, left=0):
    """Pitch and amplitudes are channels of x, behind a convolution that looks `left` frames ahead."""
    net, count = Net(), harmonics + 1
    x = net.conv("x", count, count, 3, left=2 - left, right=left) if left else "x"
    pitch = net.add("Mul", net.add("Abs", net.cut(x, 0, 1, axis=1)), net.const(900))
    parts = net.cut(x, 1, count, axis=1)
    y = net.add("Oscillators", pitch, parts, domain="edgekit", rate=RATE)
    return net.model([1, count, "T"], y)


def played(pitch, amplitudes):
    """The sum of harmonics in float64."""
    turns = np.cumsum(np.clip(pitch, 0, RATE / 2).astype(np.float64) / RATE, -1)
    k = np.arange(1, amplitudes.shape[1] + 1)[:, None]
    heard = k * np.clip(pitch, 0, RATE / 2) < RATE / 2
    return (amplitudes * heard * np.sin(2 * np.pi * k * turns)).sum(1, keepdims=True)


def test_the_module_is_a_sum_of_harmonics_below_half_the_rate():
    draw = np.random.default_rng(0)
    pitch = draw.uniform(-100, 9000, (1, 1, 400)).astype(np.float32)
    parts = draw.normal(size=(1, 20, 400)).astype(np.float32)
    given = torch.from_numpy(pitch).requires_grad_(), torch.from_numpy(parts).requires_grad_()
    sound = Oscillators(RATE)(*given)
    np.testing.assert_allclose(sound.detach(), played(pitch, parts), atol=1e-4)
    sound.square().mean().backward()
    assert all(torch.isfinite(tensor.grad).all() and tensor.grad.any() for tensor in given)


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 1])
def test_it_streams_as_it_plays_offline(left):
    models = check(bank(left=left))
    assert models[0].streaming.outputs[0].delay_samples == left
    assert [pair.input.split(".")[1] for pair in models[0].states if "phase" in pair.input] == [
        f"phase{number}" for number in (3, 2, 1, 0)
    ]


@pytest.mark.slow
@needs_cc
def test_in_c_it_is_the_whole():
    load_kernels()
    data = bank(20)
    model = with_surroundings(stream(onnx_offline(data, name="bank"), hop=16), ImportOptions())
    x = np.random.default_rng(0).standard_normal((1, 21, 2001)).astype(np.float32)
    compare(in_onnxruntime(data)({"x": x}), quick_build(model).clip({"x": x}), what="in C it")


def states_after(pitch, hops, hop):
    """The phase in units of 2^-48 turns, kept by a stream with a constant pitch."""
    net = Net()
    y = net.add("Oscillators", "x", "x", domain="edgekit", rate=RATE)
    model = stream(onnx_offline(net.model([1, 1, "T"], y), name="tone"), hop=hop)
    running, state = in_onnxruntime(model.to_bytes()), zero_states(model)
    x = {"x": np.full((1, 1, hop), pitch, np.float32)}
    for _ in range(hops):
        found = running(x | state)
        state = {pair.input: found[pair.output] for pair in model.states}
    parts = [int(state[name].item()) for name in sorted(state)]  # phase0 is the largest
    return sum(part * 4096 ** (3 - number) for number, part in enumerate(parts))


@pytest.mark.rows(2)
@pytest.mark.parametrize("pitch", [440.0, 0.1, 1234.5678, 7999.999])
def test_the_phase_is_a_whole_number_that_nothing_rounds(pitch):
    """So one hour of 5.76e7 samples is off by at most 5.76e7 * 2^-48 = 2e-7 turns."""
    exact = Fraction(float(np.float32(pitch))) * UNIT / RATE  # of one sample
    hops, hop = 40, 50
    assert states_after(pitch, hops, hop) == hops * hop * int(exact) % UNIT


@pytest.mark.slow
def test_after_an_hour_a_tone_is_where_it_should_be():
    hop = 1000
    hops = 3600 * RATE // hop
    exact = Fraction(440, RATE) * hops * hop % 1
    apart = abs(Fraction(states_after(440.0, hops, hop), UNIT) - exact)
    assert min(apart, 1 - apart) < 1e-6


def test_what_whole_numbers_of_float32_do_not_hold_is_refused():
    net = Net()
    y = net.add("Oscillators", "x", "x", domain="edgekit", rate=2**18)
    with pytest.raises(
        ModelError, match=r"Oscillators .*rate 262144.*; allowed: .*rate below 262144"
    ):
        stream(onnx_offline(net.model([1, 1, "T"], y), name="net"))


class Synth(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bank = Oscillators(RATE)

    def forward(self, x):
        return self.bank(100 + 400 * torch.sigmoid(x[:, :1]), torch.sigmoid(x[:, 1:]))


def synth():
    return Synth(), (torch.randn(1, 5, 60),)


@pytest.mark.slow
def test_a_module_with_a_bank_is_imported_and_streams():
    model = stream(torch_offline(f"{__name__}:synth", name="synth", time_axes={"x": 2}))
    assert model.stream.delay_samples == 0 and len(model.states) == 4
