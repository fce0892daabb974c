"""Convolutions for `layers.py` whose operands leave the nearest caches: large planes and many channels, from seeds."""

from collections.abc import Iterator

import numpy as np
from layers.layer_shapes import Layer, conv

MOST_MACS = 400e6
MOST_FLOATS = 4e6  # of an input or an output
SIDE = 160


def odd_large(seed: int) -> Iterator[Layer]:
    """Yield 27 convolutions: planes to 160 x 160, channels to 512, kernels of 1 to 7, strides and dilations.

    Half of the sizes are multiples of 16, as those of networks are.
    """
    random = np.random.default_rng([seed, 3])
    source = f"seed {seed}"

    def one(low: int, high: int) -> int:
        return int(random.integers(low, high, endpoint=True))

    def widen(n: int) -> int:
        return -(-n // 16) * 16 if one(0, 1) else n

    def many(low: int, high: int) -> int:
        return widen(int(np.exp(random.uniform(np.log(low), np.log(high + 1)))))

    def picture(channels: int, out: int, taps: int) -> tuple[int, int, int]:
        """Draw a plane, as large as products and operands allow."""
        most = min(MOST_MACS / (out * taps), MOST_FLOATS / max(channels, out))
        side = int(min(SIDE, most**0.5))
        low = max(side // 2, 5)
        return channels, widen(one(low, side)), widen(one(low, side))

    for _ in range(3):
        for least in (32, 128):
            inputs, out = many(least, 512), many(least, 512)
            x = picture(inputs, out, inputs)
            yield conv("large pointwise", source, x, out, (1, 1))
        inputs, out, k = one(1, 4), many(8, 96), 2 * one(1, 3) + 1
        x = picture(inputs, out, inputs * k * k)
        yield conv("large stem", source, x, out, (k, k), one(1, 2))
        inputs, out, k = many(8, 128), many(8, 128), 2 * one(1, 2) + 1
        x = picture(inputs, out, inputs * k * k)
        yield conv("large dilated", source, x, out, (k, k), 1, one(2, 6))
        for stride in (1, one(1, 2)):
            channels, k = many(16, 512), 2 * one(1, 3) + 1
            x = picture(channels, channels, k * k)
            yield conv("large depthwise", source, x, channels, (k, k), stride, 1, channels)
        inputs, out, k = one(3, 12), many(8, 128), one(2, 5)
        x = picture(inputs, out, inputs * k * k)
        yield conv("large, few inputs", source, x, out, (k, k))
        inputs, out, k = many(16, 512), many(16, 512), (3, one(2, 7))[one(0, 1)]
        x = picture(inputs, out, inputs * k * k)
        yield conv("large dense", source, x, out, (k, k))
        inputs, out, k = many(16, 256), many(16, 256), one(1, 5)
        x = picture(inputs, out, inputs * k * k // 4)
        yield conv("large strided", source, x, out, (k, one(1, 5)), (2, one(1, 3)))
