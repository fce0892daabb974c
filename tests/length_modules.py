"""Random torch modules of which some do something else at another length of their input, (1, T, 4) -> (1, T, 4)."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

CHANNELS = 4


class Causal(nn.Module):
    """A convolution that looks back, or to both sides."""

    def __init__(self, ahead: int = 0) -> None:
        super().__init__()
        self.conv, self.sides = nn.Conv1d(CHANNELS, CHANNELS, 3), (2 - ahead, ahead)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.conv(F.pad(x.transpose(1, 2), self.sides)).transpose(1, 2))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(CHANNELS, CHANNELS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)[0]


class Mixed(nn.Module):
    """Each frame by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tanh(self.mix(x))


def same() -> nn.Module:
    return random.choice([Causal, Recurrent, Mixed, lambda: Causal(1)])()


class Pieces(nn.Module):
    """The inner layer over pieces of time: the same as over the whole where it knows one frame alone."""

    def __init__(self, inner: nn.Module, size: int, how: str) -> None:
        super().__init__()
        self.inner, self.size, self.how = inner, size, how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "split":
            pieces = x.split(self.size, 1)
        elif self.how == "chunk":
            pieces = x.chunk(min(self.size, 3), 1)
        else:
            pieces = [x[:, n : n + self.size] for n in range(0, x.shape[1], self.size)]
        return torch.cat([self.inner(piece) for piece in pieces], 1)


class Blocks(nn.Module):
    """Filled up to whole blocks, a layer within each of them, and cut again."""

    def __init__(self, size: int, how: str) -> None:
        super().__init__()
        self.size, self.how, self.inner = size, how, Recurrent()

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[1]
        whole = math.ceil(frames / self.size) * self.size
        more = whole - frames if self.how == "ceil" else -frames % self.size
        y = F.pad(x, (0, 0, 0, more)).reshape(-1, self.size, CHANNELS)
        return self.inner(y).reshape(1, -1, CHANNELS)[:, :frames]


class Strided(nn.Module):
    """Filled up to a multiple of a stride, down and up, and cut again."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.down = nn.Conv1d(CHANNELS, CHANNELS, stride, stride)
        self.up = nn.ConvTranspose1d(CHANNELS, CHANNELS, stride, stride)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[1]
        y = F.pad(x, (0, 0, 0, -frames % self.stride)).transpose(1, 2)
        return self.up(torch.tanh(self.down(y))).transpose(1, 2)[:, :frames]


class First(nn.Module):
    """The first frames alone: cut off, or with silence behind them."""

    def __init__(self, size: int, how: str) -> None:
        super().__init__()
        self.size, self.how = size, how

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[1]
        if self.how == "mask":
            return x * (torch.arange(frames) < self.size)[None, :, None]
        first = (
            x.narrow(1, 0, min(self.size, frames)) if self.how == "narrow" else x[:, : self.size]
        )
        return first if self.how == "cut" else F.pad(first, (0, 0, 0, frames - first.shape[1]))


class Last(nn.Module):
    """The last frames alone."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x[:, -self.size :])


class Branch(nn.Module):
    """One of two layers, or the same one twice, by the length."""

    def __init__(self, size: int, how: str, other: nn.Module | None) -> None:
        super().__init__()
        self.size, self.how, self.one = size, how, Mixed()
        self.other = other or self.one

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[1]
        if self.how == "longer":
            return self.one(x) if frames <= self.size else self.other(x)
        if self.how == "number":
            return self.one(x) if int(frames) <= self.size else self.other(x)
        if self.how == "remainder":
            return self.one(x) if frames % self.size else self.other(x)
        return self.other(x) if frames == self.size else self.one(x)


