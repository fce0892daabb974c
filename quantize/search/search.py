"""Finds types that keep the output: every group alone, then the cheapest mix that is good enough.

Noise powers of independent roundings nearly add up, so each group's options are ranked by the noise that they remove
per cost. The shortest prefix of that ranking with a sufficient measured signal-to-noise ratio is taken. Steps of the
prefix without benefit are undone. Greedy steps by the measured total are worse: they stall if two rounded tensors
follow each other.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.quantize.search.space import Group, Space

# The noise of each table of grids, (rows, 3), as a share of the signal power; called with the finished count.
Measure = Callable[[Sequence[Float32], Callable[[int], None] | None], list[float]]
Progress = Callable[[str, int, int], None]
ROOM = 1000  # steps of what may leave int8
CHEAP = 1e-3  # of the cost of a hop: a step that costs less comes first, and is not undone
HEARD = 1e-3  # of the noise of weights alone: a smaller reduction does not count


@dataclass(frozen=True)
class Ranking:
    """Noise power of each option of each group alone, all others exact, relative to the signal.

    `floor` is the noise power of the weights alone.
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
            ratios[count] = _measure_power(space, measure, _prefix(space, steps, count))
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
    return _undo_steps(space, steps[:high], best, measure, min_snr_db, progress)


def limit_options(space: Space, ranking: Ranking, most: float) -> tuple[Space, Ranking]:
    """Leave out options so that at most `most` multiply-accumulates leave int8, those with the largest effect.

    Each group keeps either all options or the narrowest ones. The groups with all options are those that remove most
    noise in total.
    """
    pairs = list(zip(space.groups, ranking.noises, strict=True))
    least = [min(option.wide_macs for option in group.options) for group, _ in pairs]
    limits = _widest_macs(pairs, least, most - sum(least))
    groups, ranked = [], []
    for limit, (group, noises) in zip(limits, pairs, strict=True):
        kept = [o for o, option in enumerate(group.options) if option.wide_macs <= limit]
        groups.append(replace(group, options=tuple(group.options[o] for o in kept)))
        ranked.append(tuple(noises[o] for o in kept))
    return replace(space, groups=tuple(groups)), Ranking(tuple(ranked), ranking.floor)


def _widest_macs(
    pairs: Sequence[tuple[Group, Sequence[float]]], least: Sequence[float], room: float
) -> list[float]:
    """Return the most multiply-accumulates that each group may take out of int8, `room` more than the least in all."""
    gains, sizes, wider = dict[int, float](), dict[int, float](), dict[int, float]()
    for i, (group, noises) in enumerate(pairs):
        wide = [o.wide_macs for o in group.options if o.wide_macs > least[i]]
        if wide and min(wide) <= room + least[i]:
            narrow = zip(group.options, noises, strict=True)
            gains[i] = min(noise for o, noise in narrow if o.wide_macs == least[i])
            wider[i], sizes[i] = min(wide), (min(wide) - least[i]) / room
    chosen = _worth_most(gains, sizes)
    return [wider[i] if i in chosen else least[i] for i in range(len(least))]


def _worth_most(gains: Mapping[int, float], sizes: Mapping[int, float]) -> set[int]:
    """Return the keys with the largest sum of gains whose sizes sum up to 1 at most (a knapsack in `ROOM` steps)."""
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())] * (ROOM + 1)
    for i, gain in gains.items():
        size = math.ceil(sizes[i] * ROOM)
        for room in range(ROOM, size - 1, -1):
            total, taken = best[room - size]
            if total + gain > best[room][0]:
                best[room] = total + gain, (*taken, i)
    return set(best[ROOM][1])


@dataclass(frozen=True)
class Step:
    """Raise a group from one option to a dearer one."""

    group: int
    before: int
    after: int
    gain: float  # noise that it removes, per cost
    first: bool  # whether it costs next to nothing


def _steps(groups: Sequence[Group], ranking: Ranking) -> list[Step]:
    """Return the steps that pay, the most noise per cost first; those of one group in their order.

    Before them come nearly free steps that remove a noticeable amount of noise.
    """
    steps = []
    cheap = CHEAP * sum(group.options[_cheapest(group)].cost for group in groups)
    heard = HEARD * ranking.floor
    for index, (group, noises) in enumerate(zip(groups, ranking.noises, strict=True)):
        at, first = _cheapest(group), True
        while True:
            gains = [
                (noises[at] - noises[o]) / max(option.cost - group.options[at].cost, 1e-9)
                for o, option in enumerate(group.options)
            ]
            best = int(np.argmax(gains))
            if gains[best] <= 0 or group.options[best].cost <= group.options[at].cost:
                break
            price = group.options[best].cost - group.options[at].cost
            first = first and price < cheap and noises[at] - noises[best] > heard
            steps.append(Step(index, at, best, gains[best], first))
            at = best
    return sorted(steps, key=lambda step: (not step.first, -step.gain, step.group, step.after))


def _cheapest(group: Group) -> int:
    return min(range(len(group.options)), key=lambda o: group.options[o].cost)


def _prefix(space: Space, steps: Sequence[Step], count: int) -> dict[int, int]:
    chosen = {index: _cheapest(group) for index, group in enumerate(space.groups)}
    chosen.update((step.group, step.after) for step in steps[:count])
    return chosen


def _undo_steps(
    space: Space,
    steps: Sequence[Step],
    best: Found,
    measure: Measure,
    min_snr_db: float,
    progress: Progress,
) -> Found:
    """Undo single steps, the most expensive first, as long as the SNR suffices; early cheap steps stay."""
    dear = [step for step in steps if not step.first]
    undo = sorted(
        dear, key=lambda step: (_price(space, step), step.group, step.after), reverse=True
    )
    for done, step in enumerate(undo):
        if best.chosen[step.group] == step.after:
            trial = {**best.chosen, step.group: step.before}
            ratio = _measure_power(space, measure, trial)
            if ratio >= min_snr_db:
                best = _found(space, trial, ratio)
        progress("lower types", done + 1, len(undo))
    return best


def _price(space: Space, step: Step) -> float:
    options = space.groups[step.group].options
    return options[step.after].cost - options[step.before].cost


def _measure_power(space: Space, measure: Measure, chosen: Mapping[int, int]) -> float:
    (power,) = measure([space.table(chosen)], None)
    return decibels(power)


def decibels(power: float) -> float:
    """Return the signal-to-noise ratio in dB of a relative noise power."""
    return math.inf if power == 0 else -10 * math.log10(power)


def _found(space: Space, chosen: Mapping[int, int], ratio: float) -> Found:
    cost = sum(space.groups[index].options[option].cost for index, option in chosen.items())
    return Found(dict(chosen), ratio, cost)
