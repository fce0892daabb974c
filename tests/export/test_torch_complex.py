"""Complex tensors as pairs of real ones: the same numbers as torch's, and what has no such form."""

import numpy as np
import pytest
import torch
from slices import slow_except
from torch import nn

from edgekit.base.errors import ModelError
from edgekit.export.from_torch import from_torch
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import torch_offline
from edgekit.export.torch_complex import in_pairs, needs_pairs
from edgekit.export.torch_pairs import FORMS


class Net(nn.Module):
    """Calls a function with itself, its window and complex weights."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.function = function
        self.weight = nn.Parameter(torch.complex(torch.randn(4, 3), torch.randn(4, 3)))
        self.register_buffer("window", torch.hann_window(32))

    def forward(self, x):
        return self.function(self, x)


def halves(x):
    return torch.complex(x[:, :2], x[:, 2:])


def spectrum(net, x, **options):
    return torch.stft(x.reshape(1, -1), 32, 8, window=net.window, return_complex=True, **options)


def _low_modes(spectrum, weight):
    """A layer of a Fourier neural operator: its low modes by weights, all others 0."""
    modes = torch.zeros(*spectrum.shape[:1], 3, spectrum.shape[-1], dtype=torch.cfloat)
    modes[:, :, :8] = torch.einsum("bix,io->box", spectrum[:, :, :8], weight)
    return modes


def _with_real_part(x):
    """Real numbers among complex ones; what they are made of stays as it is."""
    whole = x.to(torch.cfloat)
    whole[:, :2] = 3 * x[:, 2:]
    ones = x.new_ones(1, 4, 1, dtype=torch.cfloat)
    ones[:, 1] = halves(x)[:, 1, :1]
    return (whole * 1j * ones).imag + x


FUNCTIONS = {
    "product": lambda net, x: (halves(x) * halves(x).conj() + 2j * halves(x)).imag,
    "quotient": lambda net, x: torch.view_as_real(halves(x) / (halves(x).conj() + 3)),
    "reciprocal": lambda net, x: (1 / (halves(x) + (4 + 1j)) - 0.5j).real,
    "exponential": lambda net, x: torch.view_as_real(
        torch.exp(1j * x) * torch.exp(0.1 * halves(x)).sum()
    ),
    "powers": lambda net, x: (halves(x) ** 2 + (halves(x) + 3) ** 0.5).abs(),
    "powers of tensors": lambda net, x: torch.view_as_real(
        (halves(x) + 2) ** torch.arange(48) * net.weight[:2, :1] ** torch.linspace(-2, 2, 48) * 1e-9
    ),
    "complex exponents": lambda net, x: torch.view_as_real(
        (x[:, :2].abs() + 1) ** halves(x) + (halves(x) + 3) ** (0.5 + 1j)
    ),
    "logarithm": lambda net, x: torch.view_as_real(halves(x).log() + (halves(x) - 1).sqrt()),
    "three operands": lambda net, x: torch.view_as_real(
        torch.einsum("bct,cd,bet->bde", halves(x), net.weight[:2], halves(x).exp())
    ),
    "in place": lambda net, x: torch.view_as_real(
        halves(x).mul_(0.5).add_(halves(x), alpha=2).mul_(halves(x)).sub_(net.weight[:2, :1])
    ),
    "modes": lambda net, x: torch.fft.irfft(_low_modes(torch.fft.rfft(x), net.weight), n=48),
    "parts that are real": lambda net, x: _with_real_part(x),
    "broadcast parts": lambda net, x: (torch.complex(x, torch.ones(48)) * 1j).real,
    "constants": lambda net, x: (
        (torch.addcmul(halves(x), halves(x), halves(x), value=2) * torch.tensor(1j)).real
    ),
    "matrix": lambda net, x: (x.transpose(1, 2).to(torch.complex64) @ net.weight).real,
    "einsum": lambda net, x: torch.einsum("bct,cd->bdt", x.to(torch.complex64), net.weight).imag,
    "movement": lambda net, x: torch.view_as_real(
        torch.cat([halves(x), torch.stack([halves(x)[:, 0], halves(x).sum(1)], 1)], 1)[
            :, 1:
        ].permute(0, 2, 1)
    ),
    "polar": lambda net, x: torch.polar(x.abs(), x).real * halves(x).angle().sum(),
    "transforms": lambda net, x: torch.fft.irfft(
        torch.fft.rfft(x, dim=1) * net.weight[0, :, None], 4, 1
    ),
    "complex transform": lambda net, x: torch.fft.ifft(torch.fft.fft(halves(x)) * 1j).imag,
    "masked stft": lambda net, x: torch.istft(spectrum(net, x) * 0.5j, 32, 8, window=net.window),
    "shorter": lambda net, x: torch.istft(spectrum(net, x), 32, 8, window=net.window, length=180),
    "longer": lambda net, x: torch.istft(spectrum(net, x), 32, 8, window=net.window, length=220),
    "normalized": lambda net, x: torch.istft(
        spectrum(net, x, normalized=True), 32, 8, 32, net.window, normalized=True
    ),
    "narrow window": lambda net, x: torch.istft(spectrum(net, x), 32, 4, 16),
    "no centre": lambda net, x: torch.istft(
        spectrum(net, x, center=False), 32, 8, window=torch.ones(32), center=False
    ),
    "default hop": lambda net, x: torch.istft(spectrum(net, x), 32),
}


def exported(function):
    torch.manual_seed(1)
    net, x = Net(function), torch.randn(1, 4, 48)
    return net, x, torch.export.export(net, (x,), strict=False)


@pytest.mark.rows(8)
@pytest.mark.filterwarnings("ignore:The length of signal")
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_pairs_give_what_complex_numbers_do(name):
    if name == "longer" and torch.__version__.startswith("2.8."):
        pytest.skip(
            "torch 2.8 cannot trace its own istft to a length beyond the last frame: pip install 'torch>=2.13'"
        )
    net, x, program = exported(FUNCTIONS[name])
    assert needs_pairs(program)
    real = in_pairs(program, [x])
    other = torch.randn(1, 4, 48)
    for given in (x, other):
        expected = net(given).detach()
        (found,) = real.module()(given)
        np.testing.assert_allclose(
            found.detach(), expected, atol=2e-5 * float(expected.abs().max())
        )
    named = [*dict(real.named_parameters()).values(), *dict(real.named_buffers()).values()]
    assert not any(tensor.is_complex() for tensor in named)


def test_what_torch_exports_itself_is_left_to_it():
    _, _, program = exported(lambda net, x: torch.view_as_real(spectrum(net, x)))
    assert not needs_pairs(program)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda net, x: torch.tanh(halves(x)).real, "aten.tanh.* of complex numbers"),
        (lambda net, x: halves(x).cumprod(-1).real, "aten.cumprod.* of complex numbers"),
        (lambda net, x: halves(x), "a complex output"),
        (
            lambda net, x: (
                torch.istft(torch.fft.fft(x), 4, onesided=False, return_complex=True).real
            ),
            "both sides of a spectrum",
        ),
    ],
)
def test_what_has_no_form_is_refused(function, message):
    _, x, program = exported(function)
    with pytest.raises(ModelError, match=message) as raised:
        in_pairs(program, [x])
    assert "While executing" not in str(raised.value)


def test_a_form_that_fails_is_a_refusal_by_name(monkeypatch):
    _, x, program = exported(lambda net, x: halves(x).exp().real)
    monkeypatch.setitem(FORMS, "exp", lambda x: {}[x])
    with pytest.raises(ModelError, match=r"aten.exp.default of complex numbers \('exp'\)"):
        in_pairs(program, [x])


class S5(nn.Module):
    """One complex diagonal state for all channels (Smith, Warrington and Linderman, ICLR 2023), by zero-order hold.

    The states are a cumulative sum of what each frame adds, over powers of the eigenvalues.
    """

    def __init__(self, powers):
        super().__init__()
        torch.manual_seed(0)
        self.powers = powers
        self.eigenvalues = nn.Parameter(torch.complex(-0.1 * torch.rand(6), torch.arange(6) * 0.3))
        self.b, self.c = (
            nn.Parameter(torch.randn(*shape, dtype=torch.complex64)) for shape in ((6, 4), (4, 6))
        )
        self.log_step = nn.Parameter(-1 - torch.rand(6))

    def forward(self, u):
        a = torch.exp(self.eigenvalues * self.log_step.exp())
        added = u.to(torch.complex64) @ ((a - 1) / self.eigenvalues * self.b.T)
        decay = self.powers(a, torch.arange(u.shape[1])[:, None])
        return 2 * (decay * torch.cumsum(added / decay, 1) @ self.c.T).real


POWERS = {
    "by_pow": lambda a, t: a**t,
    "by_exponential": lambda a, t: torch.exp(a.log() * t),
    "by_polar": lambda a, t: torch.polar(a.abs() ** t, a.angle() * t),
}


def by_pow():
    return S5(POWERS["by_pow"]), torch.randn(1, 40, 4)


def by_exponential():
    return S5(POWERS["by_exponential"]), torch.randn(1, 40, 4)


def by_polar():
    return S5(POWERS["by_polar"]), torch.randn(1, 40, 4)


@pytest.mark.parametrize(
    "factory", slow_except(lambda factory: factory == "by_exponential", sorted(POWERS))
)
def test_a_complex_state_space_layer_streams(factory):
    network = stream(torch_offline(f"{__name__}:{factory}", name="net", time_axes={"u": 1}), hop=2)
    assert network.stream.hop_samples == 2 and network.stream.delay_samples == 0


class LongConvolution(nn.Module):
    """Orchid's (Karami and Ghodsi, NeurIPS 2024): a kernel that follows from all of the input, by spectra."""

    def __init__(self, size, cut):
        super().__init__()
        torch.manual_seed(0)
        self.size, self.cut = size, cut
        self.kernel = nn.Parameter(torch.randn(4, 64) / 64)
        self.adapted = nn.Conv1d(4, 4, 3, padding=1, groups=4)

    def forward(self, x):
        kernel = torch.fft.rfft(self.kernel, self.size)
        kernel = kernel + torch.fft.rfft(self.adapted(x), self.size).abs()
        y = torch.fft.irfft(torch.fft.rfft(x, self.size) * kernel, self.size)
        return y[..., : x.shape[-1]] if self.cut else y


