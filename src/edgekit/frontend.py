"""The features of a front end as a torch module, so that training and device have one definition.

A network whose first layer is one of these takes PCM. It exports and streams to the nodes that
``--frontend`` with the same text puts before the rest of the network.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.base.errors import Problem, UsageError
from edgekit.base.layout import MOST_CHANNELS
from edgekit.export.frontend.features import (
    ENERGY_FLOOR,
    FLOOR,
    KINDS,
    SIZE_FLOOR,
    Features,
    cosines,
    lag_matrices,
)
from edgekit.export.frontend.spec import FrontendSpec, parse_spec


class Frontend(nn.Module):
    """Features of PCM, as ``--frontend`` computes them.

    Frames end with a hop, with zeros before the recording: frame k holds the samples up to ``(k + 1) * hop``.
    """

    def __init__(self, text: str, sample_rate: int) -> None:
        """Make the module.

        Args:
            text: as ``--frontend`` takes it: ``mel``, ``mfcc``, ``erb``, ``gcc`` or ``intensity``, or several of them
                joined by ``+``, without ``pcen``, ``stack`` and ``full``, see `edgekit help frontends`.
            sample_rate: Hz.

        Raises:
            UsageError: the text is none of these, or does not fit the rate.
        """
        super().__init__()
        self.form = _parse_checked_spec(text, sample_rate)
        _register(self, "window", self.form.windows()[0])
        self.parts = nn.ModuleList(
            _PARTS.get(features.kind, _Bands)(features, self.form.length, sample_rate)
            for features in self.form.every_feature
        )

    @property
    def text(self) -> str:
        """The argument of ``--frontend`` for the same features."""
        return str(self.form)

    @property
    def width(self) -> int:
        """Numbers of a frame."""
        return self.form.width

    def forward(self, pcm: Tensor) -> Tensor:
        """Return the features (batch, width, frames) of PCM (batch, samples) or (batch, 1, samples), float32.

        Of PCM (batch, channels, samples) they are (batch, channels of features, width, frames), without that axis
        where there is one. There are ``samples // hop`` frames.
        """
        form = self.form
        batch, samples = pcm.shape[0], pcm.shape[-1]
        heard = pcm.shape[1] if pcm.dim() == 3 else 1
        if form.channels(heard) is None:
            allowed = ", ".join(str(n) for n in range(1, MOST_CHANNELS + 1) if form.channels(n))
            step = "give PCM (batch, channels, samples)"
            raise UsageError(Problem(f"front end {form}", f"{heard} channels", allowed, step))
        padded = nn.functional.pad(pcm.reshape(batch * heard, samples), (form.overlap, 0))
        window = dict(self.named_buffers(recurse=False))["window"]
        spectrum = torch.stft(
            padded, form.length, form.hop, window=window, center=False, return_complex=True
        )
        parts = torch.view_as_real(spectrum)
        found = [part(parts, batch, heard) for part in self.parts]
        every = found[0] if len(found) == 1 else torch.cat(found, dim=1)
        value = every.reshape(batch, *every.shape[2:]) if every.shape[1] == 1 else every
        return value.transpose(-1, -2)


def _register(module: nn.Module, name: str, array: np.ndarray) -> None:
    module.register_buffer(name, torch.tensor(array.astype(np.float32)), persistent=False)


class _Bands(nn.Module):
    """The bands or cepstra of each channel."""

    def __init__(self, features: Features, n_fft: int, sample_rate: int) -> None:
        super().__init__()
        self.features = features
        bank = features.bank_matrix(n_fft, sample_rate)
        _register(self, "bank", bank / FLOOR if features.scale != "power" else bank)
        if features.coefficients is not None:
            _register(self, "cosines", cosines(features.bands, features.width))
        _register(self, "silence", features.silence)

    def forward(self, parts: Tensor, batch: int, heard: int) -> Tensor:
        """Return (batch, channels, frames, width) of spectra (batch * channels, bins, frames, 2)."""
        features, buffers = self.features, cast(dict[str, Tensor], dict(self.named_buffers()))
        power = (parts * parts).sum(dim=-1).transpose(1, 2)
        value = power @ buffers["bank"]
        if features.scale != "power":
            value = features.unit * value.clamp(min=1).log()
        if features.coefficients is not None:
            value = value @ buffers["cosines"]
        if features.scale != "power":
            value = value + buffers["silence"]
        return value.reshape(batch, heard, *value.shape[1:])


def _split_complex(parts: Tensor, batch: int, heard: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary parts, each (batch, channels, frames, bins)."""
    turned = parts.transpose(1, 2)
    shaped = turned.reshape(batch, heard, *turned.shape[1:])
    return shaped[..., 0], shaped[..., 1]


class _Gcc(nn.Module):
    """GCC-PHAT of each pair of channels."""

    def __init__(self, features: Features, n_fft: int, sample_rate: int) -> None:
        super().__init__()
        even, odd = lag_matrices(n_fft, features.bands)
        _register(self, "even", even)
        _register(self, "odd", odd)

    def forward(self, parts: Tensor, batch: int, heard: int) -> Tensor:
        """Return (batch, pairs, frames, lags) of spectra (batch * channels, bins, frames, 2)."""
        re, im = _split_complex(parts, batch, heard)
        pairs = [(a, b) for a in range(heard) for b in range(a + 1, heard)]

        def picked(x: Tensor, side: int) -> Tensor:
            return torch.cat([x[:, pair[side] : pair[side] + 1] for pair in pairs], dim=1)

        re_0, im_0, re_1, im_1 = (picked(x, side) for side in (0, 1) for x in (re, im))
        cross = re_0 * re_1 + im_0 * im_1
        turned = im_0 * re_1 - re_0 * im_1
        size = (cross * cross + turned * turned).sqrt().clamp(min=SIZE_FLOOR)
        buffers = dict(self.named_buffers())
        return (cross / size) @ buffers["even"] + (turned / size) @ buffers["odd"]