class Filled(nn.Module):
    """Short inputs are filled up to a length at which the layer runs, and cut again: the same as without."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.inner = size, same()

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[1]
        y = F.pad(x, (0, 0, 0, self.size - frames)) if frames < self.size else x
        return self.inner(y)[:, :frames]


class Table(nn.Module):
    """Learned positions, of which there are so many; or wave forms of a position, of which there are any number."""

    def __init__(self, rows: int, how: str) -> None:
        super().__init__()
        self.how, self.rows = how, nn.Embedding(rows, CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        place = torch.arange(x.shape[1])
        if self.how == "waves":
            return x + torch.sin(place[:, None] * torch.tensor([1.0, 0.3, 0.1, 0.03]))
        if self.how == "clamped":
            return x + self.rows(place.clamp(max=self.rows.num_embeddings - 1))
        return x + self.rows(place)


class Counted(nn.Module):
    """A mean of all frames so far, with counts by a loop over frames or without."""

    def __init__(self, loop: bool) -> None:
        super().__init__()
        self.loop = loop

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[1]
        if self.loop:
            counts = torch.tensor([float(n + 1) for n in range(frames)])
        else:
            counts = torch.arange(1, frames + 1).float()
        return torch.cumsum(x, 1) / counts[:, None]


class Resized(nn.Module):
    """Brought to a fixed number of frames, and back."""

    def __init__(self, size: int, how: str) -> None:
        super().__init__()
        self.size, self.how = size, how

    def forward(self, x: Tensor) -> Tensor:
        frames, y = x.shape[1], x.transpose(1, 2)
        fixed = F.adaptive_avg_pool1d(y, self.size)
        y = fixed if self.how == "pool" else F.interpolate(y, size=self.size)
        return F.interpolate(y, size=frames).transpose(1, 2)


class Windows(nn.Module):
    """A mean over windows of frames that begin at each one; a step above 1 leaves a count of windows."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, 0, self.size - 1, 0)).unfold(1, self.size, 1).mean(-1)


@dataclass(frozen=True)
class Drawn:
    """A module, an example, and whether it does the same at every length."""

    module: nn.Module
    example: Tensor
    is_same: bool


Block = tuple[Callable[[], nn.Module], bool]


def blocks(size: int) -> list[Block]:
    """Layers and whether they do the same at every length; `size` is where others do something else."""
    few = random.choice((2, 3, 4, 5))
    return [
        (lambda: Pieces(Mixed(), size, "split"), True),
        (lambda: Pieces(Recurrent(), size, "split"), False),
        (lambda: Pieces(Causal(), size, "slices"), False),
        (lambda: Pieces(Recurrent(), size, "chunk"), False),
        (lambda: Blocks(few, "modulo"), True),
        (lambda: Blocks(few, "ceil"), True),
        (lambda: Strided(few), True),
        (lambda: First(size, "cut"), False),
        (lambda: First(size, "silence"), False),
        (lambda: First(size, "narrow"), False),
        (lambda: First(size, "mask"), False),
        (lambda: Last(size), False),
        (lambda: Branch(size, "longer", Mixed()), False),
        (lambda: Branch(size, "longer", None), True),
        (lambda: Branch(size, "number", Mixed()), False),
        (lambda: Branch(size, "equal", Mixed()), False),
        (lambda: Branch(few, "remainder", Mixed()), False),
        (lambda: Branch(few, "remainder", None), True),
        (lambda: Filled(size), True),
        (lambda: Table(8 * size, "rows"), False),
        (lambda: Table(size, "clamped"), False),
        (lambda: Table(size, "waves"), True),
        (lambda: Counted(False), True),
        (lambda: Counted(True), True),
        (lambda: Resized(size, "pool"), False),
        (lambda: Resized(size, "size"), False),
        (lambda: Windows(few), True),
    ]


def draw_module(seed: int) -> Drawn:
    """One special layer, of every kind in turn, between one or two that do the same at every length."""
    random.seed(seed)
    torch.manual_seed(seed)
    example = random.randrange(20, 50)
    rows = blocks(max(3, int(example * random.choice((0.4, 1.5, 3.0, 6.0)))))
    make, is_same = rows[seed % len(rows)]
    layers = [same(), make(), same()] if seed % 2 else [make(), same()]
    return Drawn(nn.Sequential(*layers).eval(), torch.randn(1, example, CHANNELS), is_same)


def factories() -> dict[str, Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]]:
    """Factories by name, as ``length_modules:seed_7``."""

    def factory(seed: int) -> Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]:
        def make() -> tuple[nn.Module, tuple[Tensor, ...]]:
            drawn = draw_module(seed)
            return drawn.module, (drawn.example,)

        return make

    return {f"seed_{seed}": factory(seed) for seed in range(SEEDS)}


SEEDS = 300
globals().update(factories())
