"""Weights in the order in which a device's kernels read them.

The rows of a matrix are packed as ``runtime/src/<isa>/ek_rows.h`` says: `rows` rows side by side, in groups of taps,
filled up with zeros. Where an instruction takes its operand unsigned, what that adds is folded into the bias.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from edgekit.base.arrays import Array, Int8
from edgekit.graph.sparsity import Pattern
from edgekit.operators.geometry import ConvShape
from edgekit.targets.c.packing.sparse import sparse_rows
from edgekit.targets.instruction_sets import BY_LANES, PORTABLE, Packing, Tiles

INT4 = "w4"  # what the names of kernels with int4 weights end in
SPARSE = "sparse"  # and of those with N:M sparse weights


def int4_bytes(kernel: str, arrays: Sequence[Array]) -> list[Int8]:
    """Two to a byte, low nibble first: the weights among a kernel's arrays, each row from a whole byte on."""
    family = kernel.split("_")[1]
    count = 2 if family in ("gru", "lstm") else 1
    one_row = kernel.startswith("ek_conv_transpose")
    packed = []
    for array in arrays[:count]:
        rows = array.astype(np.int8).reshape(1 if one_row else len(array), -1)
        even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
        pairs = (even[:, 0::2] & 15) | (even[:, 1::2] << 4)
        packed.append(pairs.astype(np.int8).reshape(-1))
    return packed


