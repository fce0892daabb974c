"""Fourier transforms: tables, and the NumPy twins of the C kernels, equal to their last bit."""

from functools import cache

import numpy as np

from edgekit.base.arrays import Int64
from edgekit.operators.fixed_point import F32

RADICES = (4, 2, 3, 5)
SIN60 = np.float32(0.866025404)
COS72, COS144 = np.float32(0.309016994), np.float32(-0.809016994)
SIN72, SIN144 = np.float32(0.951056516), np.float32(0.587785252)


class _Pair:
    """Complex numbers as two float32 arrays, with the operation order of the C kernel."""

    def __init__(self, re: F32, im: F32) -> None:
        self.re, self.im = re, im

    def __add__(self, other: "_Pair") -> "_Pair":
        return _Pair(self.re + other.re, self.im + other.im)

    def __sub__(self, other: "_Pair") -> "_Pair":
        return _Pair(self.re - other.re, self.im - other.im)

    def __mul__(self, other: "_Pair") -> "_Pair":
        re = self.re * other.re - self.im * other.im
        return _Pair(re, self.re * other.im + self.im * other.re)

    def __getitem__(self, index: slice | Int64) -> "_Pair":
        return _Pair(self.re[index], self.im[index])

    def scaled(self, s: np.float32) -> "_Pair":
        return _Pair(self.re * s, self.im * s)

    def times_minus_i(self) -> "_Pair":
        return _Pair(self.im, -self.re)


@cache
def fft_tables(n: int) -> F32:
    """Return the ``(2 n,)`` table for the transforms of length n.

    Raises:
        ValueError: n is not even and positive, or n / 2 has a prime factor above 5.
    """
    half = n // 2
    left = half
    for radix in RADICES:
        while left > 1 and left % radix == 0:
            left //= radix
    if n < 2 or n % 2 or left != 1:
        raise ValueError(f"transform length {n}, allowed: 2 * 2^a * 3^b * 5^c")
    k = np.arange(half)
    turns = np.concatenate([k / half, k / n])
    pairs = np.stack([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], axis=1)
    tables = pairs.astype(np.float32).reshape(-1)
    tables.setflags(write=False)
    return tables


def ek_fft_f32(x: F32, tables: F32) -> F32:
    """Return the complex transform of x ``(size, 2)``; tables are those of ``2 * size``."""
    size = x.shape[0]
    w = _pair(tables[: 2 * size])
    z = _Pair(x[:, 0].copy(), x[:, 1].copy())
    left, done = size, 1
    while left > 1:
        radix = next(r for r in RADICES if left % r == 0)
        left //= radix
        z = _stage(z, w, radix, left, done)
        done *= radix
    return _stack_parts(z)


def ek_rfft_f32(x: F32, tables: F32) -> F32:
    """Return the spectrum ``(n/2+1, 2)`` of x ``(n,)``, not normalized."""
    n = x.shape[0]
    z = _pair(ek_fft_f32(x.reshape(-1, 2), tables).reshape(-1))
    w = _pair(tables[n:])[1:]
    a, b = z[1:], z[:0:-1]
    half = np.float32(0.5)
    even = _Pair(half * (a.re + b.re), half * (a.im - b.im))
    odd = _Pair(half * (a.im + b.im), half * (b.re - a.re))
    inner = even + odd * w
    first, last, zero = z.re[:1] + z.im[:1], z.re[:1] - z.im[:1], np.zeros(1, np.float32)
    return _stack_parts(
        _Pair(np.concatenate([first, inner.re, last]), np.concatenate([zero, inner.im, zero]))
    )


def ek_irfft_f32(spectrum: F32, tables: F32) -> F32:
    """Return x ``(n,)`` of its spectrum ``(n/2+1, 2)``, divided by n.

    The imaginary parts of the first and last bin are ignored.
    """
    size = spectrum.shape[0] - 1
    s = _pair(spectrum.reshape(-1))
    w = _pair(tables[2 * size :])[1:]
    a, b = s[1:-1], s[-2:0:-1]
    half = np.float32(0.5)
    even = _Pair(half * (a.re + b.re), half * (a.im - b.im))
    diff = _Pair(half * (a.re - b.re), half * (a.im + b.im))
    odd = _Pair(diff.re * w.re + diff.im * w.im, diff.im * w.re - diff.re * w.im)
    re = np.concatenate([half * (s.re[:1] + s.re[-1:]), even.re - odd.im])
    im = np.concatenate([-(half * (s.re[:1] - s.re[-1:])), -(even.im + odd.re)])
    y = ek_fft_f32(_stack_parts(_Pair(re, im)), tables)
    scale = np.float32(1) / np.float32(size)
    return _stack_parts(_Pair(y[:, 0] * scale, -(y[:, 1] * scale))).reshape(-1)


