"""Frames that are added where they overlap become shifted sums; other repeated places stay."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgekit.export.from_torch import from_torch
from edgekit.export.passes.overlap_add import Frames
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import torch_offline
from edgekit.export.torch_source import TorchModule


class OverlapAdd(nn.Module):
    """Frames of a convolution, added up by ``index_add_`` of rows of their greatest common divisor."""

    def __init__(self, length: int, step: int, rows: int) -> None:
        super().__init__()
        self.length, self.step, self.rows = length, step, rows
        self.frames = nn.Conv1d(1, length, length, step, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        framed = torch.relu(self.frames(x)).transpose(1, 2)
        size = (self.step * (framed.shape[1] - 1) + self.length) // self.rows
        unfolded = torch.arange(size).unfold(0, self.length // self.rows, self.step // self.rows)
        whole = framed.new_ones(1, size, self.rows)
        whole.index_add_(1, unfolded.reshape(-1), framed.reshape(1, -1, self.rows))
        return whole.view(1, -1)


def network() -> tuple[nn.Module, tuple[Tensor]]:
    return OverlapAdd(9, 6, 3), (torch.randn(1, 1, 81),)


@pytest.mark.rows(1)
@pytest.mark.parametrize(("length", "step", "rows"), [(8, 4, 4), (9, 6, 3), (5, 5, 1), (4, 1, 1)])
def test_a_file_has_no_scatter(length: int, step: int, rows: int) -> None:
    module = OverlapAdd(length, step, rows).eval()
    source = TorchModule("sum", module, {"x": torch.randn(1, 1, length + 5 * step)})
    model, _ = from_torch(source, name="sum")
    assert "ScatterND" not in {node.op_type for node in model.ir.graph}


def test_it_streams() -> None:
    source = f"{__name__}:network"
    model = stream(torch_offline(source, name="sum", time_axes={"x": 2}))
    assert (model.stream.hop_samples, model.stream.delay_samples) == (6, 6)


@pytest.mark.parametrize("rows", [[1, 1], [0, 1, 2], [0, 1, 1, 2, 4, 5], [2, 3, 0, 1]])
def test_other_places_are_no_frames(rows: list[int]) -> None:
    assert Frames.find(np.array(rows)) is None
