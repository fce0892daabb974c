"""What an engine's RTL cannot hold is refused; what the search gives, it holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fpga_networks import one_layer, random_layer, random_x
from fpga_rtl import W8, expected, needs_verilator, simulated

from edgekit.base.errors import ModelError
from edgekit.fpga import simulate
from edgekit.fpga.network import Layer, Network
from edgekit.fpga.program import assemble
from edgekit.fpga.resources import PARTS
from edgekit.fpga.search import choose
from edgekit.fpga.simulate import Case


def alone(layer: Layer) -> Network:
    """The network of one layer without d."""
    return one_layer(layer, 8)


@pytest.mark.slow
@needs_verilator
def test_the_program_refuses_what_the_rtl_would_stop_at() -> None:
    """Kernels of 25 taps over 1 to 32 channels: 25 rows of weights for each 4 of these, a bank has 128."""
    random = np.random.default_rng(0)
    refused = 0
    for channels in (4, 16, 20, 21, 24, 32):
        shape = (channels, 5, 6)
        layer = random_layer(random, "dense", shape, 6, 8, 5)
        case = Case(layer, random_x(random, shape)[None])
        rows = 25 * -(-channels // 4)
        if rows <= 128:
            assemble(alone(layer), W8)
            (found,) = simulated(W8, [case])
            np.testing.assert_array_equal(found.y, expected(case))
            continue
        refused += 1
        with pytest.raises(ModelError, match=f"{rows} rows of weights.*at most 128"):
            assemble(alone(layer), W8)
    assert refused == 3


@pytest.mark.parametrize(
    ("shape", "change", "found"),
    [
        ((4, 3, 200), {}, "200 beats of a row, of the line buffer: at most 128"),
        ((1, 5000, 1), {}, "5000 rows of the picture: at most 4095"),
        ((4, 3, 3), {"accumulator_bits": 18}, "bits of its sums: at most 18"),
    ],
)
def test_depthwise_layers_that_do_not_fit_are_named(
    shape: tuple[int, int, int], change: dict[str, int], found: str
) -> None:
    layer = random_layer(np.random.default_rng(1), "depthwise", shape, shape[0])
    layer = replace(layer, bias=np.full(shape[0], 200_000, np.int32))
    with pytest.raises(ModelError) as caught:
        assemble(alone(layer), replace(W8, **change))  # type: ignore[arg-type]
    told = [f"{p.found}: {p.allowed}" for p in caught.value.problems]
    assert [p.where for p in caught.value.problems] == ["layer 'layer'"]
    assert found in told[0]


@pytest.mark.slow
@needs_verilator
def test_the_smallest_engine_runs_a_layer_of_many_groups(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    shape = (70, 2, 3)
    layer = random_layer(random, "dense", shape, 150)
    spec = choose(alone(layer), PARTS["LFE5UM5G-85F"], "small").spec
    assert -(-150 // spec.columns) > 64
    case = Case(layer, random_x(random, shape)[None])
    (found,) = simulate.run(simulate.build(spec, "dense", tmp_path), spec, [case])
    np.testing.assert_array_equal(found.y, expected(case))


def test_a_picture_that_is_too_wide_for_a_part_is_named() -> None:
    layer = random_layer(np.random.default_rng(3), "depthwise", (4, 2, 4000), 4)
    with pytest.raises(
        ModelError, match=r"for rows of 4000 pixels as in 'layer'.*smaller pictures"
    ):
        choose(alone(layer), replace(PARTS["XC7Z020"], rams=100))
    wider = random_layer(np.random.default_rng(3), "depthwise", (4, 2, 5000), 4)
    roomy = replace(PARTS["XC7Z020"], rams=10_000)
    with pytest.raises(ModelError, match="5000 beats of a row"):
        choose(alone(wider), roomy)
