"""Encoder propagation: where a U-Net is cut, which steps are key steps, and the same bits in C."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from builds import lowered
from c_kernels import needs_cc
from diffusion_networks import SHAPE, labels
from sampler_networks import (
    SEED,
    N,
    drawn_alone,
    folded,
    grouped,
    integer,
    table_of,
    with_decoder_rows,
)

from edgekit.base import sampler_loop
from edgekit.base.errors import UsageError
from edgekit.export.diffusion.split_unet import find_cut, paper_keys, split, uniform_keys, with_keys
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.diffusion.denoiser import oracle_network
from edgekit.runtime.sampler import Sampler
from edgekit.verbs.targets import TARGETS


@pytest.mark.parametrize("make", [folded, integer, lambda: to_integer(integer())])
def test_the_cut_is_the_skip_and_the_middle(make: Any) -> None:
    model = make()
    names = find_cut(model, "x")
    shapes = {v.name: v.shape.numpy() for n in model.ir.graph for v in n.outputs if v.name in names}
    assert sorted(shapes.values()) == [(1, 8, 8, 8), (1, 16, 4, 4)]


def test_decoder_and_whole_network_are_one() -> None:
    model = folded()
    whole, decoder, kept = split(model, "x", ())
    random = np.random.default_rng(0)
    inputs = {
        "x": random.standard_normal((1, *SHAPE)).astype(np.float32),
        "step": np.array([2]),
        "label": np.array([3]),
    }
    expected = in_onnxruntime(model.to_bytes())(inputs)
    first = in_onnxruntime(whole.to_bytes())(inputs)
    second = in_onnxruntime(decoder.to_bytes())(
        {k: v for k, v in inputs.items() if k != "x"} | {k: first[k] for k in kept}
    )
    (name,) = expected
    # to rounding: onnxruntime fuses other nodes where a tensor between them is an output
    for found in (first, second):
        compare(expected, {name: found[name]}, what="the split network")
    named, _, again = split(model, "x", kept)
    assert again == kept and len(named.ir.graph.outputs) == 3


@pytest.mark.rows(1)
@needs_cc
@pytest.mark.parametrize("make", [integer, grouped])
def test_c_and_oracle_draw_the_same_bits(make: Any, tmp_path: Path) -> None:
    model = with_decoder_rows(make())
    build = lowered(model, tmp_path, "c99")
    found = Sampler.open(tmp_path).sample(N, SEED, labels(N))
    assert np.array_equal(found, drawn_alone(model, oracle_network(model, table_of(model))))
    whole = Sampler.open(tmp_path).by_rows
    with pytest.raises(UsageError, match="encoder propagation"):
        whole(N, SEED, labels(N))
    kept = build.manifest.memory["state_bytes"]
    assert kept is not None and kept >= 2 * (8 * 8 * 8 + 16 * 4 * 4)  # of both calls of a row


def test_onnxruntime_runs_the_same_rows(tmp_path: Path) -> None:
    model = with_decoder_rows(integer())
    lowered(model, tmp_path, "onnxruntime")
    found = Sampler.open(tmp_path).sample(N, SEED, labels(N))
    expected = drawn_alone(model, oracle_network(model, table_of(model)))
    assert np.abs(found - expected).max() < 0.05


def test_litert_refuses_what_a_tflite_has_not() -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")
    assert TARGETS["litert"].check(folded()) == []
    (problem,) = TARGETS["litert"].check(with_decoder_rows(folded()))
    assert problem.found == "encoder propagation" and "keys" in problem.next_step
    (problem,) = TARGETS["litert"].check(grouped())
    assert "step groups" in problem.found and "step_groups" in problem.next_step


def test_all_rows_keys_is_the_plain_table() -> None:
    model = folded()
    table = table_of(model)
    same = with_keys(table, range(table.rows))
    assert np.array_equal(same.graph, table.graph) and np.array_equal(same.d, table.d)
    noisy = with_keys(table, (0, 1), 0.003)
    assert noisy.graph.tolist() == [0, 0, 1, 1, 1]
    assert noisy.d.tolist() == [0, 0, 0.003, 0.003, 0]  # seen by rows 3 and 4


def test_prior_noise_is_added_ahead_of_the_call() -> None:
    table, said = table_of(folded()), np.random.default_rng(0).standard_normal((5, 2, N, *SHAPE))
    table = with_keys(table, (0,), 0.5)
    seen: list[Any] = []

    def network(inputs: Any, step: Any) -> list[Any]:
        seen.append(inputs["x"])
        return [said[step.row, step.call]]

    sampler_loop.sample(table, network, SHAPE, N, SEED, labels(N), np.float64)
    with_noise, seen = seen, []
    sampler_loop.sample(table.with_(d=np.zeros(5)), network, SHAPE, N, SEED, labels(N), np.float64)
    assert np.abs(with_noise[6] - seen[6] - 0.5 * seen[0]).max() < 1e-12


def test_key_schedules() -> None:
    assert paper_keys(50) == (0, 1, 2, 3, 5, 10, 15, 25, 35)
    assert paper_keys(20) == (0, 1, 2, 4, 6, 10, 14)
    assert uniform_keys(7, 3) == (0, 3, 6)


def test_a_cut_that_is_none_says_why() -> None:
    model = folded()
    *_, middle = find_cut(model, "x")
    with pytest.raises(UsageError, match="the decoder still reads 'x'"):
        split(model, "x", (middle,))
    with pytest.raises(UsageError, match="cut nothing: no such tensor"):
        split(model, "x", ("nothing",))
    with pytest.raises(UsageError, match="step groups that begin at key steps"):
        with_keys(table_of(grouped()), (0,))


def test_a_network_without_levels_has_no_cut() -> None:
    x = ir.val("x", ir.DataType.FLOAT, (1, 1, 4, 4))
    node = ir.node("Relu", [x])
    node.outputs[0].name, node.outputs[0].shape, node.outputs[0].type = "y", x.shape, x.type
    graph = ir.Graph([x], node.outputs, nodes=[node], opset_imports={"": 21}, name="g")
    with pytest.raises(UsageError, match="pictures that never grow again"):
        find_cut(Model(ir.Model(graph, ir_version=10)), "x")


def test_rows_of_another_network_are_refused_by_name() -> None:
    table = table_of(integer())
    model = integer().describe(sampler=table.with_(graph=np.array([2, 0, 0, 0, 0])).facts())
    for target in ("host", "onnxruntime", "litert"):
        if target == "litert" and find_spec("ai_edge_litert") is None:
            continue
        problems = TARGETS[target].check(model)
        assert any("rows of another network" in str(problem) for problem in problems), target
    model = integer().describe(sampler=replace(table, group=np.array([0, 0, 1, 1, 1])).facts())
    assert any("group 1; allowed: 0 to 0" in str(p) for p in TARGETS["host"].check(model))
