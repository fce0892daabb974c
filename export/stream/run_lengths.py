"""Lengths at which a stream is compared with its source, in addition to those at which the network was read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, prod

import onnx_ir as ir

from edgekit.export.stream.guards import LengthNumber
from edgekit.export.stream.sources import Offline
from edgekit.export.stream.tensor_timing import Facts
from edgekit.graph.model import Model
from edgekit.graph.nodes import static_shape

TIMES = 10  # the long run: of the example, or of the lengths at which the network was read
WINDOWS = 4  # of the longest window
BEHIND = 1.25  # of a number with which positions are compared
LARGEST = 2**25  # elements of a tensor in a run that is longer than the example
ELEMENTS = 2**28  # of all tensors in such a run
CONSECUTIVE = 6  # lengths, so that all remainders of small divisors are among them
APART = 2  # distance of lengths if it is unknown which ones matter
FLOAT_BYTES = 4


@dataclass(frozen=True)
class ComparisonLengths:
    """The lengths in samples, all of them multiples of the smallest hop.

    Attributes:
        offline: the source.
        short: the network at the shorter of the two lengths at which it was read.
        facts: the facts from the two lengths.
        model: one of its streams.
        numbers: numbers with which it compares positions, or at which it cuts time.
    """

    offline: Offline
    short: ir.Graph
    facts: Facts
    model: Model
    numbers: Sequence[LengthNumber]

    @cached_property
    def step(self) -> int:
        """The smallest hop."""
        return self.facts.minimum_hop()

    @property
    def read(self) -> int:
        """The longer one of the two lengths at which the network was read."""
        return self.facts.samples[1]

    @cached_property
    def delay(self) -> int:
        """The largest delay of an output."""
        assert self.model.streaming is not None
        return max(output.delay_samples for output in self.model.streaming.outputs)

    @cached_property
    def example(self) -> int:
        """Length of the examples in samples; 0 without examples, or if they are shorter than the smallest hop."""
        sizes = [
            int(array.shape[self.offline.axes[name]] / self.offline.rates.get(name, Fraction(1)))
            for name, array in (self.offline.examples or {}).items()
            if name in self.offline.axes
        ]
        return min(sizes, default=0) // self.step * self.step

    @cached_property
    def long(self) -> int:
        """Several times the longest window and the example, beyond all numbers, as far as memory allows."""
        wanted = max(
            TIMES * (self.example or self.read),
            2 * self.read,
            WINDOWS * self._window(),
            *(ceil(BEHIND * number.samples) for number in self.numbers),
        )
        steps = ceil(wanted / self.step)
        while steps > 1 and not self.fits(steps * self.step):
            steps = steps * 3 // 4
        return max(steps * self.step, self.example, self.read)

    @property
    def declared_end(self) -> int:
        """The declared end of recordings in samples; 0 without one, or if it is too long to run."""
        end = self.offline.end.samples or 0
        return end if self.fits(end) else 0

    def ladder(self) -> Iterable[int]:
        """Lengths up to the long one: a few one after the other, then each about twice the one before."""
        steps = self.read // self.step
        yield from (self.read + n * self.step for n in range(1, CONSECUTIVE))
        while (steps := APART * steps + 1) * self.step < self.long:
            yield steps * self.step

    def around(self, samples: int) -> Iterable[int]:
        """Return the lengths around a number, which need not be a multiple of the step."""
        for steps in range(samples // self.step, samples // self.step + 3):
            yield steps * self.step

    def ends_before(self, samples: int) -> bool:
        """Whether no recording is declared to be so long."""
        end = self.offline.end.samples
        return end is not None and samples > max(end, self.read)

    def fits(self, samples: int) -> bool:
        """Whether a run of `samples` needs no more memory and time than a proof should."""
        if self.ends_before(samples):
            return False
        if samples <= self.example:
            return True
        sizes = [self._elements(value, samples) for value in self.facts.axes]
        return max(sizes, default=0) <= LARGEST and sum(sizes) <= ELEMENTS

    def _elements(self, value: ir.Value, samples: int) -> int:
        shape = list(static_shape(value) or ())
        for time in self.facts.axes[value]:
            shape[time.axis] = time.length(samples)
        return prod(shape)

    def _window(self) -> int:
        """Return the samples that the stream reaches back: its delay, and the frames in its largest state."""
        streaming, window = self.model.streaming, Fraction(self.delay)
        assert streaming is not None
        frame = {str(value.name): self._elements(value, 2 * self.read) for value in self.facts.axes}
        for tensor in streaming.tensors:
            elements = Fraction(frame.get(tensor.name, 0), 2 * self.read)
            if tensor.states and elements:
                window = max(window, tensor.state_bytes // FLOAT_BYTES / elements)
        return ceil(window)
