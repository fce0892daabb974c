"""Calibrations that hold no signal."""

from collections.abc import Sequence

import numpy as np

from edgekit.base.errors import CalibrationError, Problem
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import Calibration, Clip


def has_signal(model: Model, clips: Sequence[Clip]) -> bool:
    """Whether any input that carries the signal has a nonzero value in any clip."""
    names = [str(value.name) for value in model.signal_inputs]
    return any(np.any(clip[name]) for clip in clips for name in names)


def refuse_silence(model: Model, calibration: Calibration) -> None:
    """Refuse a calibration of zeros, which shows no ranges.

    Raises:
        CalibrationError: no input that carries the signal has a nonzero value in any clip.
    """
    if not has_signal(model, calibration.clips):
        where = f"calibration {calibration.label!r}"
        step = "give clips of what the network will process"
        raise CalibrationError(Problem(where, "holds only zeros", "clips with a signal", step))
