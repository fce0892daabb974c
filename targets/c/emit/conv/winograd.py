"""Convolutions for ``ek_conv_winograd_f32``: the conditions, the strips of tiles, the weights and the work space."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Float32
from edgekit.operators.geometry import ConvShape, conv_shape, dims
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.conv.float_rates import rate_by_channels, rate_by_rows
from edgekit.targets.c.emit.kernels import Selection

PLACES = 16  # of a tile of 2 x 2 outputs
TAPS = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])  # G of F(2, 3)
STRIPS = 1 << 15, 1 << 17  # floats of the inputs and sums of a strip, which stay near
CACHE = 1 << 18  # bytes of the second one where it is not known
LEAST_TILES, MOST_COLUMNS, MOST_INPUTS = 8, 64, 1024

# Times, in that of a product of a vector; measured on layers of `bench/layers/layers.py`.
INPUTS = 95  # transforming an input of a vector of tiles
OUTPUTS = 75  # transforming a vector of outputs of a tile
PLACE = 4  # beginning and keeping its sums at a place
BYTES = 0.2  # of weights that come from memory meanwhile, for each lane
GAIN = 0.9  # of the other kernels' time, below which it counts


@dataclass(frozen=True)
class Strip:
    """Tiles that are transformed together."""

    rows: int
    columns: int

    def work_floats(self, s: ConvShape) -> int:
        """Return the work space of the kernel in floats."""
        tiles = self.rows * self.columns
        return PLACES * (s.in_c * tiles + 32 * tiles + 64)


def strip_of(s: ConvShape, cache: int | None = None) -> Strip:
    """Return the strips of a convolution: equal parts of its tiles, whole rows of them where space allows.

    Args:
        s: all sizes.
        cache: bytes of the second cache, of which a strip has at most half; None if they are not known.
    """
    high, wide = -(-s.out_h // 2), -(-s.out_w // 2)
    floats = min(max((cache or CACHE) // 8, STRIPS[0]), STRIPS[1])
    most = max(LEAST_TILES, floats // (PLACES * (s.in_c + 32)))
    columns = _equal(wide, min(most, MOST_COLUMNS))
    return Strip(_equal(high, max(1, most // columns)), columns)


def transform_weights(w: Array) -> Float32:
    """G g G^T of w (out_c, in_c, 3, 3): (16, in_c, out_c); Lavin and Gray, arXiv 1509.09308, equation 8."""
    places = np.einsum("ia,ocab,jb->ijco", TAPS, w.astype(np.float64), TAPS)
    return np.asarray(places.reshape(PLACES, w.shape[1], w.shape[0]), np.float32)


def takes(selection: Selection, node: ir.Node) -> bool:
    """Whether the device has the kernel, and it computes a float convolution.

    Tiles multiply sums of inputs. A tap that is 0 in all weights, as after masks, would leak its input through
    rounding, so such convolutions are left to other kernels.
    """
    w = constant(node.inputs[1])
    if w is None or len(dims(node.inputs[0])) != 4 or selection.float_packing.columns < 8:
        return False
    s = conv_shape(node, list(w.shape[2:]))
    return _fits(s) and not (w.any() and not w.any(axis=(0, 1)).all())


def room(selection: Selection, node: ir.Node) -> int:
    """Bytes of its work space."""
    s = conv_shape(node, [3, 3])
    return 4 * strip_of(s, selection.profile.l2_bytes).work_floats(s)


def _fits(s: ConvShape) -> bool:
    """Whether the kernel takes a convolution, all of whose taps are used."""
    fixed = (s.k_h, s.k_w, s.stride_h, s.stride_w, s.dil_h, s.dil_w, s.groups)
    return fixed == (3, 3, 1, 1, 1, 1, 1) and s.in_c <= MOST_INPUTS and s.trimmed() == s


def pays(selection: Selection, node: ir.Node) -> bool:
    """Whether a 3x3 convolution takes less time by tiles: its products, its transforms, and weights from memory."""
    lanes, s = selection.float_packing.columns, conv_shape(node, [3, 3])
    high, wide, panels = -(-s.out_h // 2), -(-s.out_w // 2), -(-s.out_c // lanes)
    cache = selection.profile.l2_bytes
    strip = strip_of(s, cache)
    inputs = high * -(-wide // strip.columns) * -(-strip.columns // lanes) * s.in_c * INPUTS
    outputs = high * wide * panels * (PLACES * (s.in_c + PLACE) + OUTPUTS)
    far = 4 * PLACES * s.in_c * s.out_c > (cache or CACHE)
    weight = 4 * s.in_c * panels / BYTES * far  # a place or a tap of all inputs and outputs
    tiled = max(inputs + outputs, PLACES * weight)
    reached = max(rate_by_rows(s, lanes), rate_by_channels(s, lanes))
    other = max(s.macs / lanes / reached, 9 * weight)
    return tiled < GAIN * other


def _equal(n: int, most: int) -> int:
    """The size of equal parts of n, none above `most`."""
    parts = -(-n // most)
    return -(-n // parts)