def whole():
    return LongConvolution(64, False), torch.randn(1, 4, 64)


def shortened():
    return LongConvolution(128, True), torch.randn(1, 4, 64)


@pytest.mark.parametrize(
    "factory", slow_except(lambda factory: factory == "shortened", ["whole", "shortened"])
)
def test_a_convolution_with_a_kernel_of_the_whole_input_is_refused_by_name(factory):
    with pytest.raises(ModelError, match=r"(Pad|Slice) .*does not grow with time"):
        stream(torch_offline(f"{__name__}:{factory}", name="net", time_axes={"x": 2}))


def gains():
    """A complex gain for each of two complex channels, one input by name."""
    return Net(lambda net, x: torch.view_as_real(halves(x) * net.weight[:2, :1])), {
        "x": torch.randn(1, 4, 6)
    }


def test_the_import_keeps_the_names_of_inputs():
    model, examples = from_torch(f"{__name__}:gains", name="gains")
    assert list(examples) == ["x"] == [value.name for value in model.stream_inputs]


def denoiser():
    return Net(masked), (torch.randn(1, 480),)


def masked(net, x):
    part = spectrum(net, x, pad_mode="constant")
    return torch.istft(part * torch.sigmoid(part.abs() - 1), 32, 8, window=net.window)


@pytest.mark.slow
def test_a_spectral_mask_streams_from_samples_to_samples():
    offline = torch_offline(f"{__name__}:denoiser", name="net", time_axes={"x": 1})
    model = stream(offline)
    assert model.stream.hop_samples == 8 and model.stream.delay_samples == 24


