"""Judge integers on sound after waits in silence, faint noise, DC and more sound, with states carried.

A network may remember for minutes: a gate near 1 makes a pole near 1. Constant input makes its rounding errors
constant, and such a state adds them up. So a build that is near the float network from fresh states may be far from it
after a wait.

Some float networks are as sensitive: noise that no converter of 16 bits resolves, in silence or on DC, changes the
level of the sound after it by decibels. So does another draw of faint noise. So a build may answer as the float
network does to a wait or to its twin. Where a tenth more or less of DC changes the float network's level by more than
a build may, the note on drift says so: then no types may stop it.

Probabilities have no level: of a network that decides, the decisions after a wait are compared.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TypeVar

import numpy as np

from edgekit.base.arrays import Array, Float64
from edgekit.base.json_values import JsonObject
from edgekit.export.block_runner import BlockRunner
from edgekit.export.hop_runner import HopRunner
from edgekit.graph.model import Model
from edgekit.judge.decisions import decisions_of, probabilities
from edgekit.judge.held_out_report import MIN_ALIKE
from edgekit.judge.wait_clips import (
    DC_WAIT,
    HOPS_PER_SECOND,
    NO_WAIT,
    Wait,
    cut_hops,
    hops_per_second,
    root_mean_square,
    waits_of,
)
from edgekit.quantize.calibrate.clips import Calibration, Clip
from edgekit.targets.c.lower import check_c
from edgekit.targets.trials import Trials

Arrays = Mapping[str, Array]
T = TypeVar("T")
MOST_DRIFT_DB = 0.5
AUDIBLE = 1e-3  # of the loudest second's power: quieter seconds have no level


@dataclass(frozen=True)
class Second:
    """A second of sound after a wait; its number counts from 1, that of the whole sound is 0.

    `level_db` is that of the build's worst output relative to the float network's, None where that is silent, or where
    outputs decide; `snr_db` is None where both are equal. `alike` is the share of the decisions that are the float
    network's, in the whole sound of a network that decides. `own_db` is by how much the float network's level differs
    after DC a tenth less and more, 0 after other waits.
    """

    wait: str
    second: int
    level_db: float | None
    snr_db: float | None
    alike: float | None = None
    own_db: float = 0.0


@dataclass(frozen=True)
class WaitReport:
    """The findings after every wait; `state` is the name of the state that is farthest off, if the level drifts."""

    seconds: tuple[Second, ...]
    state: str | None = None

    @property
    def worst(self) -> tuple[float, str]:
        """Return the largest change of level against that without a wait, in dB, and after which wait."""
        whole = {row.wait: row.level_db or 0.0 for row in self.seconds if row.second == 0}
        changes = [(abs(level - whole[NO_WAIT]), wait) for wait, level in whole.items()]
        return max(changes, key=lambda pair: pair[0])

    @property
    def other_decisions(self) -> Mapping[str, float]:
        """Return the share of decisions that are not the float network's, by wait; empty where nothing is decided."""
        return {row.wait: 1 - row.alike for row in self.seconds if row.alike is not None}

    def facts(self) -> JsonObject:
        """The entries of the manifest's `verification`."""
        decided = [
            {"wait": wait, "alike": round(1 - share, 4)}
            for wait, share in self.other_decisions.items()
        ]
        rows = [
            {
                "wait": row.wait,
                "second": row.second,
                "level_db": _two_decimals(row.level_db),
                "snr_db": _two_decimals(row.snr_db),
            }
            for row in self.seconds
        ]
        found = {"waits": rows, "drift_db": round(self.worst[0], 2), "drifting_state": self.state}
        return {**found, "decided_after_waits": decided} if decided else found

    def notes(self) -> list[str]:
        """Return the note on a build that drifts, or that decides otherwise."""
        shares = self.other_decisions
        wait = max(shares, key=shares.__getitem__, default=NO_WAIT)
        if shares and shares[wait] > 1 - MIN_ALIKE:
            return [
                f"waits: after {wait} {100 * shares[wait]:.1f} % of the decisions are not those of the float network; "
                f"at most {100 * (1 - MIN_ALIKE):.0f} % are wanted; next: add clips with such waits, or use wider "
                "types (--recipe auto or w8a16)"
            ]
        drift, wait = self.worst
        if drift <= MOST_DRIFT_DB:
            return []
        state = "" if self.state is None else f"; state '{self.state}' differs most"
        first = "add clips with such waits"
        if wait.endswith(DC_WAIT):  # after which the wait is silence
            first = "remove DC from the sound before the network, as by a high-pass at 20 Hz"
        own_db = max(row.own_db for row in self.seconds if row.wait == wait)
        if own_db > MOST_DRIFT_DB:
            state += f"; the float network itself differs by {own_db:.1f} dB if DC is a tenth less or more"
        return [
            f"waits: after {wait} the output's level changes by {drift:.1f} dB against the float network; at most "
            f"{MOST_DRIFT_DB:g} dB are wanted{state}; next: {first}, or use wider types "
            "(--recipe auto or w8a16)",
        ]


