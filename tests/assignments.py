"""Modules that write to parts of a tensor, as people write them; frames are the last axis of (1, 4, T)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Form = Callable[[nn.Conv1d, Tensor], Tensor]


def causal(layer: nn.Conv1d, x: Tensor) -> Tensor:
    out: Tensor = layer(F.pad(x, (2, 0)))
    return out


def channels(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = x.clone()
    y[:, 1:3] = causal(layer, x)[:, :2]
    y[:, -1] *= 2
    return y


def every_other(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, ::2] = x[:, 1::2]
    y[:, 1::2] = causal(layer, x)[:, :2]
    return y


def listed(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = x.clone()
    y[:, [3, 0]] = causal(layer, x)[:, 1:3]
    return y.index_add(1, torch.tensor([2, 0]), x[:, :2])


def rows(layer: nn.Conv1d, x: Tensor) -> Tensor:
    places = torch.tensor([1, 3]).view(1, 2, 1).expand(1, 2, x.shape[2])
    return x.scatter(1, places, causal(layer, x)[:, :2])


def muted_start(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = causal(layer, x)
    y[:, :, :3] = 0
    return y


def shifted(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :, 2:] = causal(layer, x)[:, :, :-2]
    return y


def difference(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = causal(layer, x)
    z = y.clone()
    z[:, :, 1:] -= 0.97 * y[:, :, :-1]
    return z


def joined_difference(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = causal(layer, x)
    return torch.cat([y[:, :, :1] * 0.5, y[:, :, 1:] - 0.97 * y[:, :, :-1]], 2)


def first_frame(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = causal(layer, x)
    y[:, :, 0] = x[:, :, 0]
    return y


def learned_start(layer: nn.Conv1d, x: Tensor) -> Tensor:
    return torch.cat([layer.weight[:, :, 0].expand(1, 4, 4)[:, :, :3], causal(layer, x)], 2)


def corner(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = causal(layer, x)
    y[:, 1:3, 4:] = x[:, 1:3, :-4]
    return y


def phases(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y = torch.zeros(1, 4, 2 * x.shape[2])
    y[:, :, ::2] = x
    y[:, :, 1::2] = causal(layer, x)
    return y


def own_cache(layer: nn.Conv1d, x: Tensor) -> Tensor:
    cache = torch.zeros(1, 4, 6)
    for place, size in ((0, 2), (2, 4)):
        whole = torch.cat([cache[..., place : place + size], x], 2)
        cache[..., place : place + size] = whole[..., -size:]
        x = x + F.conv1d(whole, layer.weight, layer.bias, dilation=size // 2)
    return x


def from_the_end(layer: nn.Conv1d, x: Tensor) -> Tensor:
    y: Tensor = layer(x)
    return x[:, :, -y.shape[2] :] + y


FORMS: tuple[Form, ...] = (
    channels,
    every_other,
    listed,
    rows,
    muted_start,
    shifted,
    difference,
    joined_difference,
    first_frame,
    learned_start,
    corner,
    phases,
    own_cache,
    from_the_end,
)
# samples that a form waits, and nothing more
DELAYS = {from_the_end: 2}


class Assigning(nn.Module):
    """A layer, and a form that writes what it returns."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form, self.layer = form, nn.Conv1d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.form(self.layer, x)
