"""Loops and scans along time in exports of torch, rolled back: the same results at a length that was not read."""

import numpy as np
import onnx
import pytest
import stream_authors_written as authors
import torch
from slices import slow_except
from torch import nn

from edgekit.export.from_torch import to_stream_onnx
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.loops.forms import find_loops
from edgekit.export.torch_source import TorchModule

READ, OTHER = 8, 13


class Cells(nn.Module):
    """Two layers of cells, whose states start from zeros that the cells make themselves, written frame by frame."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList([nn.LSTMCell(3, 4), nn.LSTMCell(4, 3)])

    def forward(self, x):
        states, made = [None, None], torch.empty_like(x)
        for t in range(x.shape[1]):
            frame = x[:, t]
            for n, cell in enumerate(self.cells):
                states[n] = cell(frame, states[n])
                frame = states[n][0]
            made[:, t] = frame
        return made


class Backwards(nn.Module):
    """The last frame comes first."""

    def forward(self, x):
        h, made = torch.zeros_like(x[:, 0]), []
        for t in reversed(range(x.shape[1])):
            h = 0.5 * h + x[:, t]
            made.append(h)
        return torch.stack(made[::-1], 1)


class Growing(nn.Module):
    """Each frame attends to all frames before it."""

    def forward(self, x):
        made = [(x[:, : t + 1] * x[:, t : t + 1]).sum(1) for t in range(x.shape[1])]
        return torch.stack(made, 1)


class Middle(nn.Module):
    """A scan of pairs whose operator is not associative."""

    def forward(self, x):
        reach = 1
        while reach < x.shape[1]:
            x = x + torch.tanh(nn.functional.pad(x[:, :-reach], (0, 0, reach, 0)))
            reach *= 2
        return x


def forms(module: nn.Module, shape: tuple[int, ...], axis: int, read: int = READ):
    torch.manual_seed(0)

    def export(frames: int) -> bytes:
        size = [frames if n == axis else d for n, d in enumerate(shape)]
        return to_stream_onnx(TorchModule("net", module.eval(), {"x": torch.randn(size)}))

    return find_loops(export, read), export


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "shape", "axis", "unit"),
    slow_except(
        lambda row: row[0] is authors.DoublingScan,
        [
            (Cells, (1, 0, 3), 1, 1),
            (authors.GatedDeltaRule, (1, 0, 16), 1, 1),
            (authors.FilterLoop, (1, 1, 0), 2, 1),
            (authors.DoublingScan, (1, 0, 8), 1, 1),
            (authors.ChunkedAttention, (1, 0, 16), 1, 8),
        ],
    ),
)
def test_the_same_network_at_another_length(make, shape, axis, unit):
    module = make()
    found, export = forms(module, shape, axis, READ * unit)
    assert not found.problems
    data = found.roll_back(export(OTHER * unit))
    graph = onnx.load_model_from_string(data).graph
    assert [node.op_type for node in graph.node].count("Loop.0") == 1
    assert len(graph.node) < 60
    x = torch.randn([OTHER * unit if n == axis else d for n, d in enumerate(shape)])
    (y,) = in_onnxruntime(data)({"x": x.numpy()}).values()
    with torch.no_grad():
        np.testing.assert_allclose(y, module(x).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "reason"),
    slow_except(
        lambda row: row[0] is Backwards,
        [
            (Backwards, "runs from the end"),
            (Growing, "starts with another value"),
            (Middle, "runs from the end, or joins frames with an operator that is not associative"),
        ],
    ),
)
def test_what_is_no_loop_from_the_start_is_left(make, reason):
    found, _ = forms(make(), (1, 0, 3), 1)
    assert any(reason in problem for problem in found.problems)
