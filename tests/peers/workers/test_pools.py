"""Pools and reductions in torch, compared with onnxruntime."""

from pathlib import Path

import numpy as np
import onnx.parser
import pytest
import torch
from builds import noise
from near import assert_near

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.peers.program import write_program
from edgekit.peers.workers.network import Network


def in_torch(model: Model, folder: Path, hops: int = 6, whole: bool = False) -> tuple[dict, dict]:
    """Outputs of a model in onnxruntime and of its program in torch, (hops, *shape), states carried."""
    write_program(model, folder, {}, whole)
    network, inputs = Network(folder).eval(), noise(model, hops, seed=2)
    states = dict(network.program["states"])
    values = {i["name"]: torch.zeros(i["shape"]) for i in network.program["inputs"]}
    kept: dict[str, list] = {name: [] for name in network.program["outputs"]}
    for hop in range(hops):
        values.update({name: torch.from_numpy(array[hop]) for name, array in inputs.items()})
        with torch.no_grad():
            made = dict(zip(kept, network(*values.values()), strict=True))
        for name, rows in kept.items():
            rows.append(made[name].numpy())
        values.update({name: made[output] for name, output in states.items()})
    return run_hops(model, inputs), {name: np.stack(rows) for name, rows in kept.items()}


LONGEST_SUM = 18  # of products, in POOLS
POOLS = {
    "largest": "y = MaxPool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 1, 1]> (x)",
    "largest, dilated": "y = MaxPool <kernel_shape = [2, 2], dilations = [2, 3]> (x)",
    "largest, one side": "y = MaxPool <kernel_shape = [3, 3], pads = [0, 2, 1, 0]> (x)",
    "largest, as long": "y = MaxPool <kernel_shape = [2, 3], strides = [2, 2], auto_pad = 'SAME_UPPER'> (x)",
    "largest, lower": "y = MaxPool <kernel_shape = [2, 3], auto_pad = 'SAME_LOWER'> (x)",
    "convolution, as long": "y = Conv <strides = [2, 3], auto_pad = 'SAME_UPPER'> (x, kernel)",
    "convolution, lower": "y = Conv <auto_pad = 'SAME_LOWER'> (x, kernel)",
    "mean": "y = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x)",
    "mean, with padding": "y = AveragePool <kernel_shape = [2, 3], pads = [0, 1, 1, 2], count_include_pad = 1> (x)",
    "extremes": "a = ReduceMax <keepdims = 0> (x, axes) b = ReduceMin (x, axes) y = Add (a, b)",
    "one largest": "a = GlobalMaxPool (x) b = Mul (a, a) c = Exp (b) y = Reciprocal (c)",
    "equal": "a = Relu (x) b = Equal (a, x) y = Cast <to = 1> (b)",
}


@pytest.mark.parametrize("graph", POOLS.values(), ids=POOLS)
def test_the_torch_form_of_pools_and_reductions_is_the_network(graph: str, tmp_path: Path) -> None:
    weights = ", ".join(map(str, range(18)))
    constants = f"<int64[1] axes = {{2}}, float[1,3,2,3] kernel = {{{weights}}}>"
    text = f'<ir_version: 9, opset_import: ["" : 18]> net (float[1,3,7,8] x) => (float[] y) {constants} {{'
    proto = onnx.parser.parse_model(f"{text}{graph.replace(chr(39), chr(34))}}}")
    expected, found = in_torch(from_onnx(proto.SerializeToString(), name="net"), tmp_path)
    assert_near(found["y"], expected["y"], 2 * LONGEST_SUM)


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        ("AveragePool <kernel_shape = [3, 3], pads = [0, 1, 1, 1]>", "two sizes"),
        ("AveragePool <kernel_shape = [2, 2], dilations = [2, 2]>", "dilated mean"),
    ],
)
def test_pools_without_a_torch_form_say_so(graph: str, words: str, tmp_path: Path) -> None:
    text = '<ir_version: 9, opset_import: ["" : 19]> net (float[1,3,7,8] x) => (float[] y) {'
    proto = onnx.parser.parse_model(f"{text} y = {graph} (x) }}")
    model = from_onnx(proto.SerializeToString(), name="net")
    with pytest.raises(ValueError, match=words):
        in_torch(model, tmp_path)
