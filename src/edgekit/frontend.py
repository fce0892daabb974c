"""The features of a front end as a torch module, so that training and device have one definition.

A network whose first layer is one of these takes PCM. It exports and streams to the nodes that
``--frontend`` with the same text puts before the rest of the network.
"""

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.base.errors import Problem, UsageError
from edgekit.export.frontend.features import FLOOR, Features, cosines
from edgekit.export.frontend.spec import FrontendSpec, parse_spec


class Frontend(nn.Module):
    """Features of PCM, as ``--frontend`` computes them.

    Frames end with a hop, with zeros before the recording: frame k holds the samples up to ``(k + 1) * hop``.
    """

    def __init__(self, text: str, sample_rate: int) -> None:
        """Make the module.

        Args:
            text: as ``--frontend`` takes it: a ``mel``, ``mfcc`` or ``erb`` front end, without ``pcen``, ``stack``
                and ``full``, see docs/frontends.md.
            sample_rate: Hz.

        Raises:
            UsageError: the text is none of these, or does not fit the rate.
        """
        super().__init__()
        self.form, self.features = _checked(text, sample_rate)
        form, features = self.form, self.features
        bank = features.bank_matrix(form.length, sample_rate)
        if features.scale != "power":
            bank = bank / FLOOR
        self._register("window", form.windows()[0])
        self._register("bank", bank)
        if features.coefficients is not None:
            self._register("cosines", cosines(features.bands, features.width))
        self._register("silence", features.silence)

    def _register(self, name: str, array: np.ndarray) -> None:
        self.register_buffer(name, torch.tensor(array.astype(np.float32)), persistent=False)

    @property
    def text(self) -> str:
        """What ``--frontend`` takes for the same features."""
        return str(self.form)

    @property
    def width(self) -> int:
        """Numbers of a frame."""
        return self.features.width

    def forward(self, pcm: Tensor) -> Tensor:
        """Return the features (batch, width, frames) of PCM (batch, samples) or (batch, 1, samples), float32.

        There are ``samples // hop`` frames.
        """
        form, features = self.form, self.features
        buffers = cast(dict[str, Tensor], dict(self.named_buffers()))
        flat = pcm.reshape(pcm.shape[0], pcm.shape[-1])
        padded = nn.functional.pad(flat, (form.overlap, 0))
        spectrum = torch.stft(
            padded,
            form.length,
            form.hop,
            window=buffers["window"],
            center=False,
            return_complex=True,
        )
        parts = torch.view_as_real(spectrum)
        power = (parts * parts).sum(dim=-1).transpose(1, 2)
        value = power @ buffers["bank"]
        if features.scale != "power":
            value = features.unit * value.clamp(min=1).log()
        if features.coefficients is not None:
            value = value @ buffers["cosines"]
        if features.scale != "power":
            value = value + buffers["silence"]
        return value.transpose(1, 2)


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


def _checked(text: str, sample_rate: int) -> tuple[FrontendSpec, Features]:
    form = parse_spec(text)
    features, where = form.features, f"front end {text}"
    allowed = "mel, mfcc or erb without pcen, stack and full"
    if features is None:
        raise UsageError(Problem(where, form.kind, allowed, "take one of these"))
    problems = [
        Problem(where, found, allowed, "leave it to --frontend")
        for found, given in (
            ("pcen", features.scale == "pcen"),
            ("stack", features.stack is not None),
            ("full", form.full),
        )
        if given
    ]
    problems += [
        Problem(f"{where}: {part}", found, may, "correct it")
        for part, found, may in features.problems(sample_rate)
    ]
    if problems:
        raise UsageError(problems)
    return form, features


