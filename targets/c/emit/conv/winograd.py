"""Convolutions for ``ek_conv_winograd_f32``: the conditions, the strips of tiles, the weights and the work space."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Float32
from edgekit.operators.geometry import ConvShape, conv_shape, dims
from edgekit.operators.roles import constant
from edgekit.runtime.devices.profile import KernelCosts
from edgekit.targets.c.emit.conv.float_rates import rate_by_channels, rate_by_rows
from edgekit.targets.c.emit.kernels import Selection

PLACES = 16  # of a tile of 2 x 2 outputs
TAPS = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])  # G of F(2, 3)
STRIPS = 1 << 15, 1 << 17  # floats of the inputs and sums of a strip, which stay near
CACHE = 1 << 18  # bytes of the second one where it is not known
LEAST_TILES, MOST_COLUMNS, MOST_INPUTS = 8, 64, 1024
PLACE = 4  # products in whose time a vector of sums of a place begins and is kept
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
    cache, costs = selection.profile.l2_bytes, selection.costs
    tiled = time_by_tiles(s, lanes, cache, costs)
    return tiled < GAIN * time_of_others(s, lanes, cache, costs)


def time_by_tiles(s: ConvShape, lanes: int, cache: int | None, costs: KernelCosts) -> float:
    """Return the time of ``ek_conv_winograd_f32``, in that of a product of a vector."""
    high, wide, panels = -(-s.out_h // 2), -(-s.out_w // 2), -(-s.out_c // lanes)
    strip = strip_of(s, cache)
    vectors = high * -(-wide // strip.columns) * -(-strip.columns // lanes)
    inputs = vectors * s.in_c * costs.tile_inputs
    outputs = high * wide * panels * (PLACES * (s.in_c + PLACE) + costs.tile_outputs)
    return max(inputs + outputs, PLACES * _time_of_weights(s, lanes, cache, costs))


def time_of_others(s: ConvShape, lanes: int, cache: int | None, costs: KernelCosts) -> float:
    """Return that of the faster one of the other kernels."""
    reached = max(rate_by_rows(s, lanes, costs), rate_by_channels(s, lanes, costs))
    return max(s.macs / lanes / reached, 9 * _time_of_weights(s, lanes, cache, costs))


def _time_of_weights(s: ConvShape, lanes: int, cache: int | None, costs: KernelCosts) -> float:
    """Return the time in which a place's or tap's weights come from memory; 0 if all of them fit into the cache."""
    far = 4 * PLACES * s.in_c * s.out_c > (cache or CACHE)
    return 4 * s.in_c * -(-s.out_c // lanes) / costs.weight_bytes * far


def _equal(n: int, most: int) -> int:
    """The size of equal parts of n, none above `most`."""
    parts = -(-n // most)
    return -(-n // parts)
