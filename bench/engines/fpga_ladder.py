"""What each restriction of the engine costs in accuracy and saves in time, on a small detector.

python bench fpga_ladder [--size wide] [--steps 5000] [--more 3000] [--seeds 3] [--rows ROW ...] [--one-start]
    [--out FOLDER] [--table] [--forms]

For each seed (with `--one-start` once for all) the detector of `edgekit.demos.codenet` is trained with ordinary
convolutions for `--steps`, on pictures of half the side where it is ``wide``: a step takes half the time. Each variant
of its deformable layers goes on from there for `--more`, and so does the one without; offsets are told how large the
shapes are (`train_deform.scale_loss`). The rounded one goes on from the square one for as many, W4A8 from the
rounded one likewise, with weights of 4 bits; its AP is in the engine's own integers. Below it is the same with weights
of 8 bits where d is made, which no engine has: what 4 bits there cost. The other rows are float. AP is over held-out
pictures, mean and spread of the seeds.

Weights and AP are kept in FOLDER as they come, and not made again; a training that was ended goes on from its last
checkpoint there, so the same command continues a ladder. `--rows` are trained in their order, each for all seeds;
`--table` trains nothing and prints what there is; `--forms` prints which d square layers have, and AP of rounded and
W4A8 in float and in integers beside it, which takes some minutes a seed. ``wide`` pictures are 256 x 256 with shapes of
8 to 200 pixels, where d has use for 0 to 7; ``small`` ones 96 x 96 with shapes of 12 to 80.

Latency is that of the whole detector and of the layer of the paper's table, modelled by `ladder_cycles`, on an engine
for the XCZU3EG with weights of 8 bits; W4A8 has its own.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from engines.ladder_cycles import layer_ms, network_ms
from tables import Table

from edgekit.base.output import replacement_path
from edgekit.demos.codenet import SIZES, Detector, random_detector
from edgekit.demos.detections import average_precision, mean_average_precision
from edgekit.demos.shapes import CALIBRATION, CALIBRATION_PICTURES, Picture, draw
from edgekit.demos.train_deform import (
    RATE,
    deformable,
    detect,
    evaluate,
    plain,
    train,
    train_four_bits,
)
from edgekit.fpga import golden
from edgekit.fpga.lower import lower
from edgekit.fpga.network import Network
from edgekit.fpga.resources import PARTS
from edgekit.fpga.search import Choice, choose
from edgekit.fpga.spec import DMAX, EngineSpec, Variant
from edgekit.fpga.torch_module import SquareDeformConv2d
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.pictures.boxes import decode
from edgekit.verbs.export.importing import ImportOptions, load_model

VARIANTS: tuple[Variant, ...] = ("plain", "full", "depthwise", "bounded", "square", "rounded")
W4A8, W4A8_D8 = "W4A8", "W4A8, d of 8 bits"
FOUR_BITS = (W4A8, W4A8_D8)
ROWS = (*VARIANTS, *FOUR_BITS)
ORDER = ("plain", "square", "rounded", *FOUR_BITS, "depthwise", "bounded", "full")  # of training
STARTED = {"wide": 128, "small": 96}  # sides of the pictures that ordinary convolutions begin with
TESTED, PICTURES = 5_000_000, 300  # first seed and number of the pictures that are scored
# arXiv 2006.08357: AP and AP50 on VOC; ms of a 64x64x256 layer, without and with the last-level cache
PAPER_AP = {
    "plain": "39.1 / 60.9",
    "depthwise": "42.9 / 64.4",
    "bounded": "41.0 / 63.0",
    "square": "41.1 / 63.1",
}
PAPER_MS = {
    "plain": "1.9 / 2.0",
    "full": "59.0 / 42.7",
    "depthwise": "20.5 / 17.8",
    "bounded": "3.0 / 3.4",
    "square": "2.1 / 2.3",
}
_network: list[Detector] = []  # what `current` returns


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=("wide", "small"), default="wide")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--more", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ORDER)
    parser.add_argument("--one-start", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("ladder"))
    parser.add_argument("--forms", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    ladder = Ladder(
        arguments.out, arguments.size, arguments.steps, arguments.more, arguments.one_start
    )
    ladder.folder.mkdir(parents=True, exist_ok=True)
    for row in () if arguments.table else arguments.rows:
        for seed in range(arguments.seeds):
            ap, ap50 = ladder.scored(row, seed)
            print(f"{row}, seed {seed}: AP {ap:.3f}, AP50 {ap50:.3f}", flush=True)
    if arguments.forms:
        print_forms(ladder, arguments.seeds)
    print_table(ladder, arguments.seeds)


def print_forms(ladder: "Ladder", seeds: int) -> None:
    """Print how often square layers have which d, rounded, and AP of two rows in float and in the engine's integers."""
    pictures = _tested(SIZES[ladder.size].image)
    for seed in range(seeds):
        if ladder.score("square", seed).exists():
            for number, shares in enumerate(shares_of_d(ladder.trained("square", seed), pictures)):
                text = ", ".join(
                    f"{d} at {100 * share:.1f} %" for d, share in enumerate(shares) if share
                )
                print(f"square, seed {seed}, layer {number}: d {text}", flush=True)
    for row, bits in (("rounded", 8), (W4A8, 4)):
        for seed in range(seeds):
            if ladder.score(row, seed).exists():
                net = ladder.trained(row, seed)
                real, whole = evaluate(net, pictures), integer_ap(net, pictures, row, bits)
                print(
                    f"{row}, seed {seed}: float {100 * real[0]:.1f}, integers of {bits} bits {100 * whole[0]:.1f}",
                    flush=True,
                )


