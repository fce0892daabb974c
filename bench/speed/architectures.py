"""What networks of several sizes take of a device: widths, depths and recipes, on as many workers as there are.

    python bench architectures [--target cortex-m4] [--units 16,32,64] [--layers 1,2] [--recipes float32,w8a8]
                                  [--workers N | --scheduler TCP://HOST:PORT] [--keep FILE]

Each network is a mask of 65 bands: Linear, GRU layers, Linear, with seeded random weights. It is exported, verified and
counted under QEMU. Rows in FILE are not made again, so that a sweep that was cut goes on.
"""

import argparse
import itertools
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tables import ResultFile, Table

from edgekit import api
from edgekit.base.spread import SharedValue, Workers, open_team
from edgekit.verbs.held_factories import hold_factory

BANDS = 65
HEAD = ("units", "layers", "recipe", "flash", "RAM", "MACs", "instructions", "SNR dB")


@dataclass(frozen=True)
class Size:
    """A network of the sweep."""

    units: int
    layers: int
    recipe: str


@dataclass(frozen=True)
class Row:
    """What it takes: bytes, and per hop."""

    flash_bytes: int
    ram_bytes: int
    macs: int
    instructions: int
    snr_db: float | None


def measured(target: str, size: Size) -> Row:
    """Export a network, and count its instructions."""
    import torch
    from torch import nn

    class Mask(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inp, self.out = nn.Linear(BANDS, size.units), nn.Linear(size.units, BANDS)
            self.gru = nn.GRU(size.units, size.units, size.layers)

        def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            y, h = self.gru(torch.relu(self.inp(x)).unsqueeze(0), h)
            return torch.sigmoid(self.out(y.squeeze(0))), h

    def factory() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
        torch.manual_seed(0)
        return Mask().eval(), (torch.rand(1, BANDS), torch.zeros(size.layers, 1, size.units))

    def clips() -> Iterator[dict[str, np.ndarray]]:
        for seed in range(3):
            yield {"x": np.random.default_rng(seed).random((40, 1, BANDS), np.float32)}

    with (
        tempfile.TemporaryDirectory() as folder,
        hold_factory("mask", factory) as source,
        hold_factory("clips", clips) as calibration,
    ):
        options = {} if size.recipe == "float32" else {"calibration": calibration}
        build = Path(folder) / "build"
        manifest = api.export(source, target, build, recipe=size.recipe, **options).manifest
        found = api.bench(build, device="qemu", hops=1).to_dict()
    verified = manifest.verification or {}
    return Row(
        manifest.memory["weights_bytes"] + (manifest.memory["code_bytes"] or 0),
        found["ram_bytes"],
        manifest.macs_per_hop,
        found["instructions_per_hop"],
        verified.get("snr_db"),
    )


def sweep(target: str, sizes: list[Size], workers: Workers, path: Path | None) -> dict[Size, Row]:
    """Measure what an earlier call has not; each row is written as it comes."""
    file = ResultFile[dict[str, Any]](path, dict)
    found = [line for line in file.read() if line["target"] == target]
    rows = {Size(**line["size"]): Row(**line["row"]) for line in found}
    left = [size for size in sizes if size not in rows]

    def told(place: int, row: Row) -> None:
        rows[left[place]] = row
        print(f"{len(rows)} of {len(sizes)}", file=sys.stderr, flush=True)
        file.append({"target": target, "size": asdict(left[place]), "row": asdict(row)})

    with open_team(workers) as team:
        team.spread(measured, left, SharedValue(target), told)
    return {size: rows[size] for size in sizes}


def main() -> int:
    """Sweep and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--target", default="cortex-m4")
    parser.add_argument("--units", default="16,32,64")
    parser.add_argument("--layers", default="1,2")
    parser.add_argument("--recipes", default="float32,w8a8")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--scheduler")
    parser.add_argument("--keep", type=Path, metavar="FILE")
    asked = parser.parse_args()
    units, layers = ([int(n) for n in text.split(",")] for text in (asked.units, asked.layers))
    sizes = [Size(*row) for row in itertools.product(units, layers, asked.recipes.split(","))]
    rows = sweep(asked.target, sizes, Workers(asked.workers, asked.scheduler), asked.keep)
    table = Table(*HEAD, title=f"{asked.target}, a hop")
    for size, row in rows.items():
        numbers = (row.flash_bytes, row.ram_bytes, row.macs, row.instructions)
        snr = "" if row.snr_db is None else f"{row.snr_db:.1f}"
        cells = (str(size.units), str(size.layers), size.recipe, *(f"{n:,}" for n in numbers), snr)
        table.add_row(*cells)
    table.show()
    return 0


if __name__ == "__main__":
    from speed import architectures  # workers import its functions by this name

    sys.exit(architectures.main())
