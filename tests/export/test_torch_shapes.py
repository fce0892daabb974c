"""torch's own Transformer layers are traced with any mask."""

import torch
from torch import Tensor, nn

from edgekit.export.from_torch import from_torch
from edgekit.export.torch_source import TorchModule


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        place = torch.arange(x.shape[1])
        lag = place[:, None] - place
        return self.encoder(x, mask=(lag > 3) | (lag < -1))  # type: ignore[no-any-return]


def test_an_encoder_with_a_band_for_its_mask():
    fused = torch.backends.mha.get_fastpath_enabled()
    module = TorchModule("masked", Masked().eval(), {"x": torch.randn(1, 9, 8)})
    model, _ = from_torch(module, name="net")  # verified there
    assert "Softmax" in {node.op_type for node in model.ir.graph}
    assert torch.backends.mha.get_fastpath_enabled() == fused
