"""What an engine takes of a part, by the numbers of its memories and multipliers."""

from dataclasses import replace

import pytest

from edgekit.fpga.resources import (
    PARTS,
    block_rams,
    estimate,
    most_buffer_beats,
    multipliers,
    usable,
)
from edgekit.fpga.spec import EngineSpec

SPEC = EngineSpec(lanes=8, columns=8)


def test_two_products_of_four_bits_share_a_block() -> None:
    narrow, wide = (multipliers(replace(SPEC, weight_bits=bits), "xilinx") for bits in (4, 8))
    assert wide - narrow == 8 * 8 - 8 * 4


@pytest.mark.parametrize(("family", "blocks"), [("xilinx", 1), ("ecp5", 2)])
def test_a_wide_accumulator_takes_as_many_blocks_as_it_fills(family: str, blocks: int) -> None:
    bits = {"xilinx": 24, "ecp5": 24}[family]
    one = multipliers(replace(SPEC, accumulator_bits=14), family)
    assert multipliers(replace(SPEC, accumulator_bits=bits), family) - one == (8 + 8) * (blocks - 1)


def test_memories_grow_with_their_rows() -> None:
    rams = block_rams(SPEC, "xilinx")
    double = block_rams(replace(SPEC, buffer_beats=2 * SPEC.buffer_beats), "xilinx")
    assert double["activations"] == 2 * rams["activations"]
    assert {name: count for name, count in double.items() if name != "activations"} == {
        name: count for name, count in rams.items() if name != "activations"
    }


@pytest.mark.parametrize("name", sorted(PARTS))
def test_the_largest_buffer_fills_what_is_usable_and_no_more(name: str) -> None:
    part = PARTS[name]
    beats = most_buffer_beats(SPEC, part)
    taken = [
        sum(block_rams(replace(SPEC, buffer_beats=b), part.family).values())
        for b in (beats, beats + 2048)
    ]
    assert taken[0] <= usable(part.rams) < taken[1]


def test_a_part_fits_up_to_what_is_usable_of_it() -> None:
    part, found = PARTS["XC7Z020"], estimate(SPEC, "xilinx")
    full = replace(found, luts=usable(part.luts), ffs=part.ffs, dsps=part.dsps, rams=126)
    assert full.fits(part) and usable(part.rams) == 126
    for name in ("luts", "ffs", "dsps", "rams"):
        assert not replace(full, **{name: getattr(full, name) + 1}).fits(part)
