"""The PCM front end."""

import numpy as np
import onnx_ir as ir

from edgekit.quantize import arith_fft, arith_float
from edgekit.quantize.numpy_ops.base import Array


def stft(node: ir.Node, x: list[Array]) -> list[Array]:
    """One analysis frame."""
    pcm, history, window = (a.ravel() for a in x)
    return list(arith_fft.ek_stft_f32(pcm, history, window, arith_fft.fft_tables(window.size)))


def istft(node: ir.Node, x: list[Array]) -> list[Array]:
    """One synthesis frame."""
    overlap, window = x[1].ravel(), x[2].ravel()
    return list(
        arith_fft.ek_istft_f32(
            x[0].reshape(-1, 2), overlap, window, arith_fft.fft_tables(window.size)
        )
    )


def irfft(node: ir.Node, x: list[Array]) -> list[Array]:
    """The samples of one spectrum."""
    spectrum = x[0].reshape(-1, 2)
    tables = arith_fft.fft_tables(2 * (len(spectrum) - 1))
    return [arith_fft.ek_irfft_f32(spectrum, tables)]


def dft(node: ir.Node, x: list[Array]) -> list[Array]:
    """Real, one-sided transforms of the last but one axis."""
    rows = x[0].reshape(-1, x[0].shape[-2])
    tables = arith_fft.fft_tables(rows.shape[1])
    return [np.stack([arith_fft.ek_rfft_f32(row, tables) for row in rows])]


def finite(node: ir.Node, x: list[Array]) -> list[Array]:
    """NaN, infinity and what exceeds the limit read as 0."""
    return [arith_float.ek_finite_f32(x[0], node.attributes["limit"].as_float())]
