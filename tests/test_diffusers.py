"""A U-Net as diffusers builds it, quantized through the public interface with nothing wired by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from c_kernels import needs_cc

from edgekit import api

DESCRIPTION = """\
steps = 10
clip = 1.0
[schedule]
kind = "linear"
[roles]
x = "sample"
time = "timestep"
"""


def unet() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    """What ``edgekit export test_diffusers:unet`` takes: random weights, group norms, attention."""
    from diffusers import UNet2DModel

    torch.manual_seed(0)
    net = UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
    )
    return net, {"sample": torch.randn(1, 1, 8, 8), "timestep": torch.tensor([3])}


@pytest.mark.slow
@needs_cc
@pytest.mark.usefixtures("few_calls")
def test_a_unet_of_diffusers_is_quantized_and_draws(tmp_path: Path) -> None:
    (tmp_path / "sampler.toml").write_text(DESCRIPTION)
    made = api.export(
        "test_diffusers:unet",
        "c99",
        tmp_path / "build",
        recipe="w8a8",
        sampler=tmp_path / "sampler.toml",
    )
    facts = made.manifest.verification
    assert facts is not None and facts["bit_exact_with_oracle"] is True and facts["snr_db"] > 20
    assert made.manifest.macs_int8 > 0.9 * made.manifest.macs_per_hop
    assert any("input 'timestep' folded" in note for note in made.notes)
    x = api.sample(tmp_path / "build", 2, 0)
    assert x.shape == (2, 1, 8, 8) and np.isfinite(x).all() and np.abs(x).max() <= 1
