"""The nodes that make features of spectra: bands of each channel, and directions of several."""

import numpy as np
import onnx_ir as ir

from edgekit.export.frontend.features import (
    ENERGY_FLOOR,
    FLOOR,
    PCEN_BIAS,
    PCEN_EPS,
    PCEN_FULL_SCALE,
    PCEN_GAIN,
    SIZE_FLOOR,
    Features,
    Matrix,
    cosines,
    lag_matrices,
    pcen_step,
)
from edgekit.export.frontend.mlperf import MLPERF
from edgekit.export.frontend.mlperf_nodes import append_scaled_level, scaled_bank
from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.nodes import static_shape

POWER_FLOOR = 1e-12  # under the logarithm of a log power
HISTORY, SMOOTH = "feature_history", "pcen_smooth"


def power_of(new: FrontendWriter, spectrum: ir.Value, prefix: str = "") -> ir.Value:
    """Return re^2 + im^2, (..., bins), of spectra (..., bins, 2); names begin with `prefix`."""
    shape = static_shape(spectrum) or ()
    (squares,) = new.node("Mul", [spectrum, spectrum], {f"{prefix}squares": shape})
    axes = new.constant(f"{prefix}axes", [len(shape) - 1])
    power = {f"{prefix}power": shape[:-1]}
    return new.node("ReduceSum", [squares, axes], power, keepdims=0)[0]


def bin_numbers(new: FrontendWriter, power: ir.Value, kind: str, prefix: str = "") -> ir.Value:
    """Return the magnitudes, or the log powers, of powers (..., bins)."""
    shape = static_shape(power) or ()
    if kind == "mag":
        return new.node("Sqrt", [power], {f"{prefix}magnitude": shape})[0]
    floor = new.constant(f"{prefix}floor", np.float32(POWER_FLOOR))
    unit = new.constant(f"{prefix}log10", np.float32(1 / np.log(10)))
    (floored,) = new.node("Max", [power, floor], {f"{prefix}floored": shape})
    (logarithm,) = new.node("Log", [floored], {f"{prefix}log": shape})
    return new.node("Mul", [logarithm, unit], {f"{prefix}log_power": shape})[0]


def add_features(
    new: FrontendWriter, power: ir.Value, form: Features, n_fft: int, hop: int, sample_rate: int
) -> ir.Value:
    """Return the features (frames or stacked frames, width) of powers (frames, bins).

    Up to their last node silence is 0, so that a state that starts at zero is one of silence.
    """
    value = band_features(new, power, form, n_fft, hop, sample_rate)
    if form.stack is not None:
        value = append_frame_stack(new, value, form.stack)
    return with_silence(new, value, form.silence)


def band_features(
    new: FrontendWriter,
    power: ir.Value,
    form: Features,
    n_fft: int,
    hop: int,
    sample_rate: int,
    state: str = SMOOTH,
) -> ir.Value:
    """Return the features ([channels, ]frames, width) of powers ([channels, ]frames, bins), of silence 0."""
    bank = form.bank_matrix(n_fft, sample_rate)
    if form.scale == MLPERF:
        product = _product(new, power, scaled_bank(bank), "bands")
        value = append_scaled_level(new, _logarithm(new, product, form.unit))
    elif form.scale == "pcen":
        step = pcen_step(hop, sample_rate)
        value = _pcen(new, power, bank * PCEN_FULL_SCALE, step, state)
    elif form.scale == "power":
        value = _product(new, power, bank, "bands")
    else:
        value = _logarithm(new, _product(new, power, bank / FLOOR, "bands"), form.unit)
    if form.coefficients is not None:
        value = _product(new, value, cosines(form.bands, form.coefficients), "cepstra")
    return value


def with_silence(new: FrontendWriter, value: ir.Value, silence: Matrix) -> ir.Value:
    """Add the features of silence, (width,) or with as many axes as the features."""
    if not silence.any():
        return value
    constant = new.constant("silence", silence.astype(np.float32))
    return new.node("Add", [value, constant], {"features": static_shape(value) or ()})[0]


def add_gcc(new: FrontendWriter, spectra: ir.Value, n_fft: int, lags: int) -> ir.Value:
    """Return GCC-PHAT (pairs, frames, lags) of spectra (channels, frames, bins, 2), as `edgekit.frontend.GccPhat`.

    The pairs are those of channels (0, 1), (0, 2), ..., (1, 2), ...
    """
    count = (static_shape(spectra) or (2,))[0]
    pairs = [(first, second) for first in range(count) for second in range(first + 1, count)]
    parts = _parts(new, spectra)
    rows = [
        [_channels(new, part, [pair[side] for pair in pairs]) for part in parts] for side in (0, 1)
    ]
    (re, im), (re_1, im_1) = rows
    shape = static_shape(re) or ()

    def binary(op: str, a: ir.Value, b: ir.Value, name: str) -> ir.Value:
        return new.node(op, [a, b], {name: shape})[0]

    def products(op: str, names: str, *factors: ir.Value) -> ir.Value:
        a, b, c, d = factors
        left, right = binary("Mul", a, b, f"{names}_left"), binary("Mul", c, d, f"{names}_right")
        return binary(op, left, right, names)

    cross = products("Add", "cross", re, re_1, im, im_1)
    turned = products("Sub", "turned", im, re_1, re, im_1)
    square = products("Add", "square", cross, cross, turned, turned)
    (size,) = new.node("Sqrt", [square], {"size": shape})
    size = binary("Max", size, new.constant("least_size", np.float32(SIZE_FLOOR)), "floored_size")
    even, odd = lag_matrices(n_fft, lags)
    value = _product(new, binary("Div", cross, size, "cosines"), even, "even")
    other = _product(new, binary("Div", turned, size, "sines"), odd, "odd")
    return new.node("Add", [value, other], {"gcc": static_shape(value) or ()})[0]