def ek_stft_f32(pcm: F32, history: F32, window: F32, tables: F32) -> tuple[F32, F32]:
    """Return one hop's spectrum and the next history.

    The frame is history ``(n-hop,)`` then pcm ``(hop,)``, times window ``(n,)``; the spectrum is
    ``(n/2+1, 2)``.
    """
    frame = np.concatenate([history, pcm])
    return ek_rfft_f32(frame * window, tables), frame[pcm.shape[0] :]


def ek_istft_f32(spectrum: F32, overlap: F32, window: F32, tables: F32) -> tuple[F32, F32]:
    """Return one hop's pcm ``(hop,)`` and the next overlap ``(n-hop,)``.

    The inverse transform of spectrum ``(n/2+1, 2)`` times window ``(n,)`` is added to overlap.
    """
    frame = ek_irfft_f32(spectrum, tables) * window
    hop = frame.shape[0] - overlap.shape[0]
    frame[: overlap.shape[0]] = overlap + frame[: overlap.shape[0]]
    return frame[:hop], frame[hop:]


def _stage(z: _Pair, w: _Pair, radix: int, m: int, s: int) -> _Pair:
    """Run one Stockham stage: inputs ``(radix, m, s)``, outputs ``(m, radix, s)``."""
    z_re, z_im = z.re.reshape(radix, m, s), z.im.reshape(radix, m, s)
    outs = _BUTTERFLIES[radix]([_Pair(re, im) for re, im in zip(z_re, z_im, strict=True)])
    turns = np.arange(m)[:, None] * s
    outs = [outs[0]] + [out * w[turns * k] for k, out in enumerate(outs[1:], 1)]
    re = np.stack([out.re for out in outs], axis=1).reshape(-1)
    return _Pair(re, np.stack([out.im for out in outs], axis=1).reshape(-1))


def _butterfly2(x: list[_Pair]) -> list[_Pair]:
    a, b = x
    return [a + b, a - b]


def _butterfly4(x: list[_Pair]) -> list[_Pair]:
    a, b, c, d = x
    b_d = (b - d).times_minus_i()
    return [(a + c) + (b + d), (a - c) + b_d, (a + c) - (b + d), (a - c) - b_d]


def _butterfly3(x: list[_Pair]) -> list[_Pair]:
    a, b, c = x
    t = a - (b + c).scaled(np.float32(0.5))
    u = (b - c).scaled(SIN60).times_minus_i()
    return [a + (b + c), t + u, t - u]


def _butterfly5(x: list[_Pair]) -> list[_Pair]:
    a, b, c, d, e = x
    be, cd, b_e, c_d = b + e, c + d, b - e, c - d
    t1 = (a + be.scaled(COS72)) + cd.scaled(COS144)
    t2 = (a + be.scaled(COS144)) + cd.scaled(COS72)
    u1 = (b_e.scaled(SIN72) + c_d.scaled(SIN144)).times_minus_i()
    u2 = (b_e.scaled(SIN144) - c_d.scaled(SIN72)).times_minus_i()
    return [(a + be) + cd, t1 + u1, t2 + u2, t2 - u2, t1 - u1]


_BUTTERFLIES = {2: _butterfly2, 3: _butterfly3, 4: _butterfly4, 5: _butterfly5}


def _pair(flat: F32) -> _Pair:
    return _Pair(flat[0::2], flat[1::2])


def _stack_parts(z: _Pair) -> F32:
    return np.stack([z.re, z.im], axis=1)


def ek_finite_f32(x: F32, floor: float, limit: float) -> F32:
    """Return x where ``floor <= |x| <= limit``, else 0."""
    size = np.abs(x)
    return np.where((size >= np.float32(floor)) & (size <= np.float32(limit)), x, np.float32(0))
