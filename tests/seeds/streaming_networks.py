"""Networks of whole recordings that run frame by frame: state spaces as in S5 and Mamba, and a flow; seeded weights."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.export.own_operators.selective import SelectiveSSM
from edgekit.export.own_operators.ssm import DiagonalSSM

Built = tuple[nn.Module, dict[str, Tensor]]
LENGTH, CHANNELS = 32, 4


class SharedStates(nn.Module):
    """S5: states that all channels share, each with a step of its own, and a gate; u (1, 4, time) -> the same."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(31)
        self.states = DiagonalSSM(CHANNELS, 8, mixing=True, per_state_step=True, init="legs")
        self.gate = nn.Conv1d(CHANNELS, CHANNELS, 1)

    def forward(self, u: Tensor) -> Tensor:
        return self.gated(u, self.states(u))

    def gated(self, u: Tensor, y: Tensor) -> Tensor:
        y = F.gelu(y)
        gated: Tensor = u + y * torch.sigmoid(self.gate(y))
        return gated


def shared_states() -> Built:
    return SharedStates().eval(), {"u": torch.randn(1, CHANNELS, LENGTH)}


class Mamba(nn.Module):
    """Mamba's block: a short convolution, a state space whose step follows from its input, and a gate.

    u (1, 4, time) -> the same.
    """

    WIDE = 8

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(32)
        self.enter = nn.Conv1d(CHANNELS, 2 * self.WIDE, 1)
        self.near = nn.Conv1d(self.WIDE, self.WIDE, 4, groups=self.WIDE)
        self.states = SelectiveSSM(self.WIDE, 4)
        self.leave = nn.Conv1d(self.WIDE, CHANNELS, 1)

    def forward(self, u: Tensor) -> Tensor:
        x, gate = self.before(u)
        return self.after(self.states(x), gate)

    def before(self, u: Tensor) -> tuple[Tensor, Tensor]:
        x, gate = self.enter(u).chunk(2, 1)
        return F.silu(self.near(F.pad(x, (3, 0)))), gate

    def after(self, y: Tensor, gate: Tensor) -> Tensor:
        mixed: Tensor = self.leave(y * F.silu(gate))
        return mixed


def mamba() -> Built:
    return Mamba().eval(), {"u": torch.randn(1, CHANNELS, LENGTH)}


class CausalFlow(nn.Module):
    """Stream.FM's loop: from noise around a noisy frame to a clean one, by a few steps of a velocity.

    Each step reads frames of its own past: noisy and noise (1, 4, time) -> (1, 4, time).
    """

    STEPS, SIGMA = 3, 0.3

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(33)
        self.near = nn.Conv1d(2 * CHANNELS + 1, 12, 3)
        self.leave = nn.Conv1d(12, CHANNELS, 1)

    def velocity(self, x: Tensor, noisy: Tensor, time: float) -> Tensor:
        clock = torch.full_like(x[:, :1], time)
        h = self.near(F.pad(torch.cat([x, noisy, clock], 1), (2, 0)))
        found: Tensor = self.leave(F.silu(h))
        return found

    def forward(self, noisy: Tensor, noise: Tensor) -> Tensor:
        x = noisy + self.SIGMA * noise
        for step in range(self.STEPS):
            x = x + self.velocity(x, noisy, step / self.STEPS) / self.STEPS
        return x


def causal_flow() -> Built:
    torch.manual_seed(0)
    frames = (torch.randn(1, CHANNELS, LENGTH) for _ in range(2))
    return CausalFlow().eval(), dict(zip(("noisy", "noise"), frames, strict=True))


class WindowEffect(nn.Module):
    """SignalTrain: learnt spectra of a window, whose size and phase go through layers along time, with the knobs.

    A window (1, 1, 256) and knobs (1, 4) -> the last quarter (1, 1, 64) of the effect's output.
    """

    WINDOW, FRAME, STRIDE, BINS, KNOBS = 256, 64, 24, 17, 4
    LAST = 4  # frames that the output is made of

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(34)
        self.analysis = nn.Conv1d(1, 2 * self.BINS, self.FRAME, self.STRIDE, bias=False)
        self.synthesis = nn.ConvTranspose1d(2 * self.BINS, 1, self.FRAME, self.STRIDE, bias=False)
        frames = (self.WINDOW - self.FRAME) // self.STRIDE + 1
        self.inner = nn.ModuleList(nn.Linear(frames, 8) for _ in range(2))
        self.outer = nn.ModuleList(nn.Linear(8 + self.KNOBS, self.LAST) for _ in range(2))

    def along_time(self, part: int, x: Tensor, knobs: Tensor) -> Tensor:
        h = F.elu(self.inner[part](x))
        wide = torch.cat([h, knobs[:, None].expand(-1, self.BINS, -1)], -1)
        y: Tensor = F.elu(self.outer[part](wide))
        return y

    def forward(self, window: Tensor, knobs: Tensor) -> Tensor:
        real, imaginary = self.analysis(window).chunk(2, 1)
        size = torch.sqrt(real.square() + imaginary.square() + 1e-6)
        phase = torch.atan2(imaginary, real + 1e-6)
        size_out = self.along_time(0, size, knobs) * size[..., -self.LAST :]
        phase_out = self.along_time(1, phase, knobs) + phase[..., -self.LAST :]
        spectra = torch.cat([size_out * phase_out.cos(), size_out * phase_out.sin()], 1)
        quarter = self.WINDOW // 4
        made: Tensor = self.synthesis(spectra)[..., -quarter:] + window[..., -quarter:] / 2
        return made


def window_effect() -> Built:
    torch.manual_seed(0)
    window = torch.randn(1, 1, WindowEffect.WINDOW)
    return WindowEffect().eval(), {"window": window, "knobs": torch.rand(1, 4) - 0.5}
