"""The orders in which kernels read the weights of integer convolutions: sums of products stay what they are."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.operators.geometry import ConvShape
from edgekit.targets.c.packing.conv_weights import (
    Weights,
    fold_into_bias,
    pack_dense,
    pack_planes,
    pack_side_by_side,
    pack_strips,
    phase_shapes,
    takes_matrix_tiles,
    tile_piece,
)
from edgekit.targets.instruction_sets import INSTRUCTION_SETS, TileLayout

MVE, DSP = (INSTRUCTION_SETS[isa].packing for isa in ("mve", "dsp"))


def of(shape: ConvShape, *sizes: int) -> Weights:
    w = np.random.default_rng(0).integers(-127, 128, sizes).astype(np.int8)
    return Weights(w, np.arange(shape.out_c, dtype=np.int32), 5, 8, False, shape)


def test_what_inputs_of_the_zero_point_add_is_folded_into_the_bias() -> None:
    w = np.array([[[1, 2]], [[-3, 1]]], np.int8)
    assert fold_into_bias(w, np.array([10, 20], np.int32), 4).tolist() == [-2, 28]
    wide = fold_into_bias(w, np.array([-(2**31), 0], np.int32), 1)
    assert wide.dtype == np.int32 and wide[0] == 2**31 - 3  # modulo 2^32, as kernels sum


@pytest.mark.parametrize("own", [MVE, DSP])
def test_channels_by_themselves_keep_their_sums(own) -> None:
    shape = ConvShape(4, 9, 9, 4, 9, 9, 3, 3, 1, 1, 1, 1, 1, 1, 4)
    weights = of(shape, 4, 1, 3, 3)
    packed, bias = pack_planes(own, weights)
    sums = weights.w.reshape(4, -1).sum(1, np.int64)
    np.testing.assert_array_equal(packed.reshape(4, -1).sum(1, np.int64), sums)
    np.testing.assert_array_equal(bias, weights.bias - 5 * sums)
    assert packed.size == (64 if own is MVE else 36)  # columns of four rows, in a group of sixteen


def test_windows_in_strips_have_column_by_column() -> None:
    shape = ConvShape(4, 9, 9, 2, 9, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1)
    weights = of(shape, 2, 4, 3, 3)
    packed, _ = pack_strips(MVE, weights)
    taps = packed.reshape(-1, 2, 16).swapaxes(0, 1).reshape(2, -1)
    rows = weights.w.transpose(0, 3, 2, 1).reshape(2, 36)  # [k_w][k_h][channels]
    np.testing.assert_array_equal(taps, np.pad(rows, ((0, 0), (0, 12))))


def test_tiles_of_words_alternate_two_outputs() -> None:
    shape = ConvShape(3, 9, 9, 3, 9, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1)
    weights = of(shape, 3, 3, 3, 3)
    packed, _ = pack_dense(DSP, weights)
    panels = packed.reshape(2, 28, 2)  # of outputs, of taps and a zero
    taps = np.pad(weights.w.reshape(3, 27), ((0, 1), (0, 1)))
    np.testing.assert_array_equal(panels.swapaxes(1, 2).reshape(4, 28), taps)


def test_matrix_tiles_have_sixteen_outputs_of_each_group_by_sixty_four_taps() -> None:
    shape = ConvShape(48, 20, 20, 70, 20, 20, 3, 3, 1, 1, 1, 1, 1, 1, 2)
    weights = of(shape, 70, 24, 3, 3)
    plain, _ = pack_side_by_side(INSTRUCTION_SETS["avx512vnni"].packing, weights)
    packed, bias = pack_side_by_side(INSTRUCTION_SETS["amx"].packing, weights)
    rows, tiles = plain.reshape(2, 35, 216), packed.reshape(2, 3, 4, 16, 64)
    assert tiles[1, 2, 3, 2, 5] == rows[1, 34, 3 * 64 + 5]
    assert not tiles[:, 2, :, 3:].any() and not tiles[:, :, 3, :, 216 - 192 :].any()
    assert tiles.sum(dtype=np.int64) == rows.sum(dtype=np.int64)
    np.testing.assert_array_equal(bias, weights.folded(128))


def test_layers_of_few_products_have_no_matrix_tiles() -> None:
    shape = ConvShape(12, 5, 10, 24, 5, 10, 3, 3, 1, 1, 1, 1, 1, 1, 1)
    assert not takes_matrix_tiles(shape, 108)  # 4 * 27 * 24 = 2592
    assert takes_matrix_tiles(replace(shape, out_w=13), 108)  # 5 * 27 * 24
    assert not takes_matrix_tiles(replace(shape, out_c=7, out_w=1000), 108)


def test_a_piece_has_few_enough_taps() -> None:
    tiles = TileLayout(group=16, fill=16, taps=512)
    whole = ConvShape(32, 9, 9, 2, 9, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1)
    assert tile_piece(whole, tiles) == (32, 3, 3)
    halves = ConvShape(100, 9, 9, 2, 9, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1)
    assert tile_piece(halves, tiles) == (50, 3, 3)
    large = ConvShape(1, 99, 99, 2, 9, 9, 30, 40, 1, 1, 1, 1, 1, 1, 1)
    assert tile_piece(large, tiles) == (1, 12, 40)


def test_each_tap_of_a_transposed_convolution_is_of_one_phase() -> None:
    shape = ConvShape(1, 1, 9, 1, 1, 27, 1, 5, 1, 3, 1, 1, 0, 1, 1)
    found = [columns for _, columns, _ in phase_shapes(shape)]
    assert found == [[1, 4], [2], [0, 3]]
    assert [one.dil_w for _, _, one in phase_shapes(shape)] == [1, 1, 1]
