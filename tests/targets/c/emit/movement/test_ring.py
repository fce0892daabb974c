"""Rings: new frames over the oldest ones, and products that find their frames where they lie."""

import re

from one_node import hop
from ring_networks import dilated, streamed


def test_a_damaged_position_does_not_lead_out_of_the_ring() -> None:
    body = hop(streamed(dilated()))
    places = re.findall(r"if \(\(uint32_t\)\*(\w+) > (\d+)u\) \{\n\s+\*\1 = 0;", body)
    assert places and all(
        f"*{place} = *{place} == {last} ? 0 : *{place} + " in body for place, last in places
    )


def test_frames_that_a_layer_reads_are_found_where_they_lie() -> None:
    body = hop(streamed(dilated()))
    found = re.findall(r"int32_t at\[(\d+)\];\n\s+for \(int32_t t = 0; t < (\d+); t\+\+\)", body)
    assert found and all(size == count for size, count in found)
