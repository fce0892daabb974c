"""Diffusion networks of full size, as `diffusers` builds them, with seeded weights: one verified call of each.

    python bench full_size [--only REGEX] [--recipe w8a8]

A row is one `edgekit export` to C, its weights in a file apart, as a process of its own, which compiles the build and
holds one call against the source network and, in integers, against the NumPy oracle in every bit. The time is held at
the middle of training's, as a row of a sampler holds it. Calibrated on two other calls. Seconds are of the processor,
MB the memory of the export's largest process; a call's seconds are the least of three. Seeded weights say nothing of
pictures, and their SNR little of trained ones'.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from published_measure import Refused, export
from tables import Table
from torch import Tensor, nn

from edgekit.base.sampler_table import Arrays
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.importing import ImportOptions

MIDDLE = 500  # of 1,000 training times
MIN_SNR_DB = 10.0  # with seeded weights
Built = tuple[nn.Module, dict[str, Tensor]]


class Sample(nn.Module):
    """A network of `diffusers` whose answer is the tensor alone."""

    output_names = ("out",)

    def __init__(self, network: nn.Module, timed: bool, classes: bool = False) -> None:
        """Around a network that is told a time, and a class."""
        super().__init__()
        self.network, self.timed, self.classes = network, timed, classes

    def forward(self, sample: Tensor) -> Tensor:
        """(1, channels, height, width) -> (1, outputs, height, width)."""
        told: dict[str, Tensor] = {}
        if self.timed:
            told["timestep"] = torch.tensor([MIDDLE])
        if self.classes:
            told["class_labels"] = torch.tensor([7])
        y: Tensor = self.network(sample, return_dict=False, **told)[0]
        return y


def ddpm_cifar10() -> Built:
    """The U-Net of DDPM for CIFAR-10 (Ho et al. 2020): 32 x 32, attention at 16 x 16."""
    from diffusers import UNet2DModel

    torch.manual_seed(0)
    plain, attention = ("DownBlock2D", "UpBlock2D"), ("AttnDownBlock2D", "AttnUpBlock2D")
    network = UNet2DModel(
        sample_size=32,
        in_channels=3,
        out_channels=3,
        layers_per_block=2,
        block_out_channels=(128, 256, 256, 256),
        down_block_types=(plain[0], attention[0], plain[0], plain[0]),
        up_block_types=(plain[1], plain[1], attention[1], plain[1]),
        attention_head_dim=None,
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_eps=1e-6,
    )
    return Sample(network, timed=True).eval(), {"sample": torch.randn(1, 3, 32, 32)}


def dit_s2() -> Built:
    """DiT-S/2 on latents of 32 x 32 (Peebles and Xie 2023): 12 layers of 384, 256 tokens."""
    from diffusers import DiTTransformer2DModel

    torch.manual_seed(0)
    network = DiTTransformer2DModel(
        num_attention_heads=6,
        attention_head_dim=64,
        in_channels=4,
        out_channels=8,
        num_layers=12,
        patch_size=2,
        sample_size=32,
        num_embeds_ada_norm=1000,
    )
    return Sample(network, True, classes=True).eval(), {"sample": torch.randn(1, 4, 32, 32)}


class Decode(nn.Module):
    """The decoder alone."""

    output_names = ("out",)

    def __init__(self, autoencoder: nn.Module) -> None:
        """Of an `AutoencoderKL`."""
        super().__init__()
        self.quantized, self.decoder = autoencoder.post_quant_conv, autoencoder.decoder

    def forward(self, sample: Tensor) -> Tensor:
        """(1, 4, height, width) of latents -> (1, 3, 8 height, 8 width)."""
        y: Tensor = self.decoder(self.quantized(sample))
        return y


def vae_decoder() -> Built:
    """The decoder of Stable Diffusion's autoencoder (Rombach et al. 2022), for latents of 8 x 8."""
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    network = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        sample_size=64,
    )
    return Decode(network).eval(), {"sample": torch.randn(1, 4, 8, 8)}


