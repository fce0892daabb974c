"""Networks of published sizes with seeded weights, of shapes that nothing here was tuned on.

CREPE and Encodec's encoder work on samples, DeepFilterNet3's three parts on frames of a spectrum, the classifiers on
pictures. `networks` lists them as benchmarks.
"""

from collections.abc import Sequence

import torch
import torchvision
from small_networks import ready
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]
BANDS, LOW_BINS, FEATURES, HIDDEN, ORDER = 32, 96, 64, 256, 5  # of DeepFilterNet3
EMBEDDING = FEATURES * BANDS // 4


class CrepeTiny(nn.Module):
    """1024 samples -> 360 pitches: six convolutions of width 1 (Kim et al., ICASSP 2018; the tiny size)."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        blocks: list[nn.Module] = []
        inputs = 1
        for number, outputs in enumerate((128, 16, 16, 16, 32, 64)):
            kernel, stride = (512, 4) if number == 0 else (64, 1)
            before = (kernel - stride) // 2
            blocks += [
                nn.ZeroPad2d((0, 0, before, kernel - stride - before)),
                nn.Conv2d(inputs, outputs, (kernel, 1), (stride, 1)),
                nn.ReLU(),
                nn.BatchNorm2d(outputs),
                nn.MaxPool2d((2, 1)),
            ]
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.classes = nn.Linear(256, 360)

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (1, 1, 1024, 1) -> (1, 360)."""
        y = self.blocks(samples).permute(0, 2, 1, 3).flatten(1)
        return torch.sigmoid(self.classes(y))


class GroupedLinear(nn.Module):
    """A linear layer in groups of features."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        """Take features in and out, and groups."""
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.randn(groups, inputs // groups, outputs // groups) / 4)

    def forward(self, x: Tensor) -> Tensor:
        """(1, T, inputs) -> (1, T, outputs)."""
        parts = x.unflatten(-1, (self.groups, -1)).unsqueeze(-2)
        return (parts @ self.weight).flatten(-3)


class Squeezed(nn.Module):
    """Grouped linear layers around GRUs."""

    def __init__(self, inputs: int, outputs: int, layers: int) -> None:
        """Take features in and out, and the number of GRUs."""
        super().__init__()
        self.enter = nn.Sequential(GroupedLinear(inputs, HIDDEN, 16), nn.ReLU())
        self.gru = nn.GRU(HIDDEN, HIDDEN, layers, batch_first=True)
        self.leave = nn.Sequential(GroupedLinear(HIDDEN, outputs, 16), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(1, T, inputs) -> (1, T, outputs)."""
        found: Tensor = self.leave(self.gru(self.enter(x))[0])
        return found


def separable(inputs: int, frames: int, stride: int = 1, up: bool = False) -> nn.Sequential:
    """Convolution in groups over frames and 3 bands, then 1 x 1; `up` doubles the bands."""
    groups = 2 if inputs == 2 else FEATURES if inputs > 1 else 1
    shape: dict[str, object] = {"padding": (0, 1), "groups": groups, "bias": False}
    conv: nn.Module = nn.Conv2d(inputs, FEATURES, (frames, 3), (1, stride), **shape)  # type: ignore[arg-type]
    if up:
        shape["output_padding"] = (0, 1)
        conv = nn.ConvTranspose2d(inputs, FEATURES, (1, 3), (1, 2), **shape)  # type: ignore[arg-type]
    point = [nn.Conv2d(FEATURES, FEATURES, 1, bias=False)] if groups > 1 else []
    past = nn.ConstantPad2d((0, 0, frames - 1, 0), 0.0)
    return nn.Sequential(past, conv, *point, nn.BatchNorm2d(FEATURES), nn.ReLU())


