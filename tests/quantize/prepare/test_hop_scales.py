"""Scales per hop: the float network stays what it is, and integers keep quiet sound."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from level_networks import network, recurrent, sound
from level_scales import CELLS, HOPS, SEEDS, Cell, calibration, in_c, scaled
from slices import slow_except

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.operators.geometry import dims
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.recipe import RECIPES
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs

LEVELS = [1.0, 0.1, 0.01, 1e-3]


@pytest.mark.rows(4)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(4))
def test_the_float_network_without_biases_keeps_every_bit(seed: int, level: float) -> None:
    model, heard = network(seed, biases=False), {"pcm": sound(HOPS, 3, level)}
    (before,), (after,) = (run_hops(m, heard).values() for m in (model, scaled(model)))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("seed", range(4))
def test_with_biases_it_computes_the_same(seed: int) -> None:
    model, heard = network(seed, biases=True), {"pcm": sound(HOPS, 3)}
    (before,), (after,) = (run_hops(m, heard).values() for m in (model, scaled(model)))
    np.testing.assert_allclose(before, after, atol=1e-6 * np.abs(before).max())


def test_a_network_of_no_sound_has_none() -> None:
    model = network(0, biases=False).describe(stream={"hop_samples": 64})
    assert scaled(model) is model


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[:2])
@pytest.mark.parametrize("biases", [False, True])
def test_c_has_the_bits_of_the_oracle_at_every_level(seed: int, biases: bool) -> None:
    model = quantize(network(seed, biases), calibration(), "w8a8")
    heard = [sound(HOPS, 5, level) for level in (*LEVELS, 3.0, 0.0)]
    for clip, found in zip(heard, in_c(model, *heard), strict=True):
        np.testing.assert_array_equal(Oracle(model).run_hops({"pcm": clip})["y"], found)


@pytest.mark.parametrize("seed", SEEDS)
def test_quieter_sound_only_shifts_the_output(seed: int) -> None:
    """f(2^-k x) = 2^-k f(x) in every bit, until a peak is 2^-15 of what calibration saw."""
    model = quantize(network(seed, biases=False, gate=False), calibration(), "w8a8")
    loud = sound(HOPS, 6, 0.5)
    steps = (1, 2, 5, 8)
    whole, *quiet = in_c(model, loud, *(np.ldexp(loud, -k) for k in steps))
    assert np.abs(whole).max() > 0
    for k, found in zip(steps, quiet, strict=True):
        np.testing.assert_array_equal(np.ldexp(whole, -k), found)


@pytest.mark.slow
def test_integers_keep_quiet_sound() -> None:
    model = network(2, biases=False)
    kept, fixed = (
        quantize(model, calibration(), recipe)
        for recipe in (RECIPES["w8a8"], replace(RECIPES["w8a8"], hop_scales=False))
    )
    ratios = []
    for level in LEVELS:
        clip = sound(HOPS, 7, level)
        (exact,) = run_hops(model, {"pcm": clip}).values()
        ratios.append([snr_db(exact, in_c(m, clip)[0]) for m in (kept, fixed)])
    found, before = np.array(ratios).T
    assert found.min() > 25 and before[-1] < 5, ratios
    (qdq,) = run_hops(kept, {"pcm": clip}).values()
    assert snr_db(exact, qdq) > 25


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_scale_leaves_is_rounded_behind_its_activation_and_carried_as_integers(
    seed: int,
) -> None:
    model = quantize(network(seed, biases=True, ring=True), calibration(), "w8a8")
    prelu = next(node for node in model.ir.graph if node.op_type == "PRelu")
    value = prelu.inputs[0]
    layer = None if value is None else value.producer()
    assert layer is not None and layer.op_type == "Add"
    state = next(value for value in model.ir.graph.inputs if value.name == "before")
    assert [use.node.op_type for use in state.uses()] == ["QuantizeLinear"]
    clip = sound(HOPS, 5, 0.1)
    (found,) = in_c(model, clip)
    np.testing.assert_array_equal(Oracle(model).run_hops({"pcm": clip})["y"], found)


@pytest.mark.slow
def test_after_a_burst_quiet_sound_is_as_it_was() -> None:
    """No state is left at the scale of a loud hop; nothing is, after silence."""
    model = quantize(network(1, biases=False), calibration(), "w8a8")
    quiet, silence = sound(HOPS, 8, 0.01), np.zeros((4, 1, 64), np.float32)
    burst = np.concatenate([sound(HOPS, 9, 1.0), quiet])
    (alone, behind, silent) = in_c(
        model, np.concatenate([silence, quiet]), burst, np.concatenate([burst, silence])
    )
    np.testing.assert_array_equal(alone[5:], behind[HOPS + 1 :])
    assert not silent[-3:].any()


@pytest.mark.slow
def test_sound_above_what_calibration_saw_is_served_too() -> None:
    model = network(3, biases=False)
    loud = sound(HOPS, 4, 3.0)
    (exact,) = run_hops(model, {"pcm": loud}).values()
    assert snr_db(exact, in_c(quantize(model, calibration(), "w8a8"), loud)[0]) > 20


@pytest.mark.rows(2)
@pytest.mark.parametrize(
    "recipe", slow_except(lambda recipe: recipe == "w8a8", ["w8a8", "w4a8", "w8a16"])
)
@pytest.mark.parametrize("cell", CELLS)
def test_c_has_the_bits_of_the_oracle_in_cells(cell: Cell, recipe: str) -> None:
    model = quantize(recurrent(0, *cell, bias=True), calibration(), recipe)
    heard = [sound(8, 7, level) for level in (1.0, 0.01, 0.0)]
    for clip, bits in zip(heard, in_c(model, *heard), strict=True):
        np.testing.assert_array_equal(Oracle(model).run_hops({"pcm": clip})["y"], bits)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_cells_keep_quiet_sound_in_int8(cell: Cell) -> None:
    model, clip = recurrent(0, *cell), sound(HOPS, 7, 0.02)
    (exact,) = run_hops(model, {"pcm": clip}).values()
    kept, fixed = (
        quantize(model, calibration(), recipe)
        for recipe in (RECIPES["w8a8"], replace(RECIPES["w8a8"], hop_scales=False))
    )
    facts = with_macs(describe(kept, "host"), kept)
    assert facts.macs_int8 == facts.macs_per_hop > 0
    (qdq,) = run_hops(kept, {"pcm": clip}).values()
    ratios = [snr_db(exact, made) for made in (in_c(kept, clip)[0], qdq, in_c(fixed, clip)[0])]
    assert min(ratios[:2]) > ratios[2] + 4, ratios


@pytest.mark.parametrize("cell", CELLS)
def test_quieter_sound_only_shifts_what_a_cell_reads(cell: Cell) -> None:
    """In every bit, before biases, down to the last bits of the scale."""
    model = to_integer(quantize(recurrent(0, *cell), calibration(), "w8a8"))
    oracle, loud = Oracle(model), sound(4, 6, 0.5)
    for hop in loud:
        read = []
        for k in (0, 1, 5, 9):
            oracle.process({"pcm": np.ldexp(hop, -k)})
            read.append(np.ldexp(oracle.values["cell.sums"], k))
        assert np.abs(read[0]).max() > 0
        np.testing.assert_array_equal(read[1:], [read[0]] * 3)


def test_with_fixed_scales_a_cell_multiplies_x_itself() -> None:
    fixed = replace(RECIPES["w8a8"], hop_scales=False)
    nodes = {
        str(n.name): n for n in quantize(recurrent(0), calibration(), fixed).ir.graph if n.name
    }
    assert "cell.product" not in nodes and dims(nodes["cell"].inputs[1]) == (1, 36, 64)


def test_the_file_has_plain_nodes_only() -> None:
    model = quantize(network(0, biases=True), calibration(), "w8a8")
    assert {node.domain for node in model.ir.graph} == {""}
    assert all(value.dtype != ir.DataType.UNDEFINED for value in model.ir.graph.outputs)
