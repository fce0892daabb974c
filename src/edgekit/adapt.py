"""Adaptation of a frozen build by its outputs alone: SPSA with momentum, as BlackVIP (Oh et al., CVPR 2023) has it.

The session constant changes, say a prompt that the network adds to its input: a weighted sum of a basis. The build only
runs forwards, and needs the memory of one build and of the constant.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edgekit.base.arrays import Float32, Float64
from edgekit.base.errors import Problem, UsageError
from edgekit.runtime.stream import Stream

WORD = 1 << 32
LEAST_TOLD_APART = 0.9  # of the steps; below it the losses are mostly those of the same outputs


@dataclass(frozen=True)
class Adapted:
    """The found weights; the stream has the constant they give.

    Attributes:
        weights: (parameters,) of the basis.
        constant: float32, of the constant's shape.
        losses: (steps, 2), of the two queries of each step.
    """

    weights: Float64
    constant: Float32
    losses: Float64

    @property
    def told_apart(self) -> float:
        """The share of steps whose two losses differ; below 0.9 `spsa` warns."""
        return float(np.mean(self.losses[:, 0] != self.losses[:, 1]))


def spsa(
    stream: Stream,
    constant: str,
    basis: ArrayLike,
    loss: Callable[[Stream, int], float],
    steps: int,
    seed: int = 1,
    *,
    start: ArrayLike | None = None,
    a: float = 0.01,
    o: float = 1.0,
    alpha: float = 0.4,
    beta: float = 0.9,
    c: float = 0.05,
    gamma: float = 0.1,
    progress: Callable[[int, int], None] | None = None,
) -> Adapted:
    """Lower a loss over a session constant, by two queries a step.

    With d of numbers of 0.5 to 1 and random signs, ``g = (L(w + c_k d) - L(w - c_k d)) / (2 c_k d)``, elementwise;
    ``m <- beta m + g``, at first g; ``w <- w - a_k (g + beta m)``; ``a_k = a / (k + o)^alpha``, ``c_k = c / k^gamma``,
    k from 1. The constants of the release; c and gamma go with the data.

    Args:
        stream: with session constants; set the others before, see `Stream.session`: they stay as they are.
        constant: the name of the constant to adapt.
        basis: (parameters, *shape), float: the constant is ``sum(w_i basis_i)``.
        loss: of the stream in its session, for a step from 0 up; both queries of a step must see the same data.
        steps: from 1 up.
        seed: of the directions, 1 to 2^32 - 1.
        start: (parameters,) weights; 0 where left out.
        a: of the rate; 0.001 to 0.01 where a loss is of order 1.
        o: see above.
        alpha: the exponent of the rate's fall.
        beta: of the momentum.
        c: of the queries: it must change the input by several of an integer network's steps.
        gamma: the exponent of the fall of c.
        progress: gets the number of steps done, and the number of steps.

    Warns:
        UserWarning: the two losses of a step are equal in more than a tenth of the steps. The build's outputs do not
            move with the constant, so nothing was learned in these steps.

    Raises:
        UsageError: no such constant, a basis of another shape, numbers outside their range.
    """
    table = np.asarray(basis, np.float64)
    w = np.zeros(len(table)) if start is None else np.array(start, np.float64)
    _check(stream, constant, table, w, {"steps": steps, "seed": seed, "a": a, "c": c})
    flat = table.reshape(len(table), -1)
    shape = table.shape[1:]
    directions, m, losses = _directions(seed, len(w)), np.zeros_like(w), np.empty((steps, 2))

    def made(weights: Float64) -> Float32:
        return (weights @ flat).reshape(shape).astype(np.float32)

    def query(weights: Float64, step: int) -> float:
        stream.session({constant: made(weights)})
        return loss(stream, step)

    for step in range(steps):
        k = step + 1
        move = c / k**gamma * next(directions)
        losses[step] = query(w + move, step), query(w - move, step)
        g = (losses[step, 0] - losses[step, 1]) / (2 * move)
        m = beta * m + g if step else g
        w = w - a / (k + o) ** alpha * (g + beta * m)
        if progress:
            progress(k, steps)
    stream.session({constant: made(w)})
    adapted = Adapted(w, made(w), losses)
    if adapted.told_apart < LEAST_TOLD_APART:
        warnings.warn(_unmoved(adapted, constant, c), stacklevel=2)
    return adapted


def _unmoved(adapted: Adapted, constant: str, c: float) -> str:
    """Return the message for a build whose outputs do not depend on its constant, and the step to take."""
    equal = int(np.sum(adapted.losses[:, 0] == adapted.losses[:, 1]))
    return (
        f"adapt, constant '{constant}': the losses of both queries are equal in {equal} of {len(adapted.losses)} "
        f"steps; allowed: {1 - LEAST_TOLD_APART:.0%} of them; next: enlarge c (now {c:g}), and calibrate an integer "
        "build on clips with such constants (`edgekit help adaptation`, Calibration)"
    )


def _directions(seed: int, count: int) -> Iterator[Float64]:
    """Numbers of 0.5 up to 1 with random signs, from xorshift32 (Marsaglia, 2003): quick on any device."""
    state = seed
    while True:
        words = []
        for _ in range(count):
            state ^= state << 13 & (WORD - 1)
            state ^= state >> 17
            state ^= state << 5 & (WORD - 1)
            words.append(state)
        drawn = np.array(words)
        sign = np.where(drawn >> 31 == 1, -1.0, 1.0)
        yield sign * (0.5 + (drawn & 0x7FFFFFFF) / WORD)


def _check(
    stream: Stream, constant: str, basis: Float64, w: Float64, numbers: dict[str, float]
) -> None:
    known = {tensor.name: tensor for tensor in stream.manifest.constants}
    problems = []
    if constant not in known:
        listed = ", ".join(known) or "none: export with --constant NAME"
        problems.append(Problem("adapt, constant", f"'{constant}'", listed, "name one of these"))
    elif basis.shape[1:] != tuple(known[constant].shape) or not len(basis):
        wanted = f"(parameters, {', '.join(map(str, known[constant].shape))})"
        problems.append(Problem("adapt, basis", f"shape {basis.shape}", wanted, "reshape it"))
    if w.shape != (len(basis),):
        found, allowed = f"shape {w.shape}", f"({len(basis)},)"
        problems.append(Problem("adapt, start", found, allowed, "one weight for each of the basis"))
    for name, value in numbers.items():
        if not 0 < value < WORD:
            problems.append(Problem(f"adapt, {name}", str(value), "above 0", "choose another"))
    if problems:
        raise UsageError(problems)
