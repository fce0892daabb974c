"""F(2x2, 3x3): its transforms give the products of a convolution; strips are equal parts of the tiles."""

import numpy as np

from edgekit.operators.geometry import ConvShape
from edgekit.targets.c.emit.conv.winograd import PLACES, strip_of, transform_weights

INPUTS = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])  # B^T of F(2, 3)
OUTPUTS = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])  # A^T


def test_a_tile_has_the_sums_of_the_convolution() -> None:
    draw = np.random.default_rng(0)
    w, x = draw.normal(size=(2, 3, 3, 3)).astype(np.float32), draw.normal(size=(3, 4, 4))
    places = transform_weights(w)
    assert places.shape == (PLACES, 3, 2)
    tile = np.einsum("ia,cab,jb->ijc", INPUTS, x, INPUTS).reshape(PLACES, 3)
    sums = np.einsum("pc,pco->op", tile, places).reshape(2, 4, 4)
    found = np.einsum("ia,oab,jb->oij", OUTPUTS, sums, OUTPUTS)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    np.testing.assert_allclose(found, np.einsum("cyxab,ocab->oyx", windows, w), atol=1e-5)


def test_strips_hold_all_tiles_and_little_more() -> None:
    for high, wide, channels in ((32, 32, 16), (225, 30, 32), (6, 6, 256)):
        s = ConvShape(channels, high, wide, 32, high, wide, 3, 3, 1, 1, 1, 1, 1, 1, 1)
        strip, tiles = strip_of(s), (-(-high // 2), -(-wide // 2))
        for size, count in zip((strip.rows, strip.columns), tiles, strict=True):
            parts = -(-count // size)
            assert size <= count and parts * size - count < parts
