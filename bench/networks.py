"""The networks that the benchmarks run, one hop (or picture) per call, batch 1, seeded weights.

Three are defined here: `denoiser_a`, `separator_b` and `picture_c` stand for what recurrent layers, short
hops and convolutions of pictures cost. The others come from `published_networks`, `vision`, `gridnet` and
`other_networks`.
"""

from dataclasses import dataclass, field

import torch
import vision
from published_networks import CACHE, NETWORKS, path_of
from torch import Tensor, nn

from edgekit.verbs.export.importing import ImportOptions

Example = tuple[nn.Module, tuple[Tensor, ...]]


class Recurrent(nn.Module):
    """257 magnitudes -> linear 256 -> two GRUs of 256 -> 257 gains: 0.92 M multiply-accumulates."""

    def __init__(self, bins: int = 257, units: int = 256) -> None:
        """Take the number of magnitudes, and of units per layer."""
        super().__init__()
        self.first, self.last = nn.Linear(bins, units), nn.Linear(units, bins)
        self.lower, self.upper = nn.GRU(units, units), nn.GRU(units, units)

    def forward(self, x: Tensor, h1: Tensor, h2: Tensor) -> dict[str, Tensor]:
        """Magnitudes (1, bins), h1 and h2 (1, 1, units) -> gains (1, bins) and the next states."""
        y = torch.relu(self.first(x)).unsqueeze(0)
        y, h1_next = self.lower(y, h1)
        y, h2_next = self.upper(y, h2)
        gains = torch.sigmoid(self.last(y.squeeze(0)))
        return {"gains": gains, "h1_next": h1_next, "h2_next": h2_next}


class Dilated(nn.Module):
    """Pointwise, dilated depthwise, pointwise, with a residual; one frame per hop.

    Source: Luo and Mesgarani, Conv-TasNet, 2019, figure 1c, without its norms and skip connection.
    """

    def __init__(self, channels: int, wide: int, taps: int, dilation: int) -> None:
        """Take channels outside and inside, and the depthwise kernel."""
        super().__init__()
        self.context = (taps - 1) * dilation
        self.expand, self.project = nn.Conv1d(channels, wide, 1), nn.Conv1d(wide, channels, 1)
        self.depthwise = nn.Conv1d(wide, wide, taps, dilation=dilation, groups=wide)
        self.expanded, self.filtered = nn.PReLU(wide), nn.PReLU(wide)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Frame (1, channels, 1), past (1, wide, context) -> the same shapes."""
        frames = torch.cat([past, self.expanded(self.expand(x))], 2)
        y = self.project(self.filtered(self.depthwise(frames)))
        return x + y, frames[:, :, 1:]


class Separator(nn.Module):
    """Conv-TasNet's shape at a hop of 16 samples: 64 channels, 8 blocks of 128, 0.14 M multiply-accumulates."""

    HOP, WINDOW, BLOCKS = 16, 32, 8

    def __init__(self, channels: int = 64, wide: int = 128) -> None:
        """Take the channels between and inside blocks."""
        super().__init__()
        self.encode = nn.Conv1d(1, channels, self.WINDOW, stride=self.HOP)
        self.blocks = nn.ModuleList([Dilated(channels, wide, 3, 2**i) for i in range(self.BLOCKS)])
        self.mask = nn.Conv1d(channels, channels, 1)
        self.decode = nn.ConvTranspose1d(channels, 1, self.WINDOW, stride=self.HOP, bias=False)

    def forward(
        self,
        x: Tensor,
        last: Tensor,
        tail: Tensor,
        past_0: Tensor,
        past_1: Tensor,
        past_2: Tensor,
        past_3: Tensor,
        past_4: Tensor,
        past_5: Tensor,
        past_6: Tensor,
        past_7: Tensor,
    ) -> dict[str, Tensor]:
        """Hop (1, 1, 16), the last one, the overlap, and every block's past -> the same."""
        past = (past_0, past_1, past_2, past_3, past_4, past_5, past_6, past_7)
        encoded = torch.relu(self.encode(torch.cat([last, x], 2)))
        y, following = encoded, {}
        for i, (block, own) in enumerate(zip(self.blocks, past, strict=True)):
            y, following[f"past_{i}_next"] = block(y, own)
        sound = self.decode(encoded * torch.sigmoid(self.mask(y)))
        now, later = sound[:, :, : self.HOP], sound[:, :, self.HOP :]
        return {"sound": now + tail, "last_next": x + 0.0, "tail_next": later, **following}


def _separable(inside: int, outside: int, stride: int) -> list[nn.Module]:
    depthwise = nn.Conv2d(inside, inside, 3, stride, 1, groups=inside, bias=False)
    pointwise = nn.Conv2d(inside, outside, 1, bias=False)
    return [
        depthwise,
        nn.BatchNorm2d(inside),
        nn.ReLU(),
        pointwise,
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    ]


