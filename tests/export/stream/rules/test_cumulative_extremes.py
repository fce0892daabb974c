"""Running maxima and log-sums along time, as torch writes them, hop by hop and in C."""

import numpy as np
import pytest
import torch
from c_kernels import needs_cc
from quick_build import load_kernels, quick_build
from slices import slow_except
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.base.errors import VerificationError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.prove import run_stream
from edgekit.export.stream.sources import torch_offline
from edgekit.export.verify import compare

RUNNING = {
    "largest": lambda x, dim: torch.cummax(x, dim).values,
    "least": lambda x, dim: torch.cummin(x, dim)[0],
    "log_sum": torch.logcumsumexp,
}
SAMPLES = 90


class Running(nn.Module):
    """Convolutions with `ahead` frames of lookahead, something that runs over (1, 3, T) or (1, T, 3), a convolution."""

    def __init__(self, kind: str, dim: int, ahead: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv1d(3, 3, 4), nn.Conv1d(3, 3, 3)
        self.kind, self.dim, self.ahead = kind, dim, ahead

    def forward(self, x: Tensor) -> Tensor:
        y = 4 * self.first(F.pad(x, (3 - self.ahead, self.ahead)))
        y = y if self.dim == 2 else y.transpose(1, 2)
        y = RUNNING[self.kind](y - 0.5, self.dim)
        y = y if self.dim == 2 else y.transpose(1, 2)
        return self.last(F.pad(y, (2, 0)))


def net(kind: str, dim: int, ahead: int) -> tuple[nn.Module, tuple[Tensor]]:
    return Running(kind, dim, ahead).eval(), (torch.randn(1, 3, 40),)


def late_sum():
    return net("log_sum", 1, 2)


def early_sum():
    return net("log_sum", 2, -2)


def late_most():
    return net("largest", 2, 1)


def early_most():
    return net("largest", 1, -3)


def least():
    return net("least", 1, 0)


class MinGRU(nn.Module):
    """(1, T, 6) -> (1, T, 6): in logarithms, from a first state (Feng et al. 2024, arXiv 2410.01201, appendix B)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.gate, self.drive = nn.Linear(6, 6), nn.Linear(6, 6)

    @staticmethod
    def log_g(x: Tensor) -> Tensor:
        return torch.where(x >= 0, (F.relu(x) + 0.5).log(), -F.softplus(-x))

    def forward(self, x: Tensor) -> Tensor:
        k = self.gate(x)
        first = self.log_g(torch.zeros(1, 1, 6))
        values = torch.cat([first, self.log_g(self.drive(x)) - F.softplus(-k)], 1)
        decay = F.pad(torch.cumsum(-F.softplus(k), 1), (0, 0, 1, 0))
        return (decay + torch.logcumsumexp(values - decay, 1)).exp()[:, 1:]


def min_gru():
    return MinGRU().eval(), (torch.randn(1, 40, 6),)


FACTORIES = {
    "late_sum": (2, 2),
    "early_sum": (2, 0),
    "late_most": (2, 1),
    "early_most": (2, 0),
    "least": (2, 0),
    "min_gru": (1, 0),
}


@pytest.mark.rows(2)
@needs_cc
@pytest.mark.parametrize("hop", slow_except(lambda hop: hop == 1, [1, 5]))
@pytest.mark.parametrize("factory", FACTORIES)
def test_it_runs_as_torch_says(factory, hop):
    axis, delay = FACTORIES[factory]
    offline = torch_offline(f"{__name__}:{factory}", name="net", time_axes={"x": axis})
    model = stream(offline, hop=hop)
    assert model.stream.delay_samples == delay
    module, (example,) = globals()[factory]()
    shape = list(example.shape)
    shape[axis] = SAMPLES
    x = np.random.default_rng(hop).normal(size=shape).astype(np.float32)
    with torch.no_grad():
        expected = {str(model.stream_outputs[0].name): module(torch.from_numpy(x)).numpy()}
    compare(expected, run_stream(model, {"x": x}, SAMPLES))
    load_kernels()
    compare(expected, quick_build(model).clip({"x": x}), limit=2e-5, what="in C it")


def test_the_minimal_gru_recovers_its_recurrence():
    """What the logarithms compute is ``h = (1 - z) h + z g(d)`` from 1/2."""
    module, (x,) = min_gru()
    with torch.no_grad():
        found, h, frames = module(x), torch.full((1, 6), 0.5), []
        for frame in range(x.shape[1]):
            z, d = torch.sigmoid(module.gate(x[:, frame])), module.drive(x[:, frame])
            h = (1 - z) * h + z * torch.where(d >= 0, d + 0.5, torch.sigmoid(d))
            frames.append(h)
    np.testing.assert_allclose(found.numpy(), torch.stack(frames, 1).numpy(), atol=1e-5)


class Places(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cummax(x, 2).indices.float()


def places():
    return Places().eval(), (torch.randn(1, 3, 40),)


def test_where_a_maximum_was_is_refused():
    with pytest.raises(VerificationError, match="not the same network"):
        torch_offline(f"{__name__}:places", name="net", time_axes={"x": 2}).at(24)
