"""What running a torch module tells before it is imported: where it is read first, and loops along time."""

from math import prod

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from slices import slow_except
from torch import nn

from edgekit.base.errors import ModelError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.lengths import two_lengths
from edgekit.export.stream.module_probe import find_slowest, record
from edgekit.export.stream.sources import torch_offline


class Strided(nn.Module):
    """Down by whole factors and up again at once."""

    def __init__(self, *factors: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Conv1d(1, 1, n, n) for n in factors)
        self.up = nn.ConvTranspose1d(1, 1, prod(factors), prod(factors))

    def forward(self, x):
        for layer in self.down:
            x = layer(x)
        return self.up(x)


class Doubled(nn.Module):
    """A scan that doubles its step."""

    def forward(self, x):
        step = 1
        while step < x.shape[-1]:
            x = x + F.pad(x, (step, 0))[..., : x.shape[-1]]
            step *= 2
        return x


class Each(nn.Module):
    """A loop over frames under vmap, which torch's calls do not tell of."""

    def forward(self, x):
        def last(row):
            total = row[0]
            for n in range(1, row.shape[0]):
                total = total * 0.5 + row[n]
            return row * total

        return torch.vmap(last)(x[0]).unsqueeze(0)


class Holding(nn.Module):
    """The module that has the loop."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.first, self.inner = nn.Conv1d(1, 1, 3, padding=1), inner

    def forward(self, x):
        return self.inner(self.first(x))


class Counting(nn.Module):
    """Its loop makes a constant alone."""

    def forward(self, x):
        counts = [torch.full((1,), float(n)) for n in range(1, x.shape[-1] + 1)]
        return x.cumsum(-1) / torch.cat(counts)


class Corners(nn.Module):
    """Points on the lines between frames, of one axis or two."""

    def __init__(self, factor: int, plane: bool) -> None:
        super().__init__()
        self.factor, self.plane = factor, plane

    def forward(self, x):
        frames = self.factor * (x.shape[-1] - 1) + 1
        if not self.plane:
            return F.interpolate(x, size=frames, mode="linear", align_corners=True)
        y = F.interpolate(x[:, None], size=(1, frames), mode="bilinear", align_corners=True)
        return y[:, 0]


def strided():
    return Strided(2, 5, 4), (torch.randn(1, 1, 240),)


def doubled():
    return Holding(Doubled()), (torch.randn(1, 1, 24),)


def each():
    return Holding(Each()), (torch.randn(1, 1, 24),)


def counting():
    return Counting(), (torch.randn(1, 1, 24),)


def corners():
    return Corners(3, False), (torch.randn(1, 1, 24),)


def plane():
    return Corners(3, True), (torch.randn(1, 1, 24),)


def offline(name):
    return torch_offline(f"{__name__}:{name}", name="net", time_axes={"x": 2})


def test_the_slowest_tensor_tells_where_a_network_is_read():
    network = Strided(3, 4)
    calls = [record(network, {"x": torch.randn(1, 1, n)}) for n in (24, 48)]
    slowest = find_slowest(*calls)
    assert slowest is not None
    assert slowest.frames == 2
    assert calls[0].modules == {"down.0": 1, "down.1": 1, "up": 1}
    assert two_lengths(offline("strided"))[2] == (24 * 40, 48 * 40)


def test_a_scan_that_doubles_its_step_is_a_running_sum():
    model = stream(offline("doubled"))
    assert model.stream.delay_samples == 1
    assert [tuple(v.shape) for v in model.ir.graph.inputs if "loop" in v.name] == [(1, 1, 1)]


@pytest.mark.slow
def test_a_loop_along_time_is_refused_with_its_module():
    if torch.__version__.startswith("2.8."):
        pytest.skip(
            "torch 2.8 cannot trace this loop at all, and gives no reason: pip install 'torch>=2.13'"
        )
    with pytest.raises(
        ModelError, match=r"module 'inner': a loop or a scan along time: .* at 24 s"
    ):
        stream(offline("each"))


@pytest.mark.slow
def test_a_loop_that_makes_a_constant_is_none():
    assert stream(offline("counting")).stream.delay_samples == 0


@pytest.mark.parametrize(
    ("name", "hop"),
    slow_except(lambda row: row[0] == "plane", [("corners", 1), ("corners", 480), ("plane", 2)]),
)
def test_points_between_aligned_corners_stream_at_any_hop(name, hop):
    """At long hops onnxruntime would round the places of a Resize to float32."""
    model = stream(offline(name), hop=hop)
    (output,) = model.stream_outputs
    assert model.timing[output.name].delay_frames == 2
