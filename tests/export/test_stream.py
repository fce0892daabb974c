"""More networks as users write them, each with the delay that its layers say."""

from typing import ClassVar

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from slices import slow_except
from stream_networks import Net
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.base.errors import ModelError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline, torch_offline


class Offline(nn.Module):
    """A module with the shape of an example input."""

    shape: ClassVar[tuple[int, ...]]

    @classmethod
    def make(cls) -> tuple[nn.Module, tuple[Tensor]]:
        return cls(), (torch.randn(*cls.shape),)


class Interpolated(Offline):
    """(1, T, 6) -> (1, T, 6): down by a stride, up by repeating frames, and a residual."""

    shape = (1, 40, 6)

    def __init__(self) -> None:
        super().__init__()
        self.down, self.mix = nn.Conv1d(6, 8, 4, stride=2, padding=1), nn.Conv1d(8, 6, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(F.relu(self.down(x.transpose(1, 2))))
        return x + F.interpolate(y, scale_factor=2, mode="nearest").transpose(1, 2)


class Recurrent(Offline):
    """(1, T, 6) -> (1, T, 3): layers of GRU and LSTM with the batch first."""

    shape = (1, 40, 6)

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.lstm = nn.GRU(6, 8, 2, batch_first=True), nn.LSTM(8, 8, batch_first=True)
        self.norm, self.out = nn.LayerNorm(8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.out(self.lstm(self.norm(self.gru(x)[0]))[0]))


class Waveform(Offline):
    """(1, 1, T) -> (1, 1, T): a U-Net over samples with an LSTM at its bottom."""

    shape = (1, 1, 160)

    def __init__(self) -> None:
        super().__init__()
        widths = ((1, 8), (8, 16))
        self.down = nn.ModuleList(nn.Conv1d(a, b, 8, 4, padding=2) for a, b in widths)
        self.up = nn.ModuleList(nn.ConvTranspose1d(b, a, 8, 4, padding=2) for a, b in widths[::-1])
        self.gates = nn.ModuleList(nn.Conv1d(b, 2 * b, 1) for _, b in widths[::-1])
        self.lstm = nn.LSTM(16, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down in self.down:
            x = F.gelu(down(x))
            skips.append(x)
        x = self.lstm(x.permute(0, 2, 1))[0].permute(0, 2, 1)
        for gate, up in zip(self.gates, self.up, strict=True):
            x = up(F.glu(gate(x + skips.pop()), 1))
        return x


class CumulativeNorm(Offline):
    """(1, 4, T) -> (1, 4, T): mean and variance of all frames so far, behind a lookahead of one."""

    shape = (1, 4, 40)

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 3, padding=1)
        self.gain, self.shift = nn.Parameter(torch.rand(4, 1)), nn.Parameter(torch.rand(4, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        _, channels, frames = y.shape
        count = torch.arange(channels, channels * (frames + 1), channels, dtype=y.dtype)
        mean = torch.cumsum(y.sum(1), 1) / count
        variance = torch.cumsum(y.pow(2).sum(1), 1) / count - mean.pow(2)
        normed = (y - mean[:, None]) / (variance[:, None] + 1e-5).sqrt()
        return self.gain * normed + self.shift


class DualPath(Offline):
    """(1, 6, T, 8) -> the same: both directions over frequency, then forward in time."""

    shape = (1, 6, 40, 8)

    def __init__(self) -> None:
        super().__init__()
        self.intra = nn.GRU(6, 4, bidirectional=True, batch_first=True)
        self.inter = nn.GRU(6, 6, batch_first=True)
        self.mix, self.out = nn.Linear(8, 6), nn.Linear(6, 6)
        self.norms = nn.ModuleList(nn.LayerNorm((8, 6)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, frames, bins = x.shape
        y = x.permute(0, 2, 3, 1)
        z = self.mix(self.intra(y.reshape(batch * frames, bins, channels))[0])
        y = y + self.norms[0](z.reshape(batch, frames, bins, channels))
        z = self.out(self.inter(y.permute(0, 2, 1, 3).reshape(batch * bins, frames, channels))[0])
        z = z.reshape(batch, bins, frames, channels).permute(0, 2, 1, 3)
        return (y + self.norms[1](z)).permute(0, 3, 1, 2)


class FilterbankMask(Offline):
    """(1, T) -> (1, T): an STFT of 16 by 8 as convolutions, a recurrent mask, and the way back."""

    shape = (1, 160)

    def __init__(self) -> None:
        super().__init__()
        spectrum, window = torch.fft.rfft(torch.eye(16)), torch.hann_window(16).sqrt()
        both = torch.cat([spectrum.real, spectrum.imag], 1)
        self.register_buffer("analysis", both.T[:, None] * window)
        self.register_buffer("synthesis", (torch.linalg.pinv(both) * window)[:, None])
        self.gru, self.gain = nn.GRU(9, 9, batch_first=True), nn.Linear(9, 9)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = F.conv1d(F.pad(x[:, None], (8, 0)), self.analysis, stride=8)
        real, imaginary = spectrum[:, :9], spectrum[:, 9:]
        level = torch.log(real**2 + imaginary**2 + 1e-6).transpose(1, 2)
        mask = torch.sigmoid(self.gain(self.gru(level)[0])).transpose(1, 2)
        masked = torch.cat([real * mask, imaginary * mask], 1)
        return F.conv_transpose1d(masked, self.synthesis, stride=8)[:, 0, 8:]


class RelativeAttention(Offline):
    """(1, T, 8) -> (1, T, 8): the last nine frames, with a learned bias for each lag."""

    shape = (1, 40, 8)

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.bias = nn.Linear(8, 24), nn.Embedding(9, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        place = torch.arange(x.shape[1])
        lag = place[:, None] - place
        scores = q @ k.transpose(-1, -2) / 8**0.5 + self.bias(lag.clamp(0, 8)).squeeze(-1)
        return torch.softmax(scores.masked_fill((lag < 0) | (lag > 8), -1e9), -1) @ v


# module, time axis, smallest hop and delay in samples
NETWORKS = [
    (Interpolated, 1, 2, 4),
    (Recurrent, 1, 1, 0),
    (Waveform, 2, 16, 26),
    (CumulativeNorm, 2, 1, 1),
    (DualPath, 2, 1, 0),
    (FilterbankMask, 1, 8, 8),
    (RelativeAttention, 1, 1, 0),
]


@pytest.mark.rows(2)
@pytest.mark.parametrize(
    ("module", "axis", "hop", "delay"),
    slow_except(lambda row: row[0] in (Interpolated, Recurrent, Waveform), NETWORKS),
    ids=[n[0].__name__ for n in NETWORKS],
)
def test_it_streams_as_it_runs_offline(
    module: type[Offline], axis: int, hop: int, delay: int
) -> None:
    source = f"{__name__}:{module.__name__}.make"
    model = stream(torch_offline(source, name="net", time_axes={"x": axis}))  # proven there
    assert (model.stream.hop_samples, model.stream.delay_samples) == (hop, delay)


def test_what_a_file_claims_of_inner_shapes_is_not_believed() -> None:
    """torch's exporter writes down the traced length of what comes behind a recurrent layer."""
    net = Net()
    net.nodes.append(helper.make_node("Relu", ["x"], ["inner"], name="relu"))
    y = net.add("Add", net.add("MatMul", "inner", net.weight(4, 3)), net.weight(3))
    proto = onnx.load_model_from_string(net.model([1, "T", 4], y))
    proto.graph.value_info.append(
        helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1, 40, 4])
    )
    model = stream(onnx_offline(proto.SerializeToString(), name="net"), hop=2)
    assert model.stream.hop_samples == 2 and model.stream.delay_samples == 0


class Pooled(Offline):
    """(1, 4, T) -> (1, 4, T): gains from a mean over all of time, deep in a module."""

    shape = (1, 4, 40)

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            nn.Conv1d(4, 4, 1), nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Conv1d(4, 4, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.blocks(x))


def test_a_refusal_names_the_module_that_the_user_wrote() -> None:
    source = f"{__name__}:Pooled.make"
    with pytest.raises(ModelError, match=r"of module 'blocks\.1\.0': .* over all of time"):
        stream(torch_offline(source, name="net", time_axes={"x": 2}))
