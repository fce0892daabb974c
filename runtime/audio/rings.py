"""Buffers of a live stream: samples by their number, levels, and the computing times of hops."""

import math
import threading

import numpy as np

from edgekit.base.arrays import Float32

Samples = Float32
KEPT_TIMES = 4096  # hops over which the median is taken


class Ring:
    """Samples by their number from the start of a stream on; it holds the last `size`, at first zeros."""

    def __init__(self, size: int, channels: int) -> None:
        """Hold `size` samples of each channel."""
        self._samples, self._size = np.zeros((size, channels), np.float32), size

    def write(self, first: int, samples: Samples) -> None:
        """Store samples (count, channels), at most `size`, from number `first` on."""
        at = first % self._size
        head = min(len(samples), self._size - at)
        self._samples[at : at + head] = samples[:head]
        self._samples[: len(samples) - head] = samples[head:]

    def read(self, first: int, out: Samples) -> None:
        """Copy samples from number `first` on into all of `out` (count, channels)."""
        at = first % self._size
        head = min(len(out), self._size - at)
        out[:head] = self._samples[at : at + head]
        out[head:] = self._samples[: len(out) - head]


class Meter:
    """Root mean square of samples, since it was last read and in all, in dB of full scale."""

    def __init__(self) -> None:
        """Start with silence."""
        self._lock = threading.Lock()
        self._now, self._all = [0.0, 0], [0.0, 0]  # sum of squares, samples

    def add(self, samples: Samples) -> None:
        """Take samples of any shape; of a block that is not finite none."""
        with np.errstate(all="ignore"):
            power = float(np.sum(np.square(samples, dtype=np.float64)))
        if not math.isfinite(power):
            return
        with self._lock:
            for sums in (self._now, self._all):
                sums[0] += power
                sums[1] += samples.size

    def read_dbfs(self, whole: bool = False) -> float | None:
        """Return the level since the last call, or of all samples; None for silence."""
        with self._lock:
            power, count = self._all if whole else self._now
            self._now = [0.0, 0]
        return round(10 * float(np.log10(power / count)), 1) if power > 0 else None


class HopTimes:
    """Microseconds of hops: the median of the last ones, the longest, and the number that took longer than a hop."""

    def __init__(self, hop_us: float) -> None:
        """Count hops that take longer than `hop_us`."""
        self.hop_us, self.hops, self.misses, self.max_us = hop_us, 0, 0, 0.0
        self._last = np.zeros(KEPT_TIMES)

    def add(self, us: float) -> None:
        """Take the time of a hop."""
        self._last[self.hops % KEPT_TIMES] = us
        self.hops += 1
        self.misses += us > self.hop_us
        self.max_us = max(self.max_us, us)

    @property
    def median_us(self) -> float | None:
        """The median of the last hops; None before the first."""
        return float(np.median(self._last[: self.hops])) if self.hops else None
