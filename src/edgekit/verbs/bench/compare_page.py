"""compare.html: benchmarks of many builds and devices side by side, on one page that needs no other file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from edgekit.targets.report import page_head
from edgekit.verbs.bench.log import Log, Result

WIDTH, NAMES, ROW, BAR = 960, 400, 22, 14  # of a plot; NAMES is where bars begin
VALUES = 130  # room for the numbers behind the bars
FARTHEST = 3  # times the longest bar: a stroke beyond stands at the end
Read = Callable[[Result], float | None]


@dataclass(frozen=True)
class Measure:
    """A number that rows are compared by.

    Attributes:
        title: of its plot, with the unit.
        read: takes it from a line.
        tick: a second number, marked on the bar.
        digits: behind the point.
    """

    title: str
    read: Read
    tick: Read | None = None
    digits: int = 0


def _of(name: str) -> Read:
    return lambda result: result.numbers[name]


MEASURES = (
    Measure("Time of a hop in us: median, and p99 as a stroke", _of("median_us"), _of("p99_us"), 1),
    Measure("Instructions of a hop, in the median", _of("instructions_per_hop")),
    Measure("Modelled time of a hop in us: nothing measured it", _of("modelled_us"), None, 1),
    Measure(
        "Flash in bytes: weights, and code where it is known", lambda result: result.flash_bytes
    ),
    Measure("RAM in bytes: state, scratch, and stack where it is known", _of("ram_bytes")),
    Measure("Signal-to-noise ratio against the source network in dB", _of("snr_db"), None, 1),
)
HEAD = (
    "row", "build", "recipe", "target", "device", "hops", "median us", "p99 us", "misses", "x first", "instructions",
    "x first", "flash", "RAM", "SNR dB", "measured",
)  # fmt: skip


def render(log: Log) -> str:
    """Return the page: a table with a row per build and device, plots, peers, and lines that are damaged."""
    rows = log.latest()
    older = len(log.results) - len(rows)
    parts = [
        "<!doctype html>",
        page_head("Benchmarks compared", "body { max-width: 84rem }"),
        "<h1>Benchmarks compared</h1>",
        _table(HEAD, [_cells(number, row, rows) for number, row in enumerate(rows, 1)]),
        f"<p><small>One row per build (by its digest) and device: the latest line of each; {older} older ones are "
        "left out. Ratios are to the first row that has such a number. Times of different machines were not "
        "taken in turn.</small></p>",
    ]
    for measure in MEASURES:
        parts += plot(measure, rows)
    if peers := _peers(rows):
        names = ("build, beside it", "median us", "p99 us", "x the build")
        parts += ["<h2>Other engines in the same run</h2>", _table(names, peers)]
    parts += [
        "<h2>Digests</h2>",
        _table(("row", "digest"), [(str(n), r.texts["digest"]) for n, r in enumerate(rows, 1)]),
    ]
    if log.damaged:
        items = "".join(f"<li>{escape(line)}</li>" for line in log.damaged)
        parts += ["<h2>Lines that could not be read</h2>", f"<ul>{items}</ul>"]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _cells(number: int, row: Result, rows: Sequence[Result]) -> tuple[str, ...]:
    def value(name: str, digits: int = 0) -> str:
        return _shown(row.numbers[name], digits)

    return (
        str(number),
        row.texts["build"],
        row.texts.get("recipe", ""),
        row.texts["target"],
        where(row),
        value("hops"),
        value("median_us", 1),
        value("p99_us", 1),
        value("deadline_misses"),
        _ratio(row, rows, "median_us"),
        value("instructions_per_hop"),
        _ratio(row, rows, "instructions_per_hop"),
        _shown(row.flash_bytes, 0),
        value("ram_bytes"),
        value("snr_db", 1),
        row.texts.get("measured_at", ""),
    )


def where(row: Result) -> str:
    """The device, and what it says of itself."""
    machine = row.texts.get("machine")
    return row.texts["device"] if machine is None else f"{row.texts['device']}: {machine}"


def _ratio(row: Result, rows: Sequence[Result], name: str) -> str:
    first = next((r.numbers[name] for r in rows if r.numbers[name]), None)
    own = row.numbers[name]
    return "" if first is None or own is None else f"{own / first:.3g}"


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def plot(measure: Measure, rows: Sequence[Result]) -> list[str]:
    """A title and a bar per row that has the number; nothing where none has it."""
    found = [(number, row, measure.read(row)) for number, row in enumerate(rows, 1)]
    bars = [(number, row, value) for number, row, value in found if value is not None]
    if not bars:
        return []
    ticks = {number: measure.tick(row) for number, row, _ in bars} if measure.tick else {}
    highest = max(value for *_, value in bars)
    longest = min(max([highest, *(tick for tick in ticks.values() if tick)]), FARTHEST * highest)
    scale = (WIDTH - NAMES - VALUES) / longest if longest > 0 else 0.0
    shapes = []
    for line, (number, row, value) in enumerate(bars):
        top = line * ROW
        name = f"{number}  {row.texts['build']} {row.texts.get('recipe', '')} {row.texts['target']}"
        long = f"{name}, {where(row)}: {_shown(value, measure.digits)}"
        end = max(0.0, value) * scale
        shapes.append(
            f'<text x="0" y="{top + BAR}"><title>{escape(long)}</title>{escape(_cut(name, 52))}</text>'
            f'<rect x="{NAMES}" y="{top + 3}" width="{end:.1f}" height="{BAR}" fill="#4477aa">'
            f"<title>{escape(long)}</title></rect>"
        )
        if tick := ticks.get(number):
            at = NAMES + min(tick, longest) * scale
            shapes.append(
                f'<path d="M{at:.1f} {top + 2}v{BAR + 2}" stroke="#ee6677" stroke-width="2"/>'
            )
            end = max(end, at - NAMES)
        text = _shown(value, measure.digits)
        shapes.append(f'<text x="{NAMES + end + 8:.1f}" y="{top + BAR}">{text}</text>')
    height = ROW * len(bars) + 4
    return [
        f"<h2>{escape(measure.title)}</h2>",
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">{"".join(shapes)}</svg>',
    ]


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 3] + "..."


def _peers(rows: Sequence[Result]) -> list[tuple[str, ...]]:
    return [
        (
            f"{number}  {row.texts['build']}: {name}",
            _shown(peer["median_us"], 1),
            _shown(peer["p99_us"], 1),
            "" if peer["ratio"] is None else f"{peer['ratio']:.3g}",
        )
        for number, row in enumerate(rows, 1)
        for name, peer in row.peers.items()
    ]


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain texts."""
    top = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>\n" for row in rows
    )
    return f"<div class=wide><table><tr>{top}</tr>\n{body}</table></div>"