def add_intensity(new: FrontendWriter, spectra: ir.Value, bank: Matrix) -> ir.Value:
    """Return intensities (3, frames, bands) of spectra (4, frames, bins, 2), as `edgekit.frontend.Intensity`."""
    re, im = _parts(new, spectra)
    power = power_of(new, spectra)
    one, rest = (1, *(static_shape(re) or ())[1:]), (3, *(static_shape(re) or ())[1:])
    axes = new.constant("channel_axis", [0])
    (total,) = new.node("ReduceSum", [power, axes], {"total": one}, keepdims=1)
    half, floor = (
        new.constant(n, np.float32(v)) for n, v in (("half", 0.5), ("quiet", ENERGY_FLOOR))
    )
    (halved,) = new.node("Mul", [total, half], {"halved": one})
    (energy,) = new.node("Add", [halved, floor], {"energy": one})
    flows = list[ir.Value]()
    for name, part in (("re", re), ("im", im)):
        first, others = _channels(new, part, [0]), _channels(new, part, [1, 2, 3])
        flows += new.node("Mul", [first, others], {f"flow_{name}": rest})
    (flow,) = new.node("Add", flows, {"flow": rest})
    (normal,) = new.node("Div", [flow, energy], {"intensity": rest})
    return _product(new, normal, bank, "intensity_bands")


def _parts(new: FrontendWriter, spectra: ir.Value) -> list[ir.Value]:
    """Real and imaginary parts, (channels, frames, bins) each."""
    shape = static_shape(spectra) or ()
    parts = (
        new.slice(spectra, name, len(shape) - 1, index, index + 1)
        for index, name in enumerate(("real", "imaginary"))
    )
    return [
        new.reshape(part, f"{name}_bins", shape[:-1])
        for part, name in zip(parts, ("real", "imaginary"), strict=True)
    ]


def _channels(new: FrontendWriter, value: ir.Value, indices: list[int]) -> ir.Value:
    """Select channels of (channels, ...) in this order; one may occur several times."""
    start, end = indices[0], indices[-1] + 1
    if indices == list(range(start, end)):
        return new.slice(value, "channels", 0, start, end)
    shape = (len(indices), *(static_shape(value) or ())[1:])
    order = new.constant("order", np.array(indices, np.int64))
    return new.node("Gather", [value, order], {"picked": shape}, axis=0)[0]


def _product(new: FrontendWriter, x: ir.Value, matrix: Matrix, name: str) -> ir.Value:
    rows = (static_shape(x) or ())[:-1]
    weights = new.constant(f"{name}_matrix", matrix.astype(np.float32))
    return new.node("MatMul", [x, weights], {name: (*rows, matrix.shape[1])})[0]


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


def _pcen(new: FrontendWriter, power: ir.Value, bank: Matrix, step: float, state: str) -> ir.Value:
    """Per-channel energy normalization (Wang et al., ICASSP 2017, equations 1 and 2), its smoother from 1 on."""
    (magnitude,) = new.node("Sqrt", [power], {"magnitude": static_shape(power) or ()})
    energy = _product(new, magnitude, bank, "bands")
    smooth = _append_smoother(new, energy, step, state)
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


def _append_smoother(new: FrontendWriter, energy: ir.Value, step: float, name: str) -> ir.Value:
    """Return ``s += step * (energy - s)`` after each frame, from 1 on: the state is s - 1."""
    shape = static_shape(energy) or (1, 1)
    axis, frames = len(shape) - 2, shape[-2]
    row_shape = (*shape[:axis], 1, shape[-1])
    state = new.state(name, row_shape)
    one, factor = new.constant("one", np.float32(1)), new.constant("step", np.float32(step))
    (target,) = new.node("Sub", [energy, one], {"target": shape})
    seen, past = [], state
    for index in range(frames):
        row = (
            target if frames == 1 else new.slice(target, f"target_{index}", axis, index, index + 1)
        )
        (off,) = new.node("Sub", [row, past], {f"off_{index}": row_shape})
        (part,) = new.node("Mul", [off, factor], {f"part_{index}": row_shape})
        (past,) = new.node("Add", [past, part], {f"smooth_{index}": row_shape})
        seen.append(past)
    (after,) = new.node("Identity", [past], {"smooth_after": row_shape})
    new.follow(state, after)
    every = past
    if frames > 1:
        (every,) = new.node("Concat", seen, {"smooth_all": shape}, axis=axis)
    return new.node("Add", [every, one], {"smooth": shape})[0]


def append_frame_stack(
    new: FrontendWriter, value: ir.Value, count: int, state: str = HISTORY
) -> ir.Value:
    """Return the last `count` frames, of which those of `value`, ([channels, ]frames, width), are the newest."""
    shape = static_shape(value) or (1, 1)
    axis, frames = len(shape) - 2, shape[-2]
    if frames == count:
        return value

    def of(rows: int) -> tuple[int, ...]:
        return (*shape[:axis], rows, shape[-1])

    past = new.state(state, of(count - frames))
    (every,) = new.node("Concat", [past, value], {"stack": of(count)}, axis=axis)
    new.follow(past, new.slice(every, "stack_kept", axis, frames, count))
    return every
