"""Figures of demos, drawn without a display."""

from typing import TYPE_CHECKING

import numpy as np

from edgekit.base.arrays import Float32, Float64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


def new_figure(width: float, height: float, dpi: int = 80) -> "Figure":
    """Return an empty figure of this size in inches, to be saved as a .png."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_spectrogram(
    axes: "Axes", samples: Float32, rate_hz: int, top_db: float | None = None
) -> "AxesImage":
    """Draw the 80 dB below `top_db`, else below the loudest, of samples (samples,) over seconds and kHz."""
    level = spectrogram_db(samples)
    top = float(level.max()) if top_db is None else top_db
    extent = (0.0, samples.size / rate_hz, 0.0, rate_hz / 2000)
    return axes.imshow(
        level.T, "magma", aspect="auto", origin="lower", extent=extent, vmin=top - 80, vmax=top
    )


def spectrogram_db(samples: Float32, n_fft: int = 512, hop: int = 128) -> Float64:
    """Return (frames, n_fft / 2 + 1) levels in dB, Hann window."""
    padded = np.pad(samples.astype(np.float64), (0, n_fft))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(n_fft))) ** 2
    return np.asarray(10 * np.log10(power + 1e-10))
