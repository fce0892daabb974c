"""The network: the demo's causal U-Net with a time for each frame, and a buffer of frames that lose noise hop by hop.

Diffusion Buffer (Lay et al., arXiv 2506.02908 and 2510.18744): a frame enters with the most noise. One call in each hop
processes it while newer ones enter, and it has the least noise when it leaves. Their network processes all frames of
some seconds anew in each hop. This one is causal, and processes `BUFFER` frames: its convolutions keep states of older
ones.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from edgekit.base.arrays import Float64
from edgekit.demos.speech_diffusion import ANGLES, Block, CausalConv, SpeechDiffusion
from edgekit.demos.stream_diffusion.facts import (
    BINS,
    BUFFER,
    DECAY,
    DELAY,
    LEAST,
    SIGMA_DATA,
    TIMES,
    mean,
    std,
)
from edgekit.demos.weights import load

WEIGHTS = Path(__file__).with_name("stream_diffusion.npz")
CACHES = 8  # causal convolutions of the network
TINY = 1e-12
PART = 0.5**0.5  # of the deviation of a complex number, in its real and its imaginary part


class Caches:
    """The inputs of causal convolutions before the present frames, and those a frame later; or zeros."""

    def __init__(self, before: Sequence[Tensor] | None) -> None:
        """Start with the caches of all convolutions, in their order."""
        self.before: Iterator[Tensor] | None = None if before is None else iter(before)
        self.after: list[Tensor] = []

    def convolve(self, layer: CausalConv, x: Tensor) -> Tensor:
        """The layer over (batch, channels, bins, frames)."""
        if self.before is None:
            return torch.as_tensor(layer(x))
        joined = torch.cat([next(self.before), x], 3)
        self.after.append(joined[..., 1 : 1 + layer.past])
        return torch.as_tensor(layer.conv(joined))


class FrameTimes(nn.Module):
    """`SpeechDiffusion` with a time for each frame."""

    def __init__(self) -> None:
        """A network with random weights."""
        super().__init__()
        self.net = SpeechDiffusion()

    def cached(self) -> list[tuple[int, ...]]:
        """Shapes of the caches, for one clip."""
        shapes: list[tuple[int, ...]] = []

        def seen(layer: nn.Module, given: tuple[Tensor]) -> None:
            assert isinstance(layer, CausalConv)
            shapes.append((1, *given[0].shape[1:3], layer.past))

        layers = [layer for layer in self.modules() if isinstance(layer, CausalConv)]
        handles = [layer.register_forward_pre_hook(seen) for layer in layers]
        with torch.no_grad():
            empty = torch.zeros(1, 2, BINS, 1)
            self(empty, empty, torch.zeros(1, 1), Caches(None))
        for handle in handles:
            handle.remove()
        return shapes

    def forward(self, x: Tensor, y: Tensor, times: Tensor, caches: Caches) -> Tensor:
        """X and y (batch, 2, bins, frames) at times (batch, frames) -> an estimate of (x0 - y) / `SIGMA_DATA`."""
        net = self.net
        angles = times[..., None] * torch.pi * torch.tensor(ANGLES)
        time = net.time(torch.cat([angles.sin(), angles.cos()], 2))

        def film(layer: nn.Linear, h: Tensor) -> Tensor:
            scale, shift = layer(time).transpose(1, 2)[:, :, None].chunk(2, 1)
            return torch.as_tensor(h * (1 + scale) + shift)

        def block(layer: Block, h: Tensor) -> Tensor:
            inner = film(layer.film, caches.convolve(layer.first, silu(h)))
            return torch.as_tensor(layer.second(silu(inner)) + h)

        detail = film(net.film, caches.convolve(net.first, torch.cat([x, y], 1)))
        high = block(net.encoder1, net.down1(silu(detail)))
        low = block(net.encoder2, net.down2(silu(high)))
        h = net.down3(silu(low))
        for layer in net.middle:
            h = block(layer, h)  # type: ignore[arg-type]
        h = net.merge2(torch.cat([net.up3(silu(h)), low], 1))
        h = block(net.decoder2, h)
        h = net.merge1(torch.cat([net.up2(silu(h)), high], 1))
        h = block(net.decoder1, h)
        gain, offset = net.up1(silu(h)).chunk(2, 1)
        return torch.as_tensor(net.last(detail * gain + offset))


def per_frame(values: Sequence[float] | Float64) -> Tensor:
    """Numbers of frames, to be multiplied with (batch, channels, bins, frames)."""
    return torch.as_tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1)


class StreamDiffusion(nn.Module):
    """A frame of the spectrum in, and one of the enhanced spectrum out, ``delay`` frames later."""

    output_names = (
        "enhanced",
        *(f"{name}_next" for name in ("x", "y", "peaks", "peak")),
        *(f"caches_{number}_next" for number in range(CACHES)),
    )

    def __init__(self) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.frames = FrameTimes()
        before = TIMES[[0, *range(BUFFER - 1)]]  # each frame's time in the next hop
        self.mean, self.std = per_frame(mean(before)), per_frame(PART * std(before))
        self.start = float(PART * std(TIMES)[-1])
        self.lateness = per_frame(range(BUFFER - 1, -1, -1))
        self.times = torch.as_tensor(TIMES[None], dtype=torch.float32)

    def states(self) -> tuple[Tensor | tuple[Tensor, ...], ...]:
        """Return the states at a stream start: x and y of the buffer, its peaks, the last peak, and the caches."""
        buffer = torch.zeros(1, 2, BINS, BUFFER)
        caches = tuple(torch.zeros(shape) for shape in self.frames.cached())
        return buffer, buffer, torch.zeros(1, 1, 1, BUFFER), torch.zeros(1, 1, 1, 1), caches

    def forward(
        self,
        noisy: Tensor,
        z: Tensor,
        delay: Tensor,
        x: Tensor,
        y: Tensor,
        peaks: Tensor,
        peak: Tensor,
        caches: tuple[Tensor, ...],
    ) -> tuple[Tensor | tuple[Tensor, ...], ...]:
        """Run one hop.

        Args:
            noisy: the spectrum of a frame, (1, 2, 257, 1).
            z: normal noise, (1, 2, 256, `BUFFER`).
            delay: (1, 1, 1, 1), the delay of the output frame in frames, 0 to `BUFFER` - 1.
            x: the buffer, compressed, with its noise.
            y: the same as it came in.
            peaks: the divisor of each of its frames.
            peak: the running one.
            caches: of the convolutions.

        Returns:
            The enhanced spectrum of one frame, and all states.
        """
        frame = noisy[:, :, :BINS]
        size = torch.sqrt((frame * frame).sum(1, keepdim=True) + TINY)
        loud = size.amax(2, keepdim=True)
        peak = torch.maximum(torch.maximum(loud, DECAY * peak), torch.full_like(peak, LEAST))
        small = frame / torch.sqrt(size * peak)
        y = torch.cat([y[..., 1:], small], 3)
        x = torch.cat([x[..., 1:], small + self.start * z[..., -1:]], 3)
        peaks = torch.cat([peaks[..., 1:], peak], 3)
        kept = Caches(caches)
        told = self.frames(x, y, self.times, kept)
        clean = y + SIGMA_DATA * told
        x = y + self.mean * (clean - y) + self.std * z
        choice = torch.relu(1 - (self.lateness - delay).abs())
        chosen = (clean * choice).sum(3, keepdim=True)
        level = (peaks * choice).sum(3, keepdim=True)
        large = chosen * torch.sqrt((chosen * chosen).sum(1, keepdim=True) + TINY) * level
        enhanced = torch.cat([large, torch.zeros_like(large[:, :, :1])], 2)
        return enhanced, x, y, peaks, peak, tuple(kept.after)


def build() -> tuple[StreamDiffusion, tuple[Tensor | tuple[Tensor, ...], ...]]:
    """The trained network in eval mode, and an example of a hop."""
    network = StreamDiffusion()
    load(network.frames, WEIGHTS)
    delay = torch.full((1, 1, 1, 1), float(DELAY))
    noisy, z = torch.randn(1, 2, BINS + 1, 1), torch.randn(1, 2, BINS, BUFFER)
    return network.eval(), (noisy, z, delay, *network.states())
