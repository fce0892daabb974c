"""`PartitionedFIR`: a long filter, as of a room, that a stream computes by blocks of spectra.

``y[n] = sum_k response[k] x[n - k]`` per channel. Offline it is that convolution. In a stream the response is cut into
parts as long as a block, and the spectra of past blocks are kept. This uniformly partitioned convolution (Wefers,
2015) adds no delay if a block is a hop or a part of it.
"""

import torch
from torch import Tensor, nn

from edgekit.export.own_operators.marked_layers import (
    TracedTensor,
    Translations,
    node_of,
)


class PartitionedFIR(nn.Module):
    """(batch, channels, time) -> the same; torch's ONNX exporter writes one node ``edgekit::PartitionedFIR``.

    Args:
        taps: of the response.
        channels: of input and output, each with a separate response.
    """

    def __init__(self, taps: int, channels: int = 1) -> None:
        """Start from a response that changes nothing."""
        super().__init__()
        response = torch.zeros(channels, taps)
        response[:, 0] = 1
        self.response = nn.Parameter(response)

    def forward(self, x: Tensor) -> Tensor:
        """Filter whole recordings, preceded by silence."""
        if torch.compiler.is_exporting():
            marked = torch.ops.edgekit.partitioned_fir(x, self.response)
            return marked  # type: ignore[no-any-return]
        return _fft_convolution(x, self.response)


def _fft_convolution(x: Tensor, response: Tensor) -> Tensor:
    frames = x.shape[-1]
    size = frames + response.shape[-1]
    spectrum = torch.fft.rfft(x.double(), size) * torch.fft.rfft(response.double(), size)
    whole: Tensor = torch.fft.irfft(spectrum, size)[..., :frames].to(x.dtype)
    return whole


@torch.library.custom_op("edgekit::partitioned_fir", mutates_args=())
def _partitioned_fir_operator(x: Tensor, response: Tensor) -> Tensor:
    return _fft_convolution(x, response).contiguous()


@_partitioned_fir_operator.register_fake
def _(x: Tensor, response: Tensor) -> Tensor:
    return torch.empty_like(x)


def translations() -> Translations:
    """Return the layer's ``custom_translation_table`` for ``torch.onnx.export``."""
    layer = node_of("PartitionedFIR", ("x", "response"), "channels")

    def translate(x: object, response: TracedTensor) -> object:
        return layer(x, response, channels=int(response.shape[0]))

    return {torch.ops.edgekit.partitioned_fir.default: translate}
