"""Scales per hop: the float network stays what it is, and integers keep quiet sound."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from level_networks import HOP, network, recurrent, sharing, sound

from edgekit.base.errors import UsageError
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.operators.oracle import Oracle
from edgekit.operators.roles import HOP_SCALED
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import ObservedModel, observe_model, quantize, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.prepare.hop_scales import hop_scales
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.search.space import make_space
from edgekit.quantize.types.weights import weight_type
from edgekit.targets.describe import describe
from edgekit.targets.macs import node_macs, with_macs
from edgekit.targets.trials import Trials

HOPS = 40
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
LEVELS = [1.0, 0.1, 0.01, 1e-3]
Cell = tuple[str, int, int]
CELLS = [("GRU", 0, 1), ("GRU", 1, 1), ("GRU", 1, 4), ("LSTM", 0, 1), ("LSTM", 0, 4)]


def calibration() -> Calibration:
    return Calibration(({"pcm": sound(HOPS, 1)}, {"pcm": sound(HOPS, 2)}), "noise")


def scaled(model: Model) -> Model:
    return hop_scales(model, calibration())


def layers(model: Model) -> list[str]:
    """The layers with a scale per hop."""
    return [
        str(node.name)
        for node in model.ir.graph
        if HOP_SCALED in node.metadata_props and node.op_type in ("Conv", "Gemm")
    ]


def in_c(model: Model, *heard: np.ndarray) -> list[np.ndarray]:
    (found,) = Trials(model, [{"pcm": clip} for clip in heard]).run(lambda _, made: made["y"])
    return found


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


def test_layers_up_to_the_first_bias_have_one_and_those_behind_it_what_sound_adds() -> None:
    assert layers(scaled(network(0, biases=False))) == ["code", "mixed", "open", "y"]
    model = network(0, biases=True)
    assert layers(hop_scales(model, calibration(), behind_biases=False)) == ["code"]
    assert layers(scaled(model)) == ["code", "mixed", "open", "y"]


def test_a_network_of_no_sound_has_none() -> None:
    model = network(0, biases=False).describe(stream={"hop_samples": 64})
    assert scaled(model) is model


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


@pytest.mark.parametrize("seed", SEEDS)
def test_what_quiet_sound_adds_behind_biases_is_kept(seed: int) -> None:
    model, heard = network(seed, biases=True), calibration()
    kept = quantize(model, heard, "w8a8")
    seen = observe_model(model, heard, replace(RECIPES["w8a8"], hop_scales=False))
    first = hop_scales(seen.model, heard, behind_biases=False)
    before = quantize_observed(
        ObservedModel(first, observe(first, heard), heard), RECIPES["w8a8"], ""
    )
    clip, silence = sound(HOPS, 7, 0.01), np.zeros((HOPS, 1, 64), np.float32)
    (exact,), (still,) = (run_hops(model, {"pcm": pcm}).values() for pcm in (clip, silence))
    ratios = []
    for made in (kept, before):
        found, rest = in_c(made, clip, silence)
        ratios.append(snr_db(exact - still, found - rest))
    assert ratios[0] > 15 and ratios[0] > ratios[1] + 6, ratios


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


def test_sound_above_what_calibration_saw_is_served_too() -> None:
    model = network(3, biases=False)
    loud = sound(HOPS, 4, 3.0)
    (exact,) = run_hops(model, {"pcm": loud}).values()
    assert snr_db(exact, in_c(quantize(model, calibration(), "w8a8"), loud)[0]) > 20


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_recurrent_layer_makes_of_x_is_a_layer_of_its_own(cell: Cell) -> None:
    model, heard = recurrent(0, *cell, bias=True), {"pcm": sound(HOPS, 3)}
    made = scaled(model)
    assert layers(made) == ["cell.product"]
    (before,), (after,) = (run_hops(m, heard).values() for m in (model, made))
    np.testing.assert_allclose(before, after, atol=1e-6 * np.abs(before).max())


@pytest.mark.parametrize("recipe", ["w8a8", "w4a8", "w8a16"])
@pytest.mark.parametrize("cell", CELLS)
def test_c_has_the_bits_of_the_oracle_in_cells(cell: Cell, recipe: str) -> None:
    model = quantize(recurrent(0, *cell, bias=True), calibration(), recipe)
    heard = [sound(8, 7, level) for level in (1.0, 0.01, 0.0)]
    for clip, bits in zip(heard, in_c(model, *heard), strict=True):
        np.testing.assert_array_equal(Oracle(model).run_hops({"pcm": clip})["y"], bits)


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


def test_a_search_counts_the_product_with_x_where_it_is() -> None:
    seen = observe_model(recurrent(0), calibration(), RECIPES["w8a8"])
    counted = node_macs(to_integer(quantize_observed(seen, RECIPES["w8a8"], "")))
    groups = make_space(seen, RECIPES["w8a8"], counted).groups
    macs = {name: group.macs for group in groups for name in group.tensors}
    assert (macs["cell.rows"], macs["cell.gates"], macs["h_next"]) == (
        36 * 64,
        0,
        36 * 12 + 12 * 64,
    )
    (gates,) = (group for group in groups if "cell.gates" in group.tensors)
    wide = {option.stored: option.wide_macs for option in gates.options}
    assert wide == {"int16": 0, "float32": 36 * 12 + 36 * 36}  # all of the cell


def test_with_fixed_scales_a_cell_multiplies_x_itself() -> None:
    fixed = replace(RECIPES["w8a8"], hop_scales=False)
    nodes = {
        str(n.name): n for n in quantize(recurrent(0), calibration(), fixed).ir.graph if n.name
    }
    assert "cell.product" not in nodes and dims(nodes["cell"].inputs[1]) == (1, 36, 64)


def test_cells_that_share_a_weight_share_it_in_their_products() -> None:
    """Under its name, by which a recipe gives it a type."""
    model = sharing()
    made = scaled(model)
    products = [node for node in made.ir.graph if str(node.name).endswith(".product")]
    assert len(products) == 2
    assert {(value.name, dims(value)) for n in products if (value := n.inputs[1])} == {
        ("w", (36, HOP))
    }
    assert not any(name.startswith("w_") for name in made.ir.graph.initializers)
    named = replace(RECIPES["w4a8"], name="own", layers={"w": "int8"})
    assert {weight_type(node, 1, named) for node in products} == {"int8"}
    built = quantize(model, calibration(), named)
    clip = sound(HOPS, 5)
    np.testing.assert_array_equal(Oracle(built).run_hops({"pcm": clip})["y"], in_c(built, clip)[0])


def test_what_a_cell_reads_in_the_place_of_x_has_16_bits() -> None:
    named = replace(RECIPES["w8a8"], name="own", tensors={"cell.gates": "int8"})
    with pytest.raises(UsageError, match="int16 or float32"):
        quantize(recurrent(0), calibration(), named)


def test_a_file_whose_identity_has_a_bias_is_multiplied() -> None:
    """Integers leave out the product only where it changes nothing."""
    model = quantize(recurrent(0), calibration(), "w8a8")
    assert _columns(model) == 0
    other = Model(model.ir.clone())
    both = np.zeros((1, 72), np.float32)
    both[0, 3] = 1.0
    other.ir.graph.initializers["cell.bias"].const_value = ir.tensor(both)
    assert _columns(other) == 36


def _columns(model: Model) -> int:
    """The inputs that the integer cell multiplies."""
    cell = next(node for node in to_integer(model).ir.graph if node.name == "cell")
    return cell.attributes["w"].as_tensor().shape[1]


def test_the_file_has_plain_nodes_only() -> None:
    model = quantize(network(0, biases=True), calibration(), "w8a8")
    assert {node.domain for node in model.ir.graph} == {""}
    assert all(value.dtype != ir.DataType.UNDEFINED for value in model.ir.graph.outputs)
