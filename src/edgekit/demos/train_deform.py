"""Train the bundled detector on `edgekit.demos.shapes`, and write its weights.

python -m edgekit.demos.train_deform --steps 2400 --out src/edgekit/demos/deform.npz

First with ordinary convolutions; then, for half as many steps, with d; then, for a quarter as many, with weights
rounded to 4 bits per output channel (straight-through gradients), so that the detector is ready for W4A8. Offsets are
told how large the shapes are (`scale_loss`): detections alone move them too little in so few steps.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from edgekit.base.npz import write_npz
from edgekit.demos.codenet import SIZES, Detector, Size
from edgekit.demos.detections import average_precision, mean_average_precision
from edgekit.demos.shapes import CLASSES, HELD_OUT, TRAINING, Picture, draw
from edgekit.fpga.spec import DMAX, Variant
from edgekit.fpga.torch_module import SquareDeformConv2d, square_taps
from edgekit.runtime.pictures.boxes import Boxes, decode

PICTURES = 2000
BATCH = 8
KEPT_EVERY = 200  # steps between checkpoints
RATE = 3e-3
GUIDANCE = 0.3  # weight of `scale_loss` beside `detection_loss`
LEVELS = 7  # of a 4-bit weight on either side of 0


class FourBits(nn.Module):
    """A weight rounded to 4 bits per output channel; the gradient passes straight through."""

    def forward(self, weight: Tensor) -> Tensor:
        """Return the rounded weight."""
        scale = weight.abs().amax(tuple(range(1, weight.ndim)), keepdim=True) / LEVELS
        scale = scale.clamp_min(1e-8)
        rounded = (weight / scale).round().clamp(-LEVELS, LEVELS) * scale
        return weight + (rounded - weight).detach()


def train(
    net: Detector, steps: int, rate: float = RATE, seed: int = 0, kept: Path | None = None
) -> Detector:
    """Train a detector in place and return it, in eval mode.

    With `kept` a checkpoint is written there every `KEPT_EVERY` steps, and the training goes on from it.
    """
    images, pictures = _training_set(PICTURES, net.size.image)
    layers = [module for module in net.modules() if isinstance(module, SquareDeformConv2d)]
    seen: list[Tensor] = []  # s or offsets of the last forward pass

    def keep(_layer: nn.Module, _x: tuple[Tensor, ...], s: Tensor) -> None:
        seen.append(s)

    hooks = [
        layer.offset.register_forward_hook(keep) for layer in layers if layer.variant != "plain"
    ]
    optimizer = torch.optim.AdamW(net.train().parameters(), rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.1
    )
    parts = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for step in range(_resumed(parts, kept), steps):
        random = np.random.default_rng((seed, step))
        chosen = random.integers(0, len(images), BATCH)
        x = images[chosen].float() / 127
        y = torch.from_numpy(np.stack([target(pictures[i], net.size) for i in chosen]))
        if random.integers(2):
            x, y = x.flip(3), _mirrored(y)
        seen.clear()
        loss = detection_loss(net(x), y)
        for s in seen:
            loss = loss + GUIDANCE * scale_loss(s, y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"seed {seed} step {step}: loss {loss.item():.3f}", flush=True)
        if kept and step % KEPT_EVERY == KEPT_EVERY - 1:
            _keep(parts, step + 1, kept)
    for hook in hooks:
        hook.remove()
    return net.eval()


def _resumed(parts: Mapping[str, Any], kept: Path | None) -> int:
    """Take what a checkpoint holds, and return the number of steps that are done."""
    if kept is None or not kept.exists():
        return 0
    held = torch.load(kept, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(held[name])
    return int(held["step"])


def _keep(parts: Mapping[str, Any], step: int, kept: Path) -> None:
    """Write a checkpoint; an earlier one stays until the new one is whole."""
    new = kept.with_suffix(".new")
    torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, new)
    new.replace(kept)


def plain(seed: int, size: str = "small") -> Detector:
    """A detector of `SIZES` with ordinary convolutions before training."""
    torch.manual_seed(seed)
    return Detector(SIZES[size], variant="plain")


def deformable(start: Detector, variant: Variant) -> Detector:
    """Return a detector of a variant that computes what `start`, one of ``plain``, does, to be trained on."""
    net = Detector(start.size, variant=variant)
    own, given = net.state_dict(), start.state_dict()
    for name, value in given.items():
        if own[name].shape == value.shape:
            own[name] = value
        else:  # dense over the channels: one of them each
            own[name] = torch.zeros_like(own[name])
            diagonal = torch.arange(len(value))
            own[name][diagonal, diagonal] = value[:, 0]
    net.load_state_dict(own)
    return net.eval()


def train_four_bits(
    net: Detector, steps: int, seed: int = 0, kept: Path | None = None, offsets: bool = True
) -> Detector:
    """Train on with weights rounded to 4 bits; returns the same detector, the rounded weights in place.

    Without `offsets` the layers that make d keep their weights as they are.
    """
    deformable = [module for module in net.modules() if isinstance(module, SquareDeformConv2d)]
    left = [] if offsets else [module.offset for module in deformable]
    modules = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    layers = [module for module in modules if module not in left]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", FourBits())
    train(net, steps, RATE / 3, seed, kept)
    for layer in layers:
        parametrize.remove_parametrizations(layer, "weight")
    return net


def scale_loss(s: Tensor, target: Tensor) -> Tensor:
    """How far s ``(batch, 1, h, w)`` is from the d whose taps span the shape at each place; 1 between shapes.

    A shape smaller than a pixel of the layer wants 0.

    Of 18 channels, how far the offsets are from those that this d makes. `target` as in `detection_loss`; its last
    channel but one is the larger side of what covers each output pixel.
    """
    factor = target.shape[-1] // s.shape[-1]
    side = nn.functional.max_pool2d(target[:, -2:-1], factor) / factor
    wanted = torch.where(side > 0, ((side - 1) / 2).clamp(0, DMAX), 1)
    if s.shape[1] > 1:
        wanted = (wanted - 1) * square_taps()
    return nn.functional.smooth_l1_loss(s, wanted)


def detection_loss(outputs: Sequence[Tensor], target: Tensor) -> Tensor:
    """CenterNet's loss (arXiv 1904.07850, equations 1 to 4): focal, and L1 of size and offset at centres.

    `target` ``(batch, classes + 6, h, w)``: heat, size, offset, the larger side of what covers a pixel, and a mask
    of centres.
    """
    heat, size, offset = outputs
    wanted = target[:, : len(CLASSES)]
    where = target[:, -1:]
    p = heat.sigmoid().clamp(1e-4, 1 - 1e-4)
    centre = (wanted == 1).float()
    positive = centre * (1 - p) ** 2 * p.log()
    negative = (1 - centre) * (1 - wanted) ** 4 * p**2 * (1 - p).log()
    count = centre.sum().clamp_min(1)
    l1 = 0.1 * (size - target[:, -6:-4]).abs() + (offset - target[:, -4:-2]).abs()
    return (-(positive + negative).sum() + (l1 * where).sum()) / count


def evaluate(net: Detector, pictures: Sequence[Picture]) -> tuple[float, float]:
    """AP (COCO's overlaps) and AP50 of a float detector."""
    found = [detect(net, picture) for picture in pictures]
    return mean_average_precision(found, pictures), average_precision(found, pictures)


def detect(net: Detector, picture: Picture) -> Boxes:
    """The boxes that a float detector finds."""
    with torch.no_grad():
        outputs = net(torch.from_numpy(picture.image)[None])
    named: dict[str, NDArray[np.float32]] = dict(
        zip(net.output_names, (o.numpy() for o in outputs), strict=True)
    )
    return decode(named, picture.image.shape[1:])


@cache
def _training_set(count: int, size: int) -> tuple[Tensor, list[Picture]]:
    """Images in units of 1/127, and their boxes."""
    images = np.empty((count, 3, size, size), np.int8)
    boxes = []
    for i in range(count):
        picture = draw(TRAINING + i, size)
        images[i] = np.rint(picture.image * 127)
        boxes.append(replace(picture, image=np.zeros((3, 0, 0), np.float32)))
    return torch.from_numpy(images), boxes


def target(picture: Picture, sizes: Size) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """What a detector's outputs should be: a Gaussian per centre in the heat map, see `detection_loss`."""
    stride, cells = sizes.stride, sizes.image // sizes.stride
    result = np.zeros((len(CLASSES) + 6, cells, cells), np.float32)
    y, x = np.mgrid[0:cells, 0:cells]
    for box, label in zip(picture.boxes / stride, picture.labels, strict=True):
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        column, row = np.minimum(centre.astype(int), cells - 1)
        sigma = max(float(size.min()) / 6, 0.5)
        bump = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * sigma**2))
        result[label] = np.maximum(result[label], bump)
        result[-6:-4, row, column] = size
        result[-4:-2, row, column] = centre - (column, row)
        result[-1, row, column] = 1
        inside = (x + 0.5 > box[0]) & (x + 0.5 < box[2]) & (y + 0.5 > box[1]) & (y + 0.5 < box[3])
        result[-2] = np.where(inside, np.maximum(result[-2], size.max()), result[-2])
    return result


def _mirrored(target: Tensor) -> Tensor:
    y = target.flip(3)
    y[:, -4] = (1 - y[:, -4]) * y[:, -1]
    return y


def main() -> None:
    """Train, print AP and AP50 on held-out pictures, write the weights as float16."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = train(plain(0), arguments.steps)
    net = train(deformable(start, "rounded"), arguments.steps // 2, RATE / 2)
    net = train_four_bits(net, arguments.steps // 4)
    pictures = [draw(HELD_OUT + i) for i in range(300)]
    ap, ap50 = evaluate(net, pictures)
    print(f"AP {ap:.3f} AP50 {ap50:.3f}")
    arrays = {
        name: value.half().numpy()
        for name, value in net.state_dict().items()
        if value.is_floating_point()
    }
    write_npz(arguments.out, arrays)


if __name__ == "__main__":
    main()