def _parts(each: Callable[[Array], Array], r: Array, whole: bool, axis: int) -> Array:
    """Pack a recurrent matrix as one, or its last third by itself."""
    if whole:
        return each(r)
    first, last = np.split(r, [r.shape[axis] * 2 // 3], axis)
    return np.concatenate([each(first), each(last)])


def pack_conv(
    own: Packing,
    kernel: str,
    w: Array,
    bias: Array,
    x_zero: int,
    shape: ConvShape,
) -> tuple[Array, Array]:
    """Return weights and bias of an integer convolution as its kernel reads them.

    Where int8 operands gain an offset, that and the zero point are folded into the bias. With `windows` the
    weights of a transposed convolution are those of one convolution after the other,
    [phase][out_c][inputs][taps], and so are the biases; those of a convolution with few positions are packed as
    rows with channels last, and the zero point is always folded. Where kernels take `channels` side by side, so lie
    their weights. Transposed ones with runs of outputs of few taps have weights and biases as they are. With `tiles`
    the zero point of int8 inputs is folded, and weights are packed, those of a transposed one by phases too.
    """
    transposed = kernel.startswith("ek_conv_transpose")
    bits = int(kernel.removeprefix("ek_conv_").removeprefix("transpose_").split("_")[0][1:])
    offset = own.offset if bits == 8 else 0
    value = offset and offset + x_zero
    beside = not transposed and bits == 8 and own.channels and side_by_side(shape, own.channels)
    if kernel.endswith(INT4):
        rows = _channels_together(w, own.channels).reshape(len(w), -1) if beside else w
        return int4_bytes(kernel, [rows])[0], _fold_input_into_bias(w, bias, value if beside else 0)
    if _is_unpacked(own, transposed, bits, shape):
        return w, bias
    if own.tiles is not None and bits == 8:
        of_tiles = _phase_tiles if transposed else _conv_tiles
        return of_tiles(w, bias, x_zero, shape, own.tiles)
    if not transposed and few_positions(shape):
        rows = w.transpose(0, 2, 3, 1).reshape(len(w), -1)
        return own.int_rows(rows, bits), _fold_input_into_bias(w, bias, offset + x_zero)
    if beside:
        return _channels_together(w, own.channels), _fold_input_into_bias(w, bias, value)
    parts = transposed_phases(w, shape) if transposed else [w.reshape(len(w), -1)]
    biases = [_fold_input_into_bias(part, bias, value) for part in parts]
    return np.concatenate([part.reshape(-1) for part in parts]), np.concatenate(biases)


def _fold_input_into_bias(w: Array, bias: Array, value: int) -> Array:
    """Return the bias (out_c) of w (out_c, ...) less what operands of that value add to the sums."""
    if value == 0:
        return bias
    folded: Array = bias - value * w.reshape(len(w), -1).sum(1, np.int64)
    return folded.astype(bias.dtype)


def few_positions(s: ConvShape) -> bool:
    """Whether outputs are taken position by position: ``ek_conv_has_few_positions``."""
    most = 12 if s.k_h * s.k_w > 1 else 8
    return s.groups == 1 and s.out_h * s.out_w <= most and s.out_c >= 16


def side_by_side(s: ConvShape, channels: int) -> bool:
    """Whether so many channels lie side by side: ``ek_conv_has_fours``, ``ek_conv_has_pairs``."""
    inputs, kernel = s.in_c // s.groups, s.k_h * s.k_w
    if channels == 2:
        return inputs >= 2 and (inputs + 1) // 2 * kernel <= 8000
    apart = kernel > 1 or s.stride_h > 1 or s.stride_w > 1
    many = inputs >= 4 or (inputs >= 2 and inputs * kernel > 256)
    return many and apart and -(-inputs // 4) * kernel <= 16000


def _is_unpacked(own: Packing, transposed: bool, bits: int, shape: ConvShape) -> bool:
    """Whether kernels read int8 weights as they are: all of them, or those with runs of outputs."""
    by_tiles = own.tiles is not None and bits == 8
    return not (own.windows or by_tiles) or (transposed and bits == 8 and in_runs(shape))


def in_runs(s: ConvShape) -> bool:
    """Whether blocks of outputs, of few taps each, are taken as runs: ``ek_conv_has_runs``, which has these numbers."""
    down, across = (s.k_h - 1) * s.dil_h // s.stride_h + 1, (s.k_w - 1) // s.stride_w + 1
    return s.dil_w == 1 and s.stride_w >= 16 and s.in_c // s.groups * down * across <= 8


def by_planes(s: ConvShape) -> bool:
    """Whether channels are taken each by itself: ``ek_conv_has_planes``, which has these numbers."""
    wide = 16 + (s.k_w - 1) * s.dil_w // s.stride_w
    high = 1 + (s.k_h - 1) * s.dil_h // s.stride_h
    fits = s.stride_h * s.stride_w * high * wide <= 2048 and max(s.k_h, s.k_w) <= 64
    planes = s.stride_h * s.stride_w <= 16
    return s.in_c == s.groups and s.out_c <= 2 * s.groups and planes and fits


def by_strips(s: ConvShape) -> bool:
    """Whether channels are taken each by itself by strips: ``ek_conv_has_planes`` of ``runtime/src/mve``."""
    wide, high = (s.k_w - 1) * s.dil_w + 1 + 4 * s.stride_w, s.stride_h + (s.k_h - 1) * s.dil_h
    rows = strip_rows(s)
    fits = rows <= 16 and s.stride_h <= 16 and rows * wide <= 2048 and high * wide <= 1536
    return s.in_c == s.groups and s.out_c <= 2 * s.groups and fits


def strip_rows(s: ConvShape) -> int:
    """Rows of a strip: ``ek_strip_high``."""
    rows = s.k_h if s.dil_w == 1 else s.k_h * s.k_w
    return 4 if rows == 3 else rows


def _conv_tiles(
    w: Array, bias: Array, x_zero: int, s: ConvShape, tiles: Tiles
) -> tuple[Array, Array]:
    """Pack w (out_c, inputs, k_h, k_w) for channels by themselves, or for tiles; the zero point goes into the bias."""
    fold = x_zero * w.reshape(len(w), -1).sum(1, np.int64)
    if tiles.strips:
        packed = _pack_strips(w, s, tiles) if by_strips(s) else _pack_tiles(w, s, tiles)
    else:
        packed = w if by_planes(s) else _pack_tiles(w, s, tiles)
    return packed, (bias - fold).astype(bias.dtype)


def _pack_strips(w: Array, s: ConvShape, tiles: Tiles) -> Int8:
    """Pack w (out_c, 1, k_h, k_w) as ``runtime/src/mve/ek_conv_planes.h`` says."""
    taps = w.reshape(s.out_c, s.k_h, s.k_w).swapaxes(1, 2)
    if s.dil_w > 1:
        taps = w.reshape(s.out_c, 1, -1)
    columns = np.zeros((*taps.shape[:2], strip_rows(s)), np.int8)
    columns[:, :, : taps.shape[2]] = taps
    return Packing(taps=((8, tiles.group),)).int_rows(columns.reshape(s.out_c, -1), 8)


def _pack_tiles(w: Array, s: ConvShape, tiles: Tiles) -> Int8:
    """Pack w (out_c, inputs, k_h, k_w) as ``ek_conv_tiles.h`` says."""
    rows = Packing(rows=2, taps=((8, tiles.group),))
    w = w.reshape(s.out_c, -1, s.k_h, s.k_w)
    parts = []
    for group in np.split(w, s.groups):
        pieces = list(_pieces(group, tiles.taps))
        channels, high = pieces[0].shape[1:3]
        for piece in pieces:
            ordered = piece
            if in_strips(s, channels, channels * high, tiles):
                across = piece.transpose(0, 3, 2, 1).reshape(len(group), piece.shape[3], -1)
                ordered = np.pad(across, ((0, 0), (0, 0), (0, -across.shape[2] % tiles.rows)))
            elif w.shape[1] >= tiles.channels:
                ordered = piece.transpose(0, 2, 3, 1)
            parts.append(rows.int_rows(ordered.reshape(len(group), -1), 8))
    return np.concatenate(parts)


def in_strips(s: ConvShape, channels: int, high: int, tiles: Tiles) -> bool:
    """Whether windows of so many channels, of so many rows together, lie in strips: ``ek_conv_has_strips``."""
    if tiles.rows == 1:
        return s.dil_w == 1 and s.stride_w < s.k_w + (channels < tiles.channels)
    more = -high % tiles.rows
    few = 3 * more <= high and more * (s.out_c // s.groups) <= 12 * high
    return s.dil_w == 1 and s.stride_w <= s.k_w and few


def _pieces(w: Array, taps: int) -> Iterator[Array]:
    """Yield parts of w (outputs, inputs, k_h, k_w) of so many taps at most: ``ek_first_piece``."""
    _, inputs, k_h, k_w = w.shape
    count = -(-inputs // min(max(taps // (k_h * k_w), 1), inputs))
    rows = k_h if k_h * k_w <= taps else max(taps // k_w, 1)
    for c in range(0, inputs, -(-inputs // count)):
        for ky in range(0, k_h, rows):
            for kx in range(0, k_w, min(k_w, taps)):
                block = w[:, c : c + -(-inputs // count)]
                yield block[:, :, ky : ky + rows, kx : kx + min(k_w, taps)]


def _channels_together(w: Array, together: int) -> Array:
    """Return w (out_c, inputs, k_h, k_w) as [out_c][inputs / together][k_h][k_w][together], filled up with zeros."""
    outputs, inputs, *kernel = w.shape
    wide = np.zeros((outputs, -(-inputs // together) * together, int(np.prod(kernel))), w.dtype)
    wide[:, :inputs] = w.reshape(outputs, inputs, -1)
    return np.ascontiguousarray(
        wide.reshape(outputs, -1, together, wide.shape[2]).swapaxes(2, 3)
    ).reshape(-1)


def transposed_phases(w: Array, s: ConvShape) -> list[Array]:
    """Return w (in_c, out_c / groups, k_h, k_w) by remainders of output positions: each (out_c, inputs * taps)."""
    return [part.reshape(s.out_c, -1) for part, _ in _phases(w, s)]


def _phases(w: Array, s: ConvShape) -> Iterator[tuple[Array, int]]:
    """Yield the taps of each phase (out_c, inputs, k_h, k_w), and how many inputs lie between two along the row."""
    grouped = w.reshape(s.groups, s.in_c // s.groups, s.out_c // s.groups, s.k_h, s.k_w)
    by_output = grouped.swapaxes(1, 2).reshape(s.out_c, -1, s.k_h, s.k_w)

    def taps(k: int, stride: int, dilation: int, pad: int) -> list[list[int]]:
        return [
            [i for i in range(k) if (phase + pad - i * dilation) % stride == 0]
            for phase in range(stride)
        ]

    for rows in taps(s.k_h, s.stride_h, s.dil_h, s.pad_top):
        for columns in taps(s.k_w, s.stride_w, s.dil_w, s.pad_left):
            apart = (columns[1] - columns[0]) * s.dil_w // s.stride_w if len(columns) > 1 else 1
            yield by_output[:, :, rows][:, :, :, columns], apart


def _phase_tiles(
    w: Array, bias: Array, x_zero: int, s: ConvShape, tiles: Tiles
) -> tuple[Array, Array]:
    """Pack a transposed convolution as ``runtime/src/tiles/ek_conv_transpose_w8.h`` says."""
    weights, biases = [np.zeros(0, np.int8)], []
    for part, apart in _phases(w, s):
        k_h, k_w = part.shape[2:]
        one = replace(s, k_h=k_h, k_w=k_w, stride_h=1, stride_w=1, dil_w=apart)
        if part.size:
            weights.append(_pack_tiles(part[:, :, ::-1, ::-1], one, tiles))
        fold = x_zero * part.reshape(s.out_c, -1).sum(1, np.int64)
        biases.append((bias - fold).astype(bias.dtype))
    return np.concatenate(weights), np.concatenate(biases)


def pack(
    own: Packing,
    kernel: str,
    arrays: Sequence[Array],
    whole: bool = True,
    patterns: Sequence[Pattern | None] = (),
) -> list[Array]:
    """Return the weights of a kernel as its device reads them.

    Args:
        own: the device's.
        kernel: its name.
        arrays: the leading arrays among its arguments that are weights and biases: (w, bias) of ``ek_fc``,
            (w, r, w_bias, r_bias) of a recurrent cell in integers, (w, r) of one in float, (w) of ``ek_fc_f32``;
            of ``ek_frame_fc`` w has a first axis of blocks; others have none to pack.
        whole: whether the recurrent product is one; else (a GRU that resets before) its last third is apart.
        patterns: of a sparse kernel, that of each matrix.
    """
    if kernel.startswith("ek_frame_fc"):
        return _by_blocks(own, kernel.replace("frame_fc", "fc"), *arrays)
    family, *kinds = kernel.split("_")[1:]
    if kinds[-1] == SPARSE:
        return _sparse(own, [int(kind[1:]) for kind in kinds[:-1]], arrays, whole, patterns)
    int4 = kinds[-1] == INT4
    if int4 and not own.nibbles:
        narrow = int4_bytes(kernel, arrays)
        return [*narrow, *arrays[len(narrow) :]]
    if own in (PORTABLE, BY_LANES) or (kinds[0] == "f32" and own.columns == 0):
        return list(arrays)
    if family not in ("fc", "gru", "lstm", "rnn"):
        return list(arrays)
    if kinds[0] == "f32":
        w, *r = arrays
        return [own.float_rows(w), *(_parts(own.float_rows, part, whole, axis=1) for part in r)]
    matrices, biases = arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :]
    widths = [int(kind[1:]) for kind in kinds if kind != INT4]
    rows = own.int4_rows if int4 else own.int_rows
    packed = [rows(matrices[0], widths[0])]
    for recurrent in matrices[1:]:
        packed.append(_parts(partial(rows, bits=widths[1]), recurrent, whole, axis=0))
    return packed + [own.int_bias(*both) for both in zip(matrices, biases, widths, strict=False)]


def _sparse(
    own: Packing,
    bits: Sequence[int],
    arrays: Sequence[Array],
    whole: bool,
    patterns: Sequence[Pattern | None],
) -> list[Array]:
    """Pack matrices of which some keep patterns, and the biases behind them."""
    matrices, biases = arrays[: len(patterns)], arrays[len(patterns) :]
    packed = [
        sparse_rows(own, w, pattern, width, whole or i == 0)
        for i, (w, pattern, width) in enumerate(zip(matrices, patterns, bits, strict=False))
    ]
    return packed + [own.int_bias(*both) for both in zip(matrices, biases, bits, strict=False)]


def _by_blocks(own: Packing, kernel: str, w: Array, *biases: Array) -> list[Array]:
    """Pack each block by itself; what their packing adds to the bias counts together."""
    nothing = [np.zeros_like(bias) for bias in biases]
    parts = [pack(own, kernel, [block, *nothing]) for block in w]
    folded = [
        (bias + sum(part[1 + i] for part in parts)).astype(bias.dtype)
        for i, bias in enumerate(biases)
    ]
    return [np.concatenate([part[0].reshape(-1) for part in parts]), *folded]
