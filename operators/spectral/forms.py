"""The PCM front end."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.graph.nodes import attribute
from edgekit.operators.operator import Operator
from edgekit.operators.spectral import micro_twin
from edgekit.operators.spectral import twin as spectral_twin


def stft(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return one analysis frame."""
    pcm, history, window = (a.ravel() for a in x)
    return list(
        spectral_twin.ek_stft_f32(pcm, history, window, spectral_twin.fft_tables(window.size))
    )


def istft(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return one synthesis frame."""
    overlap, window = x[1].ravel(), x[2].ravel()
    return list(
        spectral_twin.ek_istft_f32(
            x[0].reshape(-1, 2), overlap, window, spectral_twin.fft_tables(window.size)
        )
    )


def irfft(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the samples of one spectrum."""
    spectrum = x[0].reshape(-1, 2)
    tables = spectral_twin.fft_tables(2 * (len(spectrum) - 1))
    return [spectral_twin.ek_irfft_f32(spectrum, tables)]


def dft(node: ir.Node, x: list[Array]) -> list[Array]:
    """Real, one-sided transforms of the last but one axis."""
    rows = x[0].reshape(-1, x[0].shape[-2])
    tables = spectral_twin.fft_tables(rows.shape[1])
    return [np.stack([spectral_twin.ek_rfft_f32(row, tables) for row in rows])]


def finite_bounds(node: ir.Node) -> tuple[float, float]:
    """Return the smallest and the largest absolute value that ``edgekit::Finite`` passes."""
    return float(attribute(node, "floor", 0.0)), float(attribute(node, "limit", 0.0))


def finite(node: ir.Node, x: list[Array]) -> list[Array]:
    """Replace NaN, infinity, numbers beyond the limit and numbers below the floor by 0."""
    return [spectral_twin.ek_finite_f32(x[0], *finite_bounds(node))]


def micro_frontend(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the features of one frame in integers, the history and the noise estimates."""
    pcm, history, noise, window = (a.ravel() for a in x[:4])
    return micro_twin.ek_micro_frontend(pcm, history, noise, window, x[4])


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "DFT"): dft,
    (FRONTEND_DOMAIN, "STFT"): stft,
    (FRONTEND_DOMAIN, "ISTFT"): istft,
    (FRONTEND_DOMAIN, "IRFFT"): irfft,
    (FRONTEND_DOMAIN, "Finite"): finite,
    (FRONTEND_DOMAIN, "MicroFrontend"): micro_frontend,
}
