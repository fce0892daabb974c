"""A network that does something else at another length is refused with the line or the node that makes it so."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from stream_networks import Net
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.base.errors import ModelError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline, torch_offline
from edgekit.graph.model import Model


class Split(nn.Module):
    """A recurrence that begins anew every 100 frames."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(4, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        pieces = x.split(100, 1)
        return torch.cat([self.cell(piece)[0] for piece in pieces], 1)


class Branch(nn.Module):
    """Another gain for clips that are longer than `longest` frames."""

    def __init__(self, longest: int) -> None:
        super().__init__()
        self.longest = longest

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] <= self.longest:
            return torch.tanh(x)
        return 1.5 * torch.tanh(x)


class Number(Branch):
    """The same, where torch takes the length for a number."""

    def forward(self, x: Tensor) -> Tensor:
        frames = int(x.shape[1])
        return torch.tanh(x) if frames <= self.longest else torch.tanh(-x)


class Cut(nn.Module):
    """The first 250 frames."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x[:, :250])


class Mask(nn.Module):
    """Silence behind the first 100 frames, of which no size tells."""

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.arange(x.shape[1]) < 100
        return x * seen[None, :, None]


class Rows(nn.Module):
    """Learned positions, of which there are 64."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Embedding(64, 4)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.rows(torch.arange(x.shape[1]))


class Limited(nn.Module):
    """Runs up to 600 frames."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] > 600:
            raise ValueError("at most 600 frames")
        return torch.tanh(x)


class Asserting(nn.Module):
    """The same, by an assertion without words."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] > 600:
            raise AssertionError
        return torch.tanh(x)


class Keyed(nn.Module):
    """The same, by a table of what it knows."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x) * {True: 1}[x.shape[1] <= 600]


class Whole(nn.Module):
    """Filled up to blocks of four frames, each with a recurrence of its own, and cut again."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(4, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[1]
        y = F.pad(x, (0, 0, 0, -frames % 4)).reshape(-1, 4, 4)
        return self.cell(y)[0].reshape(1, -1, 4)[:, :frames]


Factory = Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]


def of(make: Callable[[], nn.Module], frames: int = 300) -> Factory:
    return lambda: (make(), (torch.randn(1, frames, 4),))


split, cut, mask, rows = of(Split), of(Cut), of(Mask), of(Rows, 40)
short_cut, short_mask = of(Cut, 20), of(Mask, 5)
branch, number, far = of(lambda: Branch(128)), of(lambda: Number(1000)), of(lambda: Branch(10**8))
limited, whole = of(Limited, 100), of(Whole)
asserting, keyed = of(Asserting, 100), of(Keyed, 100)


def streamed(name: str) -> Model:
    return stream(torch_offline(f"{__name__}:{name}", name="net", time_axes={"x": 1}))


@pytest.mark.rows(4)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("split", r"line \d+: pieces = x\.split\(100, 1\): at 101 samples .* from frame 100 on"),
        ("branch", r"line \d+: if x\.shape\[1\] <= self\.longest: at 129 samples .*equal at 128"),
        ("far", r"self\.longest: another way through it from 100000001 samples on, .* too many"),
        ("number", r"line \d+: frames = int\(x\.shape\[1\]\): at \d+ samples .*, from frame 0 on"),
        (
            "cut",
            r"tanh\(x\[:, :250\]\): at \d+ samples .* is \[1, 250, 4\], and \[1, \d+, 4\] in the",
        ),
        ("short_cut", r"tanh\(x\[:, :250\]\): at 251 samples .*equal at 250"),
        ("mask", r"torch\.arange\(x\.shape\[1\]\) < 100: at 101 samples .*from frame 100 on"),
        ("short_mask", r"< 100: at 101 samples"),
        ("rows", r"'rows\.weight' has 64 rows, which end after 64 samples; .*--until 64"),
    ],
)
def test_a_module_that_depends_on_its_length_is_refused_with_its_line(name, message):
    with pytest.raises(ModelError, match=message):
        streamed(name)


@pytest.mark.rows(1)
@pytest.mark.parametrize(
    ("name", "message"),
    [("limited", "at most 600 frames"), ("asserting", "AssertionError"), ("keyed", "False")],
)
def test_a_module_that_fails_beyond_a_length_is_told_of(name, message):
    (note,) = streamed(name).notes
    assert note == (
        f"the stream equals its source up to 600 samples; at 601 the source fails (forward fails: {message}),"
        " and the stream goes on"
    )


def test_padding_to_whole_blocks_is_the_same_at_every_length():
    model = streamed("whole")
    assert (model.stream.hop_samples, model.notes) == (4, ())


def sized(net: Net) -> str:
    return net.add("Gather", net.add("Shape", "x"), net.const(2, np.int64))


def places(net: Net) -> str:
    return net.add("Range", net.const(0, np.int64), sized(net), net.const(1, np.int64))


def sliced(net: Net, y: str) -> str:
    return net.cut(y, 0, 3000)


def chosen(net: Net, y: str) -> str:
    branches = {}
    for name, operator in (("then_branch", "Identity"), ("else_branch", "Neg")):
        value = helper.make_tensor_value_info(f"{name}.y", TensorProto.FLOAT, None)
        node = helper.make_node(operator, [y], [f"{name}.y"])
        branches[name] = helper.make_graph([node], name, [], [value])
    short = net.add("LessOrEqual", sized(net), net.const(700, np.int64))
    return net.add("If", short, **branches)


def masked(net: Net, y: str) -> str:
    seen = net.add("Less", places(net), net.const(900, np.int64))
    return net.add("Mul", y, net.add("Cast", seen, to=TensorProto.FLOAT))


def tabled(net: Net, y: str) -> str:
    rows = net.add("Gather", net.weight(1000, 2), places(net), axis=0)
    return net.add("Add", y, net.add("Transpose", rows, perm=[1, 0]))


def single(net: Net, y: str) -> str:
    at = net.add("Equal", sized(net), net.const(320, np.int64))
    gain = net.add("Add", net.add("Cast", at, to=TensorProto.FLOAT), net.const(1.0))
    return net.add("Mul", y, gain)


def every_third(net: Net, y: str) -> str:
    left = net.add("Mod", sized(net), net.const(3, np.int64))
    other = net.add("Cast", net.add("Equal", left, net.const(2, np.int64)), to=TensorProto.FLOAT)
    return net.add("Mul", y, net.add("Add", other, net.const(1.0)))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (sliced, r"Slice '.*': at 3001 samples output .* is \[1, 2, 3000\], and \[1, 2, 3001\]"),
        (chosen, r"LessOrEqual '.*': at 701 samples .*equal at 700"),
        (masked, r"Less '.*': at 901 samples .*from frame 900 on"),
        (tabled, r"has 1000 rows, which end after 1000 samples; .*--until 1000"),
        (single, r"Equal '.*': at 320 samples"),
        (every_third, "the network: at 50 samples"),
    ],
)
def test_a_file_that_depends_on_its_length_is_refused_with_its_node(layer, message):
    net = Net()
    y = layer(net, net.conv("x", 2, 2, 3, left=2))
    with pytest.raises(ModelError, match=message):
        stream(onnx_offline(net.model([1, 2, "T"], y, rank=3), name="net"))


def test_a_file_that_does_not_streams():
    net = Net()
    y = net.recurrent(net.conv("x", 2, 2, 3, left=2), 2)
    assert not stream(onnx_offline(net.model([1, 2, "T"], y), name="net")).notes
