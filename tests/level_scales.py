"""Networks of sound, quantized with scales per hop, and how much noise that leaves."""

import numpy as np
import pytest
from level_networks import sound

from edgekit.graph.model import Model
from edgekit.operators.roles import HOP_SCALED
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.hop_scales import hop_scales
from edgekit.targets.trials import Trials

HOPS = 40


SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]


Cell = tuple[str, int, int]


CELLS = [("GRU", 0, 1), ("GRU", 1, 1), ("GRU", 1, 4), ("LSTM", 0, 1), ("LSTM", 0, 4)]


def calibration() -> Calibration:
    return Calibration(({"pcm": sound(HOPS, 1)}, {"pcm": sound(HOPS, 2)}), "noise")


def scaled(model: Model) -> Model:
    return hop_scales(model, calibration())


def layers(model: Model) -> list[str]:
    """The layers with a scale per hop."""
    return [
        str(node.name)
        for node in model.ir.graph
        if HOP_SCALED in node.metadata_props and node.op_type in ("Conv", "Gemm")
    ]


def in_c(model: Model, *heard: np.ndarray) -> list[np.ndarray]:
    (found,) = Trials(model, [{"pcm": clip} for clip in heard]).run(lambda _, made: made["y"])
    return found
