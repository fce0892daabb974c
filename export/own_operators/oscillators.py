"""`Oscillators`: a bank of harmonic oscillators whose phase does not drift.

``y[n] = sum_k a_k[n] sin(2 pi k phase[n])``, where the phase in cycles is the sum of ``pitch / rate`` up to sample n,
as in DDSP (Engel et al., ICLR 2020). In a stream the phase is kept as whole numbers of 2^-48 cycles, so that it is
exact after hours. One float32 would lose 1e-4 cycles within minutes.
"""

import math
from typing import SupportsInt

import torch
from torch import Tensor, nn

from edgekit.export.own_operators.marked_layers import Translations, node_of


class Oscillators(nn.Module):
    """Pitch (batch, 1, time) in Hz and amplitudes (batch, harmonics, time) -> sound (batch, 1, time).

    Both come at the rate of the sound. Harmonics at or above half the rate are silent; a pitch below 0 counts as 0,
    one above half the rate as that. torch's ONNX exporter writes one node ``edgekit::Oscillators``.

    Args:
        rate: samples per second.
    """

    def __init__(self, rate: int) -> None:
        """Store the sample rate."""
        super().__init__()
        self.rate = rate

    def forward(self, pitch: Tensor, amplitudes: Tensor) -> Tensor:
        """Play whole recordings, from phase 0."""
        if torch.compiler.is_exporting():
            marked = torch.ops.edgekit.oscillators(pitch, amplitudes, self.rate)
            return marked  # type: ignore[no-any-return]
        return _sum_of_sines(pitch, amplitudes, self.rate)


def _sum_of_sines(pitch: Tensor, amplitudes: Tensor, rate: int) -> Tensor:
    bounded = pitch.clamp(0, rate / 2)
    turns = torch.cumsum(bounded.double() / rate, -1)
    harmonic = torch.arange(1, amplitudes.shape[1] + 1, device=pitch.device)[:, None]
    phases = harmonic * turns
    wave = torch.sin(2 * math.pi * (phases - phases.floor())).to(pitch.dtype)
    kept = torch.where(harmonic * bounded < rate / 2, amplitudes, 0.0)
    total: Tensor = (kept * wave).sum(1, keepdim=True)
    return total


@torch.library.custom_op("edgekit::oscillators", mutates_args=())
def _oscillators_operator(pitch: Tensor, amplitudes: Tensor, rate: int) -> Tensor:
    return _sum_of_sines(pitch, amplitudes, rate)


@_oscillators_operator.register_fake
def _(pitch: Tensor, amplitudes: Tensor, rate: int) -> Tensor:
    return torch.empty_like(pitch)


def translations() -> Translations:
    """Return the layer's ``custom_translation_table`` for ``torch.onnx.export``."""
    layer = node_of("Oscillators", ("pitch", "amplitudes"), "rate")

    def translate(pitch: object, amplitudes: object, rate: SupportsInt) -> object:
        return layer(pitch, amplitudes, rate=int(rate))

    return {torch.ops.edgekit.oscillators.default: translate}