def shares_of_d(
    net: Detector, pictures: Sequence[Picture]
) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Of each square layer, the share of places whose d rounds to 0, 1, ... DMAX."""
    layers = [module for module in net.modules() if isinstance(module, SquareDeformConv2d)]
    counts = [np.zeros(DMAX + 1) for _ in layers]

    def count(layer: torch.nn.Module, x: tuple[torch.Tensor, ...], _y: torch.Tensor) -> None:
        assert isinstance(layer, SquareDeformConv2d)
        d = (layer.dilation(x[0]) + 0.5).floor().int().numpy().ravel()
        counts[layers.index(layer)] += np.bincount(d, minlength=DMAX + 1)

    hooks = [layer.register_forward_hook(count) for layer in layers]
    for picture in pictures:
        detect(net, picture)
    for hook in hooks:
        hook.remove()
    return [each / each.sum() for each in counts]


def print_table(ladder: "Ladder", seeds: int) -> None:
    """Print what is trained and scored of the ladder."""
    torch.manual_seed(0)
    net, _ = random_detector(ladder.size)  # of trained weights, sums may have other bits
    engines = {b: choose(integer_network(net, b), PARTS["XCZU3EG"]) for b in (4, 8)}
    own = ("AP, %", "AP50, %", "detector, ms, modelled", "64x64x256 layer, ms, modelled")
    table = Table("deformable layers", "seeds", *own, "paper: AP / AP50", "paper: ms")
    print(table.markdown())
    for row in ROWS:
        aps = [
            ladder.scored(row, seed) for seed in range(seeds) if ladder.score(row, seed).exists()
        ]
        if aps:
            print(table.add_row(*cells(row, np.array(aps) * 100, engines)), flush=True)


@dataclass(frozen=True)
class Ladder:
    """The folder of weights and AP, and the steps that they are made with."""

    folder: Path
    size: str
    steps: int
    more: int
    one_start: bool

    def trained(self, row: str, seed: int) -> Detector:
        """Return the detector of a row and a seed, trained unless its weights are there."""
        variant = "rounded" if row in FOUR_BITS else row
        net = Detector(SIZES[self.size], variant=variant)  # type: ignore[arg-type]
        path = self._path(row, seed).with_suffix(".pt")
        if not path.exists():
            kept = _begun(path)
            if row in FOUR_BITS:
                begun = self.trained("rounded", seed)
                done = train_four_bits(begun, self.more, seed, kept, offsets=row == W4A8)
            elif row == "rounded":
                begun = deformable(self.trained("square", seed), "rounded")
                done = train(begun, self.more, RATE / 2, seed, kept)
            else:
                start = self._ordinary(0 if self.one_start else seed)
                begun = deformable(start, row)  # type: ignore[arg-type]
                done = train(begun, self.more, RATE, seed, kept)
            _finished(done, path)
        net.load_state_dict(torch.load(path))
        return net.eval()

    def score(self, row: str, seed: int) -> Path:
        """The file with AP and AP50 of a row and a seed, over the pictures that are scored."""
        return self._path(row, seed).with_suffix(f".{TESTED}.json")

    def scored(self, row: str, seed: int) -> tuple[float, float]:
        """AP and AP50 of a row and a seed."""
        path = self.score(row, seed)
        if not path.exists():
            net, pictures = self.trained(row, seed), _tested(SIZES[self.size].image)
            found = (
                integer_ap(net, pictures, row, 4) if row in FOUR_BITS else evaluate(net, pictures)
            )
            with replacement_path(path) as new:
                new.write_text(json.dumps(found), encoding="utf-8")
        ap, ap50 = json.loads(path.read_text(encoding="utf-8"))
        return float(ap), float(ap50)

    def _ordinary(self, seed: int) -> Detector:
        path = self.folder / f"{self.size}_start_{seed}_{self.steps}.pt"
        net = plain(seed, SIZES[self.size])
        if not path.exists():
            begun = plain(seed, replace(net.size, image=STARTED[self.size]))
            _finished(train(begun, self.steps, 2 * RATE, seed, _begun(path)), path)
        net.load_state_dict(torch.load(path))
        return net.eval()

    def _path(self, row: str, seed: int) -> Path:
        name = row.replace(", ", "_").replace(" ", "_")
        return self.folder / f"{self.size}_{name}_{seed}_{self.steps}_{self.more}"


def _begun(path: Path) -> Path:
    """Say that a training begins or goes on; the file of its checkpoint."""
    print(f"training {path.stem}", flush=True)
    return path.with_suffix(".begun")


def _finished(net: Detector, path: Path) -> None:
    """Write the weights of a training that is done; its checkpoint goes."""
    with replacement_path(path) as new:
        torch.save(net.state_dict(), new)
    path.with_suffix(".begun").unlink(missing_ok=True)


@cache
def _tested(size: int) -> list[Picture]:
    return [draw(TESTED + i, size) for i in range(PICTURES)]


def integer_ap(
    net: Detector, pictures: Sequence[Picture], row: str, bits: int
) -> tuple[float, float]:
    """AP and AP50 of the integer golden network, which is the engine bit for bit but for d of 8-bit weights."""
    network = integer_network(net, bits)
    if row == W4A8_D8:
        network = with_layers_of_d(network, integer_network(net, 8))
    found = [
        decode(golden.infer(network, {"x": p.image[None]}), p.image.shape[1:]) for p in pictures
    ]
    return mean_average_precision(found, pictures), average_precision(found, pictures)


def with_layers_of_d(network: Network, other: Network) -> Network:
    """A network whose layers that make d are those of another one, which reads the same types."""
    own = {layer.dilation for layer in network.layers}
    layers = []
    for layer, wide in zip(network.layers, other.layers, strict=True):
        read = {*layer.x.tensors} if layer.y in own else set()
        if any(network.tensors[name].kind != other.tensors[name].kind for name in read):
            sys.exit(f"{layer.name}: its input has another type at 8 bits")
        layers.append(wide if layer.y in own else layer)
    return replace(network, layers=tuple(layers))


def integer_network(net: Detector, bits: int) -> Network:
    """A detector as the engine has it, calibrated on other pictures."""
    _network[:] = [net]
    model = load_model(f"{__name__}:current", ImportOptions()).model
    size = net.size.image
    images = np.stack(
        [draw(CALIBRATION + i, size).image[None] for i in range(CALIBRATION_PICTURES)]
    )
    return lower(model, Calibration(({"x": images},), "shapes"), EngineSpec(weight_bits=bits))


def current() -> tuple[Detector, tuple[torch.Tensor, ...]]:
    """What `load_model` imports: the detector at hand, and a picture."""
    net = _network[0]
    return net, (torch.from_numpy(draw(CALIBRATION, net.size.image).image)[None],)


def cells(
    row: str, aps: np.ndarray[tuple[int, ...], np.dtype[np.float64]], engines: dict[int, Choice]
) -> list[str]:
    """A row of the table; `aps` (seeds, 2) in percent."""
    variant: Variant = "rounded" if row in FOUR_BITS else row  # type: ignore[assignment]
    choice = engines[4 if row == W4A8 else 8]
    ap, ap50 = (f"{mean:.1f}" for mean in aps.mean(axis=0))
    if len(aps) > 1:
        ap, ap50 = (
            f"{m} ± {s:.1f}" for m, s in zip((ap, ap50), aps.std(axis=0, ddof=1), strict=True)
        )
    return [
        row,
        str(len(aps)),
        ap,
        ap50,
        "" if row == W4A8_D8 else f"{network_ms(variant, choice):.2f}",
        f"{layer_ms(variant, EngineSpec()):.2f}",
        PAPER_AP.get(row, ""),
        PAPER_MS.get(row, ""),
    ]


if __name__ == "__main__":
    main()
