"""Finds lengths at which a condition of the source changes, and the lines that these conditions come from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgekit.base.errors import ModelError, Problem
from edgekit.export.stream.guards import Guards, changes
from edgekit.export.stream.run_lengths import ComparisonLengths

FARTHER = (
    4  # a length is compared that is one in so many parts beyond one at which a condition changes
)
MOST = 12  # lengths at which conditions change, seen from one length
SAME = "the same computation at every length"


@dataclass(frozen=True)
class GuardedLengths:
    """Conditions of a source on lengths.

    Attributes:
        lengths: the lengths to compare.
        guards: length -> the conditions on lengths that the source showed at it.
    """

    lengths: ComparisonLengths
    guards: dict[int, Guards]

    @property
    def complete(self) -> bool:
        """Whether all conditions are known."""
        return bool(self.guards) and all(one.complete for one in self.guards.values())

    def around_changes(self, at: Iterable[int]) -> set[int]:
        """Lengths around those at which a condition changes that holds at one of the given lengths."""
        return {
            near
            for samples in at
            for changed in self._changed_lengths(samples)
            for near in self._near(changed, side=1 if changed > samples else -1)
        }

    def _guards_at(self, samples: int) -> Guards | None:
        """Return the source's conditions at a length; None if those of another length already cover it."""
        read = self.lengths.offline.guards
        if read is not None and samples not in self.guards:
            if any(guards.same(samples) for guards in self.guards.values()):
                return None
            self.guards[samples] = read(samples)
        return self.guards.get(samples)

    def _changed_lengths(self, samples: int) -> Sequence[int]:
        """Return the lengths below and above at which a condition stops to hold."""
        below, above, step = set[int](), set[int](), self.lengths.step
        guards = self._guards_at(samples)
        for condition in () if guards is None else guards.conditions:
            before, after = changes(condition, samples, step)
            holds_alone = (before, after) == (samples - step, samples + step)
            if holds_alone and samples != self.lengths.read:
                continue  # no other length matters more than any
            below |= {before} if before else set()
            if after and self.lengths.fits(after):
                above.add(after)
            elif after and condition.direct:
                self._refuse_branch(condition.place, after)
        return *sorted(below)[-MOST:], *sorted(above)[:MOST]

    def _refuse_branch(self, place: str, samples: int) -> None:
        if self.lengths.ends_before(samples):
            return
        found = f"another way through it from {samples} samples on, which are too many to compare"
        step = f"remove what depends on the length, or declare with --until {samples - 1} that no recording is longer"
        raise ModelError(Problem(f"in {place}", found, SAME, step))

    def _near(self, changed: int, side: int) -> set[int]:
        step = self.lengths.step
        # a slice up to a length is still all of it there
        beyond = changed * (FARTHER + side) // FARTHER // step * step
        near = {changed, changed + side * step, beyond}
        return {n for n in near if n >= step and self.lengths.fits(n)}

    def reasons(self, samples: int, equal: Sequence[int]) -> list[str]:
        """Return at most two places that make the network at this length differ from the `equal` ones.

        Lines whose conditions have changed, at the fewest of the equal lengths too; else numbers on the way here.
        """
        places = self._changed_lines(samples, equal)
        if not places:
            last = max(equal, default=0)
            places = [n.place for n in self.lengths.numbers if last <= n.samples <= samples]
        return list(dict.fromkeys(f"in {place}" for place in places if place))[:2]

    def _changed_lines(self, samples: int, equal: Sequence[int]) -> list[str]:
        changed = [
            (sum(not condition.holds(n) for n in equal), condition.place)
            for guards in self.guards.values()
            for condition in guards.conditions
            if condition.place and not condition.holds(samples)
        ]
        least = min((count for count, _ in changed), default=0)
        return [place for count, place in changed if count == least]