class DecodeTiny(nn.Module):
    """The decoder alone, without a normalization."""

    output_names = ("out",)

    def __init__(self, autoencoder: nn.Module) -> None:
        """Of an `AutoencoderTiny`."""
        super().__init__()
        self.decoder = autoencoder.decoder

    def forward(self, sample: Tensor) -> Tensor:
        """(1, 4, height, width) of latents -> (1, 3, 8 height, 8 width)."""
        y: Tensor = self.decoder(sample)
        return y


def taesd_decoder() -> Built:
    """The decoder of the tiny autoencoder for Stable Diffusion's latents (Bohan 2023), for latents of 8 x 8."""
    from diffusers import AutoencoderTiny

    torch.manual_seed(0)
    return DecodeTiny(AutoencoderTiny()).eval(), {"sample": torch.randn(1, 4, 8, 8)}


NETWORKS: dict[str, Callable[[], Built]] = {
    "ddpm-cifar10": ddpm_cifar10,
    "dit-s2": dit_s2,
    "taesd-decoder": taesd_decoder,
    "vae-decoder": vae_decoder,
}


@dataclass(frozen=True)
class Row:
    """What one export and one call took."""

    parameters: int
    macs: int
    export_s: float
    export_mb: float
    call_s: float
    weights_bytes: int
    ram_bytes: int
    snr_db: float
    exact: bool | None


def measured(name: str, recipe: str, folder: Path) -> Row:
    """Export a network into a folder and time a call.

    Raises:
        Refused: the export failed.
    """
    torch.manual_seed(1)
    network, example = NETWORKS[name]()
    shape = tuple(example["sample"].shape)
    parameters = sum(value.numel() for value in network.parameters())
    del network
    calls: list[Arrays] = [{"sample": torch.randn(2, *shape).numpy()}]
    source = f"speed.{Path(__file__).stem}:{NETWORKS[name].__name__}"
    options = ImportOptions()
    seconds, megabytes = export(
        source, options, recipe, calls, MIN_SNR_DB, folder, ("--weights", "external")
    )
    stream = Stream.open(folder)
    x, took = calls[0]["sample"][0], []
    for _ in range(3):
        before = time.process_time()
        stream.process({"sample": x})
        took.append(time.process_time() - before)
    manifest = stream.manifest
    facts, memory = manifest.verification or {}, manifest.memory
    return Row(
        parameters,
        manifest.macs_per_hop,
        seconds,
        megabytes,
        min(took),
        memory["weights_bytes"] or 0,
        sum(memory[part] or 0 for part in ("state_bytes", "scratch_bytes")),
        float(facts["snr_db"]),
        facts.get("bit_exact_with_oracle"),
    )


HEAD = ("network", "recipe", "weights, M", "MACs, G", "export, s", "MB", "call, s", "flash, MB")
HEAD += ("RAM, MB", "SNR, dB", "C = oracle")


def cells(name: str, recipe: str, row: Row) -> list[str]:
    """Of the table."""
    numbers = [row.parameters / 1e6, row.macs / 1e9]
    return [
        name,
        recipe,
        *(f"{value:.1f}" for value in numbers),
        f"{row.export_s:.0f}",
        f"{row.export_mb:,.0f}",
        f"{row.call_s:.2f}",
        f"{row.weights_bytes / 1e6:.1f}",
        f"{row.ram_bytes / 1e6:.2f}",
        f"{row.snr_db:.1f}",
        {True: "yes", False: "no", None: ""}[row.exact],
    ]


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="networks")
    parser.add_argument("--recipe", nargs="+", default=["float32", "w8a8"])
    given = parser.parse_args()
    table, refused = Table(*HEAD), False
    for name in filter(re.compile(given.only).search, NETWORKS):
        for recipe in given.recipe:
            with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
                try:
                    row = cells(name, recipe, measured(name, recipe, Path(folder) / "build"))
                except Refused as why:
                    row, refused = [name, recipe, str(why)], True
            print(table.add_row(*row), flush=True)
    table.show()
    return int(refused)


if __name__ == "__main__":
    sys.exit(main())