class Encoder(nn.Module):
    """DeepFilterNet3's encoder: bands and low bins -> skips, an embedding, a level (Schroeter et al., 2023)."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.bands = nn.ModuleList(
            [separable(1, 3), separable(64, 1, 2), separable(64, 1, 2), separable(64, 1)]
        )
        self.low = nn.ModuleList([separable(2, 3), separable(64, 1, 2)])
        self.mix = nn.Sequential(GroupedLinear(FEATURES * LOW_BINS // 2, EMBEDDING, 32), nn.ReLU())
        self.embed = Squeezed(EMBEDDING, EMBEDDING, 1)
        self.level = nn.Sequential(nn.Linear(EMBEDDING, 1), nn.Sigmoid())

    def forward(self, erb: Tensor, spec: Tensor) -> dict[str, Tensor]:
        """Bands (1, 1, T, 32) and bins (1, 2, T, 96) -> what the two decoders take."""
        skips, y = {}, erb
        for number, layer in enumerate(self.bands):
            y = layer(y)
            skips[f"e{number}"] = y
        first = self.low[0](spec)
        both = self.mix(self.low[1](first).transpose(1, 2).flatten(2)) + y.transpose(1, 2).flatten(
            2
        )
        embedding = self.embed(both)
        return {**skips, "c0": first, "embedding": embedding, "level": self.level(embedding)}


class BandDecoder(nn.Module):
    """DeepFilterNet3's decoder of gains in bands."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.enter = Squeezed(EMBEDDING, EMBEDDING, 2)
        self.skips = nn.ModuleList(
            nn.Sequential(nn.Conv2d(64, 64, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
            for _ in range(4)
        )
        ups = [separable(64, 1), separable(64, 1, up=True), separable(64, 1, up=True)]
        self.layers = nn.ModuleList(ups)
        last = nn.Conv2d(64, 1, (1, 3), padding=(0, 1), bias=False)
        self.gains = nn.Sequential(last, nn.BatchNorm2d(1), nn.Sigmoid())

    def forward(self, embedding: Tensor, e3: Tensor, e2: Tensor, e1: Tensor, e0: Tensor) -> Tensor:
        """Embedding (1, T, 512) and the skips -> gains (1, 1, T, 32)."""
        y = self.enter(embedding).unflatten(2, (FEATURES, -1)).transpose(1, 2)
        for layer, skip, own in zip(self.layers, (e3, e2, e1), self.skips, strict=False):
            y = layer(own(skip) + y)
        found: Tensor = self.gains(self.skips[3](e0) + y)
        return found


class FilterDecoder(nn.Module):
    """DeepFilterNet3's decoder of complex taps."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.gru = Squeezed(EMBEDDING, HIDDEN, 2)
        self.skip = GroupedLinear(EMBEDDING, HIDDEN, 16)
        self.path = nn.Sequential(
            nn.ConstantPad2d((0, 0, 4, 0), 0.0),
            nn.Conv2d(FEATURES, 2 * ORDER, (5, 1), groups=2, bias=False),
            nn.Conv2d(2 * ORDER, 2 * ORDER, 1, bias=False),
            nn.BatchNorm2d(2 * ORDER),
            nn.ReLU(),
        )
        self.taps = nn.Sequential(GroupedLinear(HIDDEN, LOW_BINS * 2 * ORDER, 16), nn.Tanh())

    def forward(self, embedding: Tensor, c0: Tensor) -> Tensor:
        """Embedding (1, T, 512), c0 (1, 64, T, 96) -> taps (1, T, 96, 10)."""
        y = self.gru(embedding) + self.skip(embedding)
        found: Tensor = self.path(c0).permute(0, 2, 3, 1) + self.taps(y).unflatten(
            2, (LOW_BINS, -1)
        )
        return found


def seeded(net: nn.Module) -> nn.Module:
    """The network with norms whose statistics matter, ready to infer."""
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, 0.0, 0.3)  # type: ignore[arg-type]
            nn.init.uniform_(part.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return net.eval()


def crepe_tiny() -> Example:
    """Return CREPE and a frame."""
    torch.manual_seed(0)
    return seeded(CrepeTiny()), (torch.zeros(1, 1, 1024, 1),)


def small_steps(branches: Sequence[nn.Module], scale: float) -> None:
    """Let what residual branches add be small, as training makes it.

    With seeded weights of full size eight bits keep less than 10 dB, of every engine, and nothing could be compared.
    """
    for branch in branches:
        last = [part for part in branch.modules() if isinstance(part, nn.BatchNorm2d)][-1]
        nn.init.constant_(last.weight, scale)


def mobilenet_v2_full() -> Example:
    """Return torchvision's MobileNetV2 and a picture of 96 x 96.

    See `small_steps`: at full size eight bits keep 9 dB.
    """
    torch.manual_seed(0)
    net = torchvision.models.mobilenet_v2()
    small_steps([b.conv for b in net.features if getattr(b, "use_res_connect", False)], 0.3)
    return ready(net, (1, 3, 96, 96))


def resnet18() -> Example:
    """Return torchvision's ResNet-18 and a picture of 96 x 96."""
    torch.manual_seed(0)
    return ready(torchvision.models.resnet18(), (1, 3, 96, 96))


def efficientvit_b0() -> Example:
    """Return timm's EfficientViT-B0 and a picture of 224 x 224.

    See `small_steps`: at full size eight bits keep 5 dB.
    """
    import timm
    from timm.models.efficientvit_mit import ResidualBlock

    torch.manual_seed(0)
    net = timm.create_model("efficientvit_b0")
    blocks = [part for part in net.modules() if isinstance(part, ResidualBlock)]
    small_steps([part.main for part in blocks if part.shortcut is not None], 0.1)
    return ready(net, (1, 3, 224, 224))


def deepfilter_encoder() -> Example:
    """Return DeepFilterNet3's encoder, and six frames."""
    torch.manual_seed(0)
    return seeded(Encoder()), (torch.zeros(1, 1, 6, BANDS), torch.zeros(1, 2, 6, LOW_BINS))


def deepfilter_bands() -> Example:
    """Return DeepFilterNet3's decoder of gains, and six frames."""
    torch.manual_seed(0)
    widths = (BANDS // 4, BANDS // 4, BANDS // 2, BANDS)
    skips = (torch.zeros(1, FEATURES, 6, width) for width in widths)
    return seeded(BandDecoder()), (torch.zeros(1, 6, EMBEDDING), *skips)


def deepfilter_taps() -> Example:
    """Return DeepFilterNet3's decoder of taps, and six frames."""
    torch.manual_seed(0)
    return seeded(FilterDecoder()), (
        torch.zeros(1, 6, EMBEDDING),
        torch.zeros(1, FEATURES, 6, LOW_BINS),
    )


class Sum(nn.Module):
    """A residual block of Encodec: half the channels over 3 samples, then 1; beside it a convolution of 1."""

    def __init__(self, channels: int) -> None:
        """Take the number of channels."""
        super().__init__()
        self.way = nn.Sequential(
            nn.ELU(),
            nn.ConstantPad1d((2, 0), 0.0),
            nn.Conv1d(channels, channels // 2, 3),
            nn.ELU(),
            nn.Conv1d(channels // 2, channels, 1),
        )
        self.short = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(1, channels, T) -> the same."""
        found: Tensor = self.short(x) + self.way(x)
        return found


class EncodecEncoder(nn.Module):
    """Samples at 24 kHz -> 128 features at 75 Hz (Defossez et al., 2022), padded with zeros."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        layers: list[nn.Module] = [nn.ConstantPad1d((6, 0), 0.0), nn.Conv1d(1, 32, 7)]
        channels = 32
        for ratio in (2, 4, 5, 8):
            layers += [Sum(channels), nn.ELU(), nn.ConstantPad1d((ratio, 0), 0.0)]
            layers += [nn.Conv1d(channels, 2 * channels, 2 * ratio, ratio)]
            channels *= 2
        self.layers = nn.Sequential(*layers)
        self.lstm = nn.LSTM(channels, channels, 2, batch_first=True)
        self.last = nn.Sequential(
            nn.ELU(), nn.ConstantPad1d((6, 0), 0.0), nn.Conv1d(channels, 128, 7)
        )

    def forward(self, sound: Tensor) -> Tensor:
        """Samples (1, 1, T) -> features (1, 128, T / 320)."""
        y = self.layers(sound)
        found: Tensor = self.last(y + self.lstm(y.transpose(1, 2))[0].transpose(1, 2))
        return found


def encodec_encoder() -> Example:
    """Return Encodec's encoder, and 16 frames of sound."""
    torch.manual_seed(0)
    return EncodecEncoder().eval(), (torch.zeros(1, 1, 5120),)
