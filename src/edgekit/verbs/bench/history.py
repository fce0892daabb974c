"""The course of benchmarks of one build on one device over time, and the numbers that got worse."""

from collections.abc import Callable
from dataclasses import dataclass

from edgekit.verbs.bench.log import Log, Result

NAMES = ("fleet", "folder", "build", "recipe", "target", "device", "machine")


@dataclass(frozen=True)
class Rule:
    """The rule by which a number got worse.

    Attributes:
        what: the name of the number, with its unit.
        read: takes it from a line.
        most: the largest allowed factor over the one before it.
    """

    what: str
    read: Callable[[Result], float | None]
    most: float


# Times scatter from run to run; counts do not.
RULES = (
    Rule("median us", lambda line: line.numbers["median_us"], 1.1),
    Rule("instructions", lambda line: line.numbers["instructions_per_hop"], 1.01),
    Rule("flash bytes", lambda line: line.flash_bytes, 1.01),
    Rule("RAM bytes", lambda line: line.numbers["ram_bytes"], 1.01),
)


@dataclass(frozen=True)
class Course:
    """The lines of one build, whatever its digest was, on one device."""

    lines: tuple[Result, ...]

    @property
    def last(self) -> Result:
        """The newest one."""
        return self.lines[-1]

    @property
    def name(self) -> str:
        """The names of the build and the device."""
        return ", ".join(text for name in NAMES if (text := self.last.texts.get(name)))

    def rows(self) -> list[tuple[Rule, list[float]]]:
        """The numbers that two lines or more have, in their order."""
        found = []
        for rule in RULES:
            numbers = [number for line in self.lines if (number := rule.read(line)) is not None]
            if len(numbers) > 1:
                found.append((rule, numbers))
        return found

    def worse(self) -> list[str]:
        """Return the numbers of the last line that are worse than in the line before it, in words."""
        return [
            f"{rule.what} {numbers[-2]:,.6g} -> {numbers[-1]:,.6g}"
            for rule, numbers in self.rows()
            if numbers[-1] > rule.most * numbers[-2]
        ]


def courses(log: Log) -> list[Course]:
    """Return those of a file, in the order of their first lines."""
    found: dict[tuple[str, ...], list[Result]] = {}
    for line in log.results:
        found.setdefault(tuple(line.texts.get(name, "") for name in NAMES), []).append(line)
    return [Course(tuple(lines)) for lines in found.values()]
