"""Depthwise convolutions at one position of frames that lie apart: NumPy twins of the C kernels."""

import numpy as np
import numpy.typing as npt

from edgekit.operators.fixed_point import F32, I64, S8, S16, Ints, Shifts, output

Places = npt.NDArray[np.int32]


def ek_frames_s8_s8(
    x: S8, at: Places, w: S8, bias: Ints, mult: Ints, shift: Shifts,
    y_zero: int, y_min: int, y_max: int,
) -> S8:  # fmt: skip
    """Return ``clamp(y_zero + requantize(bias + sum over t of w[t] * x[at[t]]))``, ``(channels,)``.

    x ``(frames, channels)``, of which frame t begins at element ``at[t]``, w ``(taps, channels)``.
    """
    return _sums(x, at, w, bias, mult, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_frames_s8_s16(
    x: S8, at: Places, w: S8, bias: Ints, mult: Ints, shift: Shifts,
    y_zero: int, y_min: int, y_max: int,
) -> S16:  # fmt: skip
    """As `ek_frames_s8_s8`, to int16."""
    return _sums(x, at, w, bias, mult, shift, y_zero, y_min, y_max).astype(np.int16)


def ek_frames_s16_s16(
    x: S16, at: Places, w: S8, bias: Ints, mult: Ints, shift: Shifts,
    y_zero: int, y_min: int, y_max: int,
) -> S16:  # fmt: skip
    """As `ek_frames_s8_s8`, from int16 to int16."""
    return _sums(x, at, w, bias, mult, shift, y_zero, y_min, y_max).astype(np.int16)


def ek_frames_s16_s8(
    x: S16, at: Places, w: S8, bias: Ints, mult: Ints, shift: Shifts,
    y_zero: int, y_min: int, y_max: int,
) -> S8:  # fmt: skip
    """As `ek_frames_s8_s8`, from int16."""
    return _sums(x, at, w, bias, mult, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_frames_f32(x: F32, at: Places, w: F32, bias: F32 | None) -> F32:
    """Return per channel the bias, 0 without one, and the taps in order."""
    channels = w.shape[1]
    acc = np.zeros(channels, np.float32) if bias is None else bias.copy()
    with np.errstate(all="ignore"):
        for taken, tap in zip(x[at // channels], w, strict=True):
            acc += taken * tap
    return acc


def _sums(
    x: Ints, at: Places, w: S8, bias: Ints, mult: Ints, shift: Shifts,
    y_zero: int, y_min: int, y_max: int,
) -> I64:  # fmt: skip
    taken = x[at // w.shape[1]].astype(np.int64)
    total: I64 = (taken * w).sum(0) + bias
    return output(total, mult, shift, y_zero, y_min, y_max)
