"""Train the bundled detector on `edgekit.demos.shapes`, and write its weights.

python -m edgekit.demos.train_deform --steps 2400 --out src/edgekit/demos/deform.npz

First with ordinary convolutions; then, for half as many steps, with d. Then, for a quarter as many, with weights
rounded to 4 bits per output channel (straight-through gradients), as W4A8 needs. `scale_loss` trains the offsets with
the sizes of the shapes: detections alone move them too little in so few steps.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from edgekit.base.arrays import Float32
from edgekit.base.npz import write_npz
from edgekit.demos.codenet import SIZES, Detector, Size
from edgekit.demos.detections import average_precision, mean_average_precision
from edgekit.demos.shapes import CLASSES, HELD_OUT, TRAINING, Picture, draw
from edgekit.fpga.integers import SHRINK
from edgekit.fpga.spec import DMAX, Variant
from edgekit.fpga.torch_module import SquareDeformConv2d, square_taps
from edgekit.runtime.pictures.boxes import Boxes, decode

PICTURES = 2000
BATCH = 8
KEPT_EVERY = 200  # steps between checkpoints
AVERAGED = 0.997  # of the average of the weights, the share kept in a step
NORMALISED = 60  # batches that set the BN statistics of the averaged weights
RATE = 3e-3
GUIDANCE = 0.3  # weight of `scale_loss` relative to `detection_loss`
NEAR = 0.5  # of a shape's bump in the heat map, from where size and offset are learnt
LEVELS = 7  # of a 4-bit weight on either side of 0


class FourBits(nn.Module):
    """A weight rounded to 4 bits per output channel; the gradient passes straight through.

    The scale is that of least squared error among `SHRINK`, as the lowering chooses it. The largest weight is always at
    level 7, so the lowering finds the very scale again.
    """

    def forward(self, weight: Tensor) -> Tensor:
        """Return the rounded weight."""
        with torch.no_grad():
            rows = weight.flatten(1)[:, None]
            shrink = torch.from_numpy(SHRINK).to(weight)[:, None]
            scales = rows.abs().amax(2, keepdim=True).clamp_min(1e-8) / LEVELS * shrink
            tried = (rows / scales).round().clamp(-LEVELS, LEVELS) * scales
            best = (tried - rows).square().sum(2).argmin(1)
            rounded = tried[torch.arange(len(weight)), best].reshape(weight.shape)
        return weight + (rounded - weight).detach()


def train(
    net: Detector, steps: int, rate: float = RATE, seed: int = 0, kept: Path | None = None
) -> Detector:
    """Train a detector in place and return it, in eval mode, with the average of its last weights.

    With `kept` a checkpoint is written there every `KEPT_EVERY` steps, and the training goes on from it.
    """
    images, targets = _training_set(PICTURES, net.size)
    averaged = get_ema_multi_avg_fn(AVERAGED)  # type: ignore[no-untyped-call]
    average = AveragedModel(net.train(), multi_avg_fn=averaged)
    layers = [module for module in net.modules() if isinstance(module, SquareDeformConv2d)]
    seen: list[Tensor] = []  # s or offsets of the last forward pass

    def keep(_layer: nn.Module, _x: tuple[Tensor, ...], s: Tensor) -> None:
        seen.append(s)

    hooks = [
        layer.offset.register_forward_hook(keep) for layer in layers if layer.variant != "plain"
    ]
    optimizer = torch.optim.AdamW(net.parameters(), rate, weight_decay=1e-4, foreach=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.1
    )
    parts = {"net": net, "average": average, "optimizer": optimizer, "schedule": schedule}
    for step in range(_resume_training(parts, kept), steps):
        random = np.random.default_rng((seed, step))
        chosen = random.integers(0, len(images), BATCH)
        x, y = images[chosen].float().mul_(1 / 127), targets[chosen]
        for axis in np.flatnonzero(random.integers(0, 2, 2)) + 2:
            x, y = x.flip(int(axis)), _mirror(y, int(axis))
        seen.clear()
        loss = detection_loss(net(x), y)
        for s in seen:
            loss = loss + GUIDANCE * scale_loss(s, y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(net)
        if step % 100 == 0:
            print(f"seed {seed} step {step}: loss {loss.item():.3f}", flush=True)
        if kept and step % KEPT_EVERY == KEPT_EVERY - 1:
            _keep(parts, step + 1, kept)
    for hook in hooks:
        hook.remove()
    net.load_state_dict(average.module.state_dict())
    starts = range(0, min(NORMALISED * BATCH, len(images)), BATCH)
    update_bn((images[i : i + BATCH].float() / 127 for i in starts), net)
    return net.eval()


def _resume_training(parts: Mapping[str, Any], kept: Path | None) -> int:
    """Load a checkpoint, and return the number of steps that are done."""
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


def plain(seed: int, size: Size = SIZES["small"]) -> Detector:
    """A detector with ordinary convolutions before training."""
    torch.manual_seed(seed)
    return Detector(size, variant="plain")


def deformable(start: Detector, variant: Variant) -> Detector:
    """Return a detector of a variant with the outputs of `start`, one of ``plain``, to be trained on."""
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
    """Train on with weights rounded to 4 bits; return the same detector, the rounded weights in place.

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
    """Return the error of s ``(batch, 1, h, w)`` from the d whose taps span the shape there; 1 between shapes.

    For a shape smaller than a pixel of the layer the target is 0.

    With 18 channels, it is the error of the offsets from those of this d. `target` as in `detection_loss`; its last
    channel but one is the larger side of the shape over each output pixel.
    """
    factor = target.shape[-1] // s.shape[-1]
    side = nn.functional.max_pool2d(target[:, -2:-1], factor) / factor
    wanted = torch.where(side > 0, ((side - 1) / 2).clamp(0, DMAX), 1)
    if s.shape[1] > 1:
        wanted = (wanted - 1) * square_taps()
    return nn.functional.smooth_l1_loss(s, wanted)


