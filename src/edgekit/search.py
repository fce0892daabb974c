"""Search over the noise that a sampler starts from, with a verifier: Ma et al. (2025), inference-time scaling.

The search makes more calls of the same network, and keeps the best image. A plain `Sampler.sample` with its seed and
conditions draws it again, bit for bit. A search exploits the weaknesses of its verifier: judge the result by another
measure.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from edgekit.base.arrays import Array, Float32, Float64
from edgekit.base.errors import Problem, UsageError
from edgekit.base.random_normals import normals
from edgekit.base.sampler_loop import image_seeds
from edgekit.base.sampler_table import Arrays, StepTable
from edgekit.runtime.sampler import Sampler
from edgekit.runtime.stream import Stream

Image = Float32
Verifier = Callable[[Image], float] | Stream  # of an image (1, *image_shape), more is better
SEEDS = 1 << 32
APART = 0x9E3779B9  # between the seeds of a start's paths: their rows draw other noise


@dataclass(frozen=True)
class Found:
    """The best that a search drew.

    Attributes:
        image: (1, *image_shape), float32.
        score: the verifier's.
        seed, given: the arguments of `Sampler.sample(1, seed, given)` of `sampler` that draw it again.
        sampler: the searched one; where a path begins at a later row, its rows from there on.
        scores: the best score after each image, which never falls.
    """

    image: Image
    score: float
    seed: int
    given: Arrays
    sampler: Sampler
    scores: tuple[float, ...]


@dataclass(frozen=True)
class _Drawn:
    """The inputs of one image."""

    seed: int
    given: Arrays
    sampler: Sampler


def random(
    sampler: Sampler,
    verifier: Verifier,
    n: int,
    seed: int,
    given: Mapping[str, ArrayLike] | None = None,
) -> Found:
    """Return the best of `n` images, of the seeds ``seed`` to ``seed + n - 1``.

    Args:
        sampler: of any start. Where the start is given, and `given` has none, each seed draws one.
        verifier: scores an image (1, *image_shape): a function, or a running build with one such input and one number.
        n: from 1 up.
        seed: 0 to 2^32 - n.
        given: the other conditions, each of one image.

    Raises:
        UsageError: numbers outside their range, a build that is no verifier, conditions as `Sampler.sample`.
    """
    _check({"n": (n, n >= 1, "1 or more"), **_seeds(seed, n)})
    arrays = _arrays(given)
    name = sampler.table.roles.start
    drawn = name is not None and name not in arrays

    def candidates() -> Iterator[_Drawn]:
        for one in range(seed, seed + n):
            own = {name: _normals(sampler, one)} if drawn and name is not None else {}
            yield _Drawn(one, {**arrays, **own}, sampler)

    return _best(candidates(), _score_function(verifier))


def zero_order(
    sampler: Sampler,
    verifier: Verifier,
    n: int,
    rounds: int,
    distance: float,
    seed: int,
    given: Mapping[str, ArrayLike] | None = None,
) -> Found:
    """Return the best of a walk: of a start and `n` neighbours the best is the next start, `rounds` times.

    Neighbours of p are ``sqrt(1 - d^2) p + d z``, of the same norm on average. It takes ``1 + n rounds`` images.

    Args:
        sampler: with a given start and without other noise.
        verifier: as `random` takes it.
        n: neighbours, from 1 up.
        rounds: from 1 up.
        distance: d, above 0, to 1: starts that have nothing in common.
        seed: of the first start and of the rows' noise; 0 to 2^32 - 1.
        given: the other conditions, each of one image; a start among them is the first.

    Raises:
        UsageError: as `random`, and a sampler whose start is not given.
    """
    _check(
        {
            "n": (n, n >= 1, "1 or more"),
            "rounds": (rounds, rounds >= 1, "1 or more"),
            "distance": (distance, 0 < distance <= 1, "above 0, to 1"),
            **_seeds(seed, 1),
        }
    )
    name, arrays = _given_start(sampler), _arrays(given)
    score = _score_function(verifier)
    first = arrays.get(name, _normals(sampler, seed))
    best = _best(iter([_Drawn(seed, {**arrays, name: first}, sampler)]), score)
    for each in range(rounds):
        pivot = best.given[name]

        def neighbours(pivot: Array = pivot, first: int = each * n) -> Iterator[_Drawn]:
            for number in range(first, first + n):
                z = _normals(sampler, seed, 1 + number)
                kept = np.float32(np.sqrt(1 - distance**2))
                start = kept * pivot + np.float32(distance) * z
                yield _Drawn(seed, {**arrays, name: start}, sampler)

        best = _best(neighbours(), score, best)
    return best


def paths(
    sampler: Sampler,
    verifier: Verifier,
    n: int,
    m: int,
    stop: int,
    back: int,
    seed: int,
    given: Mapping[str, ArrayLike] | None = None,
) -> Found:
    """Return the best of `n` starts, each drawn to its end, and `m` times anew from a row within.

    At row `stop` x is noised to the level of the row `back` before, ``sqrt(ab_t / ab_s) x + sqrt(1 - ab_t / ab_s) z``,
    and drawn to its end from there. It takes ``n (m + 1)`` images, fewer rows for all but n of them.

    Args:
        sampler: with a given start and without other noise, of one network, with levels in its table, whose rows
            read no row before: ddim, ddpm.
        verifier: as `random` takes it.
        n: starts, from 1 up.
        m: paths of each, from 0 up.
        stop: a row, from 1 up.
        back: rows, 1 to `stop`.
        seed: 0 to 2^32 - n.
        given: the other conditions, each of one image.

    Raises:
        UsageError: as `zero_order`, and a sampler without such rows.
    """
    table = sampler.table
    _check(
        {
            "n": (n, n >= 1, "1 or more"),
            "m": (m, m >= 0, "0 or more"),
            "stop": (stop, 1 <= stop < table.rows, f"1 to {table.rows - 1}, a row of the sampler"),
            "back": (back, 1 <= back <= stop, f"1 to {stop}"),
            **_seeds(seed, n),
        }
    )
    name, levels, arrays = _given_start(sampler), _levels(table), _arrays(given)
    head, tail = sampler.part(0, stop), sampler.part(stop - back, table.rows, start_scale=1.0)
    share = float(levels[stop - back] / levels[stop])

    def candidates() -> Iterator[_Drawn]:
        for one in range(seed, seed + n):
            own = {**arrays, name: _normals(sampler, one)}
            yield _Drawn(one, own, sampler)
            x = head.sample(1, one, own) if m else own[name]
            for number in range(1, m + 1):
                z = _normals(sampler, one, number)
                noised = np.float32(np.sqrt(share)) * x + np.float32(np.sqrt(1 - share)) * z
                yield _Drawn((one + number * APART) % SEEDS, {**arrays, name: noised}, tail)

    return _best(candidates(), _score_function(verifier))


def _best(
    candidates: Iterator[_Drawn], score: Callable[[Image], float], best: Found | None = None
) -> Found:
    """Return the best of the candidates' images and the known one."""
    history = [] if best is None else list(best.scores)
    for drawn in candidates:
        image = drawn.sampler.sample(1, drawn.seed, drawn.given)
        value = score(image)
        if best is None or value > best.score:
            best = Found(image, value, drawn.seed, drawn.given, drawn.sampler, ())
        history.append(best.score)
    assert best is not None
    return replace(best, scores=tuple(history))