class _Spectra(nn.Module):
    """Spectra of several channels, as `Frontend` cuts them."""

    def __init__(self, n_fft: int, hop: int, window: str) -> None:
        super().__init__()
        self.form, _ = _checked(f"mel:{n_fft}:{hop}:{window}:2", 2 * n_fft)
        self.register_buffer("window", torch.tensor(self.form.windows()[0]), persistent=False)

    def spectra(self, pcm: Tensor, channels: int) -> tuple[Tensor, Tensor]:
        """Real and imaginary parts, each (batch, channels, frames, bins), of PCM (batch, channels, samples)."""
        form, batch = self.form, pcm.shape[0]
        padded = nn.functional.pad(pcm.reshape(batch * channels, pcm.shape[-1]), (form.overlap, 0))
        window = dict(self.named_buffers())["window"]
        spectrum = torch.stft(
            padded, form.length, form.hop, window=window, center=False, return_complex=True
        )
        parts = torch.view_as_real(spectrum).transpose(1, 2)
        shaped = parts.reshape(batch, channels, -1, form.bins, 2)
        return shaped[..., 0], shaped[..., 1]


class GccPhat(_Spectra):
    """Cross-correlation of two channels by phase alone (Knapp and Carter, 1976), around lag 0."""

    def __init__(self, n_fft: int, hop: int, lags: int, *, window: str = "hann") -> None:
        """Make the module.

        Args:
            n_fft: samples of a frame.
            hop: samples between two frames.
            lags: how many are kept, from ``-lags / 2`` to ``lags / 2 - 1``; even, at most N_FFT.
            window: as ``--frontend`` names it.

        Raises:
            UsageError: numbers that do not fit.
        """
        super().__init__(n_fft, hop, window)
        if lags % 2 or not 2 <= lags <= n_fft:
            allowed = f"even numbers, 2 to {n_fft}"
            raise UsageError(Problem("lags", str(lags), allowed, "correct it"))
        k = np.arange(self.form.bins)[:, None]
        angle = 2 * np.pi * (k * np.arange(-lags // 2, lags // 2) % n_fft) / n_fft
        weight = np.where((k == 0) | (k == n_fft // 2), 1, 2) / n_fft
        for name, matrix in (("even", np.cos(angle)), ("odd", -np.sin(angle))):
            array = (weight * matrix).astype(np.float32)
            self.register_buffer(name, torch.tensor(array), persistent=False)

    def forward(self, pcm: Tensor) -> Tensor:
        """Return (batch, lags, frames) of PCM (batch, 2, samples): the largest where channel 0 is later by that lag.

        The inverse transform of ``X0 conj(X1) / max(|X0 conj(X1)|, 1e-10)``; silence gives 0.
        """
        re, im = self.spectra(pcm, 2)
        cross = re[:, 0] * re[:, 1] + im[:, 0] * im[:, 1]
        turned = im[:, 0] * re[:, 1] - re[:, 0] * im[:, 1]
        size = (cross * cross + turned * turned).sqrt().clamp(min=1e-10)
        buffers = dict(self.named_buffers())
        value = (cross / size) @ buffers["even"] + (turned / size) @ buffers["odd"]
        return value.transpose(1, 2)


class Intensity(_Spectra):
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
        """Make the module, of so many mel bands from 0 to half the sample rate.

        Raises:
            UsageError: numbers that do not fit.
        """
        super().__init__(n_fft, hop, window)
        _, features = _checked(f"mel:{n_fft}:{hop}:{window}:{bands}:{bank}", sample_rate)
        array = features.bank_matrix(n_fft, sample_rate).astype(np.float32)
        self.register_buffer("bank", torch.tensor(array), persistent=False)

    def forward(self, pcm: Tensor) -> Tensor:
        """Return (batch, 3, bands, frames) of PCM (batch, 4, samples), for Y, Z and X.

        ``Re(conj(W) S) / (1e-8 + (|W|^2 + |Y|^2 + |Z|^2 + |X|^2) / 2)``, summed over the triangles of each band.
        """
        re, im = self.spectra(pcm, 4)
        energy = (re * re + im * im).sum(dim=1, keepdim=True) / 2 + 1e-8
        flow = (re[:, :1] * re[:, 1:] + im[:, :1] * im[:, 1:]) / energy
        return (flow @ dict(self.named_buffers())["bank"]).transpose(2, 3)
