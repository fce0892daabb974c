"""Elements that computed indices choose: refined peaks, as pitch trackers have them, frame by frame."""

import torch
from torch import nn

from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import torch_offline
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