def _score_function(verifier: Verifier) -> Callable[[Image], float]:
    """A verifier as a function; a build is called on its only input."""
    if not isinstance(verifier, Stream):
        return verifier
    inputs, outputs = verifier.manifest.stream_inputs, verifier.manifest.stream_outputs
    sizes = [int(np.prod(tensor.shape)) for tensor in outputs]
    if len(inputs) != 1 or sizes != [1]:
        found = f"{len(inputs)} inputs, outputs of {', '.join(map(str, sizes))} numbers"
        step = "give a function that calls it and makes one number of its outputs"
        raise UsageError(Problem("verifier", found, "one input, one number", step))

    def score(image: Image) -> float:
        verifier.reset()
        (output,) = verifier.process({inputs[0].name: image.reshape(inputs[0].shape)}).values()
        return float(np.ravel(output)[0])

    return score


def _arrays(given: Mapping[str, ArrayLike] | None) -> Arrays:
    return {name: np.asarray(array) for name, array in (given or {}).items()}


def _normals(sampler: Sampler, seed: int, number: int = 0) -> Float32:
    """Return draw 0 of an image of a seed: (1, *shape)."""
    flat = normals(image_seeds(seed, number, 1), 0, int(np.prod(sampler.shape)))
    return flat.reshape(1, *sampler.shape).astype(np.float32)


def _given_start(sampler: Sampler) -> str:
    """The name of a start that is nothing but given."""
    name = sampler.table.roles.start
    if name is None or sampler.table.start_noise or sampler.table.start_mean is not None:
        step = 'export with start = "given", without start_noise'
        raise UsageError(
            Problem("search", "a start that the build draws itself", "a given start", step)
        )
    return name


def _levels(table: StepTable) -> Float64:
    """The cumulative products of rows that can be run apart."""
    why = (
        ("rows that do not say how noisy x is", table.ab is None),
        ("rows that read a row before, or the start", table.uses("h") or table.uses("d")),
        ("rows of several networks or of a decoder", bool(table.networks) or table.uses("graph")),
        ("rows around a condition", table.needs_y),
        ("given noise", table.roles.noise is not None),
        ("levels that rise", table.ab is not None and bool((np.diff(table.ab) <= 0).any())),
    )
    for found, wrong in why:
        if wrong:
            allowed = 'ddim, or ddpm, of one network, with start = "given" and drawn noise'
            raise UsageError(Problem("search, paths", found, allowed, "export with such a sampler"))
    assert table.ab is not None
    return table.ab


def _seeds(seed: int, n: int) -> dict[str, tuple[object, bool, str]]:
    return {"seed": (seed, 0 <= seed <= SEEDS - max(n, 1), f"0 to 2^32 - {n}")}


def _check(limits: Mapping[str, tuple[object, bool, str]]) -> None:
    problems = [
        Problem(f"search, {name}", str(value), allowed, "choose another")
        for name, (value, fits, allowed) in limits.items()
        if not fits
    ]
    if problems:
        raise UsageError(problems)
