"""Roofs of layers: no layer is below its own, and what binds a layer is its largest."""

from dataclasses import replace

import numpy as np
import pytest
from fpga_networks import one_layer, random_layer

from edgekit.fpga.program import assemble
from edgekit.fpga.roofline import roof
from edgekit.fpga.schedule import network_cycles
from edgekit.fpga.spec import EngineSpec

SPEC = EngineSpec(lanes=4, columns=4, weight_bits=8, weight_beats=1024, accumulator_bits=28)


@pytest.mark.parametrize("seed", range(12))
def test_no_layer_is_below_its_roof(seed: int) -> None:
    random = np.random.default_rng(seed)
    path = ("dense", "depthwise")[seed % 2]
    shape = (int(random.integers(1, 40)), *(int(n) for n in random.integers(1, 30, 2)))
    outputs = int(random.integers(1, 40)) if path == "dense" else shape[0]
    kernel, stride = int(random.choice([1, 3])), int(random.choice([1, 2]))
    layer = random_layer(random, path, shape, outputs, 8, kernel, stride)
    made = assemble(one_layer(layer, 8), replace(SPEC, buffer_beats=int(random.integers(2) * 4000)))
    (row,) = network_cycles(made)
    assert roof(row, made.spec).least <= row.total


def test_what_binds_a_layer() -> None:
    """Many pixels of few bytes of weights, one pixel of many, and results that leave for DRAM."""
    random = np.random.default_rng(0)
    forms = {
        "multipliers": ((40, 16, 16), 40),
        "weights": ((40, 1, 1), 40),
        "DRAM": ((1, 40, 40), 1),
    }
    for bound, (shape, outputs) in forms.items():
        layer = random_layer(random, "dense", shape, outputs, 8)
        (row,) = network_cycles(assemble(one_layer(layer, 8), SPEC))
        assert roof(row, SPEC).bound == bound
