"""Which types keep the output: every group alone, then the cheapest mix that is good enough.

Noise powers of independent roundings nearly add up, so each group's options are ranked by the noise that
they take away for what they cost, and the shortest prefix of that ranking is taken whose measured
signal-to-noise ratio suffices. What the prefix raised in vain is lowered again. Greedy steps by the
measured total are worse: they stall where two rounded tensors lie in series.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.quantize.space import Group, Space

# The noise of each table of grids, (rows, 3), as a share of the signal's power; told how many are done.
Measure = Callable[[Sequence[NDArray[np.float32]], Callable[[int], None] | None], list[float]]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Ranking:
    """What each option of each group does alone, all others exact: noise powers, relative to the signal.

    `floor` is that of the weights alone.
    """

    noises: tuple[tuple[float, ...], ...]
    floor: float


@dataclass(frozen=True)
class Found:
    """An option for each group, the ratio in dB that was measured, and its cost."""

    chosen: Mapping[int, int]
    snr_db: float
    cost: float


def rank(space: Space, measure: Measure, progress: Progress) -> Ranking:
    """Measure every option of every group alone."""
    exact = {i: len(group.options) - 1 for i, group in enumerate(space.groups)}
    tables, places = [space.table(exact)], []
    for index, group in enumerate(space.groups):
        for option in range(len(group.options) - 1):
            tables.append(space.table({**exact, index: option}))
            places.append((index, option))
    powers = measure(tables, lambda done: progress("rank tensors", done, len(tables)))
    noises = [[0.0] * len(group.options) for group in space.groups]
    for (index, option), power in zip(places, powers[1:], strict=True):
        noises[index][option] = max(power - powers[0], 0.0)
    return Ranking(tuple(map(tuple, noises)), powers[0])


def search(
    space: Space, ranking: Ranking, measure: Measure, min_snr_db: float, progress: Progress
) -> Found:
    """Return the cheapest options found with at least `min_snr_db`, or the best there are."""
    steps = _steps(space.groups, ranking)
    low, high = 0, len(steps)
    ratios: dict[int, float] = {}

    def ratio(count: int) -> float:
        if count not in ratios:
            ratios[count] = _measured(space, measure, _prefix(space, steps, count))
            progress("search types", len(ratios), 2 + math.ceil(math.log2(len(steps) + 1)))
        return ratios[count]

    if ratio(high) < min_snr_db:
        return _found(space, _prefix(space, steps, high), ratio(high))
    while low < high:
        middle = (low + high) // 2
        if ratio(middle) >= min_snr_db:
            high = middle
        else:
            low = middle + 1
    best = _found(space, _prefix(space, steps, high), ratio(high))
    return _lowered(space, steps[:high], best, measure, min_snr_db, progress)


@dataclass(frozen=True)
class Step:
    """Raise a group from one option to a dearer one."""

    group: int
    before: int
    after: int
    gain: float  # noise that it takes away, per cost


def _steps(groups: Sequence[Group], ranking: Ranking) -> list[Step]:
    """The steps that pay, the most noise per cost first; those of one group in their order."""
    steps = []
    for index, (group, noises) in enumerate(zip(groups, ranking.noises, strict=True)):
        at = _cheapest(group)
        while True:
            gains = [
                (noises[at] - noises[o]) / max(option.cost - group.options[at].cost, 1e-9)
                for o, option in enumerate(group.options)
            ]
            best = int(np.argmax(gains))
            if gains[best] <= 0 or group.options[best].cost <= group.options[at].cost:
                break
            steps.append(Step(index, at, best, gains[best]))
            at = best
    return sorted(steps, key=lambda step: (-step.gain, step.group, step.after))


def _cheapest(group: Group) -> int:
    return min(range(len(group.options)), key=lambda o: group.options[o].cost)


def _prefix(space: Space, steps: Sequence[Step], count: int) -> dict[int, int]:
    chosen = {index: _cheapest(group) for index, group in enumerate(space.groups)}
    chosen.update((step.group, step.after) for step in steps[:count])
    return chosen


def _lowered(
    space: Space,
    steps: Sequence[Step],
    best: Found,
    measure: Measure,
    min_snr_db: float,
    progress: Progress,
) -> Found:
    """Undo single steps, the dearest first, as long as the ratio stays."""
    undo = sorted(
        steps, key=lambda step: (_price(space, step), step.group, step.after), reverse=True
    )
    for done, step in enumerate(undo):
        if best.chosen[step.group] == step.after:
            trial = {**best.chosen, step.group: step.before}
            ratio = _measured(space, measure, trial)
            if ratio >= min_snr_db:
                best = _found(space, trial, ratio)
        progress("lower types", done + 1, len(undo))
    return best


def _price(space: Space, step: Step) -> float:
    options = space.groups[step.group].options
    return options[step.after].cost - options[step.before].cost


def _measured(space: Space, measure: Measure, chosen: Mapping[int, int]) -> float:
    (power,) = measure([space.table(chosen)], None)
    return decibels(power)


def decibels(power: float) -> float:
    """The signal-to-noise ratio in dB of a relative noise power."""
    return math.inf if power == 0 else -10 * math.log10(power)


def _found(space: Space, chosen: Mapping[int, int], ratio: float) -> Found:
    cost = sum(space.groups[index].options[option].cost for index, option in chosen.items())
    return Found(dict(chosen), ratio, cost)
