"""Constants that the network, the demo and the training share."""

import numpy as np

RATE, N_FFT, HOP, BINS = 16_000, 512, 128, 256  # the highest bin is left out
FRONTEND = f"stft:{N_FFT}:{HOP}:sqrt_hann"
BUFFER = 8  # frames that still hold noise
DELAY = 4  # frames, as a rule; 0 to BUFFER - 1 are there
THETA, SIGMA_MIN, SIGMA_MAX = (
    1.5,
    0.05,
    0.5,
)  # of the OUVE equation, see `edgekit.export.diffusion.step_tables_sde`
SIGMA_DATA = 0.09  # the weight of the network's output
TIMES = np.linspace(0.03, 1.0, BUFFER)  # of the frames in the buffer, the oldest first
DECAY = 0.9995  # of the peak that spectra are divided by, a frame
LEAST = 1e-3  # the smallest peak


def mean(times: np.ndarray) -> np.ndarray:
    """Return the share of x0 - y that is left in x - y at these times."""
    return np.asarray(np.exp(-THETA * times))


def std(times: np.ndarray) -> np.ndarray:
    """The deviation of x at these times."""
    rate = np.log(SIGMA_MAX / SIGMA_MIN)
    grown = SIGMA_MIN**2 * ((SIGMA_MAX / SIGMA_MIN) ** (2 * times) - np.exp(-2 * THETA * times))
    return np.asarray(np.sqrt(grown * rate / (THETA + rate)))
