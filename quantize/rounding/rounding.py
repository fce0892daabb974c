"""Rounds the weights of a layer to integers, with statistics of its inputs.

A layer gives ``X W^T`` for rows X of inputs. With integers it reads other inputs, X', and should give the same. So the
integer weights Q of scales s minimize ``|X' (s Q)^T - X W^T|^2``. That depends on X and X' by their second moments
only (`edgekit.quantize.rounding.moments`): ``tr((s Q - V) H (s Q - V)^T)`` up to a constant, with ``H = X'^T X'`` and
the best float weights V. Of a denoiser V is W, and s is changed afterwards (`with_gain`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Booleans, Float64

F64 = Float64
Mask = Booleans
DAMPING = 0.01  # of the mean of H's diagonal is added to it: few rows, and inputs that are always 0
PULL = 0.3  # the same where V is sought: earlier layers' errors are made up for only so far
CLIPS = np.linspace(0.4, 1.0, 13)  # candidate scales; 1 holds the largest weight
LOST = 0.5  # of its gain: an output that keeps less does not follow, and stays unchanged
SWEEPS = 20
STEPS = 1500  # AdaRound: of Adam
RATE = 0.02
WARM = 0.2  # of the steps pass before rounding to whole numbers is asked for
BETA = 20.0, 2.0  # the exponent of that, from first to last step
REGULARIZER = 0.01
STRETCH = -0.1, 1.1  # of the rectified sigmoid


@dataclass(frozen=True)
class Layer:
    """Weights to round.

    Attributes:
        target: the best float weights, V: (outputs, inputs).
        moments: H, (inputs, inputs), positive definite.
        limit: the largest integer.
        least: the smallest scale that each output may have, (outputs,).
        kept: mask of sparse weights that may be nonzero, (outputs, inputs).
    """

    target: F64
    moments: F64
    limit: int
    least: F64
    kept: Mask | None = None

    def masked(self, q: F64) -> F64:
        """Whole numbers with the zeros of sparse weights."""
        return q if self.kept is None else np.where(self.kept, q, 0.0)

    def errors(self, q: F64, scales: F64) -> F64:
        """Return the error of each output: (outputs,)."""
        off = scales[:, None] * q - self.target
        result: F64 = np.einsum("ok,ok->o", off @ self.moments, off)
        return result


Rounded = tuple[F64, F64]  # whole numbers (outputs, inputs), and scales (outputs,)


def best_weights(
    rows: F64, moments: F64, cross: F64, pull: float = PULL, kept: Mask | None = None
) -> tuple[F64, F64]:
    """Return V and the damped H for float weights (outputs, inputs), H and ``X'^T X``.

    `pull` draws V to the weights themselves; if infinite, V equals them. For sparse weights V is the best one with
    zeros outside `kept`.
    """
    unit = max(float(np.mean(np.diag(moments))), 1e-12) * np.eye(len(moments))
    damped = moments + DAMPING * unit
    if np.isinf(pull):
        return rows, damped
    whole, wanted = moments + pull * unit, (cross + pull * unit) @ rows.T
    if kept is None:
        return np.asarray(np.linalg.solve(whole, wanted).T, np.float64), damped
    best: F64 = np.zeros(rows.shape)
    for row, own in enumerate(kept):
        best[row, own] = np.linalg.solve(whole[np.ix_(own, own)], wanted[own, row])
    return best, damped


def with_gain(rows: F64, q: F64, scales: F64, cross: F64, real: F64) -> F64:
    """Return scales at which outputs are the float ones plus a rest that does not depend on these.

    Least squares fits the reverse, float outputs as integer ones plus a rest: too small by the rest's share. In one
    call that has the least error. A sampler calls repeatedly: a rest of mean 0 averages out, a loss adds up.

    Args:
        rows: float weights W (outputs, inputs).
        q: integers of the same shape.
        scales: of each output.
        cross: ``X'^T X``.
        real: ``X^T X``.
    """
    wanted = np.einsum("ok,ok->o", rows @ real, rows)
    found = scales * np.einsum("ok,ok->o", q @ cross, rows)
    follows = found > LOST * wanted
    gains = wanted / np.where(follows, found, 1.0)
    made: F64 = np.where(follows & (wanted > 0), scales * gains, scales).astype(np.float32)
    return made.astype(np.float64)


def nearest(layer: Layer) -> Rounded:
    """Round each weight of V to the nearest integer, at the scale with the least error."""
    return _by_scale(layer, lambda scales: _nearest(layer, scales))


def gptq(layer: Layer) -> Rounded:
    """Round input by input, with the rest correcting earlier errors; then change single weights while that helps.

    Frantar et al., GPTQ (ICLR 2023), in the order of decreasing ``diag(H)``; the second part is the
    coordinate descent of Behdin et al., QuantEase (2023). Every candidate scale is tried in full.
    """
    order = np.argsort(-np.diag(layer.moments), kind="stable")
    inverse = np.linalg.inv(layer.moments[np.ix_(order, order)])
    upper = np.linalg.cholesky((inverse + inverse.T) / 2).T

    def rounded(scales: F64) -> F64:
        rest, q = layer.target[:, order].copy(), np.zeros(layer.target.shape)
        for j in range(len(order)):
            q[:, order[j]] = np.clip(np.rint(rest[:, j] / scales), -layer.limit, layer.limit)
            if layer.kept is not None:
                q[~layer.kept[:, order[j]], order[j]] = 0.0
            off = (rest[:, j] - q[:, order[j]] * scales) / upper[j, j]
            rest[:, j:] -= np.outer(off, upper[j, j:])
        return coordinate_descent(layer, q, scales)

    return _by_scale(layer, rounded)


def adaround(layer: Layer) -> Rounded:
    """Up or down for all weights at once, by gradient descent on a soft choice that becomes a hard one.

    Nagel et al., Up or Down? Adaptive Rounding (ICML 2020), eq. 21 - 24, with Adam. The loss has no
    activation function in it, so that its gradient is exact on the whole calibration in every step.
    Then one at a time while that helps, as in `gptq`. Outputs that lose more than rounded to the nearest are so.
    """
    plain, scales = nearest(layer)
    below = np.floor(layer.target / scales[:, None])
    rest = np.clip(layer.target / scales[:, None] - below, 0.01, 0.99)
    low, high = STRETCH
    v = -np.log((high - low) / (rest - low) - 1)
    errors = layer.errors(plain, scales)
    unit = scales[:, None] / np.maximum(errors, 1e-6 * errors.max() + 1e-30)[:, None]
    mean, square = np.zeros_like(v), np.zeros_like(v)
    for step in range(1, STEPS + 1):
        sigmoid = 1 / (1 + np.exp(-v))
        soft = np.clip(sigmoid * (high - low) + low, 0, 1)
        slope = np.where((soft > 0) & (soft < 1), (high - low) * sigmoid * (1 - sigmoid), 0.0)
        off = scales[:, None] * np.clip(below + soft, -layer.limit, layer.limit) - layer.target
        gradient = 2 * unit * (off @ layer.moments)
        done = (step / STEPS - WARM) / (1 - WARM)
        if done > 0:
            beta = BETA[1] + 0.5 * (BETA[0] - BETA[1]) * (1 + np.cos(done * np.pi))
            edge = 2 * soft - 1
            gradient -= REGULARIZER * 2 * beta * np.sign(edge) * np.abs(edge) ** (beta - 1)
        gradient *= slope
        mean += 0.1 * (gradient - mean)
        square += 0.001 * (gradient**2 - square)
        v -= RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    taken = layer.masked(np.clip(below + (v > 0), -layer.limit, layer.limit))
    chosen = coordinate_descent(layer, taken, scales)
    worse = layer.errors(chosen, scales) > errors
    return np.where(worse[:, None], plain, chosen), scales


def coordinate_descent(layer: Layer, q: F64, scales: F64) -> F64:
    """Change one weight at a time to the integer with the least error, until no change helps."""
    q, diagonal = q.copy(), np.diag(layer.moments)
    pull = (scales[:, None] * q - layer.target) @ layer.moments
    for _ in range(SWEEPS):
        before = q.copy()
        for j in range(q.shape[1]):
            wanted = np.rint(q[:, j] - pull[:, j] / (diagonal[j] * scales))
            step = np.clip(wanted, -layer.limit, layer.limit) - q[:, j]
            if layer.kept is not None:
                step[~layer.kept[:, j]] = 0.0
            if step.any():
                q[:, j] += step
                pull += np.outer(step * scales, layer.moments[j])
        if np.array_equal(before, q):
            break
    return q


def _nearest(layer: Layer, scales: F64) -> F64:
    q: F64 = np.clip(np.rint(layer.target / scales[:, None]), -layer.limit, layer.limit)
    return q


def _by_scale(layer: Layer, rounded: Callable[[F64], F64]) -> Rounded:
    """Round at several scales; each output keeps the best one. Wide integers need no clipping."""
    peak = np.abs(layer.target).max(axis=1, initial=0.0) / layer.limit
    candidates = CLIPS if layer.limit < 127 else CLIPS[-1:]
    best = np.full(len(peak), np.inf)
    q: F64 = np.zeros(layer.target.shape)
    scales: F64 = np.ones(len(peak))
    for factor in candidates:
        least = np.maximum(factor * peak, layer.least)
        tried: F64 = least.astype(np.float32).astype(np.float64)
        tried[tried == 0] = 1.0
        made = rounded(tried)
        errors = layer.errors(made, tried)
        better = errors < best
        q[better], scales[better], best[better] = made[better], tried[better], errors[better]
    return q, scales


ROUNDINGS: dict[str, Callable[[Layer], Rounded]] = {
    "nearest": nearest,
    "gptq": gptq,
    "adaround": adaround,
}
