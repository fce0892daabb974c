"""Corrects the mean error of a quantized network's outputs in the rows of its sampler.

PTQD (He et al., NeurIPS 2023): at each step the quantized output is ``(1 + k) e + bias + residual``, e the float one.
The rows divide by ``1 + k``, subtract the bias of each channel, and draw as much less noise as the residual adds.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from edgekit.base.arrays import Array, Float64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.sampler_loop import Network, Step, sample
from edgekit.base.sampler_table import Arrays, StepTable


def correct_step_table(
    table: StepTable,
    exact: Network,
    quantized: Network,
    shape: Sequence[int],
    images: int,
    seed: int,
    conditions: Mapping[str, Array] | None = None,
) -> StepTable:
    """Return the table with v, bias and s of the quantized network, fitted on calls of the float network's sampling.

    Args:
        table: of the float network.
        exact: the float network.
        quantized: the same network in integers.
        shape: of one image, channels first.
        images: number of sampled images.
        seed: of the images.
        conditions: as `edgekit.base.sampler_loop.sample` takes them.

    Raises:
        UsageError: rows add outputs to x separately from x0, so a bias has no place.
    """
    if table.uses("e"):
        found, step = "rows that add outputs to x", "leave the correction out"
        raise UsageError(Problem("sampler correction", found, "outputs in x0 alone", step))
    seen: dict[int, list[tuple[Array, Array]]] = {}

    def both(inputs: Arrays, step: Step) -> Sequence[Array]:
        wanted = exact(inputs, step)
        pairs = zip(wanted, quantized(inputs, step), strict=True)
        seen.setdefault(step.row, []).extend(pairs)
        return wanted

    sample(table, both, shape, images, seed, conditions)
    v, s = table.v.copy(), table.s.copy()
    bias = np.zeros((table.rows, shape[0])) if table.bias is None else table.bias.copy()
    for row, outputs in seen.items():
        spent = 0.0
        for number, pair in enumerate(outputs):
            slope, mean, spread = fit_output(*pair)
            v[row, number] /= 1 + slope
            bias[row] -= v[row, number] * mean
            spent += (table.b[row] * v[row, number] * spread) ** 2
        s[row] = np.sqrt(max(0.0, s[row] ** 2 - spent))
    return table.with_(v=v, bias=bias, s=s)


def fit_output(exact: Array, found: Array) -> tuple[float, Float64, float]:
    """Fit a quantized output to the float one, both (images, channels, ...).

    Returns:
        k, from 0 up; the remaining mean of each channel; the standard deviation of the rest.
    """
    e, q = exact.astype(np.float64), found.astype(np.float64)
    centred = e - e.mean()
    power = float(np.mean(centred**2))
    slope = max(0.0, float(np.mean((q - e) * centred)) / power) if power > 0 else 0.0
    rest = q - (1 + slope) * e
    mean = rest.mean(axis=(0, *range(2, rest.ndim)))
    rest = rest - mean.reshape(-1, *[1] * (rest.ndim - 2))
    return slope, mean, float(rest.std())
