"""Proof at the lengths that users run: at each of them the stream equals the source itself.

A network is read at two short lengths. Its behaviour at others follows, if nothing in it depends on the length. That
is tested at the length of the examples, at a long one, where torch reports that a condition of forward changes, and
around the numbers with which positions are compared.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import NoReturn

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem, VerificationError
from edgekit.export.double import double_runner
from edgekit.export.hop_runner import Arrays, in_onnxruntime
from edgekit.export.random_inputs import draw
from edgekit.export.stream.examples import hold, repeat_along_time
from edgekit.export.stream.guarded_lengths import SAME, GuardedLengths
from edgekit.export.stream.guards import Guards
from edgekit.export.stream.prove import SEED, run_stream
from edgekit.export.stream.run_lengths import ComparisonLengths
from edgekit.export.stream.sources import Offline
from edgekit.export.stream.tensor_timing import Facts
from edgekit.export.verify import verify_answer
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

CALLS = 500  # hops of a run; a longer run has longer hops
ROUNDS = 3  # times that conditions are read after a length at which one has changed
ATTEMPTS = 16  # lengths that are tried to find the longest at which a source runs
LIMIT = 1e-5  # of the peak: from here on a frame counts as different
NUMBERS = 2**13  # samples: around a greater number only the long run is compared
STEP = "remove what depends on the length, as a split, a slice, a mask or a table of fixed size"


def prove_lengths(
    offline: Offline,
    short: ir.Graph,
    facts: Facts,
    models: Mapping[int, Model],
    rewritten: Callable[[int], Model],
) -> list[str]:
    """Compare streams with their source at all lengths that matter, and return notes for the user.

    Args:
        offline: the source.
        short: the network at the shorter of the two lengths at which it was read.
        facts: the facts from the two lengths.
        models: its streams, by hop.
        rewritten: makes the stream with another hop.

    Raises:
        ModelError: at some length the source is another network than its stream; names the line or the node that
            makes it so.
    """
    read, guards = facts.samples[1], dict[int, Guards]()
    if offline.guards is not None:
        guards[read] = offline.guards(read)
    numbers = [*offline.numbers, *(n for one in guards.values() for n in one.numbers)]
    lengths = ComparisonLengths(offline, short, facts, models[min(models)], numbers)
    return _LengthProof(lengths, dict(models), rewritten, GuardedLengths(lengths, guards)).prove()


@dataclass
class _LengthProof:
    """State of a proof.

    Attributes:
        lengths: the lengths to compare.
        models: the streams, by hop.
        rewritten: makes the stream with another hop.
        guarded: conditions of the source on lengths.
        equal: lengths in samples at which both were compared.
        failing: lengths at which the source does not run, each with its reason.
        shorter: lengths no longer than the delay at which they differ, as a clip within one window may.
        running: the runner of each stream, by hop.
    """

    lengths: ComparisonLengths
    models: dict[int, Model]
    rewritten: Callable[[int], Model]
    guarded: GuardedLengths
    equal: list[int] = field(default_factory=list)
    failing: dict[int, ModelError] = field(default_factory=dict)
    shorter: list[int] = field(default_factory=list)
    running: dict[int, Callable[[Arrays], Arrays]] = field(default_factory=dict)

    def prove(self) -> list[str]:
        example, read = self.lengths.example, self.lengths.read
        long = self._whole_hops(self.lengths.long)
        lengths = {n for n in (example, long, self.lengths.declared_end) if n}
        if self.lengths.offline.run is not None:
            at = {read, *lengths}
            lengths |= self._around_numbers() | self.guarded.around_changes(at)
        for samples in sorted(lengths):
            self._compare(samples)
        if self.lengths.offline.run is not None:
            self._walk(min(n for n in {*lengths, long} if n >= read))
        if long in self.failing:
            self._compare(self._longest_that_runs(long))
        return self._notes()

    def _around_numbers(self) -> set[int]:
        numbers = {n.samples for n in self.lengths.numbers if n.samples <= NUMBERS}
        return {place for number in numbers for place in self.lengths.around(number)}

    def _walk(self, first: int) -> None:
        """Continue from a length where a condition has changed; if not all are known, by many lengths."""
        for _ in range(ROUNDS if self.guarded.complete else 0):
            beyond = self.guarded.around_changes({first}) - {*self.equal, *self.failing}
            for samples in sorted(beyond):
                self._compare(samples)
            if not (above := [n for n in beyond if n > first]):
                break
            first = min(above)
        else:
            for samples in self.lengths.ladder():
                self._compare(samples)

    def _compare(self, samples: int) -> None:
        """Compare at one length: on random inputs, and on the examples if it is theirs."""
        samples = self._whole_hops(samples)
        known = {*self.equal, *self.failing, *self.shorter}
        if samples in known or samples < self.lengths.step or self.lengths.ends_before(samples):
            return
        hop = self._hop(samples)
        feeds = [self._random(samples), *self._example_feeds(samples)]
        for feed in feeds:
            self._hold_controls(feed, samples, hop)
            if (expected := self._expected(feed, samples, hop)) is None:
                return
            if len(feeds) == 1 and not all(np.isfinite(a).all() for a in expected.values()):
                feeds.append(self._suitable(feed, samples))
            if not self._is_same(feed, samples, hop, expected):
                return
        self.equal.append(samples)

    def _expected(self, feed: Arrays, samples: int, hop: int) -> Arrays | None:
        """Return the source's outputs; None if it fails at this length, at which a stream must still run."""
        try:
            return self._source(feed, samples)
        except ModelError as error:
            self.failing[samples] = error
            if samples > self.lengths.read:
                self._streamed(feed, samples, hop)
            return None

    def _is_same(self, feed: Arrays, samples: int, hop: int, expected: Arrays) -> bool:
        """Whether the stream returns the same; only a recording no longer than the delay may differ."""
        if not all(array.size for array in expected.values()):
            return True
        try:
            self._check_same(feed, samples, hop, expected)
        except ModelError:
            if samples > self.lengths.delay:
                raise
            self.shorter.append(samples)
            return False
        return True

    def _whole_hops(self, samples: int) -> int:
        """Return the next whole number of smallest hops, or the previous one if that is too long for a proof."""
        least = self.models[min(self.models)].stream.minimum_hop_samples or 1
        above = -(-samples // least) * least
        return above if above == samples or self.lengths.fits(above) else above - least

    def _source(self, feed: Arrays, samples: int) -> Arrays:
        offline = self.lengths.offline
        if offline.run is None:
            return in_onnxruntime(offline.at(samples).to_bytes())(feed)
        return self._named(offline.run(feed))

    def _named(self, arrays: Iterable[Array]) -> Arrays:
        names = [str(value.name) for value in self.lengths.short.outputs]
        return dict(zip(names, arrays, strict=True))

    def _check_same(self, feed: Arrays, samples: int, hop: int, expected: Arrays) -> None:
        model, offline = self.models[hop], self.lengths.offline
        found = self._streamed(feed, samples, hop)
        for name, array in expected.items():
            if array.size == found[name].size:
                expected[name] = array.reshape(found[name].shape)  # torch may leave out sizes of 1
            else:
                self._refuse(samples, _sizes(name, array, found[name]))

        def streamed(runner: Callable[[Arrays], Arrays]) -> Callable[[Arrays], Arrays]:
            return lambda arrays: run_stream(model, arrays, samples, runner)

        def in_double() -> tuple[Callable[[Arrays], Arrays], ...]:
            data, run = model.to_bytes(), offline.run_in_double
            exact = (
                double_runner(offline.at(samples).to_bytes())
                if run is None
                else lambda arrays: self._named(run(arrays))
            )
            nudged = double_runner(data, nudged=True)
            return exact, streamed(double_runner(data)), streamed(nudged)

        def source(arrays: Arrays) -> Arrays:
            answers = self._source(arrays, samples)
            return {name: answers[name].reshape(array.shape) for name, array in expected.items()}

        def answer(_: Arrays) -> Arrays:
            return found

        try:
            verify_answer(source, answer, feed, expected, what="it", wide=in_double)
        except VerificationError:
            name, frame = _first_other(model, expected, found)
            self._refuse(samples, _error(name, expected[name], found[name], frame))

    def _streamed(self, feed: Arrays, samples: int, hop: int) -> Arrays:
        """Return the stream's outputs; it must run at every length, even if its source does not."""
        if hop not in self.running:
            self.running[hop] = in_onnxruntime(self.models[hop].to_bytes())
        try:
            return run_stream(self.models[hop], feed, samples, self.running[hop])
        except ModelError as error:
            self._refuse(samples, f"its stream does not run: {error.problems[0].found}")

    def _refuse(self, samples: int, found: str) -> NoReturn:
        equal = f", though equal at {max(self.equal)}" if self.equal else ""
        where = "; ".join(self.guarded.reasons(samples, self.equal)) or "the network"
        text = f"at {samples} samples {found}{equal}"
        raise ModelError(Problem(where, text, SAME, STEP))

    def _hop(self, samples: int) -> int:
        """Return the smallest hop with which a run has not too many hops."""
        if not [hop for hop in self.models if samples <= CALLS * hop]:
            steps = ceil(samples / CALLS / self.lengths.step)
            hop = self.lengths.step * 2 ** (steps - 1).bit_length()
            self.models[hop] = self.rewritten(hop)
        return min(hop for hop in self.models if samples <= CALLS * hop)

    def _random(self, samples: int) -> Arrays:
        """Return noise; inputs without time keep the examples' values, since not every number suits a knob."""
        random, feed = np.random.default_rng(SEED), {}
        examples = self.lengths.offline.examples or {}
        for value in self.lengths.short.inputs:
            name = str(value.name)
            axis = self.lengths.offline.axes.get(name)
            if axis is None:
                feed[name] = np.asarray(examples.get(name, draw(value, random, 1, 1)[0]))
                continue
            frames, short = self._frames(value, samples), (static_shape(value) or ())
            drawn = draw(value, random, -(-frames // short[axis]), 1)
            feed[name] = np.take(np.concatenate([*drawn], axis), range(frames), axis)
        return feed

    def _example_feeds(self, samples: int) -> list[Arrays]:
        """Return the examples, at their own length alone."""
        examples = self.lengths.offline.examples
        if examples is None or samples != self.lengths.example:
            return []
        return [self._cut(examples, samples)]

    def _suitable(self, feed: Arrays, samples: int) -> Arrays:
        """Return inputs if noise gives no finite outputs: the examples, else positive noise, as for a level."""
        if self.lengths.offline.examples is not None:
            return self._cut(self.lengths.offline.examples, samples)
        return {name: np.abs(array) for name, array in feed.items()}

    def _cut(self, examples: Mapping[str, Array], samples: int) -> Arrays:
        axes = self.lengths.offline.axes
        return {
            name: repeat_along_time(examples[name], axes.get(name), self._frames(value, samples))
            for value in self.lengths.short.inputs
            if (name := str(value.name))
        }

    def _frames(self, value: ir.Value, samples: int) -> int:
        return int(samples * self.lengths.offline.rates.get(str(value.name), Fraction(1)))

    def _hold_controls(self, feed: Arrays, samples: int, hop: int) -> None:
        """Return one value of a control for each hop, as its stream has it."""
        offline = self.lengths.offline
        for name in set(offline.controls) & offline.axes.keys():
            period = int(hop * offline.rates.get(name, Fraction(1)))
            feed[name] = hold(feed[name], offline.axes[name], period)

    def _longest_that_runs(self, failing: int) -> int:
        """Return a length at which the source runs, near the shortest at which it does not."""
        step, runs = self.lengths.step, max([self.lengths.read, *self.equal])
        failing = min([failing, *(n for n in self.failing if n > runs)])
        for _ in range(ATTEMPTS):
            if failing - runs <= step:
                break
            middle = (runs + failing) // 2 // step * step
            try:
                feed = self._random(middle)
                self._source(feed, middle)
                runs = middle
            except ModelError as error:
                self.failing[middle], failing = error, middle
        return runs

    def _notes(self) -> list[str]:
        notes, longest = [], max(self.equal, default=0)
        if self.shorter:
            notes.append(
                f"a recording of {max(self.shorter)} samples, no longer than the delay of {self.lengths.delay}, gives "
                "other frames than the source"
            )
        if failing := min((n for n in self.failing if n > longest), default=0):
            reason = self.failing[failing].problems[0].found
            notes.append(
                f"the stream equals its source up to {longest} samples; at {failing} the source fails ({reason}), and "
                "the stream goes on"
            )
        return notes


def _sizes(name: str, expected: Array, found: Array) -> str:
    return f"output '{name}' is {list(expected.shape)}, and {list(found.shape)} in the stream"


def _first_other(model: Model, expected: Arrays, found: Arrays) -> tuple[str, int]:
    """Return the output and frame that differ first, relative to the length of each output."""
    places = []
    for name, array in expected.items():
        peak = float(np.nanmax(np.abs(array), initial=0)) or 1.0
        same = (array == found[name]) | (np.isnan(array) & np.isnan(found[name]))
        other = ~(np.abs(array - found[name]) <= LIMIT * peak) & ~same
        axis = model.timing[name].axis
        frames = other.any(axis=tuple(n for n in range(array.ndim) if n != axis))
        if frames.any():
            first = int(np.argmax(frames))
            places.append((first / len(frames), name, first))
    _, name, frame = min(places, default=(0.0, next(iter(expected)), 0))
    return name, frame


def _error(name: str, expected: Array, found: Array, frame: int) -> str:
    peak = float(np.nanmax(np.abs(expected), initial=0)) or 1.0
    error = float(np.nanmax(np.abs(expected - found), initial=0)) / peak
    return f"output '{name}' is {error:.2g} of its peak away from the stream, from frame {frame} on"
