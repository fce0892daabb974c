"""Denoisers with a sampler, in float and in integers, whose steps may be grouped or skip their encoder."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import onnx_ir as ir
from diffusion_networks import SAMPLER, SHAPE, labels, tiny_model

from edgekit.base import sampler_loop
from edgekit.base.sampler_table import StepTable
from edgekit.export.diffusion.description import attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.diffusion.split_unet import with_keys
from edgekit.graph.model import Model
from edgekit.graph.step_groups import stack_groups
from edgekit.judge.sampling import sampled_calls
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe_file import find_recipe

N, SEED = 3, 5


@cache
def folded() -> Model:
    """The tiny denoiser with noise in its rows."""
    return fold_steps(attach(tiny_model(), replace(SAMPLER, eta=0.6)))


@cache
def integer(images: int = 4) -> Model:
    calls = sampled_calls(folded(), folded(), None, images)
    return quantize(folded(), Calibration((calls,), "own"), find_recipe("w8a8"))


@cache
def grouped() -> Model:
    """Two groups of steps with scales of their own."""
    model = stack_groups([integer(), integer(1)])
    table = model.sampler
    assert table is not None
    return model.describe(sampler=table.with_(group=np.array([0, 0, 1, 1, 0])).facts())


def two_outputs() -> Model:
    """A network of two outputs: x + t, and x * y."""
    x, y = (ir.val(name, ir.DataType.FLOAT, (1, 2, 3)) for name in ("x", "y"))
    t = ir.val("t", ir.DataType.FLOAT, (1,))
    nodes = [ir.node("Add", [x, t], name="add"), ir.node("Mul", [x, y], name="mul")]
    outputs = [node.outputs[0] for node in nodes]
    for name, value in zip(("sum", "product"), outputs, strict=True):
        value.name, value.shape, value.type = name, x.shape, x.type
    graph = ir.Graph([x, t, y], outputs, nodes=nodes, opset_imports={"": 21}, name="g")
    return Model(ir.Model(graph, ir_version=10))


KEYS = (0, 2, 4)


def table_of(model: Model) -> StepTable:
    table = model.sampler
    assert table is not None
    return table


def with_decoder_rows(model: Model) -> Model:
    return model.describe(sampler=with_keys(table_of(model), KEYS, 0.003).facts())


def drawn_alone(model: Model, network: Any) -> np.ndarray[Any, Any]:
    """Image by image with a network of one image."""
    given = labels(N)
    drawn = [
        sampler_loop.sample(
            table_of(model),
            network,
            SHAPE,
            1,
            SEED,
            {k: v[i : i + 1] for k, v in given.items()},
            first=i,
        )
        for i in range(N)
    ]
    return np.concatenate(drawn)
