"""Random torch modules with and without states, as a user would export them with `--hop` alone."""

import random
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

CHANNELS = 6
States = list[Tensor]


class Layer(nn.Module):
    """(1, channels, time) and its states -> the same and its next states."""

    shapes: Sequence[tuple[int, ...]] = ()

    def forward(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        return self.apply_to(x), []

    def apply_to(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class Convolution(Layer):
    """Causal, centred, looking ahead, or without padding."""

    def __init__(self, draw: random.Random, kind: str) -> None:
        super().__init__()
        kernel, dilation = draw.choice((2, 3, 5)), draw.choice((1, 1, 2))
        reach = (kernel - 1) * dilation
        left = {"causal": reach, "centred": reach // 2, "ahead": 0, "valid": 0}[kind]
        right = {"causal": 0, "centred": reach - reach // 2, "ahead": reach, "valid": 0}[kind]
        self.pads = (left, right)
        self.conv = nn.Conv1d(CHANNELS, CHANNELS, kernel, dilation=dilation)

    def apply_to(self, x: Tensor) -> Tensor:
        return torch.tanh(self.conv(F.pad(x, self.pads)))


class CachedConvolution(Layer):
    """A causal convolution that keeps its context as a state."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.reach = draw.choice((1, 2, 4))
        self.conv = nn.Conv1d(CHANNELS, CHANNELS, self.reach + 1)
        self.shapes = [(1, CHANNELS, self.reach)]

    def forward(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        window = torch.cat([states[0], x], 2)
        return torch.tanh(self.conv(window)), [window[:, :, -self.reach :]]


class Recurrent(Layer):
    """A GRU or LSTM that begins each call at zero, or with the state of the last one."""

    def __init__(self, draw: random.Random, carried: bool) -> None:
        super().__init__()
        self.carried = carried
        kind = draw.choice((nn.GRU, nn.LSTM)) if not carried else nn.GRU
        self.cell = kind(CHANNELS, CHANNELS, batch_first=True)
        self.shapes = [(1, 1, CHANNELS)] if carried else []

    def forward(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        y, last = self.cell(x.transpose(1, 2), *states)
        return y.transpose(1, 2), [last] if self.carried else []


class Attention(Layer):
    """Over all frames, or over those that came."""

    def __init__(self, draw: random.Random, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.into = nn.Linear(CHANNELS, 3 * CHANNELS)

    def apply_to(self, x: Tensor) -> Tensor:
        q, k, v = self.into(x.transpose(1, 2)).chunk(3, -1)
        scores = q @ k.transpose(1, 2) / CHANNELS**0.5
        if self.causal:
            ahead = torch.ones(scores.shape[-2:]).triu(1) > 0
            scores = scores.masked_fill(ahead, float("-inf"))
        return x + (scores.softmax(-1) @ v).transpose(1, 2)


class Strided(Layer):
    """Half as many frames, with a kernel as wide as its stride or wider."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.pad = draw.choice((0, 2))
        self.conv = nn.Conv1d(CHANNELS, CHANNELS, 2 + self.pad, stride=2)

    def apply_to(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(F.pad(x, (self.pad, 0))))


class Function(Layer):
    """A function of the whole tensor, with a linear layer over channels before it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.mix = nn.Conv1d(CHANNELS, CHANNELS, 1)
        self.function = FUNCTIONS[name]

    def apply_to(self, x: Tensor) -> Tensor:
        return self.function(self.mix(x))


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "pointwise": torch.tanh,
    "norm over channels": lambda x: F.layer_norm(x.transpose(1, 2), (CHANNELS,)).transpose(1, 2),
    "norm over time": lambda x: (x - x.mean(2, True)) / (x.std(2, keepdim=True) + 0.1),
    "gain by mean": lambda x: x * x.abs().mean(2, True),
    "cumulative": lambda x: x.cumsum(2) / 10,
    "average pool": lambda x: F.avg_pool1d(x, 3, 1, 1),
    "largest of two": lambda x: F.max_pool1d(x, 2),
    "last frame held": lambda x: x - torch.cat([x[..., :1], x[..., :-1]], 2),
    "reversed": lambda x: x + x.flip(2),
}
LAYERS: dict[str, Callable[[random.Random], Layer]] = {
    **{
        f"{k} convolution": lambda d, k=k: Convolution(d, k)
        for k in ("causal", "centred", "ahead", "valid")
    },
    "cached convolution": CachedConvolution,
    "restarting recurrent": lambda d: Recurrent(d, False),
    "carried recurrent": lambda d: Recurrent(d, True),
    "attention": lambda d: Attention(d, False),
    "causal attention": lambda d: Attention(d, True),
    "strided": Strided,
    **{name: lambda d, n=name: Function(n) for name in FUNCTIONS},
}
ENDS = ("frames", "frames", "frames", "mean", "last")


class Network(nn.Module):
    """Sound or features, a few random layers with their states, and frames or one value of the call."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        draw = random.Random(seed)
        torch.manual_seed(seed)
        self.time_axis = draw.choice((2, 2, 1))
        self.width = draw.choice((1, 1, 3))
        self.hop = draw.choice((8, 16, 20))
        self.frames = self.hop * draw.choice((1, 1, 1, 2, 5))
        self.end = draw.choice(ENDS)
        names = [*LAYERS]
        self.names = [draw.choice(names) for _ in range(draw.choice((1, 2, 2, 3)))]
        if draw.random() < 0.3:
            self.names.append(draw.choice(("carried recurrent", "cached convolution")))
        self.layers = nn.ModuleList(LAYERS[name](draw) for name in self.names)
        self.into, self.out = nn.Conv1d(self.width, CHANNELS, 1), nn.Conv1d(CHANNELS, self.width, 1)
        self.shapes = [shape for layer in self.layers for shape in layer.shapes]

    def forward(self, x: Tensor, states: States) -> dict[str, Tensor]:
        y = self.into(x.transpose(1, 2) if self.time_axis == 1 else x)
        left, made = list(states), States()
        for layer in self.layers:
            own = [left.pop(0) for _ in layer.shapes]
            y, following = layer(y, own)
            made += following
        y = self.out(y)
        y = {"frames": lambda: y, "mean": lambda: y.mean(2), "last": lambda: y[:, :, -1]}[
            self.end
        ]()
        if self.end == "frames" and self.time_axis == 1:
            y = y.transpose(1, 2)
        return {"y": y} | {f"s{n}_next": state for n, state in enumerate(made)}


class Streamed(nn.Module):
    """A network with one state, or with two, as its parameters."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network


class Plain(Streamed):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.network(x, [])


class OneState(Streamed):
    def forward(self, x: Tensor, s0: Tensor) -> dict[str, Tensor]:
        return self.network(x, [s0])


class TwoStates(Streamed):
    def forward(self, x: Tensor, s0: Tensor, s1: Tensor) -> dict[str, Tensor]:
        return self.network(x, [s0, s1])


class ThreeStates(Streamed):
    def forward(self, x: Tensor, s0: Tensor, s1: Tensor, s2: Tensor) -> dict[str, Tensor]:
        return self.network(x, [s0, s1, s2])


class FourStates(Streamed):
    def forward(
        self, x: Tensor, s0: Tensor, s1: Tensor, s2: Tensor, s3: Tensor
    ) -> dict[str, Tensor]:
        return self.network(x, [s0, s1, s2, s3])


FORMS = (Plain, OneState, TwoStates, ThreeStates, FourStates)


def of_seed(seed: int) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A module of a seed, its example of one call, states included."""
    network = Network(seed)
    module = FORMS[len(network.shapes)](network).eval()
    shape = [1, network.width, network.frames]
    x = torch.randn(shape if network.time_axis == 2 else [shape[0], shape[2], shape[1]])
    return module, (x, *(torch.zeros(shape) for shape in network.shapes))


def factory(seed: int) -> Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]:
    return lambda: of_seed(seed)


def __getattr__(name: str) -> Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]:
    """``seed_7`` is a factory: the module of seed 7."""
    if name.startswith("seed_"):
        return factory(int(name.removeprefix("seed_")))
    raise AttributeError(name)
