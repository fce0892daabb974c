"""The orders in which C kernels of integer convolutions read weights, and the terms folded into their biases."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgekit.base.arrays import Array, Int8
from edgekit.operators.geometry import ConvShape
from edgekit.targets.c.packing.weights import int4_bytes
from edgekit.targets.instruction_sets import Packing, TileLayout

LEAST_BY_TILES = 3000  # products of vectors, EK_AMX_LEAST


@dataclass(frozen=True)
class Weights:
    """The parameters of an integer convolution for a kernel.

    Attributes:
        w: (out_c, in_c / groups, k_h, k_w); of a transposed one (in_c, out_c / groups, k_h, k_w).
        bias: (out_c), without any zero point.
        x_zero: the value of the input outside its borders.
        bits: of the input.
        is_int4: whether two weights are to share a byte.
        shape: all sizes.
    """

    w: Array
    bias: Array
    x_zero: int
    bits: int
    is_int4: bool
    shape: ConvShape

    def folded(self, offset: int = 0) -> Array:
        """Return the bias less the contribution of zero-point inputs, and of an offset to each, to the sums."""
        return fold_into_bias(self.w, self.bias, offset + self.x_zero)


def fold_into_bias(w: Array, bias: Array, value: int) -> Array:
    """Return the bias (out_c) of w (out_c, ...) less the contribution of operands of that value to the sums."""
    if value == 0:
        return bias
    folded: Array = bias - value * w.reshape(len(w), -1).sum(1, np.int64)
    return folded.astype(bias.dtype)


def pack_in_order(_own: Packing, of: Weights) -> tuple[Array, Array]:
    """Return w unchanged, the order of ``ek_conv_transpose_runs.h``."""
    return of.w, of.bias


def pack_dense(own: Packing, of: Weights) -> tuple[Array, Array]:
    """For the kernel that every instruction set has."""
    gains = own.windows and own.offset and of.bits == 8
    if of.is_int4:
        return int4_bytes("ek_conv", [of.w])[0], of.folded(own.offset) if gains else of.bias
    if own.tiles is not None and of.bits == 8:
        return _pack_tiles(of.w, of.shape, own.tiles, strips=False), of.folded()
    if gains:
        return of.w.reshape(-1), of.folded(own.offset)
    return of.w, of.bias


def pack_transposed(own: Packing, of: Weights) -> tuple[Array, Array]:
    """For the transposed kernel that every instruction set has: by phases, or as weights are."""
    if of.is_int4:
        return int4_bytes("ek_conv_transpose", [of.w])[0], of.bias
    if own.tiles is not None and of.bits == 8:
        return pack_phases(own, of, strips=False)
    if not own.windows:
        return of.w, of.bias
    offset = own.offset if of.bits == 8 else 0
    parts = [part.reshape(of.shape.out_c, -1) for part, _ in _phases(of.w, of.shape)]
    biases = [fold_into_bias(part, of.bias, offset and offset + of.x_zero) for part in parts]
    return np.concatenate([part.reshape(-1) for part in parts]), np.concatenate(biases)


def pack_positions(own: Packing, of: Weights) -> tuple[Array, Array]:
    """Return the order of ``runtime/src/x86/conv/ek_conv_positions.h``: rows with channels last."""
    rows = of.w.transpose(0, 2, 3, 1).reshape(len(of.w), -1)
    pack = own.int4_rows if of.is_int4 else own.int_rows
    return pack(rows.astype(np.int8), of.bits), of.folded(own.offset if of.bits == 8 else 0)


def pack_side_by_side(own: Packing, of: Weights) -> tuple[Array, Array]:
    """Return the order of ``ek_conv_fours.h`` and ``ek_conv_pairs.h``."""
    w = _interleave_channels(of.w, channels_together(own, of.bits))
    if own.matrix_tiles and of.bits == 8 and not of.is_int4:
        w = _in_matrix_tiles(w.reshape(len(of.w), -1), of.shape)
    if of.is_int4:
        w = int4_bytes("ek_conv", [w.reshape(len(of.w), -1)])[0]
    if of.bits == 16:
        return w, of.folded()
    return w, of.folded(own.offset) if own.offset else of.bias


def pack_points(own: Packing, of: Weights) -> tuple[Array, Array]:
    """Return the order of ``ek_conv_pointwise.h``: rows of patches are filled up to four columns."""
    if of.shape.k_w > 1:
        wide = np.pad(of.w, ((0, 0), (0, 0), (0, 0), (0, -of.shape.k_w % 4)))
        w, bias = pack_dense(own, replace(of, w=wide))
        if own.matrix_tiles and not of.is_int4:
            w = _in_matrix_tiles(w.reshape(len(of.w), -1), of.shape)
        return w, bias
    return pack_side_by_side(own, of)


def takes_matrix_tiles(s: ConvShape, taps: int) -> bool:
    """Whether an int8 layer with so many taps to an output, a multiple of 4, has enough products for matrix tiles."""
    outputs, vectors = s.out_c // s.groups, -(-s.out_h * s.out_w // 16)
    return taps >= 16 and outputs >= 8 and vectors * (taps // 4) * outputs >= LEAST_BY_TILES


def _in_matrix_tiles(rows: Array, s: ConvShape) -> Array:
    """Return rows of outputs (out_c, taps) as ``ek_conv_amx.h`` reads them: in tiles of 16 rows of 64 taps.

    Rows of layers that `takes_matrix_tiles` leaves out are not changed.
    """
    groups, (count, taps) = s.groups, rows.shape
    if not takes_matrix_tiles(s, taps):
        return rows.reshape(-1)
    outputs = count // groups
    wide = np.zeros((groups, -(-outputs // 16) * 16, -(-taps // 64) * 64), rows.dtype)
    wide[:, :outputs, :taps] = rows.reshape(groups, outputs, taps)
    tiles = wide.reshape(groups, wide.shape[1] // 16, 16, wide.shape[2] // 64, 64).swapaxes(2, 3)
    return np.ascontiguousarray(tiles).reshape(-1)


def channels_together(own: Packing, bits: int) -> int:
    """Return how many channels of inputs of this number of bits are interleaved: int16 ones are pairs."""
    return own.channels if bits == 8 else min(own.channels, 2)


def _interleave_channels(w: Array, together: int) -> Array:
    """Return w (out_c, inputs, k_h, k_w) as [out_c][inputs / together][k_h][k_w][together], filled up with zeros."""
    outputs, inputs, *kernel = w.shape
    wide = np.zeros((outputs, -(-inputs // together) * together, int(np.prod(kernel))), w.dtype)
    wide[:, :inputs] = w.reshape(outputs, inputs, -1)
    return np.ascontiguousarray(
        wide.reshape(outputs, -1, together, wide.shape[2]).swapaxes(2, 3)
    ).reshape(-1)


def pack_planes(own: Packing, of: Weights) -> tuple[Array, Array]:
    """Return the order of ``ek_conv_planes.h``: unchanged, in fours of columns, or the columns of strips."""
    tiles, s, w = tiles_of(own), of.shape, of.w
    if tiles.fours:
        wide = np.pad(w.reshape(s.out_c, s.k_h, s.k_w), ((0, 0), (0, 0), (0, -s.k_w % 4)))
        rows = wide.reshape(s.out_c, -1)
        w = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 16))).astype(np.int8)
    if tiles.strips:
        taps = w.reshape(s.out_c, s.k_h, s.k_w).swapaxes(1, 2)
        if s.dil_w > 1:
            taps = w.reshape(s.out_c, 1, -1)
        columns = np.zeros((*taps.shape[:2], strip_rows(s)), np.int8)
        columns[:, :, : taps.shape[2]] = taps
        w = Packing(taps=((8, tiles.group),)).int_rows(columns.reshape(s.out_c, -1), 8)
    return w, of.folded()


def strip_rows(s: ConvShape) -> int:
    """Rows of a strip of channels by themselves."""
    rows = s.k_h if s.dil_w == 1 else s.k_h * s.k_w
    return 4 if rows == 3 else rows


def pack_strips(own: Packing, of: Weights) -> tuple[Array, Array]:
    """Return the order of ``ek_conv_tiles.h`` for windows in strips."""
    return _pack_tiles(of.w, of.shape, tiles_of(own), strips=True), of.folded()


def _pack_tiles(w: Array, s: ConvShape, tiles: TileLayout, strips: bool) -> Int8:
    """Pack w (out_c, inputs, k_h, k_w) as ``ek_conv_tiles.h`` says."""
    rows = Packing(rows=tiles.outputs, taps=((8, tiles.group),))
    w = w.reshape(s.out_c, -1, s.k_h, s.k_w)
    sizes = tile_piece(s, tiles)
    parts = []
    for group in np.split(w, s.groups):
        for piece in _pieces(group, sizes):
            axes = _tap_axes(tiles, strips, w.shape[1])
            ordered = _in_fours(piece, sizes) if tiles.fours else piece.transpose(0, *axes)
            taps = ordered.reshape(len(group), -1)
            parts.append(rows.int_rows(np.pad(taps, ((0, 0), (0, -taps.shape[1] % tiles.fill))), 8))
    return np.concatenate(parts)


def _in_fours(piece: Array, sizes: tuple[int, int, int]) -> Array:
    """Return a piece as [outputs][rows][fours][4]: of channels, or of columns where that makes fewer fours."""
    channels, _, columns = sizes
    if -(-channels // 4) * columns <= channels * -(-columns // 4):
        wide = np.pad(piece, ((0, 0), (0, -piece.shape[1] % 4), (0, 0), (0, 0)))
        split = wide.reshape(len(wide), -1, 4, *wide.shape[2:])
        return split.transpose(0, 3, 1, 4, 2)
    wide = np.pad(piece, ((0, 0), (0, 0), (0, 0), (0, -piece.shape[3] % 4)))
    split = wide.reshape(*wide.shape[:3], -1, 4)
    return split.transpose(0, 2, 1, 3, 4)


def _tap_axes(tiles: TileLayout, strips: bool, inputs: int) -> tuple[int, int, int]:
    """Return the axes of weights (outputs, inputs, k_h, k_w) in the order in which tiles have the taps of an output."""
    if strips:
        return 3, 2, 1
    return (2, 3, 1) if 0 < tiles.channels <= inputs else (1, 2, 3)


def tile_piece(s: ConvShape, tiles: TileLayout) -> tuple[int, int, int]:
    """Channels, rows and columns of a piece of a kernel that has few enough taps for a tile."""
    inputs, kernel = s.in_c // s.groups, s.k_h * s.k_w
    count = -(-inputs // min(max(tiles.taps // kernel, 1), inputs))
    rows = s.k_h if kernel <= tiles.taps else max(tiles.taps // s.k_w, 1)
    return -(-inputs // count), rows, min(s.k_w, tiles.taps)


def _pieces(w: Array, sizes: tuple[int, int, int]) -> Iterator[Array]:
    """Yield the parts of w (outputs, inputs, k_h, k_w)."""
    channels, rows, columns = sizes
    for c in range(0, w.shape[1], channels):
        for ky in range(0, w.shape[2], rows):
            for kx in range(0, w.shape[3], columns):
                yield w[:, c : c + channels, ky : ky + rows, kx : kx + columns]


def tiles_of(own: Packing) -> TileLayout:
    """Of an instruction set that has them."""
    assert own.tiles is not None
    return own.tiles


def pack_phases(own: Packing, of: Weights, strips: bool) -> tuple[Array, Array]:
    """Return the order of ``runtime/src/tiles/ek_conv_transpose_w8.h``."""
    weights, biases = [np.zeros(0, np.int8)], []
    for part, one in _phases(of.w, of.shape):
        if part.size:
            weights.append(_pack_tiles(part[:, :, ::-1, ::-1], one, tiles_of(own), strips))
        biases.append(fold_into_bias(part.reshape(one.out_c, -1), of.bias, of.x_zero))
    return np.concatenate(weights), np.concatenate(biases)


def _phases(w: Array, s: ConvShape) -> Iterator[tuple[Array, ConvShape]]:
    """Yield the taps of each phase (out_c, inputs, k_h, k_w), and its convolution."""
    grouped = w.reshape(s.groups, s.in_c // s.groups, s.out_c // s.groups, s.k_h, s.k_w)
    by_output = grouped.swapaxes(1, 2).reshape(s.out_c, -1, s.k_h, s.k_w)
    for rows, columns, one in phase_shapes(s):
        yield by_output[:, :, rows][:, :, :, columns], one


def phase_shapes(s: ConvShape) -> Iterator[tuple[list[int], list[int], ConvShape]]:
    """Yield rows and columns of the kernel that each phase of a transposed convolution has, and its convolution."""

    def taps(k: int, stride: int, dilation: int, pad: int) -> list[list[int]]:
        return [
            [i for i in range(k) if (phase + pad - i * dilation) % stride == 0]
            for phase in range(stride)
        ]

    for rows in taps(s.k_h, s.stride_h, s.dil_h, s.pad_top):
        for columns in taps(s.k_w, s.stride_w, s.dil_w, s.pad_left):
            apart = (columns[1] - columns[0]) * s.dil_w // s.stride_w if len(columns) > 1 else 1
            sizes = {"k_h": len(rows), "k_w": len(columns), "dil_w": apart}
            yield rows, columns, replace(s, stride_h=1, stride_w=1, **sizes)
