"""The filter between the rate of a sound device and that of a network, and how late it makes the sound."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.base.errors import Problem, UsageError

LEAST_HZ, MOST_HZ = 8_000, 192_000
STOPBAND_DB = 96.0  # below a bit of 16-bit samples
PASSBAND = 0.9  # of the Nyquist frequency of the lower rate; aliases lie above it
MOST_TAPS = 2**18  # 11.025 and 192 kHz, the worst of the usual rates, have 158,721


@dataclass(frozen=True)
class Resampling:
    """Both ways between a device and a network: ``device * up = network * down``.

    Attributes:
        device_hz: samples per second of the device.
        network_hz: of the network.
    """

    device_hz: int
    network_hz: int

    @property
    def up(self) -> int:
        """Samples at the common rate for one of the device."""
        return self.network_hz // math.gcd(self.device_hz, self.network_hz)

    @property
    def down(self) -> int:
        """Samples at the common rate for one of the network."""
        return self.device_hz // math.gcd(self.device_hz, self.network_hz)

    @property
    def half(self) -> int:
        """The filter's delay at the common rate, a whole number of samples of the device."""
        if self.up == self.down:
            return 0
        width = (1 - PASSBAND) * min(self.device_hz, self.network_hz) / (self.device_hz * self.up)
        taps = (STOPBAND_DB - 7.95) / (14.36 * width) + 1
        return math.ceil(taps / 2 / self.up) * self.up

    @cached_property
    def taps(self) -> Float32:
        """The filter, (2 * half + 1,), of gain 1: a windowed sinc.

        Kaiser's window by his formulas of its length and shape (Kaiser 1974; Oppenheim and Schafer,
        Discrete-Time Signal Processing, eq. 7.75 and 7.76).
        """
        places = np.arange(-self.half, self.half + 1)
        cutoff = min(self.device_hz, self.network_hz) / (self.device_hz * self.up)
        window = np.kaiser(len(places), 0.1102 * (STOPBAND_DB - 8.7))
        ideal = cutoff * np.sinc(cutoff * places) * window
        return np.asarray(ideal / ideal.sum(), np.float32)

    @property
    def past_in(self) -> int:
        """Samples of the device that a sum reads."""
        return -(-len(self.taps) // self.up)

    @property
    def past_out(self) -> int:
        """Samples of the network that are kept in front of a hop: those of a sum, and those not yet asked for."""
        return -(-len(self.taps) // self.down) + -(-self.up // self.down) + 1

    def lead(self, hop: int) -> int:
        """Samples of the device that a sample waits for its hop to be full, whatever the blocks are."""
        return (hop - 1) * self.down // self.up

    def latency(self, hop: int, delay: int) -> int:
        """Return the delay from a sample at the device's input to its output, in its samples, rounded up.

        Args:
            hop: samples of the network in a call.
            delay: of the network, in its samples.
        """
        inside = math.ceil(Fraction(delay * self.down, self.up))
        return self.lead(hop) + 2 * self.half // self.up + inside


def resampling_between(device_hz: int, network_hz: int | None) -> Resampling:
    """Return the resampling between two rates.

    Raises:
        UsageError: no rate of the network, rates out of range, or a ratio whose filter has too many taps.
    """
    where, allowed = f"--device-rate {device_hz}", f"{LEAST_HZ} to {MOST_HZ} Hz"
    if network_hz is None:
        step = "export with --sample-rate"
        raise UsageError(
            Problem(where, "no sample rate of the network", "a network with one", step)
        )
    if problems := [
        Problem(f"{what} {rate} Hz", "out of range", allowed, "choose another device rate")
        for what, rate in (("device at", device_hz), ("network at", network_hz))
        if not LEAST_HZ <= rate <= MOST_HZ
    ]:
        raise UsageError(problems)
    found = Resampling(device_hz, network_hz)
    if 2 * found.half + 1 > MOST_TAPS:
        ratio = f"{found.up}/{found.down} of {network_hz} Hz needs a filter of {2 * found.half + 1} taps"
        step = "choose a rate that has more in common with the network's"
        raise UsageError(Problem(where, ratio, f"at most {MOST_TAPS} taps", step))
    return found
