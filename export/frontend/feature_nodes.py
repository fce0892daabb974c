"""The nodes that make features of spectra."""

import numpy as np
import onnx_ir as ir

from edgekit.export.frontend.features import (
    FLOOR,
    PCEN_BIAS,
    PCEN_EPS,
    PCEN_FULL_SCALE,
    PCEN_GAIN,
    Features,
    Matrix,
    cosines,
    pcen_step,
)
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.nodes import static_shape

HISTORY, SMOOTH = "feature_history", "pcen_smooth"


def power_of(new: FrontendWriter, spectrum: ir.Value) -> ir.Value:
    """Return re^2 + im^2, (frames, bins), of spectra (frames, bins, 2)."""
    shape = static_shape(spectrum) or ()
    (squares,) = new.node("Mul", [spectrum, spectrum], {"squares": shape})
    axes = new.constant("axes", [2])
    return new.node("ReduceSum", [squares, axes], {"power": shape[:2]}, keepdims=0)[0]


def add_features(
    new: FrontendWriter, power: ir.Value, form: Features, n_fft: int, hop: int, sample_rate: int
) -> ir.Value:
    """Return the features (frames or stacked frames, width) of powers (frames, bins).

    Up to their last node silence is 0, so that a state that starts at zero is one of silence.
    """
    bank = form.bank_matrix(n_fft, sample_rate)
    if form.scale == "pcen":
        value = _pcen(new, power, bank * PCEN_FULL_SCALE, pcen_step(hop, sample_rate))
    elif form.scale == "power":
        value = _product(new, power, bank, "bands")
    else:
        value = _logarithm(new, _product(new, power, bank / FLOOR, "bands"), form.unit)
    if form.coefficients is not None:
        value = _product(new, value, cosines(form.bands, form.coefficients), "cepstra")
    if form.stack is not None:
        value = _stacked(new, value, form.stack)
    if not form.silence.any():
        return value
    silence = new.constant("silence", form.silence.astype(np.float32))
    return new.node("Add", [value, silence], {"features": static_shape(value) or ()})[0]


def _product(new: FrontendWriter, x: ir.Value, matrix: Matrix, name: str) -> ir.Value:
    rows = (static_shape(x) or ())[0]
    weights = new.constant(f"{name}_matrix", matrix.astype(np.float32))
    return new.node("MatMul", [x, weights], {name: (rows, matrix.shape[1])})[0]


def _logarithm(new: FrontendWriter, x: ir.Value, unit: float) -> ir.Value:
    """``unit * ln(max(x, 1))``."""
    shape = static_shape(x) or ()
    one = new.constant("one", np.float32(1))
    (floored,) = new.node("Max", [x, one], {"floored": shape})
    (logarithm,) = new.node("Log", [floored], {"log": shape})
    if unit == 1:
        return logarithm
    factor = new.constant("unit", np.float32(unit))
    return new.node("Mul", [logarithm, factor], {"scaled": shape})[0]


def _pcen(new: FrontendWriter, power: ir.Value, bank: Matrix, step: float) -> ir.Value:
    """Per-channel energy normalization (Wang et al., ICASSP 2017, equations 1 and 2), its smoother from 1 on."""
    (magnitude,) = new.node("Sqrt", [power], {"magnitude": static_shape(power) or ()})
    energy = _product(new, magnitude, bank, "bands")
    smooth = _smoothed(new, energy, step)
    shape = static_shape(energy) or ()

    def with_constant(op: str, x: ir.Value, constant: float, name: str) -> ir.Value:
        value = new.constant(f"pcen_{name}", np.float32(constant))
        return new.node(op, [x, value], {name: shape})[0]

    above = with_constant("Add", smooth, PCEN_EPS, "above")
    (log,) = new.node("Log", [above], {"log": shape})
    (gain,) = new.node("Exp", [with_constant("Mul", log, -PCEN_GAIN, "exponent")], {"gain": shape})
    (normal,) = new.node("Mul", [energy, gain], {"normal": shape})
    (root,) = new.node("Sqrt", [with_constant("Add", normal, PCEN_BIAS, "biased")], {"root": shape})
    return with_constant("Sub", root, PCEN_BIAS**0.5, "pcen")


def _smoothed(new: FrontendWriter, energy: ir.Value, step: float) -> ir.Value:
    """Return ``s += step * (energy - s)`` after each frame, from 1 on: the state is s - 1."""
    frames, width = static_shape(energy) or (1, 1)
    state = new.state(SMOOTH, (1, width))
    one, factor = new.constant("one", np.float32(1)), new.constant("step", np.float32(step))
    (target,) = new.node("Sub", [energy, one], {"target": (frames, width)})
    seen, past = [], state
    for index in range(frames):
        row = target if frames == 1 else new.slice(target, f"target_{index}", 0, index, index + 1)
        (off,) = new.node("Sub", [row, past], {f"off_{index}": (1, width)})
        (part,) = new.node("Mul", [off, factor], {f"part_{index}": (1, width)})
        (past,) = new.node("Add", [past, part], {f"smooth_{index}": (1, width)})
        seen.append(past)
    (after,) = new.node("Identity", [past], {"smooth_after": (1, width)})
    new.follow(state, after)
    every = past
    if frames > 1:
        (every,) = new.node("Concat", seen, {"smooth_all": (frames, width)}, axis=0)
    return new.node("Add", [every, one], {"smooth": (frames, width)})[0]


def _stacked(new: FrontendWriter, value: ir.Value, count: int) -> ir.Value:
    """Return the last `count` frames, of which those of `value` are the newest."""
    frames, width = static_shape(value) or (1, 1)
    if frames == count:
        return value
    past = new.state(HISTORY, (count - frames, width))
    (every,) = new.node("Concat", [past, value], {"stack": (count, width)}, axis=0)
    new.follow(past, new.slice(every, "stack_kept", 0, frames, count))
    return every
