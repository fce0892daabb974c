"""Layers that stay in training mode after eval() are named."""

import pytest
from torch import Tensor, nn

from edgekit.base.errors import ModelError
from edgekit.export.torch_training import set_eval_mode


class AlwaysTrains(nn.Module):
    """Overrides eval, and forgets its layers."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def eval(self) -> "AlwaysTrains":
        return self

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        return y


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(4), nn.BatchNorm2d(4), nn.Dropout(), nn.Dropout1d()]
)
def test_a_layer_that_stays_in_training_mode_is_named(layer: nn.Module) -> None:
    with pytest.raises(ModelError, match=f"layer 'layer': a {type(layer).__name__} in training"):
        set_eval_mode(AlwaysTrains(layer))


@pytest.mark.parametrize(
    "layer", [nn.Linear(4, 4), nn.Dropout(0.0), nn.BatchNorm1d(4, track_running_stats=False)]
)
def test_a_layer_that_computes_the_same_in_both_modes_is_taken(layer: nn.Module) -> None:
    set_eval_mode(AlwaysTrains(layer))


def test_a_module_is_put_into_eval_mode() -> None:
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout())
    set_eval_mode(module)
    assert not any(part.training for part in module.modules())
