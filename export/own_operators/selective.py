"""`SelectiveSSM`: a state-space layer whose step and drive follow from its input, as in Mamba.

``h[t] = exp(dt[t] a) h[t-1] + dt[t] b[t] u[t]``, ``y[t] = c[t] h[t] + d u[t]`` per channel, where dt, b and c are
linear in u (Gu and Dao 2023, arXiv 2312.00752, algorithm 2).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.export.own_operators.marked_layers import Translations, node_of

STEPS = (1e-3, 1e-1)  # range of the initial step sizes, as in Mamba


class SelectiveSSM(nn.Module):
    """(batch, channels, time) -> the same; torch's ONNX exporter writes one node ``edgekit::SelectiveSSM``.

    Args:
        channels: of input and output.
        states: real states of a channel.
        rank: of the map from the input to the step sizes; a sixteenth of the channels where None.
    """

    def __init__(self, channels: int, states: int = 16, rank: int | None = None) -> None:
        """Draw new parameters, as Mamba does."""
        super().__init__()
        self.rank = rank or max(channels // 16, 1)
        self.states = states
        self.choose = nn.Linear(channels, self.rank + 2 * states, bias=False)
        self.step = nn.Linear(self.rank, channels)
        rates = torch.arange(1, states + 1, dtype=torch.float32).log()
        self.log_rate = nn.Parameter(rates.repeat(channels, 1))
        self.skip = nn.Parameter(torch.ones(channels))
        low, high = map(math.log, STEPS)
        with torch.no_grad():
            size = torch.empty(channels).uniform_(low, high).exp()
            self.step.bias.copy_(size + torch.log(-torch.expm1(-size)))  # softplus gives it back

    def forward(self, u: Tensor) -> Tensor:
        """Run the layer over whole recordings, from states of zero."""
        chosen = self.choose(u.transpose(1, 2))
        low, b, c = chosen.split([self.rank, self.states, self.states], -1)
        dt = F.softplus(self.step(low)).transpose(1, 2)
        rate = -self.log_rate.exp()
        given = u, dt, rate, b.transpose(1, 2), c.transpose(1, 2), self.skip
        if torch.compiler.is_exporting():
            marked = torch.ops.edgekit.selective_ssm(*given)
            return marked  # type: ignore[no-any-return]
        return _parallel_scan(*given)


def _parallel_scan(u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, skip: Tensor) -> Tensor:
    """Compute all frames in log2(time) steps: pairs of (decay, drive) are joined as in a parallel prefix sum."""
    decay = torch.exp(dt[:, :, None] * a[..., None])  # (batch, channels, states, time)
    h = (dt * u)[:, :, None] * b[:, None]
    reach, frames = 1, u.shape[-1]
    while reach < frames:
        past = F.pad(h[..., :-reach], (reach, 0))
        h = h + decay * past
        decay = decay * F.pad(decay[..., :-reach], (reach, 0), value=1.0)
        reach *= 2
    total: Tensor = (h * c[:, None]).sum(2) + skip[:, None] * u
    return total


@torch.library.custom_op("edgekit::selective_ssm", mutates_args=())
def _selective_ssm_operator(
    u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, skip: Tensor
) -> Tensor:
    return _parallel_scan(u, dt, a, b, c, skip)


@_selective_ssm_operator.register_fake
def _(u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, skip: Tensor) -> Tensor:
    return torch.empty_like(u)


def translations() -> Translations:
    """Return the layer's ``custom_translation_table`` for ``torch.onnx.export``."""
    layer = node_of("SelectiveSSM", ("u", "dt", "a", "b", "c", "skip"))

    def translate(u: object, dt: object, a: object, b: object, c: object, skip: object) -> object:
        return layer(u, dt, a, b, c, skip)

    return {torch.ops.edgekit.selective_ssm.default: translate}
