"""Choose int8 convolutions for ``ek_conv_winograd_s8_s8``, and pack their weights as it reads them.

F(4x4, 3x3) of Lavin and Gray, arXiv 1509.09308, with points 0, 1, -1, 2, -2 and infinity, in integers. The weights'
transform is scaled by 24 along each axis (but 8 at infinity, where outputs take it three times). So sums of products
are 576 times those of the taps modulo 2^32. Times the inverse of 9 they are 64 times them, exactly if those are small
enough. So outputs have the bits of ``ek_conv_s8_s8``.
"""

import numpy as np

from edgekit.base.arrays import Array, Int16, Int32, Int64
from edgekit.operators.geometry import ConvShape
from edgekit.targets.instruction_sets import Packing

KERNEL = "ek_conv_winograd_s8_s8"
TAPS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 8]])
PLACES = 36  # of a tile of 4 x 4 outputs
PANEL = 16  # output channels side by side
SUMS = 1 << 25  # the bound of sums
LEAST_SHIFT = 27
MOST_INPUTS = 256
MOST_BYTES = 3 << 19  # of weights, eight times those of the taps: they stay near the core

# Times, in that of a product of vectors; measured on layers of `bench/layers/layers.py`.
INPUTS = 400  # laying out and transforming a tile of 32 channels
OUTPUTS = 300  # transforming a tile back for 16 channels, and requantizing
READ = 1.5  # a vector of weights, once for all tiles: eight times the bytes of the taps
SUM = 13  # requantizing a vector of the other kernel's sums
GAIN = 0.87  # of its time, below which tiles count


def pack_winograd(w: Array) -> Int16:
    """G g G^T of w (out_c, in_c, 3, 3): (36, out_c / 16, in_c / 2, 16, 2), filled up with zeros."""
    out_c, in_c = w.shape[:2]
    wide = np.zeros((-(-out_c // PANEL) * PANEL, -(-in_c // 2) * 2, 3, 3), np.int64)
    wide[:out_c, :in_c] = w
    places = np.einsum("ia,ocab,jb->ijoc", TAPS, wide, TAPS)
    pairs = places.reshape(PLACES, -1, PANEL, wide.shape[1] // 2, 2)
    return np.ascontiguousarray(pairs.swapaxes(2, 3), np.int16)


def fold_winograd_bias(w: Array, bias: Array, x_zero: int) -> Int32:
    """Return 64 times the bias (out_c) less the zero point's contribution to the sums of w (out_c, in_c, 3, 3)."""
    return (64 * _sums(w, bias, x_zero)).astype(np.int32)


def takes(own: Packing, s: ConvShape, w: Array, bias: Array, shift: Array, x_zero: int) -> bool:
    """Whether a device has the kernel, and that computes a convolution exactly."""
    if own.channels != 4 or not _fits(s) or shift.min() < LEAST_SHIFT:
        return False
    largest = abs(_sums(w, bias, x_zero)) + 128 * abs(w.astype(np.int64)).sum((1, 2, 3))
    return bool(largest.max() < SUMS)


def pays(own: Packing, s: ConvShape) -> bool:
    """Whether products by tiles, and transforms of inputs and outputs, take less time than ``ek_conv_s8_s8``.

    They never do where that has instructions for products of matrices.
    """
    if own.matrix_tiles:
        return False
    tiles = -(-s.out_h // 4) * -(-s.out_w // 4)
    pairs, panels, vectors = -(-s.in_c // 2), -(-s.out_c // PANEL), -(-s.out_h * s.out_w // 16)
    tiled = tiles * (panels * (PLACES * pairs + OUTPUTS) + -(-s.in_c // 32) * INPUTS)
    direct = vectors * s.out_c * (9 * -(-s.in_c // 4) + SUM)
    weights = PLACES * pairs * panels
    return weights * 64 <= MOST_BYTES and tiled + READ * weights < GAIN * direct


def _fits(s: ConvShape) -> bool:
    """Whether the kernel takes a convolution, all of whose taps are used."""
    fixed = (s.k_h, s.k_w, s.stride_h, s.stride_w, s.dil_h, s.dil_w, s.groups)
    return fixed == (3, 3, 1, 1, 1, 1, 1) and s.in_c <= MOST_INPUTS and s.trimmed() == s


def _sums(w: Array, bias: Array, x_zero: int) -> Int64:
    sums: Int64 = bias.astype(np.int64) - x_zero * w.astype(np.int64).sum((1, 2, 3))
    return sums
