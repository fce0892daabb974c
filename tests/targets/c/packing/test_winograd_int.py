"""Which int8 convolutions run by tiles of 4 x 4 outputs."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.operators.geometry import ConvShape
from edgekit.targets.c.packing.winograd_int import SUMS, pays, takes
from edgekit.targets.instruction_sets import INSTRUCTION_SETS, packing_of

OWN = packing_of(INSTRUCTION_SETS["avx512vnni"].folders)
SHAPE = ConvShape(32, 16, 16, 32, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1)

# ConvShape's fields that differ from ResNet-8's second block: whether tiles are taken
CHOICES = {
    "ResNet-8's second block": ({}, True),
    "ResNet-8's last block": ({"in_c": 64, "out_c": 64, "in_h": 8, "in_w": 8}, True),
    "odd sizes": ({"in_c": 59, "in_h": 35, "in_w": 31, "out_c": 61}, True),
    "sizes that fill few tiles": ({"in_c": 45, "in_h": 33, "in_w": 17, "out_c": 40}, False),
    "one tile, for which all weights are read": (
        {"in_c": 150, "in_h": 3, "in_w": 3, "out_c": 103},
        False,
    ),
    "ResNet-18's second block": ({"in_c": 128, "out_c": 128, "in_h": 12, "in_w": 12}, True),
    "weights that stay nowhere": ({"in_c": 256, "out_c": 256}, False),
    "few channels": ({"in_c": 16, "out_c": 16, "in_h": 32, "in_w": 32}, False),
    "few outputs of a tile": ({"in_h": 1}, False),
    "5x5": ({"k_h": 5, "k_w": 5, "pad_top": 2, "pad_left": 2}, False),
    "a stride": ({"stride_h": 2, "stride_w": 2}, False),
    "a dilation": ({"dil_h": 2, "dil_w": 2}, False),
    "groups": ({"groups": 2}, False),
}


def of(s: ConvShape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, biases and shifts."""
    random = np.random.default_rng(0)
    w = random.integers(-127, 128, (s.out_c, s.in_c // s.groups, s.k_h, s.k_w)).astype(np.int8)
    return w, random.integers(-9999, 9999, s.out_c).astype(np.int32), np.full(s.out_c, 40, np.uint8)


@pytest.mark.parametrize("name", CHOICES)
def test_the_shapes_that_tiles_take(name: str) -> None:
    fields, expected = CHOICES[name]
    s = replace(SHAPE, **fields)
    s = replace(s, out_h=-(-s.in_h // s.stride_h), out_w=-(-s.in_w // s.stride_w))
    assert (takes(OWN, s, *of(s), 3) and pays(OWN, s)) == expected
    others = [packing_of(INSTRUCTION_SETS[isa].folders) for isa in ("avx2", "neon")]
    assert not any(takes(own, s, *of(s), 3) for own in others)


def test_sums_that_could_outgrow_tiles_are_left_to_taps() -> None:
    w, bias, shift = of(SHAPE)
    most = SUMS - 128 * abs(w[5].astype(np.int64)).sum()
    bias[5] = most - 1
    assert takes(OWN, SHAPE, w, bias, shift, 0)
    bias[5] = most
    assert not takes(OWN, SHAPE, w, bias, shift, 0)
    bias[5] = most + 3 * w[5].astype(np.int64).sum()
    assert not takes(OWN, SHAPE, w, bias, shift, 3)
    bias[5] -= 1
    assert takes(OWN, SHAPE, w, bias, shift, 3)


def test_shifts_that_tiles_do_not_have_are_left_to_taps() -> None:
    w, bias, shift = of(SHAPE)
    shift[9] = 27
    assert takes(OWN, SHAPE, w, bias, shift, 0)
    shift[9] = 26
    assert not takes(OWN, SHAPE, w, bias, shift, 0)


def test_where_matrices_are_multiplied_tiles_of_taps_take_more_time() -> None:
    assert pays(OWN, SHAPE)
    assert not pays(packing_of(INSTRUCTION_SETS["amx"].folders), SHAPE)
