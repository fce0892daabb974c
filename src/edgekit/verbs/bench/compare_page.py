"""compare.html: benchmarks of many builds and devices side by side, on one page that needs no other file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.base.pages import Bar, fill
from edgekit.verbs.bench.history import courses
from edgekit.verbs.bench.log import Log, Result

NUMBERS = tuple(range(5, 15))  # columns of the table
TO_MINUTES = 16  # letters of a date: without seconds and zone
FARTHEST = 3  # times the longest bar: a stroke beyond stands at the end
Read = Callable[[Result], float | None]


@dataclass(frozen=True)
class Measure:
    """A number that rows are compared by.

    Attributes:
        title: of its plot, with the unit.
        read: takes it from a line.
        tick: a second number, marked on the bar.
        digits: after the decimal point.
    """

    title: str
    read: Read
    tick: Read | None = None
    digits: int = 0


def _number_reader(name: str) -> Read:
    return lambda result: result.numbers[name]


MEASURES = (
    Measure(
        "Time of a hop in us: median, and p99 as a stroke",
        _number_reader("median_us"),
        _number_reader("p99_us"),
        1,
    ),
    Measure("Instructions of a hop, in the median", _number_reader("instructions_per_hop")),
    Measure(
        "Modelled time of a hop in us: nothing measured it", _number_reader("modelled_us"), None, 1
    ),
    Measure(
        "Flash in bytes: weights, and code where it is known", lambda result: result.flash_bytes
    ),
    Measure(
        "RAM in bytes: state, scratch, and stack where it is known", _number_reader("ram_bytes")
    ),
    Measure(
        "Signal-to-noise ratio against the source network in dB", _number_reader("snr_db"), None, 1
    ),
)
HEAD = (
    "row", "build", "recipe", "target", "device", "hops", "median us", "p99 us", "misses", "x first", "instructions",
    "x first", "flash", "RAM", "SNR dB", "measured",
)  # fmt: skip


def render(log: Log) -> str:
    """Return the page: a table with a row per build and device, plots, peers, and lines that are damaged."""
    rows = log.latest()
    plots = [(measure.title, bars(measure, rows)) for measure in MEASURES]
    return fill(
        Path(__file__).with_suffix(".html"),
        title="Benchmarks compared",
        width="84rem",
        head=HEAD,
        rows=[_cells(number, row, rows) for number, row in enumerate(rows, 1)],
        numbers=NUMBERS,
        older=len(log.results) - len(rows),
        plots=[(title, found) for title, found in plots if found],
        peers=_peers(rows),
        worse=[(course.name, text) for course in courses(log) for text in course.worse()],
        history=_history(log),
        digests=[(str(n), r.texts["digest"]) for n, r in enumerate(rows, 1)],
        damaged=log.damaged,
    )


def _history(log: Log) -> list[tuple[str, ...]]:
    """A row for each number that was measured more than once."""
    return [
        (
            course.name,
            rule.what,
            str(len(numbers)),
            *(f"{number:,.6g}" for number in (numbers[0], min(numbers), *numbers[-2:])),
            f"{100 * (numbers[-1] / numbers[-2] - 1):+.1f} %" if numbers[-2] else "",
        )
        for course in courses(log)
        for rule, numbers in course.rows()
    ]


def _cells(number: int, row: Result, rows: Sequence[Result]) -> tuple[str, ...]:
    def value(name: str, digits: int = 0) -> str:
        return _number_text(row.numbers[name], digits)

    return (
        str(number),
        row.texts["build"],
        row.texts.get("recipe", ""),
        row.texts["target"],
        device_text(row),
        value("hops"),
        value("median_us", 1),
        value("p99_us", 1),
        value("deadline_misses"),
        _ratio(row, rows, "median_us"),
        value("instructions_per_hop"),
        _ratio(row, rows, "instructions_per_hop"),
        _number_text(row.flash_bytes, 0),
        value("ram_bytes"),
        value("snr_db", 1),
        row.texts.get("measured_at", "")[:TO_MINUTES].replace("T", " "),
    )


def device_text(row: Result) -> str:
    """Return the name of the device, with the description of the machine if there is one."""
    machine = row.texts.get("machine")
    return row.texts["device"] if machine is None else f"{row.texts['device']}: {machine}"


def _ratio(row: Result, rows: Sequence[Result], name: str) -> str:
    first = next((r.numbers[name] for r in rows if r.numbers[name]), None)
    own = row.numbers[name]
    return "" if first is None or own is None else f"{own / first:.3g}"


def _number_text(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def bars(measure: Measure, rows: Sequence[Result]) -> list[Bar]:
    """A bar per row that has the number."""
    found = [(number, row, measure.read(row)) for number, row in enumerate(rows, 1)]
    there = [(number, row, value) for number, row, value in found if value is not None]
    if not there:
        return []
    ticks = {number: measure.tick(row) for number, row, _ in there} if measure.tick else {}
    highest = max(value for *_, value in there)
    longest = min(max([highest, *filter(None, ticks.values())]), FARTHEST * highest)
    return [
        _bar(number, row, _number_text(value, measure.digits), value, ticks.get(number), longest)
        for number, row, value in there
    ]


def _bar(
    number: int, row: Result, text: str, value: float, tick: float | None, longest: float
) -> Bar:
    """A bar of a row; where the longest has no length, none has."""
    name = f"{number}  {row.texts['build']} {row.texts.get('recipe', '')} {row.texts['target']}"
    width, mark = 0.0, None
    if longest > 0:
        width = max(0.0, value) / longest
        mark = min(tick, longest) / longest if tick else None
    return Bar(name, f"{name}, {device_text(row)}: {text}", [(width, "a")], text, mark)


def _peers(rows: Sequence[Result]) -> list[tuple[str, ...]]:
    return [
        (
            f"{number}  {row.texts['build']}: {name}",
            _number_text(peer["median_us"], 1),
            _number_text(peer["p99_us"], 1),
            "" if peer["ratio"] is None else f"{peer['ratio']:.3g}",
        )
        for number, row in enumerate(rows, 1)
        for name, peer in row.peers.items()
    ]
