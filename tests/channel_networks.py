"""Networks whose channels are scaled."""

import numpy as np
from builds import noise

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.quantize.prepare.channels import Channels
from edgekit.quantize.prepare.scale_groups import FIXED

ROUNDING_DB = 100.0  # of float32 sums in another scale


SCALED = {"tcn", "conv_recurrent", "attention", "vision", "dual_path", "gru_mask"}


def free(channels: Channels) -> np.ndarray:
    """Channels that something constant writes and that are not fixed."""
    written = np.zeros(channels.count, bool)
    for site in channels.sites:
        written[channels.find(site.written)] = True
    written[: FIXED + 1] = False
    return written


def check_same(model: Model, changed: Model, hops: int = 12) -> None:
    inputs = noise(model, hops, seed=3)
    before, after = run_hops(model, inputs), run_hops(changed, inputs)
    for name, array in before.items():
        assert snr_db(array, after[name]) > ROUNDING_DB, name
    assert changed.states == model.states


def rescaled(model: Model, seed: int) -> tuple[Model, int]:
    """The model with every free channel scaled by a random factor, and how many these are."""
    copy = Model(model.ir.clone())
    channels = Channels(copy)
    scale = np.ones(channels.count)
    scaled = free(channels)
    scale[scaled] = np.exp(np.random.default_rng(seed).normal(size=int(scaled.sum())))
    channels.scaled(copy, scale)
    return copy, int(scaled.sum())
