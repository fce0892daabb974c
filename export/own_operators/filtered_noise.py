"""`FilteredNoise`: noise through filters that are given by their magnitudes, frame by frame.

A frame of magnitudes is the spectrum of a filter of zero phase. Its impulse response has twice the bins less two
samples, windowed (Hann) and centred. A block of noise is convolved with it, and the tail is added to the next blocks,
as in DDSP (Engel et al., ICLR 2020, section 3.3). Sound lags its noise by half a filter.
"""

from typing import SupportsInt

import torch
from torch import Tensor, nn

from edgekit.export.own_operators.marked_layers import Translations, node_of


class FilteredNoise(nn.Module):
    """Noise (batch, 1, frames * block) and magnitudes (batch, bins, frames) -> sound as the noise.

    Magnitudes are of bins from 0 to half the sample rate, not negative. The noise is an input, so that it may be random
    while training and `edgekit export --noise` draws it on a device. torch's ONNX exporter writes one node
    ``edgekit::FilteredNoise``.

    Args:
        block: samples that a frame of magnitudes lasts.
    """

    def __init__(self, block: int) -> None:
        """Store the length of a block."""
        super().__init__()
        self.block = block

    def forward(self, noise: Tensor, magnitudes: Tensor) -> Tensor:
        """Filter whole recordings."""
        if torch.compiler.is_exporting():
            marked = torch.ops.edgekit.filtered_noise(noise, magnitudes, self.block)
            return marked  # type: ignore[no-any-return]
        return _filter_blocks(noise, magnitudes, self.block)


def _filter_blocks(noise: Tensor, magnitudes: Tensor, block: int) -> Tensor:
    batch, bins, frames = magnitudes.shape
    taps = 2 * (bins - 1)
    zero_phase = torch.fft.irfft(magnitudes.transpose(1, 2), taps)
    window = torch.hann_window(taps, device=noise.device, dtype=noise.dtype)
    filters = zero_phase.roll(taps // 2, -1) * window
    size = block + taps - 1
    spectrum = torch.fft.rfft(noise.reshape(batch, frames, block), size)
    sounds = torch.fft.irfft(spectrum * torch.fft.rfft(filters, size), size)
    length = frames * block
    total = nn.functional.fold(
        sounds.transpose(1, 2), (1, length + taps - 1), (1, size), stride=(1, block)
    )
    made: Tensor = total[:, :, 0, :length]
    return made


@torch.library.custom_op("edgekit::filtered_noise", mutates_args=())
def _filtered_noise_operator(noise: Tensor, magnitudes: Tensor, block: int) -> Tensor:
    return _filter_blocks(noise, magnitudes, block).clone()


@_filtered_noise_operator.register_fake
def _(noise: Tensor, magnitudes: Tensor, block: int) -> Tensor:
    return torch.empty_like(noise)


def translations() -> Translations:
    """Return the layer's ``custom_translation_table`` for ``torch.onnx.export``."""
    layer = node_of("FilteredNoise", ("noise", "magnitudes"), "block")

    def translate(noise: object, magnitudes: object, block: SupportsInt) -> object:
        return layer(noise, magnitudes, block=int(block))

    return {torch.ops.edgekit.filtered_noise.default: translate}
