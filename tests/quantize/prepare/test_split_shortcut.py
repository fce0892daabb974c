"""Split shortcut: the network computes the same, each part has its own quantizers, C equals the oracle."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from builds import lowered
from c_kernels import needs_cc
from diffusion_networks import SAMPLER, tiny_model
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgekit.export.diffusion.description import attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.judge.sampling import sampled_calls
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.split_shortcut import split_shortcut
from edgekit.quantize.recipe import RECIPES, Recipe
from edgekit.runtime.stream import Stream

W4A8 = replace(RECIPES["w4a8"], name="split", rounding="nearest", bias_correction=False)
SPLIT = replace(W4A8, split_shortcut=True)
random = np.random.default_rng(0)


def joined(axis: int = 1, group: int = 1, factor: Any = 0.5, size: int = 4) -> Model:
    """A loud and a quiet image, (1, 4, 6, 6) each, joined, through a SiLU and a factor into a convolution."""
    shape, whole = [1, 4, 6, 6], [1, 4, 6, 6]
    whole[axis] *= 2
    weights = random.standard_normal((size, whole[1] // group, 3, 3))
    weights[:, : whole[1] // 2] /= 30
    constants = {
        "w": weights,
        "bias": random.standard_normal(size),
        "factor": np.asarray(factor),
    }
    nodes = [
        helper.make_node("Concat", ["loud", "quiet"], ["both"], "join", axis=axis),
        helper.make_node("Sigmoid", ["both"], ["gate"], "gate"),
        helper.make_node("Mul", ["both", "gate"], ["silu"], "silu"),
        helper.make_node("Mul", ["silu", "factor"], ["x"], "halve"),
        helper.make_node("Conv", ["x", "w", "bias"], ["y"], "conv", pads=[1] * 4, group=group),
    ]
    graph = helper.make_graph(
        nodes,
        "joined",
        [helper.make_tensor_value_info(n, 1, shape) for n in ("loud", "quiet")],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(a.astype(np.float32), n) for n, a in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    return from_onnx(made.SerializeToString(), name="joined")


def inputs(hops: int) -> dict[str, NDArray[np.float32]]:
    drawn = random.standard_normal((2, hops, 1, 4, 6, 6)).astype(np.float32)
    return {"loud": 30 * drawn[0], "quiet": drawn[1]}


def count(model: Model, op_type: str) -> int:
    return sum(node.op_type == op_type for node in model.ir.graph)


def test_the_network_computes_the_same() -> None:
    model, x = joined(), inputs(5)
    split = split_shortcut(model)
    assert [count(split, op) for op in ("Conv", "Sigmoid", "Concat")] == [2, 2, 0]
    assert snr_db(run_hops(model, x)["y"], run_hops(split, x)["y"]) > 110
    assert count(model, "Conv") == 1


@pytest.mark.parametrize(
    "fields",
    [{"axis": 2}, {"group": 2}, {"factor": np.linspace(0, 1, 288).reshape(8, 6, 6)}],
    ids=lambda fields: next(iter(fields)),
)
def test_what_is_not_joined_channels_stays_whole(fields: dict[str, Any]) -> None:
    model = joined(**fields)
    assert count(split_shortcut(model), "Conv") == count(model, "Conv") == 1


def test_layers_that_a_recipe_names_stay_whole() -> None:
    assert count(split_shortcut(joined(), ["w"]), "Conv") == 1


def test_parts_of_different_range_lose_less() -> None:
    model, x = joined(), inputs(40)
    calibration = Calibration((inputs(40),), "noise")
    (exact,) = run_hops(model, x).values()
    ratios = []
    for recipe in (W4A8, SPLIT):
        quantized = quantize(model, calibration, recipe)
        (found,) = Oracle(quantized).run_hops(x).values()
        ratios.append(snr_db(exact, found))
    assert ratios[1] > ratios[0] + 3


@cache
def denoiser() -> tuple[Model, dict[str, NDArray[Any]]]:
    """The tiny U-Net, whose decoder reads joined channels twice, and its calls."""
    model = fold_steps(attach(tiny_model(), SAMPLER))
    return model, dict(sampled_calls(model, model, None, 2))


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize(
    "recipe",
    [SPLIT, Recipe("w8", "int8", "int8", split_shortcut=True)],
    ids=lambda recipe: recipe.name,
)
def test_c_equals_the_oracle(recipe: Recipe, tmp_path: Path) -> None:
    model, calls = denoiser()
    quantized = quantize(model, Calibration((calls,), "own"), recipe)
    parts = [
        t.name
        for t in onnx.load_from_string(quantized.to_bytes()).graph.initializer
        if "part1.weight_q" in t.name and not t.name.endswith("scale")
    ]
    assert len(parts) == 2  # the first convolution of the decoder, and its shortcut
    lowered(quantized, tmp_path / "b")
    found = Stream.open(tmp_path / "b").run(calls)
    for name, array in Oracle(quantized).run_hops(calls).items():
        assert np.array_equal(found[name], array)