class Inner(nn.Module):
    """Decomposes a complex spectrum, or normalizes over all of time: both are refused."""

    def __init__(self, singular):
        super().__init__()
        self.singular = singular
        self.norm = nn.InstanceNorm1d(9, affine=True)

    def forward(self, z):
        return torch.linalg.svdvals(z) if self.singular else self.norm((z * z).abs())


class Outer(nn.Module):
    def __init__(self, singular):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Identity(), nn.Sequential(Inner(singular))])

    def forward(self, x):
        z = torch.stft(
            x,
            16,
            8,
            16,
            torch.hann_window(16),
            center=False,
            pad_mode="constant",
            return_complex=True,
        )
        return self.blocks[1](z * torch.exp(1j * z.abs()))


def decomposed():
    return Outer(True).eval(), (torch.randn(1, 320),)


def normalized():
    return Outer(False).eval(), (torch.randn(1, 320),)


@pytest.mark.parametrize(
    ("factory", "place"),
    [
        ("decomposed", "module 'blocks.1.0': aten.linalg_svdvals"),
        ("normalized", "of module 'blocks.1.0.norm': a norm over all of time"),
    ],
)
def test_refusals_behind_complex_tensors_name_the_module(factory, place):
    with pytest.raises(ModelError, match=place):
        stream(torch_offline(f"{__name__}:{factory}", name="net", time_axes={"x": 1}))


def masked_sound():
    return Net(FUNCTIONS["masked stft"]), (torch.randn(1, 4, 48),)


def test_an_inverse_transform_inside_the_network_is_noted():
    model, _ = from_torch(f"{__name__}:masked_sound", name="net")
    assert any("--frontend" in note for note in model.notes)


def streamed_sound():
    window = torch.hann_window(32)

    class Masked(nn.Module):
        def forward(self, sound):
            found = torch.stft(sound, 32, 8, window=window, return_complex=True)
            return torch.istft(found * 0.5, 32, 8, window=window)

    return Masked(), (torch.randn(1, 512),)


def test_a_stream_keeps_the_note_on_its_inverse_transform():
    source = torch_offline(f"{__name__}:streamed_sound", name="net", time_axes={"sound": 1})
    assert sum("--frontend" in note for note in stream(source, hop=8).notes) == 1
