"""Operators of torch in forms that can be read: what stands in the graph, equal to torch."""

import pytest
import torch
from torch import Tensor, nn

from edgekit.export.from_torch import from_torch
from edgekit.export.torch_source import TorchModule


class Joined(nn.Module):
    """An empty tensor of one axis beside tensors of three, as Emformer's memory is where it has none."""

    def forward(self, x: Tensor) -> Tensor:
        nothing = torch.empty(0)
        return torch.cat([torch.cat([nothing, x, x * 2], 1), torch.cat([x, nothing])], 1)


def test_empty_tensors_are_left_out_of_a_concatenation():
    module = TorchModule("joined", Joined().eval(), {"x": torch.randn(1, 2, 3)})
    model, _ = from_torch(module, name="net")  # verified there
    assert [tuple(v.shape) for v in model.ir.graph.outputs] == [(1, 6, 3)]


class Angle(nn.Module):
    """The angle of a spectrum, whose first and last bin are real: there it is 0 or pi, never -pi."""

    def forward(self, x: Tensor) -> Tensor:
        window = torch.hann_window(16)
        frames = torch.stft(x, 16, 8, 16, window, center=False, return_complex=True)
        return frames.angle()


def test_an_angle_of_real_bins_is_that_of_torch():
    torch.manual_seed(0)
    module = TorchModule("angle", Angle().eval(), {"x": torch.randn(1, 320)})
    from_torch(module, name="net")  # verified there


class Windows(nn.Module):
    """Attention of heads inside windows, on five axes: causal, masked, or neither."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.register_buffer("seen", torch.ones(4, 4, dtype=torch.bool).tril(1))

    def forward(self, x: Tensor) -> Tensor:
        masks = {"masked": self.seen, "added": torch.where(self.seen, 0.5, -9.0)}
        attend = nn.functional.scaled_dot_product_attention
        return attend(x, x * 2, x, masks.get(self.how), is_causal=self.how == "causal", scale=0.4)


@pytest.mark.rows(2)
@pytest.mark.parametrize("how", ["plain", "causal", "masked", "added"])
def test_attention_has_any_number_of_axes(how: str) -> None:
    module = TorchModule("windows", Windows(how).eval(), {"x": torch.randn(1, 2, 3, 4, 5)})
    model, _ = from_torch(module, name="net")  # verified there
    assert [tuple(v.shape) for v in model.ir.graph.outputs] == [(1, 2, 3, 4, 5)]
