"""The ways in which C computes integer convolutions: one row each, which lowering names for a layer.

A row has the C function, the instruction sets and shapes that it takes, and its order of weights. It also has the
condition under which it beats later rows. Only here are these rules: a function does as its name says.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from edgekit.base.arrays import Array
from edgekit.operators.geometry import ConvShape
from edgekit.runtime.devices.profile import KernelCosts
from edgekit.targets.c.packing.conv_weights import (
    Weights,
    channels_together,
    pack_dense,
    pack_in_order,
    pack_phases,
    pack_planes,
    pack_points,
    pack_positions,
    pack_side_by_side,
    pack_strips,
    pack_transposed,
    phase_shapes,
    strip_rows,
    takes_matrix_tiles,
    tile_piece,
    tiles_of,
)
from edgekit.targets.c.packing.weights import INT4
from edgekit.targets.instruction_sets import Packing

FEW_BESIDE_TILES = 3  # positions, for which matrix tiles take more time
NAME = re.compile(rf"(ek_conv\w*?)_s(8|16)_s(?:8|16)(_{INT4})?")
Rule = Callable[[ConvShape, Packing, int], bool]  # with the bits of inputs
CostRule = Callable[[ConvShape, Packing, int, KernelCosts], bool]


@dataclass(frozen=True)
class ConvPath:
    """A way to compute an integer convolution.

    Attributes:
        kernel: its C function, before the element types.
        has: whether an instruction set has it, for inputs of this number of bits, and for int4 weights.
        pack: converts weights and bias to the order that it reads.
        takes: whether it computes a shape.
        pays: whether it then takes less time than the rows after it.
    """

    kernel: str
    has: Callable[[Packing, int, bool], bool]
    pack: Callable[[Packing, Weights], tuple[Array, Array]]
    takes: Rule = lambda _shape, _own, _bits: True
    pays: CostRule = lambda _shape, _own, _bits, _costs: True


def pack_conv(
    own: Packing, kernel: str, w: Array, bias: Array, x_zero: int, shape: ConvShape
) -> tuple[Array, Array]:
    """Return weights and bias of an integer convolution as a kernel reads them.

    Args:
        own: of the instruction set.
        kernel: its whole name.
        w: weights, as `Weights` has them.
        bias: (out_c), without any zero point.
        x_zero: the value of the input outside its borders.
        shape: all sizes, which the kernel takes.
    """
    path, bits, is_int4 = _row_of(kernel)
    return path.pack(own, Weights(w, bias, x_zero, bits, is_int4, shape))


def kernels_of(kernel: str, own: Packing, shape: ConvShape, costs: KernelCosts) -> list[str]:
    """Return kernels with the same result as one of them, and the same element types: first the fastest."""
    path, bits, is_int4 = _row_of(kernel)
    paths = next(rows for rows in (CONV_PATHS, TRANSPOSED_PATHS) if path in rows)
    there = [other for other in paths if other.has(own, bits, is_int4)]
    taking = [other for other in there if other.takes(shape, own, bits)]
    best = next(other for other in taking if other.pays(shape, own, bits, costs))
    ordered = (best, *(other for other in taking if other is not best))
    return [kernel.replace(path.kernel, other.kernel, 1) for other in ordered]


def has_kernel(own: Packing, kernel: str) -> bool:
    """Whether an instruction set has a kernel of integer convolutions."""
    path, bits, is_int4 = _row_of(kernel)
    return path.has(own, bits, is_int4)


def _row_of(kernel: str) -> tuple[ConvPath, int, bool]:
    """The row of a kernel, the bits of its inputs, and whether its weights are int4."""
    found = NAME.fullmatch(kernel)
    assert found is not None, kernel
    return BY_KERNEL[found[1]], int(found[2]), bool(found[3])


def _everywhere(_own: Packing, _bits: int, _is_int4: bool) -> bool:
    return True


def _narrow(_own: Packing, bits: int, is_int4: bool) -> bool:
    return bits == 8 and not is_int4


def _by_tiles(own: Packing, bits: int, is_int4: bool) -> bool:
    return own.tiles is not None and _narrow(own, bits, is_int4)


def _by_strips(own: Packing, bits: int, is_int4: bool) -> bool:
    return _by_tiles(own, bits, is_int4) and tiles_of(own).strips


def _are_few(s: ConvShape, own: Packing, bits: int, costs: KernelCosts) -> bool:
    """Whether outputs are too few for vectors of positions; int16 inputs have tiles of six with AVX-512."""
    tiles = own.channels == 4 and bits == 16
    most = costs.few_windows if tiles or s.k_h * s.k_w > 1 else costs.few_points
    if tiles and s.out_c >= 24:
        most = costs.few_words
    taps = -(-s.in_c // s.groups // 4) * 4 * s.k_h * s.k_w
    if own.matrix_tiles and bits == 8 and takes_matrix_tiles(s, taps):
        most = FEW_BESIDE_TILES
    return s.out_h * s.out_w <= most and s.out_c >= 16


def _channels_fit_in_band(s: ConvShape, own: Packing, bits: int) -> bool:
    """Whether a band has room for one position of all channels; with AVX2 each pair of them has 2,048 elements."""
    together, kernel = channels_together(own, bits), s.k_h * s.k_w
    elements = -(-s.in_c // s.groups // together)
    if own.channels == 2:
        return elements * kernel <= 8000 and kernel <= 2048
    return elements * kernel <= 16000


def _pay_side_by_side(s: ConvShape, own: Packing, bits: int, _costs: KernelCosts) -> bool:
    """Whether the channels suffice, and more than one tap where four of them are together."""
    inputs, kernel = s.in_c // s.groups, s.k_h * s.k_w
    if bits == 16:
        return s.in_c > s.groups or s.groups == 1
    if own.channels == 2:
        return inputs >= 2
    if _pay_as_patches(s):
        return False
    apart = kernel > 1 or s.stride_h > 1 or s.stride_w > 1
    return apart and (inputs >= 4 or (inputs >= 2 and inputs * kernel > 256))


def _are_points(s: ConvShape, _own: Packing, _bits: int) -> bool:
    """Whether each output reads the channels at its own position, and a tile has room for them."""
    one = (s.k_h, s.k_w, s.stride_h, s.stride_w, s.pad_top, s.pad_left) == (1, 1, 1, 1, 0, 0)
    return one and (s.in_h, s.in_w) == (s.out_h, s.out_w) and s.in_c // s.groups <= 2048


def _are_patches(s: ConvShape) -> bool:
    """Whether windows of four columns or more lie inside of x, and a tile has room for one."""
    down, across = (s.out_h - 1) * s.stride_h + s.k_h, (s.out_w - 1) * s.stride_w + s.k_w
    inside = down <= s.in_h and across <= s.in_w and s.dil_h == s.dil_w == 1
    row = s.in_c // s.groups * s.k_h * -(-s.k_w // 4) * 4
    return inside and s.pad_top == s.pad_left == 0 and s.k_w >= 4 and row <= 8192


def _are_points_or_patches(s: ConvShape, own: Packing, bits: int) -> bool:
    """Whether ``ek_conv_pointwise.h`` computes it."""
    return _are_points(s, own, bits) or _are_patches(s)


def _pay_as_patches(s: ConvShape) -> bool:
    """Whether channels fill no group of four, or windows share no columns and fill theirs well."""
    fours, few = -(-s.k_w // 4) * 4, s.in_c < 4 and s.stride_w > 1
    apart = s.stride_w >= s.k_w and 5 * s.k_w >= 4 * fours
    return s.groups == 1 and _are_patches(s) and (few or apart)


def _pay_by_points(s: ConvShape, _own: Packing, _bits: int, _costs: KernelCosts) -> bool:
    """Whether channels are added, or are longer than a band of one by itself."""
    if s.k_w > 1:
        return _pay_as_patches(s)
    return s.in_c > s.groups or s.out_h * s.out_w > 3840


def _fit_in_planes(s: ConvShape, own: Packing, _bits: int) -> bool:
    """Whether each channel is by itself, and its band has room: ``ek_conv_planes.h``, that of Helium by strips.

    Without Helium and Advanced SIMD those of a group may be added to one output.
    """
    tiles = tiles_of(own)
    if tiles.fours:
        return _fit_in_windows(s)
    most = 2 if s.in_c == s.groups else int(not tiles.strips)
    if s.out_c > most * s.groups:
        return False
    if tiles.strips:
        wide, high = (s.k_w - 1) * s.dil_w + 1 + 4 * s.stride_w, s.stride_h + (s.k_h - 1) * s.dil_h
        rows = strip_rows(s)
        return rows <= 16 and s.stride_h <= 16 and rows * wide <= 2048 and high * wide <= 1536
    wide = 16 + (s.k_w - 1) * s.dil_w // s.stride_w
    high = 1 + (s.k_h - 1) * s.dil_h // s.stride_h
    planes = s.stride_h * s.stride_w
    return planes <= 16 and planes * high * wide <= 2048 and max(s.k_h, s.k_w) <= 64


def _fit_in_windows(s: ConvShape) -> bool:
    """Whether channels are by themselves, windows of four within 32 bytes, and a band has room: ``EK_PLANE``."""
    reach, window = (s.k_w - 1) * s.dil_w + 1, min(s.k_w - 1, 3) * s.dil_w
    width = (s.out_w - 1) * s.stride_w + reach
    span = 3 * s.stride_w
    if s.out_h > 1 and s.out_w % 4:
        at = [j // s.out_w * width + j % s.out_w * s.stride_w for j in range(s.out_w + 3)]
        span = max(last - first for first, last in zip(at, at[3:], strict=False))
    few = min(s.stride_h * (1 + (s.k_h - 1) * s.dil_h // s.stride_h), s.k_h)
    fours = s.k_h * -(-s.k_w // 4)
    return (
        s.in_c == s.groups > 1
        and span + window < 32
        and fours <= 128
        and few * (reach + 16 * s.stride_w) <= 8192
    )


def _pay_in_planes(s: ConvShape, _own: Packing, _bits: int, _costs: KernelCosts) -> bool:
    """Whether channels that are added have enough taps and positions for bands of their own."""
    return s.in_c == s.groups or (s.k_h * s.k_w >= 5 and s.out_h * s.out_w >= 8)


def _fit_in_strips(s: ConvShape, _own: Packing, _bits: int) -> bool:
    """Whether windows may lie in strips."""
    return s.dil_w == 1 and s.stride_w <= s.k_w


def _pay_in_strips(s: ConvShape, own: Packing, _bits: int, _costs: KernelCosts) -> bool:
    """Whether positions share columns, or channels are few."""
    tiles = tiles_of(own)
    channels, _, _ = tile_piece(s, tiles)
    return s.stride_w < s.k_w + (channels < tiles.channels)


def _fit_in_runs(s: ConvShape, _own: Packing, _bits: int) -> bool:
    """Whether an output has eight taps at most, neighbours along the row of which are those of neighbours."""
    down, across = (s.k_h - 1) * s.dil_h // s.stride_h + 1, (s.k_w - 1) // s.stride_w + 1
    return s.dil_w == 1 and s.in_c // s.groups * down * across <= 8


def _pay_in_runs(s: ConvShape, _own: Packing, _bits: int, _costs: KernelCosts) -> bool:
    """Whether a block has many outputs."""
    return s.stride_w >= 16


def _fit_phases_in_strips(s: ConvShape, own: Packing, bits: int) -> bool:
    """Whether the windows of all phases may lie in strips."""
    return all(_fit_in_strips(one, own, bits) for one in _phases_with_taps(s))


def _pay_phases_in_strips(s: ConvShape, own: Packing, bits: int, costs: KernelCosts) -> bool:
    """Whether that pays for at least half of the taps."""
    gains = [
        (1 if _pay_in_strips(one, own, bits, costs) else -1, one) for one in _phases_with_taps(s)
    ]
    return sum(sign * one.k_h * one.k_w for sign, one in gains) >= 0


def _phases_with_taps(s: ConvShape) -> list[ConvShape]:
    return [one for _, _, one in phase_shapes(s) if one.k_h * one.k_w]


CONV_PATHS = (
    ConvPath(
        "ek_conv_positions",
        lambda own, _bits, _is_int4: own.windows,
        pack_positions,
        lambda shape, _own, _bits: shape.groups == 1,
        _are_few,
    ),
    ConvPath(
        "ek_conv_bands",
        lambda own, _bits, _is_int4: own.channels > 0,
        pack_side_by_side,
        _channels_fit_in_band,
        _pay_side_by_side,
    ),
    ConvPath(
        "ek_conv_points",
        lambda own, bits, _is_int4: own.channels == 4 and bits == 8,
        pack_points,
        _are_points_or_patches,
        _pay_by_points,
    ),
    ConvPath("ek_conv_planes", _by_tiles, pack_planes, _fit_in_planes, _pay_in_planes),
    ConvPath("ek_conv_strips", _by_strips, pack_strips, _fit_in_strips, _pay_in_strips),
    ConvPath("ek_conv", _everywhere, pack_dense),
)
RUNS = ConvPath("ek_conv_transpose_runs", _narrow, pack_in_order, _fit_in_runs, _pay_in_runs)
TRANSPOSED_PATHS = (
    RUNS,
    ConvPath(
        "ek_conv_transpose_strips",
        _by_strips,
        partial(pack_phases, strips=True),
        _fit_phases_in_strips,
        _pay_phases_in_strips,
    ),
    ConvPath("ek_conv_transpose", _everywhere, pack_transposed),
)
BY_KERNEL = {path.kernel: path for path in (*CONV_PATHS, *TRANSPOSED_PATHS)}
