"""Which way to compute an integer convolution lowering names, on which instruction set."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.operators.geometry import ConvShape
from edgekit.runtime.devices.profile import KernelCosts
from edgekit.targets.c.packing.conv_paths import (
    has_kernel,
    kernels_of,
    pack_conv,
)
from edgekit.targets.instruction_sets import INSTRUCTION_SETS, PORTABLE
from edgekit.targets.kernel_costs import generic_costs

PICTURE = ConvShape(16, 20, 20, 24, 20, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1)
FRAME = ConvShape(64, 1, 3, 32, 1, 1, 1, 3, 1, 1, 1, 1, 0, 0, 1)
POINTS = replace(PICTURE, k_h=1, k_w=1, pad_top=0, pad_left=0).flat()
PATCHES = ConvShape(3, 20, 20, 24, 10, 5, 2, 4, 2, 4, 1, 1, 0, 0, 1)
DEPTHWISE = replace(PICTURE, out_c=16, groups=16)
APART = replace(PICTURE, dil_w=2, pad_left=2)
TRANSPOSED = ConvShape(8, 1, 30, 4, 1, 60, 1, 4, 1, 2, 1, 1, 0, 1, 1)
HOPS = ConvShape(4, 1, 3, 4, 1, 128, 1, 192, 1, 64, 1, 1, 0, 64, 4)


def costs_of(isa: str) -> KernelCosts:
    """The generic row of an instruction set."""
    return generic_costs(INSTRUCTION_SETS[isa].folders)


def chosen(kernel: str, isa: str, shape: ConvShape) -> str:
    """What the name of the kernel that is taken has between the family and the types."""
    family, types = kernel.split("_s", 1)
    best = kernels_of(kernel, INSTRUCTION_SETS[isa].packing, shape, costs_of(isa))[0]
    return best.removeprefix(family).removesuffix(f"_s{types}")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (PICTURE, {"avx512vnni": "_bands", "avx2": "_bands", "mve": "_strips", "neon": ""}),
        (FRAME, {"avx512vnni": "_positions", "avx2": "_positions", "mve": "_strips", "neon": ""}),
        (POINTS, {"avx512vnni": "_points", "avx2": "_bands", "mve": "", "dsp": "", "neon": ""}),
        (DEPTHWISE, {"avx512vnni": "", "mve": "_planes", "dsp": "_planes", "neon": "_planes"}),
        (APART, {"avx512vnni": "_bands", "mve": "", "dsp": "", "neon": ""}),
    ],
)
def test_a_layer_takes_the_way_that_pays(shape: ConvShape, words: dict[str, str]) -> None:
    assert {isa: chosen("ek_conv_s8_s8", isa, shape) for isa in words} == words
    assert {chosen("ek_conv_s8_s8", isa, shape) for isa in ("rvv", "wasm", "dots")} == {""}


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        (PATCHES, "_points"),
        (replace(PATCHES, in_c=64), "_points"),
        (replace(PATCHES, in_c=64, k_w=5, stride_w=5, out_w=4), "_bands"),  # rows count as 8
        (replace(PATCHES, in_c=64, stride_w=2), "_bands"),
        (replace(PATCHES, stride_w=2), "_points"),
        (replace(PATCHES, pad_left=1), ""),
        (replace(PATCHES, in_c=64, pad_left=1), "_bands"),
    ],
)
def test_patches_are_taken_in_fours_of_columns(shape: ConvShape, word: str) -> None:
    assert chosen("ek_conv_s8_s8", "avx512vnni", shape) == word


def test_rows_of_patches_are_filled_up() -> None:
    random, own = np.random.default_rng(0), INSTRUCTION_SETS["avx512vnni"].packing
    w, shape = random.integers(-127, 128, (6, 3, 2, 5)).astype(np.int8), replace(PATCHES, k_w=5)
    arrays = pack_conv(own, "ek_conv_points_s8_s8", w, np.zeros(6, np.int32), 3, shape)
    wide = arrays[0].reshape(6, 3, 2, 8)
    np.testing.assert_array_equal(wide[..., :5], w)
    assert not wide[..., 5:].any()
    np.testing.assert_array_equal(arrays[1], -(3 + own.offset) * w.reshape(6, -1).sum(1, np.int64))


def test_weights_in_tiles_are_read_by_kernels_of_tiles() -> None:
    for row in INSTRUCTION_SETS.values():
        assert row.packing.tiles is None or "tiles" in row.folders, row.name


def test_a_transposed_layer_takes_the_way_that_pays() -> None:
    words = {
        isa: chosen("ek_conv_transpose_s8_s16", isa, TRANSPOSED) for isa in ("avx2", "mve", "neon")
    }
    assert words == {"avx2": "", "mve": "_strips", "neon": ""}
    for isa in INSTRUCTION_SETS:
        assert chosen("ek_conv_transpose_s8_s8", isa, HOPS) == "_runs"
        assert chosen("ek_conv_transpose_s16_s8", isa, HOPS) == ""


def test_phases_share_a_way_that_pays_for_most_of_their_taps() -> None:
    three = replace(TRANSPOSED, in_c=16, k_w=3)  # phases of two taps, and of one, which is no strip
    assert chosen("ek_conv_transpose_s8_s8", "mve", three) == "_strips"
    apart = replace(three, dil_w=3)
    assert chosen("ek_conv_transpose_s8_s8", "mve", apart) == ""


def test_a_long_kernel_of_two_channels_has_no_room_in_a_band_of_pairs() -> None:
    own, shape = (
        INSTRUCTION_SETS["avx2"].packing,
        ConvShape(2, 1, 2110, 3, 1, 11, 1, 2100, *[1] * 4, 0, 0, 1),
    )
    assert "ek_conv_bands_s8_s8" not in kernels_of("ek_conv_s8_s8", own, shape, costs_of("avx2"))
    shorter = replace(shape, k_w=2048, out_w=63)
    assert kernels_of("ek_conv_s8_s8", own, shorter, costs_of("avx2"))[0] == "ek_conv_bands_s8_s8"


def test_inputs_of_int16_are_pairs_side_by_side_and_have_no_tiles() -> None:
    for isa in ("avx2", "avx512vnni"):
        assert {chosen("ek_conv_s16_s8", isa, shape) for shape in (PICTURE, POINTS, APART)} == {
            "_bands"
        }
        assert chosen("ek_conv_s16_s8", isa, replace(PICTURE, in_c=1)) == "_bands"
        assert chosen("ek_conv_s16_s8", isa, DEPTHWISE) == ""
    assert chosen("ek_conv_s16_s16", "avx2", FRAME) == "_positions"
    assert {chosen("ek_conv_s16_s16", isa, DEPTHWISE) for isa in ("mve", "dsp")} == {""}


def test_every_way_that_computes_a_shape_is_named() -> None:
    own = INSTRUCTION_SETS["avx2"].packing
    names = kernels_of("ek_conv_s8_s16", own, PICTURE, costs_of("avx2"))
    assert names == ["ek_conv_bands_s8_s16", "ek_conv_positions_s8_s16", "ek_conv_s8_s16"]
    assert kernels_of("ek_conv_s8_s8_w4", own, PICTURE, costs_of("avx2")) == [
        "ek_conv_bands_s8_s8_w4",
        "ek_conv_positions_s8_s8_w4",
        "ek_conv_s8_s8_w4",
    ]
    assert kernels_of("ek_conv_s8_s8", PORTABLE, PICTURE, generic_costs(())) == ["ek_conv_s8_s8"]
    assert not has_kernel(PORTABLE, "ek_conv_planes_s8_s8") and has_kernel(
        PORTABLE, "ek_conv_s16_s8"
    )


def test_weights_follow_the_named_way() -> None:
    random = np.random.default_rng(0)
    w = random.integers(-127, 128, (24, 16, 3, 3)).astype(np.int8)
    bias, own = np.arange(24, dtype=np.int32), INSTRUCTION_SETS["avx2"].packing
    arrays = {
        kernel: pack_conv(own, kernel, w, bias, 3, PICTURE)
        for kernel in kernels_of("ek_conv_s8_s8", own, PICTURE, costs_of("avx2"))
    }
    sums = w.reshape(24, -1).sum(1, np.int64)
    np.testing.assert_array_equal(arrays["ek_conv_positions_s8_s8"][1], bias - 3 * sums)
    beside, own_bias = arrays["ek_conv_bands_s8_s8"]
    np.testing.assert_array_equal(
        beside.reshape(24, 8, 3, 3, 2), w.reshape(24, 8, 2, 3, 3).transpose(0, 1, 3, 4, 2)
    )
    assert own_bias is bias and arrays["ek_conv_s8_s8"][0] is w


@pytest.mark.parametrize("isa", ["avx2", "avx512vnni"])
def test_pairs_of_int16_channels_have_the_zero_point_in_the_bias(isa: str) -> None:
    random, own = np.random.default_rng(0), INSTRUCTION_SETS[isa].packing
    w = random.integers(-127, 128, (24, 15, 3, 3)).astype(np.int8)
    shape = replace(PICTURE, in_c=15)
    bands, bias = pack_conv(own, "ek_conv_bands_s16_s8", w, np.zeros(24, np.int64), 3, shape)
    pairs = bands.reshape(24, 8, 3, 3, 2).transpose(0, 1, 4, 2, 3).reshape(24, 16, 3, 3)
    np.testing.assert_array_equal(pairs[:, :15], w)
    assert not pairs[:, 15].any()
    np.testing.assert_array_equal(bias, -3 * w.reshape(24, -1).sum(1, np.int64))


def test_int4_weights_have_the_offset_of_avx512_in_the_bias() -> None:
    w = np.random.default_rng(0).integers(-7, 8, (24, 16, 3, 3)).astype(np.int8)
    bias, sums = np.arange(24, dtype=np.int32), w.reshape(24, -1).sum(1, np.int64)
    for isa, less in (("avx2", 0), ("avx512vnni", 3 + 128)):
        own = INSTRUCTION_SETS[isa].packing
        _, folded = pack_conv(own, "ek_conv_s8_s8_w4", w, bias, 3, PICTURE)
        np.testing.assert_array_equal(folded, bias - less * sums)
