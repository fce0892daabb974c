"""PSNR of a quantized denoiser's images against those that the float network draws from the same seeds."""

import tempfile
from pathlib import Path

import numpy as np

from edgekit.base import sampler_loop
from edgekit.graph.model import Model
from edgekit.judge.sampling import drawn_conditions, float_network
from edgekit.judge.verification import NOISE_SEED
from edgekit.operators.geometry import dims
from edgekit.runtime.sampler import Sampler
from edgekit.targets.build_files import write_build
from edgekit.targets.c.lower import lower_c

IMAGES = 20
HIGHEST_DB = 120.0  # of equal images


class Images:
    """The images that the float network draws from a few seeds."""

    def __init__(self, model: Model) -> None:
        """Draw: `IMAGES` of a float model with a sampler, labels in turn."""
        assert model.sampler is not None
        roles = model.sampler.roles
        shape = next(dims(v) for v in model.stream_inputs if v.name == roles.x)[1:]
        self._given = drawn_conditions(model, None, IMAGES)
        network = float_network(model)
        self._exact = sampler_loop.sample(
            model.sampler, network, shape, IMAGES, NOISE_SEED, self._given
        ).astype(np.float64)
        self._range = float(np.ptp(self._exact))

    def psnr_db(self, quantized: Model) -> float:
        """Compile a quantized form for this machine and return the PSNR over all images.

        Raises:
            ToolError: there is no C compiler.
        """
        with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as folder:
            write_build(lower_c(quantized, "host"), Path(folder))
            drawn = Sampler.open(folder).sample(IMAGES, NOISE_SEED, self._given)
        error = float(np.mean(np.square(drawn - self._exact)))
        worst = self._range * 10 ** (-HIGHEST_DB / 20)
        return float(20 * np.log10(self._range / max(np.sqrt(error), worst)))
