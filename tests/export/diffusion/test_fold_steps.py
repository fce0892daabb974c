"""Timestep folding: the same network, with tables in the place of the embedding and its projections."""

from dataclasses import replace
from functools import cache

import numpy as np
import onnx_ir as ir
import pytest
from diffusion_networks import SAMPLER, SHAPE, labels, tiny_model

from edgekit.base import sampler_loop
from edgekit.base.errors import UsageError
from edgekit.base.sampler_loop import Step
from edgekit.base.sampler_table import Arrays, Roles
from edgekit.export.diffusion.description import attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.graph.model import Model


@cache
def plain() -> Model:
    return tiny_model()


def sampled(model: Model, n: int = 3) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    running, table = in_onnxruntime(model.to_bytes()), model.sampler
    types = {str(v.name): v.dtype.numpy() for v in model.stream_inputs if v.dtype is not None}
    assert table is not None

    def network(inputs: Arrays, _: Step) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        return list(running({n: a.astype(types[n]) for n, a in inputs.items()}).values())

    x: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = sampler_loop.sample(
        table, sampler_loop.one_by_one(network), SHAPE, n, 1, labels(n)
    )
    return x


def test_the_folded_network_draws_the_same_images() -> None:
    attached = attach(plain(), SAMPLER)
    folded = fold_steps(attached)
    names = [str(value.name) for value in folded.stream_inputs]
    assert names == ["x", "step", "label"]
    table = folded.sampler
    assert table is not None and table.folded
    assert table.time.tolist() == [4, 3, 2, 1, 0] and table.roles.time == "step"
    kinds = {node.op_type for node in folded.ir.graph}
    assert not kinds & {"Sin", "Cos", "Gemm", "MatMul"}
    expected, found = sampled(attached), sampled(folded)
    assert np.abs(expected - found).max() < 1e-4 * np.abs(expected).max()


def test_what_it_costs_and_saves_is_said() -> None:
    folded = fold_steps(attach(plain(), SAMPLER))
    time, label = folded.notes[-2:]
    constants = 2 * (8 + 16 + 8)  # scale and shift of each block
    weights = 2 * (16 * 16 + 16) + constants * (16 + 1)  # two layers, projections
    weights += 8 + 3  # frequencies, the 1 of 1 + scale
    assert f"input 't' folded: {weights:,} weights" in time
    assert f"table of 5 rows of {constants} constants ({5 * constants * 4:,} bytes" in time
    assert "input 'label' folded" in label and "table of 11 rows" in label


def test_rows_of_one_time_share_a_step() -> None:
    table = attach(plain(), SAMPLER).sampler
    assert table is not None
    twice = table.with_(time=np.array([950, 950, 400, 400, 0.0]))
    folded = fold_steps(attach(plain(), twice)).sampler
    assert folded is not None and folded.time.tolist() == [2, 2, 1, 1, 0]


def test_a_network_without_layers_of_time_says_so() -> None:
    x = ir.val("x", ir.DataType.FLOAT, (1, 1, 2, 2))
    t = ir.val("t", ir.DataType.FLOAT, (1,))
    node = ir.node("Mul", [x, t])
    y = node.outputs[0]
    y.name, y.shape, y.type = "y", x.shape, x.type
    graph = ir.Graph([x, t], [y], nodes=[node], opset_imports={"": 21}, name="g")
    model = attach(
        Model(ir.Model(graph, ir_version=10)), replace(SAMPLER, roles=Roles(), guidance=1.0)
    )
    with pytest.raises(UsageError, match="input 't' is read by nothing, or by everything"):
        fold_steps(model)
