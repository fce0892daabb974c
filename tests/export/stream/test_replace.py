"""A network with replaced parts, and one from samples over a spectrum to samples, in C and on a Cortex-M55."""

from pathlib import Path

import numpy as np
import pytest
import torch
from builds import lowered
from c_kernels import needs_cc
from devices import QUICK, on_devices, replayed, with_golden
from quick_build import load_kernels, quick_build
from torch import Tensor, nn

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.replace.forms import chosen
from edgekit.export.stream.replace.plan import replace_forms
from edgekit.export.stream.sources import torch_offline
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.verbs.export.importing import ImportOptions, load_model

N_FFT, STEP = 32, 8


class Masked(nn.Module):
    """(1, T) -> (1, T): a recurrent mask on ``torch.stft``'s own frames, centred and reflected, and back."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mask = nn.GRU(N_FFT // 2 + 1, N_FFT // 2 + 1, batch_first=True)
        self.register_buffer("window", torch.hann_window(N_FFT))

    def forward(self, x: Tensor) -> Tensor:
        z = torch.stft(x, N_FFT, STEP, N_FFT, self.window, return_complex=True)
        gains = torch.sigmoid(self.mask(z.abs().transpose(1, 2))[0]).transpose(1, 2)
        return torch.istft(z * gains, N_FFT, STEP, N_FFT, self.window, length=x.shape[-1])


class NeedsTheEnd(nn.Module):
    """(1, 3, T) -> (1, 3, T): reflected padding, an instance norm, and a gate by the mean of all of time."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.body = nn.Conv1d(3, 6, 5, padding=2, padding_mode="reflect")
        self.around = nn.Conv1d(6, 6, 3, padding=1, padding_mode="circular")
        self.norm = nn.InstanceNorm1d(6, affine=True)
        self.gate, self.out = nn.Linear(6, 6), nn.Conv1d(6, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.around(self.body(x))))
        return self.out(y * torch.sigmoid(self.gate(y.mean(2)))[:, :, None])


def masked():
    return Masked().eval(), (torch.randn(1, 320),)


def needs_the_end():
    return NeedsTheEnd().eval(), (torch.randn(1, 3, 40),)


FORMS = ("pad=first", "mean=window:20", "norm=cumulative")
NETWORKS = {
    "masked": ((), 1, STEP, N_FFT - STEP),
    "needs_the_end": (FORMS, 2, 2, 3),
}


def streamed(name: str) -> Model:
    forms, axis, hop, delay = NETWORKS[name]
    options = ImportOptions(time_axes={"x": axis}, hop=hop, replace=chosen(forms, causal=False))
    model = load_model(f"{__name__}:{name}", options).model
    assert model.stream.delay_samples == delay
    found = model.replaced.nodes if model.replaced is not None else ()
    assert {row.form for row in found} == set(forms)
    return model


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize("name", NETWORKS)
def test_in_c_it_is_the_offline_network(name: str) -> None:
    forms, axis, hop, _ = NETWORKS[name]
    offline = torch_offline(f"{__name__}:{name}", name="net", time_axes={"x": axis})
    whole, found = replace_forms(offline, chosen(forms, causal=False)) if forms else (offline, ())
    assert len(found) == len(forms) + (name == "needs_the_end")  # both paddings
    samples = 40 * hop
    shape = [1, 3, samples] if axis == 2 else [1, samples]
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    expected = in_onnxruntime(whole.at(samples).to_bytes())({"x": x})
    if not forms:
        with torch.no_grad():
            (name_of,) = expected
            compare({name_of: masked()[0](torch.from_numpy(x)).numpy()}, expected)
    load_kernels()
    compare(expected, quick_build(streamed(name)).clip({"x": x}), limit=2e-5, what="in C it")


@pytest.mark.slow
@on_devices("cortex-m55")
@pytest.mark.parametrize("name", NETWORKS)
def test_on_a_microcontroller_it_has_the_bits_of_the_oracle(
    name: str, target: str, tmp_path: Path
) -> None:
    model = streamed(name)
    _, axis, hop, _ = NETWORKS[name]
    shape = (12, 1, 3, hop) if axis == 2 else (12, 1, hop)
    inputs = {"x": np.random.default_rng(3).normal(size=shape).astype(np.float32)}
    build = lowered(model, tmp_path / "build", target)
    with_golden(build, model, tmp_path / "build", target, inputs, Oracle(model).run_hops(inputs))
    assert replayed(tmp_path / "build", target, *QUICK)[-1] == "PASS"
