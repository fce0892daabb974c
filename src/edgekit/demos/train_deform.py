"""Train the bundled detector on `edgekit.demos.shapes`, and write its weights.

python -m edgekit.demos.train_deform --steps 3000 --out src/edgekit/demos/deform.npz

Weights of convolutions are rounded to 4 bits, per output channel, in the last quarter of training (straight-through
gradients), so that the detector is ready for W4A8.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from edgekit.demos.codenet import SIZES, Detector
from edgekit.demos.detections import (
    STRIDE,
    Boxes,
    average_precision,
    decode,
    mean_average_precision,
)
from edgekit.demos.shapes import CLASSES, HELD_OUT, SIZE, TRAINING, Picture, draw
from edgekit.fpga.spec import Variant
from edgekit.npz import write_npz

PICTURES = 2000
BATCH = 16
RATE = 3e-3
LEVELS = 7  # of a 4-bit weight on either side of 0
CELLS = SIZE // STRIDE


class FourBits(nn.Module):
    """A weight rounded to 4 bits per output channel; the gradient passes straight through."""

    def forward(self, weight: Tensor) -> Tensor:
        """Return the rounded weight."""
        scale = weight.abs().amax(tuple(range(1, weight.ndim)), keepdim=True) / LEVELS
        scale = scale.clamp_min(1e-8)
        rounded = (weight / scale).round().clamp(-LEVELS, LEVELS) * scale
        return weight + (rounded - weight).detach()


def train(
    variant: Variant, steps: int, seed: int = 0, four_bits: bool = True, pictures: int = PICTURES
) -> Detector:
    """Return a trained detector of a variant, in eval mode, with its rounded weights in place."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    images, targets = _training_set(pictures)
    net = Detector(SIZES["small"], variant=variant).train()
    optimizer = torch.optim.AdamW(_groups(net), RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [RATE, RATE / 5], total_steps=steps, pct_start=0.1
    )
    for step in range(steps):
        if four_bits and step == steps * 3 // 4:
            for layer in _convolutions(net):
                parametrize.register_parametrization(layer, "weight", FourBits())
        chosen = random.integers(0, len(images), BATCH)
        x, y = images[chosen].float() / 127, targets[chosen]
        if random.integers(2):
            x, y = x.flip(3), _mirrored(y)
        loss = detection_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"{variant} seed {seed} step {step}: loss {loss.item():.3f}", flush=True)
    for layer in _convolutions(net):
        if parametrize.is_parametrized(layer):
            parametrize.remove_parametrizations(layer, "weight")
    return net.eval()


def detection_loss(outputs: Sequence[Tensor], target: Tensor) -> Tensor:
    """CenterNet's loss (arXiv 1904.07850, equations 1 to 4): focal, and L1 of size and offset at centres.

    `target` ``(batch, classes + 5, h, w)``: heat, size, offset, and a mask of centres.
    """
    heat, size, offset = outputs
    wanted = target[:, : len(CLASSES)]
    where = target[:, -1:]
    p = heat.sigmoid().clamp(1e-4, 1 - 1e-4)
    centre = (wanted == 1).float()
    positive = centre * (1 - p) ** 2 * p.log()
    negative = (1 - centre) * (1 - wanted) ** 4 * p**2 * (1 - p).log()
    count = centre.sum().clamp_min(1)
    l1 = 0.1 * (size - target[:, -5:-3]).abs() + (offset - target[:, -3:-1]).abs()
    return (-(positive + negative).sum() + (l1 * where).sum()) / count


def evaluate(net: Detector, pictures: Sequence[Picture]) -> tuple[float, float]:
    """AP (COCO's overlaps) and AP50 of a float detector."""
    found = [detect(net, picture) for picture in pictures]
    return mean_average_precision(found, pictures), average_precision(found, pictures)


def detect(net: Detector, picture: Picture) -> Boxes:
    """The boxes that a float detector finds."""
    with torch.no_grad():
        outputs = net(torch.from_numpy(picture.image)[None])
    return decode(dict(zip(net.output_names, (o.numpy() for o in outputs), strict=True)))


def _groups(net: Detector) -> list[dict[str, object]]:
    """Offsets learn more slowly: their gradients are large and their steps are whole pixels."""
    slow = [p for name, p in net.named_parameters() if ".offset." in name and "decoder" in name]
    chosen = {id(p) for p in slow}
    rest = [p for p in net.parameters() if id(p) not in chosen]
    return [{"params": rest}, {"params": slow, "lr": RATE / 5}]


def _convolutions(net: Detector) -> list[nn.Conv2d]:
    return [module for module in net.modules() if isinstance(module, nn.Conv2d)]


def _training_set(count: int) -> tuple[Tensor, Tensor]:
    images = np.empty((count, 3, SIZE, SIZE), np.int8)
    targets = np.empty((count, len(CLASSES) + 5, CELLS, CELLS), np.float32)
    for i in range(count):
        picture = draw(TRAINING + i)
        images[i] = np.rint(picture.image * 127)
        targets[i] = target(picture)
    return torch.from_numpy(images), torch.from_numpy(targets)


def target(picture: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """What the outputs should be: a Gaussian per centre in the heat map, see `detection_loss`."""
    result = np.zeros((len(CLASSES) + 5, CELLS, CELLS), np.float32)
    y, x = np.mgrid[0:CELLS, 0:CELLS]
    for box, label in zip(picture.boxes / STRIDE, picture.labels, strict=True):
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        column, row = np.minimum(centre.astype(int), CELLS - 1)
        sigma = max(float(size.min()) / 6, 0.5)
        bump = np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * sigma**2))
        result[label] = np.maximum(result[label], bump)
        result[-5:-3, row, column] = size
        result[-3:-1, row, column] = centre - (column, row)
        result[-1, row, column] = 1
    return result


def _mirrored(target: Tensor) -> Tensor:
    y = target.flip(3)
    y[:, -3] = (1 - y[:, -3]) * y[:, -1]
    return y


def main() -> None:
    """Train, print AP and AP50 on held-out pictures, write the weights as float16."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    net = train("rounded", arguments.steps)
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
