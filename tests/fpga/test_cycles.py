"""What a layer takes at least: scans of the picture, groups of channels, bytes of the port."""

import numpy as np
import pytest
from fpga_networks import random_layer

from edgekit.fpga.cycles import (
    DENSE_LATENCY,
    dense_compute,
    depthwise_compute,
    depthwise_passes,
    frame_cycles,
    layer_cycles,
    tree_levels,
)
from edgekit.fpga.spec import EngineSpec

SPEC = EngineSpec(lanes=8, columns=16, line_beats=64, groups=4, port_bytes=8, dmax=3)


@pytest.mark.parametrize(
    ("channels", "width", "passes"),
    [(8, 10, [1]), (40, 10, [4, 1]), (40, 20, [3, 2]), (41, 64, [1] * 6)],
)
def test_a_pass_takes_the_groups_that_buffer_and_tables_hold(
    channels: int, width: int, passes: list[int]
) -> None:
    assert depthwise_passes(SPEC, channels, width) == passes


def test_a_row_that_does_not_fit_is_told() -> None:
    with pytest.raises(ValueError, match="a row of 65 pixels does not fit 64 beats"):
        depthwise_passes(SPEC, 8, 65)


def test_a_deformable_layer_scans_the_rows_of_its_lead_as_well() -> None:
    plain, deform = (depthwise_compute(SPEC, 16, 10, 12, deform) for deform in (False, True))
    assert deform - plain == (SPEC.lead_rows - 2) * 12 * 2


@pytest.mark.parametrize(("lanes", "levels"), [(1, 1), (8, 1), (16, 2), (64, 4)])
def test_groups_of_a_dense_layer_follow_each_other(lanes: int, levels: int) -> None:
    spec = EngineSpec(lanes=lanes, columns=lanes)
    assert tree_levels(spec) == levels
    cycles = dense_compute(spec, beats=3, pixels=100, outputs=2 * lanes + 1)
    assert cycles == 3 * 300 + DENSE_LATENCY + levels
    few = dense_compute(spec, beats=3, pixels=1, outputs=3 * lanes)
    assert few > 3 * 3 + DENSE_LATENCY + levels  # the third group waits for its bank


def test_the_port_or_the_data_path_sets_the_time() -> None:
    layer = random_layer(np.random.default_rng(0), "dense", (16, 6, 5), 32)
    fast, slow = (layer_cycles(layer, SPEC, 2, 4, dram) for dram in (0, 80_000))
    assert fast.total == fast.tables + fast.compute and fast.stalled == 0
    assert slow.total == slow.tables + slow.port and slow.port - fast.port == 10_000
    assert frame_cycles([fast, slow]) == fast.total + slow.total
    narrow = layer_cycles(layer, EngineSpec(lanes=8, columns=16, weight_bits=4), 2, 4, 0)
    eight = layer_cycles(layer, EngineSpec(lanes=8, columns=16, weight_bits=8), 2, 4, 0)
    assert eight.weight_bytes - narrow.weight_bytes == 16 * 32 // 2
