"""Layers that fit a microcontroller, for `layers.py --device`: of published networks, and odd ones drawn from seeds."""

from collections.abc import Iterator

import numpy as np
from layers.layer_shapes import Layer, conv, depthwise, gru, linear
from layers.layer_shapes_transposed import transposed

SMALL = (
    conv("dense 3x3", "ResNet-8", (16, 32, 32), 16, (3, 3)),
    conv("dense 3x3", "ResNet-8", (16, 32, 32), 32, (3, 3), 2),
    conv("dense 3x3", "ResNet-8", (32, 16, 16), 32, (3, 3)),
    conv("dense 3x3", "ResNet-8", (64, 8, 8), 64, (3, 3)),
    conv("dense 3x3", "ResNet-18", (128, 12, 12), 32, (3, 3)),
    conv("dense 3x3", "detector", (40, 9, 11), 24, (3, 3)),
    conv("dense 3x3", "DeepLab", (32, 20, 20), 32, (3, 3), 1, 2, same=False),
    conv("dense 3x3", "ResNeXt", (64, 14, 14), 64, (3, 3), 1, 1, 8),
    conv("dense 3x3", "a mask", (32, 16, 16), 1, (3, 3)),
    conv("pointwise", "ds_cnn", (64, 25, 5), 64, (1, 1)),
    conv("pointwise", "MobileNetV1 0.25", (32, 24, 24), 32, (1, 1)),
    conv("pointwise", "MobileNetV1 0.25", (128, 6, 6), 128, (1, 1)),
    conv("pointwise", "MobileNetV2", (24, 24, 24), 72, (1, 1)),
    conv("pointwise", "MobileNetV2", (160, 3, 3), 320, (1, 1)),
    conv("pointwise", "ResNet-8", (32, 16, 16), 64, (1, 1), 2),
    conv("pointwise", "Conv-TasNet", (128, 100), 64, (1,)),
    conv("stem", "ds_cnn", (1, 49, 10), 64, (10, 4), 2),
    conv("stem", "MobileNetV1 0.25", (3, 96, 96), 8, (3, 3), 2),
    conv("stem", "MobileNetV2", (3, 48, 48), 32, (3, 3), 2),
    conv("stem", "ResNet-8", (3, 32, 32), 16, (3, 3)),
    conv("stem", "a spectrogram", (1, 40, 64), 16, (7, 7), (1, 3)),
    conv("stem", "wav2vec", (1, 2000), 64, (10,), 5, same=False),
    depthwise("ds_cnn", (64, 25, 5), (3, 3)),
    depthwise("MobileNetV1 0.25", (16, 48, 48), (3, 3)),
    depthwise("MobileNetV1 0.25", (32, 24, 24), (3, 3), 2),
    depthwise("MobileNetV1 0.25", (128, 6, 6), (3, 3)),
    depthwise("MCUNet", (48, 20, 20), (5, 5)),
    depthwise("MCUNet", (32, 21, 21), (7, 7), 2),
    depthwise("DeepLab", (32, 17, 17), (3, 3), 1, 2),
    depthwise("Conv-TasNet", (128, 100), (3,), 1, 4),
    depthwise("Conformer", (64, 100), (31,)),
    conv("1-D", "Silero", (64, 64), 64, (3,)),
    conv("1-D", "TCN", (32, 100), 32, (5,), 1, 8),
    conv("1-D", "Encodec", (32, 100), 64, (10,), 5),
    transposed("U-Net", (32, 12, 12), 16, (2, 2), 2),
    transposed("Encodec", (64, 20), 32, (8,), 4),
    linear("autoencoder", "Gemm", 1, 640, 128),
    linear("ViT", "Gemm", 16, 64, 192),
    gru("GTCRN", 33, 16, 16),
    gru("a", 1, 128, 128),
)  # fmt: skip


def odd_small(seed: int) -> Iterator[Layer]:
    """Yield layers of sizes that no network has, from a seed."""
    random = np.random.default_rng(seed)

    def one(low: int, high: int) -> int:
        return int(random.integers(low, high, endpoint=True))

    for _ in range(3):
        kernel, strides = (one(1, 5), one(1, 5)), (one(1, 3), one(1, 3))
        size, source = (one(5, 20), one(1, 20)), f"seed {seed}"
        yield conv("odd", source, (one(1, 50), *size), one(5, 60), kernel, strides)
        channels, side, k = one(9, 60), one(9, 18), 2 * one(1, 3) + 1
        x = (channels, side, side + 3)
        yield conv("odd", source, x, channels, (k, k), one(1, 2), 1, channels)
        x_1d = (one(5, 60), one(20, 150))
        yield conv("odd", source, x_1d, one(5, 60), (one(1, 9),), one(1, 3), one(1, 3))
