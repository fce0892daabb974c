"""Draw the digits that the tests adapt to, with the bundled generator: python tests/seeds/make_digits.py.

400 of them, labels in turn, DDIM of 20 steps, seed 0; whole numbers of 256 levels.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgekit.base import sampler_loop
from edgekit.base.sampler_loop import Step
from edgekit.base.sampler_table import Arrays
from edgekit.demos.digits import SHAPE, build
from edgekit.export.diffusion.description import Sampler
from edgekit.export.diffusion.schedule import Schedule

COUNT = 400


def main() -> None:
    """Write digits.npz beside this file."""
    network, _ = build()
    labels = np.arange(COUNT) % 10

    def denoiser(inputs: Arrays, _: Step) -> list[NDArray[Any]]:
        with torch.inference_mode():
            given = [torch.from_numpy(inputs[name]) for name in ("x", "t", "label")]
            return [network(*given).numpy()]

    table = Sampler(Schedule("cosine"), "v", steps=20, clip=1.0).table()
    x = sampler_loop.sample(table, denoiser, SHAPE, COUNT, 0, {"label": labels})
    levels = np.rint((np.clip(x, -1, 1) + 1) * 127.5).astype(np.uint8)
    np.savez_compressed(Path(__file__).with_name("digits.npz"), x=levels, label=labels)


if __name__ == "__main__":
    main()