class WaitCriterion:
    """Sound after each wait, and the float network's outputs for it.

    There are no clips for a network without states or with a sampler. The float network runs when it is first needed,
    once.
    """

    def __init__(
        self, reference: Model, calibration: Calibration, kernels: str | None = None
    ) -> None:
        """Take the float network.

        Args:
            reference: the float network.
            calibration: the clips that give the sound.
            kernels: the target whose C runs networks, which is quick enough for waits of minutes; else, and for a
                network that C cannot run, onnxruntime does.
        """
        self._reference, self._calibration = reference, calibration
        self._kernels = None if kernels is not None and check_c(reference) else kernels
        self._names, self._hops_per_second = reference.measured_outputs, hops_per_second(reference)
        ends = probabilities(reference)
        self._ends = ends if ends.keys() >= set(self._names) else {}

    @cached_property
    def _waits(self) -> list[Wait]:
        return list(waits_of(self._reference, self._calibration, self.in_c))

    @cached_property
    def _exact(self) -> list[list[list[Array]]]:
        """The float network's sound after each wait, by output; of waits with a twin, also that after the twin.

        Raises `ToolError` where C runs it, and there is no compiler.
        """
        exact = [[found] for found in self._run(self._reference, self.clips, self._sound)]
        twins = {n: wait.twin for n, wait in enumerate(self._waits) if wait.twin is not None}
        numbers = list(twins)
        found = self._run(
            self._reference,
            list(twins.values()),
            lambda place, outputs: self._sound(numbers[place], outputs),
        )
        for number, sound in zip(numbers, found, strict=True):
            exact[number].append(sound)
        return exact

    @cached_property
    def _own_changes(self) -> list[float]:
        """By how many dB the float network's level differs after waits like each one; 0 of waits without any.

        Raises `ToolError` where C runs it, and there is no compiler.
        """
        near = [(n, clip) for n, wait in enumerate(self._waits) for clip in wait.near]
        found = self._run(
            self._reference,
            [clip for _, clip in near],
            lambda place, outputs: self._sound(near[place][0], outputs),
        )
        levels = [[0.0] for _ in self._waits]
        for (number, _), sound in zip(near, found, strict=True):
            pairs = list(zip(self._exact[number][0], sound, strict=True))
            whole = next(_seconds("", pairs, self._hops_per_second))
            levels[number].append(whole.level_db or 0.0)
        return [max(changes) - min(changes) for changes in levels]

    @property
    def in_c(self) -> bool:
        """Whether C runs the networks."""
        return self._kernels is not None

    @property
    def clips(self) -> list[Clip]:
        """The waits, each with the sound after it; the first is the sound alone."""
        return [wait.clip for wait in self._waits]

    def seconds(self, number: int, outputs: Arrays) -> list[Second]:
        """Return the findings in a build's outputs for the clip of this number, against the nearest float sound."""
        found = self._sound(number, outputs)
        name, rate = self._waits[number].name, self._hops_per_second
        answers = (list(zip(exact, found, strict=True)) for exact in self._exact[number])
        rows = [[*_seconds(name, pairs, rate)] for pairs in answers]
        nearest = min(rows, key=lambda seconds: abs(seconds[0].level_db or 0.0))
        if not self._ends:
            return [replace(nearest[0], own_db=self._own_changes[number]), *nearest[1:]]
        whole, *others = (replace(row, level_db=None) for row in nearest)
        return [replace(whole, alike=self._alike(number, found)), *others]

    def _alike(self, number: int, found: Sequence[Array]) -> float:
        """Return the share of decisions that are the float network's, of the worst output.

        Where its own decision after the twin is another one, both are.
        """
        shares = list[float]()
        for place, name in enumerate(self._names):
            end, answers = self._ends[name], [exact[place] for exact in self._exact[number]]
            own = decisions_of(found[place], end)
            same = [own == decisions_of(answer, end) for answer in answers]
            shares.append(float(np.mean(np.any(same, axis=0))))
        return min(shares)

    def report(self, run: Callable[[Clip], Arrays]) -> WaitReport | None:
        """Compare a build, which `run` calls from fresh states; None where there are no clips."""
        return _report(self.seconds(number, run(clip)) for number, clip in enumerate(self.clips))

    def report_of(
        self, quantized: Model, quick: bool = False, most: float = math.inf
    ) -> WaitReport | None:
        """Compare a network in integers, as its build will run; None where there are no clips.

        A `quick` compilation runs slower, and shares no objects with the build. After a wait that changes the level by
        more than `most` dB the later ones are left out.
        """
        rows = list[list[Second]]()
        for found in self._runs(quantized, self.clips, self.seconds, quick):
            rows += found
            if (report := _report(rows)) and report.worst[0] > most:
                break
        return _report(rows)

    def _run(
        self, model: Model, clips: Sequence[Clip], judge: Callable[[int, dict[str, Array]], T]
    ) -> list[T]:
        """Return the value of `judge` for the outputs of every clip, of a quick compilation."""
        return [*chain.from_iterable(self._runs(model, clips, judge, quick=True))]

    def _runs(
        self,
        model: Model,
        clips: Sequence[Clip],
        judge: Callable[[int, dict[str, Array]], T],
        quick: bool,
    ) -> Iterator[list[T]]:
        """Yield the same of as many clips as run at once."""
        if self._kernels is None or not clips:
            runner = HopRunner(model)
            yield from ([judge(number, runner(clip))] for number, clip in enumerate(clips))
            return
        trials = Trials(model, clips, self._kernels, quick)
        for numbers in trials.batches:
            (found,) = trials.run(judge, clips=numbers)
            yield found

    def farthest_state(self, quantized: Model, prepared: Model, after: str) -> str | None:
        """Return the state that is farthest from the float network's at the end of a wait; None if none is comparable.

        `prepared` is the float network in the form that was quantized: its states have the same names.
        """
        (wait,) = [wait for wait in self._waits if wait.name == after]
        own = {pair.output: pair.input for pair in quantized.states}
        names = [pair.output for pair in prepared.states if pair.output in own]
        clip = cut_hops(prepared, wait.clip, slice(0, wait.first))
        ends = [_last_hops(model, names, clip) for model in (prepared, quantized)]
        far = {own[name]: _distance(real, ends[1][name]) for name, real in ends[0].items()}
        name = max(far, key=far.__getitem__, default="")
        return name if far.get(name, -1.0) >= 0 else None

    def _sound(self, number: int, outputs: Arrays) -> list[Array]:
        return [outputs[name][self._waits[number].first :].copy() for name in self._names]