class Picture(nn.Module):
    """MobileNet's shape for pictures of 64 x 64: 5.4 M multiply-accumulates.

    Source: Howard et al., MobileNets, 2017, table 1, narrower.
    """

    ROWS = (
        (16, 32, 1),
        (32, 64, 2),
        (64, 64, 1),
        (64, 128, 2),
        (128, 128, 1),
        (128, 128, 2),
        (128, 128, 1),
        (128, 128, 1),
    )  # channels in, out, stride

    def __init__(self, classes: int = 10) -> None:
        """Take the number of classes."""
        super().__init__()
        layers = [nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        layers += [layer for row in self.ROWS for layer in _separable(*row)]
        self.features, self.classes = nn.Sequential(*layers), nn.Linear(128, classes)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """(1, 3, 64, 64) -> logits (1, classes)."""
        return {"logits": self.classes(self.features(image).mean((2, 3)))}


def denoiser_a() -> Example:
    """Return network a and one hop."""
    torch.manual_seed(0)
    return Recurrent().eval(), (torch.zeros(1, 257), *torch.zeros(2, 1, 1, 256).unbind())


def separator_b() -> Example:
    """Return network b and one hop."""
    torch.manual_seed(0)
    network = Separator().eval()
    past = [torch.zeros(1, 128, 2 * 2**i) for i in range(Separator.BLOCKS)]
    return network, (*torch.zeros(3, 1, 1, 16).unbind(), *past)


def picture_c() -> Example:
    """Return network c and one picture; its norms have seen noise."""
    torch.manual_seed(0)
    network = Picture().train()
    with torch.no_grad():
        for _ in range(4):
            network(torch.randn(16, 3, 64, 64))
    return network.eval(), (torch.zeros(1, 3, 64, 64),)


@dataclass(frozen=True)
class Benchmark:
    """One network: its `source` and `options` as an import takes them; `hops` in each round, and its `recipes`."""

    source: str
    options: ImportOptions = field(default_factory=ImportOptions)
    hops: int = 300
    recipes: tuple[str, ...] = ("float32",)


RECIPES = ("float32", "w8a8")
GRIDNET = ImportOptions(
    hop=128, sample_rate=16000, time_axes={"sound": 2}, session_constants=("speaker",)
)


ENCODEC = ImportOptions(hop=320, sample_rate=24000, time_axes={"sound": 2})


def _published(name: str, recipes: tuple[str, ...] = ("float32",), hops: int = 300) -> Benchmark:
    return Benchmark(str(path_of(name, CACHE)), NETWORKS[name].options(1), hops, recipes)


def _frames(*names: str, **axes: int) -> ImportOptions:
    """One frame a hop: time is axis 2 of these inputs, or where it is said."""
    return ImportOptions(hop=1, time_axes={**dict.fromkeys(names, 2), **axes})


BENCHMARKS: dict[str, Benchmark] = {
    "a": Benchmark("networks:denoiser_a", hops=1000, recipes=RECIPES),
    "b": Benchmark("networks:separator_b", hops=1000, recipes=RECIPES),
    "c": Benchmark("networks:picture_c", recipes=RECIPES),
    "gtcrn": _published("gtcrn", RECIPES),
    "dtln_1": _published("dtln_1"),
    "dtln_2": _published("dtln_2"),
    "silero": _published("silero_op15"),
    "mobilenet_v2": Benchmark(f"vision:{vision.mobilenet_v2.__name__}", hops=60),
    "gridnet": Benchmark("gridnet:gridnet", GRIDNET, hops=40),
    "crepe": Benchmark("other_networks:crepe_tiny", hops=40, recipes=RECIPES),
    "magika": _published("magika", RECIPES, 20),
    "dnsmos": _published("dnsmos", RECIPES, 10),
    "basic_pitch": _published("basic_pitch", RECIPES, 10),
    "ds_cnn": Benchmark("small_networks:ds_cnn", recipes=RECIPES),
    "resnet8": Benchmark("small_networks:resnet8", hops=60, recipes=RECIPES),
    "mobilenet_v2_full": Benchmark("other_networks:mobilenet_v2_full", hops=20, recipes=RECIPES),
    "resnet18": Benchmark("other_networks:resnet18", hops=10, recipes=RECIPES),
    "efficientvit": Benchmark("other_networks:efficientvit_b0", hops=20, recipes=RECIPES),
    "dfn3_encoder": Benchmark(
        "other_networks:deepfilter_encoder", _frames("erb", "spec"), recipes=RECIPES
    ),
    "dfn3_bands": Benchmark(
        "other_networks:deepfilter_bands",
        _frames("e3", "e2", "e1", "e0", embedding=1),
        recipes=RECIPES,
    ),
    "dfn3_taps": Benchmark(
        "other_networks:deepfilter_taps", _frames("c0", embedding=1), recipes=RECIPES
    ),
    "encodec": Benchmark("other_networks:encodec_encoder", ENCODEC, recipes=RECIPES),
}
