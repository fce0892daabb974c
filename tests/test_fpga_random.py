"""Networks drawn from a grammar: golden model against float, RTL and HLS against the golden model.

FPGA_FUZZ=N draws N times as many; make fpga-fuzz does.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fpga_hls import needs_cxx, stored
from fpga_random import lowered, through_hls, through_rtl
from fpga_rtl import W8, needs_verilator, simulated

from edgekit.fpga import golden
from edgekit.fpga.network import Layer
from edgekit.fpga.simulate import Case
from edgekit.fpga.spec import EngineSpec

TIMES = int(os.environ.get("FPGA_FUZZ", "1"))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60 * TIMES, 20))
def test_integers_are_near_the_float_network(first: int, tmp_path: Path) -> None:
    found = [lowered(seed, 8, tmp_path) for seed in range(first, first + 20)]
    assert sum(one is not None for one in found) > 15


def pieces(layer: Layer, x: np.ndarray, spec: EngineSpec) -> Iterator[tuple[Case, slice]]:  # type: ignore[type-arg]
    """A layer as its data path runs it: as many channels at once as the line buffer holds."""
    step = layer.out_channels
    if layer.path == "depthwise":
        step = min(spec.line_beats // layer.x.width, spec.groups) * spec.lanes
    for i in range(0, layer.out_channels, step):
        own = slice(i, i + step)
        parts = {n: getattr(layer, n)[own] for n in ("weights", "bias", "mult", "shift")}
        yield Case(replace(layer, **parts), (x[own] if layer.path == "depthwise" else x)[None]), own


@pytest.mark.slow
@needs_verilator
@pytest.mark.parametrize("first", range(100, 100 + 50 * TIMES, 50))
def test_their_layers_follow_each_other_in_rtl_without_a_reset(first: int, tmp_path: Path) -> None:
    rows = []
    for seed in range(first, first + 50):
        found = lowered(seed, 8, tmp_path)
        if found is None or found[0].cpu:
            continue
        network, (image, *_) = found
        values = stored(network, image)
        for layer in network.layers:
            rows_of_weights = layer.kernel**2 * -(-len(layer.x.channels) // W8.lanes)
            held = layer.path == "depthwise" or rows_of_weights <= W8.bank_beats
            if layer.path != "pool" and held:
                for case, own in pieces(layer, golden.read_view(layer.x, values), W8):
                    rows.append((replace(case, stall_seed=len(rows) % 3), values[layer.y][own]))
    for path in ("dense", "depthwise"):
        own = [row for row in rows if row[0].layer.path == path]
        assert len(own) > 25
        for (_, y), result in zip(own, simulated(W8, [case for case, _ in own]), strict=True):
            np.testing.assert_array_equal(result.y[0], y)


@pytest.mark.slow
@needs_verilator
@pytest.mark.parametrize("first", range(300, 300 + 50 * TIMES, 50))
def test_whole_networks_follow_each_other_in_the_rtl_of_an_engine(
    first: int, tmp_path: Path
) -> None:
    found = through_rtl(first, 50, tmp_path)
    assert len(found) > 25
    assert [(ran.error, ran.different) for ran in found] == [(0, 0)] * len(found)


@pytest.mark.slow
@needs_cxx
@pytest.mark.parametrize("seed", range(200, 200 + 4 * TIMES))
def test_the_hls_is_the_golden_network(seed: int, tmp_path: Path) -> None:
    line = through_hls(seed, tmp_path)
    assert line is None or line.endswith(" 0 differ")
