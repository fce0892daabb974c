"""N:M sparse weights from the float network to C: zeros stay, kernels read what is stored, bits are the oracle's."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from builds import float_model, lowered, noise
from c_kernels import needs_cc

from edgekit.export.prune import prune
from edgekit.graph.model import Model
from edgekit.graph.sparsity import PATTERNS, Pattern, mask_of, pattern_of, read_pattern
from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.runtime.stream import Stream
from edgekit.targets.c.packing.sparse import sparse_layer, sparse_rows
from edgekit.targets.instruction_sets import INSTRUCTION_SETS, PORTABLE, Packing

W8A8 = RECIPES["w8a8"]
FITTED = {
    "gptq": replace(RECIPES["w4a8"], name="mine"),
    "adaround": replace(W8A8, name="mine", rounding="adaround"),
    "equalized": replace(W8A8, name="mine", equalize=True, migrate=0.5, rounding="gptq"),
}


@cache
def pruned(name: str, pattern: str) -> Model:
    return prune(float_model(name), read_pattern(pattern), smallest=0)[0]


def quantized(name: str, pattern: str, recipe: Recipe) -> Model:
    model = pruned(name, pattern)
    return quantize(model, Calibration((noise(model, 40, seed=1),), "noise"), recipe)


def integer_weights(model: Model) -> list[np.ndarray]:
    """(outputs, inputs) of every integer layer that has one."""
    nodes = [node for node in to_integer(model).ir.graph if node.domain]
    arrays = [
        np.asarray(node.attributes[name].as_tensor().numpy()).astype(np.int8)
        for node in nodes
        for name in ("w", "r")
        if name in node.attributes
    ]
    return [w.reshape(len(w), -1) for w in arrays if w.ndim < 3 or set(w.shape[2:]) == {1}]


@pytest.mark.rows(2)
@pytest.mark.parametrize("recipe", FITTED)
@pytest.mark.parametrize("name", ["gru_mask", "lstm_vad"])
def test_zeros_stay_zeros_whatever_fits_the_others(name: str, recipe: str) -> None:
    weights = integer_weights(quantized(name, "1:4", FITTED[recipe]))
    assert len(weights) > 2 and all(w.any() for w in weights)
    for w in weights:
        found = pattern_of(w)
        assert found is not None and found.group >= 4 and found.kept == 1


def test_a_dense_recipe_fills_them_where_that_fits_better() -> None:
    model = quantized("gru_mask", "1:4", replace(FITTED["gptq"], sparse=False))
    assert model.dense and any(pattern_of(w) is None for w in integer_weights(model))


@pytest.mark.rows(1)
@needs_cc
@pytest.mark.parametrize(
    ("name", "pattern", "recipe"),
    [
        ("gru_mask", "1:4", W8A8),
        pytest.param("lstm_vad", "1:8", W8A8, marks=pytest.mark.slow),
        pytest.param("conv_recurrent", "2:4", W8A8, marks=pytest.mark.slow),
        pytest.param("gru_mask", "1:4", RECIPES["w8a16"], marks=pytest.mark.slow),
        ("lstm_vad", "1:8", RECIPES["w4a8"]),
    ],
)
def test_c_equals_the_oracle_and_is_smaller(
    name: str, pattern: str, recipe: Recipe, tmp_path: Path
) -> None:
    model = quantized(name, pattern, recipe)
    inputs = noise(model, 30, seed=5)
    inputs = {key: (np.rint(array * 32) / 32).astype(np.float32) for key, array in inputs.items()}
    wanted = Oracle(model).run_hops(inputs)
    bytes_of = {}
    for target in ("c99", "host"):
        build = lowered(model, tmp_path / target, target)
        bytes_of[target] = build.manifest.memory["weights_bytes"]
        rows = build.manifest.sparse or []
        assert rows and (
            target == "host" or any(file.endswith("_sparse.c") for file in build.files)
        )
        got = Stream.open(tmp_path / target).run(inputs)
        for output, array in wanted.items():
            np.testing.assert_array_equal(got[output], array)
    dense = lowered(model.describe(dense=True), tmp_path / "dense", "c99")
    assert dense.manifest.sparse is None
    assert not any(file.endswith("_sparse.c") for file in dense.files)
    smaller, whole = bytes_of["c99"], dense.manifest.memory["weights_bytes"]
    assert smaller is not None and whole is not None and smaller <= whole


def stored(w: np.ndarray, pattern: Pattern, own: Packing) -> int:
    return len(sparse_rows(own, w, pattern)) - own.sparse.head


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_bytes_of_a_stored_weight(pattern: Pattern) -> None:
    rng = np.random.default_rng(0)
    w = np.where(mask_of(rng.standard_normal((64, 512)), pattern, 1), 3, 0).astype(np.int8)
    values = 64 * 512 * pattern.kept // pattern.group
    bits = 2 if pattern.group == 4 else 4
    assert stored(w, pattern, PORTABLE) == values * (8 + bits) // 8
    assert stored(w, pattern, INSTRUCTION_SETS["mve"].packing) == 2 * values
    on_x86 = 4 * values if pattern.group == 16 else 2 * values
    assert stored(w, pattern, INSTRUCTION_SETS["avx512vnni"].packing) == on_x86


def test_what_does_not_pay_stays_dense_and_says_why() -> None:
    rng = np.random.default_rng(0)
    quarter = read_pattern("1:4")
    w = np.where(mask_of(rng.standard_normal((32, 64)), quarter, 1), 3, 0).astype(np.int8)
    avx2, neon, dsp, mve = (
        INSTRUCTION_SETS[name].packing for name in ("avx2", "neon", "dsp", "mve")
    )
    cases = [
        (sparse_layer(PORTABLE, "n", "w", w, 8, 1), None),
        (sparse_layer(neon, "n", "w", w, 8, 1), "its dense kernels are faster"),
        (sparse_layer(avx2, "n", "w", w, 16, 1), "int16 operands are faster dense there"),
        (sparse_layer(avx2, "n", "w", w, 8, 9), "9 positions at once are faster dense there"),
        (sparse_layer(dsp, "n", "w", w, 8, 2), "2 positions at once are faster dense there"),
        (sparse_layer(mve, "n", "w", w, 8, 2), "2 positions at once are faster dense there"),
        (sparse_layer(avx2, "n", "w", -w * 42 - w // 3 * 2, 8, 1), "a weight is below -127"),
    ]
    for (layer, pattern), reason in cases:
        assert layer is not None and layer.reason == reason and layer.pattern == "1:4"
        assert (pattern is None) == (reason is not None) == (layer.stored == "dense")
    assert sparse_layer(PORTABLE, "n", "w", w | 1, 8, 1) == (None, None)
    assert sparse_layer(PORTABLE, "n", "w", w[:, :6], 8, 1) == (None, None)