def _report(rows: Iterable[Sequence[Second]]) -> WaitReport | None:
    seconds = tuple(chain.from_iterable(rows))
    return WaitReport(seconds) if seconds else None


def _distance(real: Array, found: Array) -> float:
    """Return the error of a state relative to its size; -1 if the two are not of one kind."""
    if real.dtype != found.dtype or real.shape != found.shape:
        return -1.0
    return root_mean_square(real - found) / max(root_mean_square(real), 1e-9)


def _last_hops(model: Model, names: Sequence[str], clip: Clip) -> dict[str, Array]:
    """Return the states after a clip, by the names of their outputs."""
    last: dict[str, Array] = {}
    for block in BlockRunner(model, names).blocks(clip, HOPS_PER_SECOND):
        last = {name: block[name][-1] for name in names}
    return last


def _seconds(name: str, outputs: Sequence[Sequence[Array]], per_second: float) -> Iterator[Second]:
    """Yield the findings of the whole sound, then of each second; `outputs` are (float, build) each."""
    powers = [[_powers(array) for array in (*pair, pair[1] - pair[0])] for pair in outputs]
    count = max(math.ceil(len(powers[0][0]) / per_second), 1)
    parts = [slice(round(i * per_second), round((i + 1) * per_second)) for i in range(count)]
    for second, part in enumerate([slice(None), *parts]):
        found = list[tuple[float | None, float | None]]()
        for rows in powers:
            exact, made, noise = (float(row[part].sum()) for row in rows)
            found.append(_level_and_ratio(exact, made, noise, _floor(rows[0], part)))
        yield _worst_output(name, second, found)


def _worst_output(
    name: str, second: int, found: Sequence[tuple[float | None, float | None]]
) -> Second:
    """Return the largest change of level and the least ratio of the outputs."""
    levels = [level for level, _ in found if level is not None]
    ratios = [ratio for _, ratio in found if ratio is not None]
    return Second(name, second, max(levels, key=abs, default=None), min(ratios, default=None))


def _floor(exact: Float64, part: slice) -> float:
    """Return the power below which a part has no level."""
    return AUDIBLE * float(exact.max(initial=0.0)) * max(len(exact[part]), 1)


def _level_and_ratio(
    exact: float, found: float, noise: float, floor: float
) -> tuple[float | None, float | None]:
    """Return the level of `found` against `exact`, and the ratio of `exact` to `noise`, in dB."""
    if exact <= max(floor, 1e-30):
        return None, None
    ratio = None if noise <= 0 else 10 * math.log10(exact / noise)
    return 10 * math.log10(max(found, 1e-12 * exact) / exact), ratio


def _powers(array: Array) -> Float64:
    flat = array.reshape(len(array), -1).astype(np.float64)
    return np.asarray(np.square(flat).sum(axis=1))


def _two_decimals(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
