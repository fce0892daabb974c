"""Offline networks as people write them: plain torch modules without any state."""

import io
import logging
import warnings
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.export.onnx_file.file_checks import runnable
from edgekit.export.own_operators.functions import with_bodies
from edgekit.export.own_operators.ssm import DiagonalSSM
from edgekit.export.torch_operators import translations
from edgekit.graph.model import OPSET


class ConvTasNet(nn.Module):
    """(1, 1, T) -> (1, 1, T): learned filterbank, causal dilated depthwise-separable blocks, a mask."""

    def __init__(self, channels: int = 16, hidden: int = 24, blocks: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, channels, 16, stride=8, bias=False)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "open": nn.Conv1d(channels, hidden, 1),
                    "slope": nn.PReLU(hidden),
                    "norm": nn.BatchNorm1d(hidden),
                    "depth": nn.Conv1d(hidden, hidden, 3, dilation=2**n, groups=hidden),
                    "close": nn.Conv1d(hidden, channels, 1),
                }
            )
            for n in range(blocks)
        )
        self.mask = nn.Conv1d(channels, channels, 1)
        self.decoder = nn.ConvTranspose1d(channels, 1, 16, stride=8, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        encoded = F.relu(self.encoder(F.pad(x, (8, 0))))
        y = encoded
        for n, block in enumerate(self.blocks):
            z = block["norm"](block["slope"](block["open"](y)))
            z = block["depth"](F.pad(z, (2 * 2**n, 0)))
            y = y + block["close"](F.relu(z))
        out = self.decoder(encoded * torch.sigmoid(self.mask(y)))
        return out[..., 8:]


class ConvGruUnet(nn.Module):
    """(1, 2, T, 31) -> (1, 2, T, 31): a U-Net over frequency with causal kernels in time and a GRU."""

    def __init__(self) -> None:
        super().__init__()
        widths = (2, 6, 8, 8)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(a, b, (2, 3), stride=(1, 2)) for a, b in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for _, b in pairs)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(b, a, (2, 3), stride=(1, 2)) for a, b in reversed(pairs)
        )
        self.gru = nn.GRU(8 * 3, 8 * 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for conv, norm in zip(self.down, self.norms, strict=True):
            x = F.elu(norm(conv(F.pad(x, (0, 0, 1, 0)))))
            skips.append(x)
        batch, channels, frames, bins = x.shape
        y, _ = self.gru(x.permute(0, 2, 1, 3).reshape(batch, frames, channels * bins))
        x = y.reshape(batch, frames, channels, bins).permute(0, 2, 1, 3)
        for conv, skip in zip(self.up, reversed(skips), strict=True):
            x = conv(x + skip)[:, :, :-1]
            x = F.elu(x)
        return x


class WaveNet(nn.Module):
    """(1, 1, T) -> (1, 1, T): gated dilated convolutions with residual and skip paths."""

    def __init__(self, channels: int = 8, layers: int = 6) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, channels, 1)
        self.gated = nn.ModuleList(
            nn.Conv1d(channels, 2 * channels, 2, dilation=2**n, padding=2**n) for n in range(layers)
        )
        self.out = nn.ModuleList(nn.Conv1d(channels, 2 * channels, 1) for _ in range(layers))
        self.last = nn.Conv1d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        total = torch.zeros_like(x)
        for gated, out in zip(self.gated, self.out, strict=True):
            y = gated(x)[..., : x.shape[-1]]
            a, b = y.chunk(2, 1)
            residual, skip = out(torch.tanh(a) * torch.sigmoid(b)).chunk(2, 1)
            x, total = x + residual, total + skip
        return self.last(F.relu(total))


class WindowedAttention(nn.Module):
    """(1, T, 16) -> (1, T, 16): each frame attends to the last `window` frames and `ahead` coming ones."""

    def __init__(self, window: int = 10, ahead: int = 0, heads: int = 2) -> None:
        super().__init__()
        self.window, self.ahead, self.heads = window, ahead, heads
        self.norm = nn.LayerNorm(16)
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        q, k, v = (
            part.reshape(batch, frames, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norm(x)).chunk(3, -1)
        )
        place = torch.arange(frames)
        back = place[:, None] - place[None, :]
        seen = (back < self.window) & (back >= -self.ahead)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return x + self.out(y.transpose(1, 2).reshape(batch, frames, width))


class StateSpace(nn.Module):
    """(1, T, 8) -> (1, T, 8): diagonal state-space layers between norms and gates, one behind a lookahead."""

    def __init__(self, *, mixing: bool = False) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(8) for _ in range(2))
        self.layers = nn.ModuleList(DiagonalSSM(8, 4, mixing=mixing) for _ in range(2))
        self.gates = nn.ModuleList(nn.Linear(8, 16) for _ in range(2))
        self.ahead = nn.Conv1d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        for norm, layer, gate in zip(self.norms, self.layers, self.gates, strict=True):
            y = layer(norm(x).transpose(1, 2))
            if layer is self.layers[0]:
                y = self.ahead(y)
            x = x + F.glu(gate(F.gelu(y.transpose(1, 2))), -1)
        return x


def exported(module: nn.Module, shape: tuple[int, ...], axis: int, step: int = 1) -> bytes:
    """ONNX of a module for inputs of any multiple of `step` along `axis`."""
    dims = {axis: step * torch.export.Dim("time", min=2)}
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module.eval(),
                (torch.randn(*shape),),
                dynamo=True,
                opset_version=OPSET,
                optimize=False,
                verbose=False,
                dynamic_shapes=(dims,),
                input_names=["x"],
                custom_translation_table=translations(),
            )
    finally:
        logging.disable(logging.NOTSET)
    assert program is not None
    buffer = io.BytesIO()
    program.save(buffer)
    return runnable(with_bodies(buffer.getvalue()))
