"""Elements that computed indices choose: refined peaks, as pitch trackers have them, frame by frame."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgekit import api
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import torch_offline
from edgekit.runtime.stream import Stream
from edgekit.targets.c.lower import check_c


class Peaks(nn.Module):
    """The mean of the bins around the largest one, weighted by what they hold."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.bins = nn.Conv1d(4, 16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shares = torch.softmax(self.bins(nn.functional.pad(x, (2, 0))), 1)
        peak = shares.argmax(1, keepdim=True)
        near = (peak + torch.arange(-2, 3)[:, None]).clamp(0, 15)
        parts = torch.gather(shares, 1, near)
        return (parts * near).sum(1) / parts.sum(1)


def peaks() -> tuple[nn.Module, torch.Tensor]:
    return Peaks(), torch.randn(1, 4, 40)


def test_a_pitch_tracker_streams_and_is_taken_by_the_c_targets() -> None:
    network = stream(torch_offline(f"{__name__}:peaks", name="net", time_axes={"x": 2}))
    assert network.stream.hop_samples == 1
    assert "GatherElements" in {node.op_type for node in network.ir.graph}
    assert not check_c(network)


GATHERS = {
    "Gather": ("int64[1,4] k, float[2,6] x", "y = Gather <axis = 1> (x, k)", "float[2,1,4] y"),
    "GatherElements": (
        "int64[2,3] k, float[2,6] x",
        "y = GatherElements <axis = 1> (x, k)",
        "float[2,3] y",
    ),
    "GatherND": ("int64[4,2] k, float[2,6] x", "y = GatherND (x, k)", "float[4] y"),
}


def _gathered(operator: str, x: np.ndarray, k: np.ndarray) -> np.ndarray:
    """NumPy's result for indices that are taken modulo the size."""
    if operator == "Gather":
        return np.take(x, k, 1, mode="wrap")
    if operator == "GatherElements":
        return np.take_along_axis(x, k % 6, 1)
    return x[k[:, 0] % 2, k[:, 1] % 6]


@pytest.mark.parametrize("operator", GATHERS)
def test_an_index_out_of_range_wraps_and_reads_nothing_outside(
    operator: str, tmp_path: Path
) -> None:
    inputs, node, output = GATHERS[operator]
    text = f'<ir_version: 10, opset_import: ["": 21]> net ({inputs}) => ({output}) {{ {node} }}'
    (tmp_path / "net.onnx").write_bytes(onnx.parser.parse_model(text).SerializeToString())
    api.export(str(tmp_path / "net.onnx"), "host", tmp_path / "b")
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    shape = onnx.load(tmp_path / "net.onnx").graph.input[0].type.tensor_type.shape.dim
    size = [dim.dim_value for dim in shape]
    far = np.random.default_rng(0).integers(-(10**9), 10**9, (20, *size))
    far[0, ...], far[1, ...] = np.iinfo(np.int32).max, np.iinfo(np.int32).min
    found = Stream.open(tmp_path / "b").run({"x": np.stack([x] * len(far)), "k": far})["y"]
    np.testing.assert_array_equal(found, [_gathered(operator, x, k) for k in far])