def detection_loss(outputs: Sequence[Tensor], target: Tensor) -> Tensor:
    """Return CenterNet's focal loss (arXiv 1904.07850, equation 1), and the relative error of the boxes.

    Boxes are learnt at all places near a centre, not at the centre alone (arXiv 1909.00700, section 3.2). The loss is
    the L1 distance of size and offset over the width or height: to first order the lost overlap, for small and large
    shapes. `target` ``(batch, classes + 6, h, w)``: heat, size, offset, the larger side of the shape over a pixel, and
    the weight of a place. The weights of each shape that no other overlaps add up to 1.
    """
    heat, size, offset = outputs
    wanted, sides = target[:, : len(CLASSES)], target[:, -6:-4]
    centre = (wanted == 1).float()
    losses = torch.where(
        wanted == 1,
        nn.functional.logsigmoid(heat) * heat.neg().sigmoid() ** 2,
        nn.functional.logsigmoid(-heat) * heat.sigmoid() ** 2 * (1 - wanted) ** 4,
    )
    off = (size - sides).abs() + 2 * (offset - target[:, -4:-2]).abs()
    boxes = off / sides.clamp_min(1) * target[:, -1:]
    return (boxes.sum() - losses.sum()) / centre.sum().clamp_min(1)


def evaluate(net: Detector, pictures: Sequence[Picture]) -> tuple[float, float]:
    """AP (COCO's overlaps) and AP50 of a float detector."""
    found = [detect(net, picture) for picture in pictures]
    return mean_average_precision(found, pictures), average_precision(found, pictures)


def detect(net: Detector, picture: Picture) -> Boxes:
    """The boxes that a float detector finds."""
    with torch.no_grad():
        outputs = net(torch.from_numpy(picture.image)[None])
    named: dict[str, Float32] = dict(
        zip(net.output_names, (o.numpy() for o in outputs), strict=True)
    )
    return decode(named, picture.image.shape[1:])


@cache
def _training_set(count: int, size: Size) -> tuple[Tensor, Tensor]:
    """Images in units of 1/127, and their targets."""
    images = np.empty((count, 3, size.image, size.image), np.int8)
    targets = []
    for i in range(count):
        picture = draw(TRAINING + i, size.image)
        images[i] = np.rint(picture.image * 127)
        targets.append(target(picture, size))
    return torch.from_numpy(images), torch.from_numpy(np.stack(targets))


def target(picture: Picture, sizes: Size) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return the target of a detector's outputs: a Gaussian per centre in the heat map, see `detection_loss`."""
    stride, cells = sizes.stride, sizes.image // sizes.stride
    result = np.zeros((len(CLASSES) + 6, cells, cells), np.float32)
    nearest = np.zeros((cells, cells), np.float32)
    y, x = np.mgrid[0:cells, 0:cells]
    for box, label in zip(picture.boxes / stride, picture.labels, strict=True):
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        column, row = np.minimum(centre.astype(int), cells - 1)
        sigma = max(float(size.min()) / 6, 0.5)
        bump = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * sigma**2))
        result[label] = np.maximum(result[label], bump)
        near = (bump >= NEAR) & (bump > nearest)
        nearest[near] = bump[near]
        result[-6:-4, near] = size[:, None]
        result[-4:-2, near] = centre[:, None] - np.stack([x, y])[:, near]
        result[-1, near] = bump[near] / bump[near].sum()
        inside = (x + 0.5 > box[0]) & (x + 0.5 < box[2]) & (y + 0.5 > box[1]) & (y + 0.5 < box[3])
        result[-2] = np.where(inside, np.maximum(result[-2], size.max()), result[-2])
    return result


def _mirror(target: Tensor, axis: int) -> Tensor:
    y = target.flip(axis)
    offset = {3: -4, 2: -3}[axis]
    y[:, offset] = (1 - y[:, offset]) * (y[:, -1] > 0)
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