class _Flow(nn.Module):
    """Intensities of first-order ambisonics in bands."""

    def __init__(self, features: Features, n_fft: int, sample_rate: int) -> None:
        super().__init__()
        _register(self, "bank", features.bank_matrix(n_fft, sample_rate))

    def forward(self, parts: Tensor, batch: int, heard: int) -> Tensor:
        """Return (batch, 3, frames, bands) of spectra (batch * 4, bins, frames, 2)."""
        re, im = _split_complex(parts, batch, heard)
        energy = (re * re + im * im).sum(dim=1, keepdim=True) / 2 + ENERGY_FLOOR
        flow = (re[:, :1] * re[:, 1:] + im[:, :1] * im[:, 1:]) / energy
        return flow @ dict(self.named_buffers())["bank"]


_PARTS: dict[str, Callable[[Features, int, int], nn.Module]] = {"gcc": _Gcc, "intensity": _Flow}


class LogMel(Frontend):
    """Logarithms of mel bands, by their numbers instead of a text."""

    def __init__(
        self,
        sample_rate: int,
        n_fft: int,
        hop: int,
        bands: int,
        *,
        window: str = "hann",
        low: float = 0.0,
        high: float | None = None,
        scale: str = "log",
        bank: str = "htk",
    ) -> None:
        """Make ``mel:N_FFT:HOP:WINDOW:BANDS:LOW:HIGH:SCALE:BANK``: ``log`` or ``db``, and ``htk`` or ``slaney``.

        Raises:
            UsageError: as `Frontend`.
        """
        edges = f"{low:g}:{sample_rate / 2 if high is None else high:g}"
        super().__init__(f"mel:{n_fft}:{hop}:{window}:{bands}:{edges}:{scale}:{bank}", sample_rate)


class Mfcc(Frontend):
    """Mel-frequency cepstra, by their numbers instead of a text."""

    def __init__(
        self,
        sample_rate: int,
        n_fft: int,
        hop: int,
        bands: int,
        coefficients: int,
        *,
        window: str = "hann",
        low: float = 0.0,
        high: float | None = None,
        bank: str = "htk",
    ) -> None:
        """Make ``mfcc:N_FFT:HOP:WINDOW:BANDS:COEFFICIENTS:LOW:HIGH`` with the bank ``htk`` or ``slaney``.

        Raises:
            UsageError: as `Frontend`.
        """
        edges = f"{low:g}:{sample_rate / 2 if high is None else high:g}"
        numbers = f"{n_fft}:{hop}:{window}:{bands}:{coefficients}:{edges}"
        super().__init__(f"mfcc:{numbers}:{bank}", sample_rate)


class GccPhat(Frontend):
    """Cross-correlation of two channels by phase alone (Knapp and Carter, 1976), around lag 0."""

    def __init__(self, n_fft: int, hop: int, lags: int, *, window: str = "hann") -> None:
        """Make ``gcc:N_FFT:HOP:WINDOW:LAGS``.

        (batch, lags, frames) of PCM (batch, 2, samples) are the largest where channel 0 is later by that lag; of
        more channels (batch, pairs, lags, frames), the pairs in the order (0, 1), (0, 2), ..., (1, 2), ...
        That is the inverse transform of ``X0 conj(X1) / max(|X0 conj(X1)|, 1e-10)``; silence gives 0.

        Args:
            n_fft: samples of a frame.
            hop: samples between two frames.
            lags: how many are kept, from ``-lags / 2`` to ``lags / 2 - 1``; even, at most N_FFT.
            window: as ``--frontend`` names it.

        Raises:
            UsageError: numbers that do not fit.
        """
        super().__init__(f"gcc:{n_fft}:{hop}:{window}:{lags}", 2 * n_fft)


class Intensity(Frontend):
    """Directions of first-order ambisonics, W, Y, Z, X (Perotin et al., 2018; DCASE's SELD features)."""

    def __init__(
        self,
        sample_rate: int,
        n_fft: int,
        hop: int,
        bands: int,
        *,
        window: str = "hann",
        bank: str = "slaney",
    ) -> None:
        """Make ``intensity:N_FFT:HOP:WINDOW:BANDS:BANK``, of bands from 0 to half the sample rate.

        (batch, 3, bands, frames) of PCM (batch, 4, samples), for Y, Z and X, are
        ``Re(conj(W) S) / (1e-8 + (|W|^2 + |Y|^2 + |Z|^2 + |X|^2) / 2)``, summed over the triangles of each band.

        Raises:
            UsageError: numbers that do not fit.
        """
        super().__init__(f"intensity:{n_fft}:{hop}:{window}:{bands}:{bank}", sample_rate)


def _parse_checked_spec(text: str, sample_rate: int) -> FrontendSpec:
    form = parse_spec(text)
    where = f"front end {text}"
    allowed = f"{', '.join(KINDS)}, without pcen, stack and full"
    if form.features is None or form.is_of_one_rate:
        raise UsageError(Problem(where, form.kind, allowed, "take one of these"))
    problems = [
        Problem(where, found, allowed, "leave it to --frontend")
        for found, given in (
            ("pcen", any(features.scale == "pcen" for features in form.every_feature)),
            ("stack", form.stack is not None),
            ("full", form.full),
        )
        if given
    ]
    problems += [
        Problem(f"{where}: {part}", found, may, "correct it")
        for part, found, may in form.feature_problems(sample_rate)
    ]
    if problems:
        raise UsageError(problems)
    return form
