"""Pruning of a float network: which layers, along which dimension, and what is said of them."""

import numpy as np
import pytest
from builds import float_model, int8_model

from edgekit.base.errors import UsageError
from edgekit.export.hop_runner import run_hops
from edgekit.export.prune import prune
from edgekit.graph.nodes import attribute
from edgekit.graph.sparsity import follows, read_pattern
from edgekit.operators.roles import constant

QUARTER = read_pattern("1:4")
INPUTS = {"Gemm": 1, "GRU": 2, "LSTM": 2, "Conv": 1, "MatMul": 0}


@pytest.mark.parametrize("name", ["gru_mask", "lstm_vad", "conv_recurrent"])
def test_every_layer_keeps_the_pattern_along_its_inputs(name: str) -> None:
    model = float_model(name)
    pruned, rows = prune(model, QUARTER, smallest=0)
    assert rows and all(row.left is None and 0 < row.energy < 1 for row in rows)
    named = {row.weight: row for row in rows}
    for node in pruned.ir.graph:
        for value in node.inputs:
            row = None if value is None else named.get(str(value.name))
            weights = constant(value)
            if row is None or weights is None:
                continue
            axis = INPUTS[node.op_type]
            if node.op_type == "Gemm" and not attribute(node, "transB", 0):
                axis = 0
            assert weights.shape[axis] == row.inputs
            assert follows(np.moveaxis(weights, axis, -1), QUARTER)
            assert np.count_nonzero(weights) == round(row.kept * weights.size)
    inputs = {
        str(v.name): np.ones((3, *[int(d) for d in v.shape or ()]), np.float32)
        for v in model.stream_inputs
    }
    before, after = (run_hops(m, inputs) for m in (model, pruned))
    assert any(not np.array_equal(before[name], after[name]) for name in before)


def test_small_layers_and_other_names_are_left() -> None:
    model = float_model("gru_mask")
    rows = prune(model, QUARTER, smallest=0)[1]
    largest = max(int(np.prod(row.shape)) for row in rows)
    kept = prune(model, QUARTER, smallest=largest)[1]
    assert {row.left for row in kept} == {None, f"under {largest} weights"}
    one = prune(model, QUARTER, layers=f"^{rows[0].node}$", smallest=0)[1]
    assert {row.node for row in one if row.left is None} == {rows[0].node}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": "("}, "--layers: '\\(': .* a regular expression"),
        ({"layers": "none_of_them", "smallest": 0}, "is in no name of a layer"),
        ({"smallest": 10**9}, "--smallest: every layer has under"),
    ],
)
def test_what_prunes_nothing_is_refused(options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        prune(float_model("gru_mask"), QUARTER, **options)


def test_integers_are_refused() -> None:
    with pytest.raises(UsageError, match=r"quantized \(w8a8\).*prune the float network"):
        prune(int8_model("gru_mask"), QUARTER)
