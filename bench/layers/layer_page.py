"""What `layers.py` measured, as a part of a page of results: from its heading to the end of the page."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from speed.benchmark_page import cpu
from tables import Table

PAGE = Path(__file__).parents[2] / "docs" / "results" / "benchmarks.md"
HEADING = "## Single layers"
CONDITIONS = "## Cold, busy, and from Python"  # the part in front of it, which `conditions` writes
WORST = 10
TEXT = """\
{heading}

`python bench layers --against {peers} --recipe {recipes} {seeds} --write{page}` measures
this part: {count} layers of published networks and of odd sizes, each alone. The engines take turns, and the least time
of each counts, less that of an empty call. Where a layer takes under half as long as an engine's empty call, that
engine has no ratio. Machine: {cpu};
its load was {before:.1f} at the start and {after:.1f} at the end (1 is one busy core).
Layers of integer recipes have float inputs and outputs, for every engine.

The columns named after engines have the ratio of that engine's time to EdgeKit's, as geometric means over a family of
layers. Above 1, EdgeKit is faster. GMAC/s is the rate of EdgeKit, in billions of multiply-accumulates per second.
A layer is named by its kernel (3x3/2,2 has a stride of 2), its channels and its input. The letters dw mean
depthwise, and d4 means a dilation of 4.

{tables}
"""


def kept(page: Path) -> str:
    """The parts of a page that this module and `conditions` wrote."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    found = [at for heading in (CONDITIONS, HEADING) if (at := text.find(heading)) >= 0]
    return "\n" + text[min(found) :] if found else ""


def mean(ratios: Sequence[float]) -> float:
    """The geometric mean."""
    return float(np.exp(np.mean(np.log(ratios)))) if ratios else float("nan")


def load() -> float:
    """How many programs wanted to run in the last minute."""
    return os.getloadavg()[0]


def families(layers: Sequence[Any], peers: Sequence[str]) -> list[tuple[str, list[Any]]]:
    """The layers by family, that with the lowest mean ratio first; at the end all."""
    found: dict[str, list[Any]] = defaultdict(list)
    for layer in layers:
        found[layer.family].append(layer)

    def lowest(rows: Sequence[Any]) -> float:
        means = [mean([r.ratio(p) for r in rows if p in r.us]) for p in peers]
        return min((m for m in means if not np.isnan(m)), default=np.inf)

    return [*sorted(found.items(), key=lambda item: lowest(item[1])), ("all", list(layers))]


def worst(layer: Any, peers: Sequence[str]) -> float:
    """The lowest of its ratios; none is the highest."""
    return min((layer.ratio(peer) for peer in peers if peer in layer.us), default=np.inf)


def write(
    found: Mapping[str, tuple[Sequence[Any], float, Sequence[str]]],
    peers: Sequence[str],
    seeds: str,
    before: float,
    page: Path,
) -> None:
    """Write the part: by recipe its layers, the core's peak in GMAC/s, and the layers that it has no form of.

    `seeds` are the options that name them.
    """
    tables = []
    for recipe, (layers, peak, refused) in found.items():
        whole = Table(recipe, "layers", "GMAC/s", *peers)
        for family, rows in families(layers, peers):
            rate = mean([row.macs / row.us["edgekit"] * 1e-3 for row in rows])
            ratios = [mean([r.ratio(p) for r in rows if p in r.us]) for p in peers]
            shown = ("" if np.isnan(ratio) else f"{ratio:.2f}" for ratio in ratios)
            whole.add_row(family, str(len(rows)), f"{rate:.1f}", *shown)
        lowest = Table(
            f"{recipe}: the {WORST} layers with the lowest ratio", "us", "GMAC/s", *peers
        )
        for row in sorted(layers, key=lambda layer: worst(layer, peers))[:WORST]:
            own = row.us["edgekit"]
            shown = (f"{row.ratio(p):.2f}" if p in row.us else "" for p in peers)
            rate = row.macs / own * 1e-3
            lowest.add_row(f"{row.family}, {row.name}", f"{own:.1f}", f"{rate:.1f}", *shown)
        tables.append(
            f"While {recipe} was measured, the peak of the core was {peak:.0f} GMAC/s in float32."
        )
        if isa := recipe.partition("@")[2]:
            tables.append(
                f"EdgeKit has the kernels of `{isa}` here. The other engines use all instructions of the processor."
            )
        tables += [whole.markdown(), lowest.markdown()]
        if refused:
            tables.append(f"Not in {recipe}: {'; '.join(refused)}.")
    count = max(len(layers) for layers, _, _ in found.values())
    text = TEXT.format(
        heading=HEADING,
        peers=" ".join(peers),
        recipes=" ".join(found),
        seeds=seeds,
        page="" if page == PAGE else f" docs/results/{page.name}",
        count=count,
        cpu=cpu(),
        before=before,
        after=load(),
        tables="\n\n".join(tables),
    )
    whole_page = page.read_text(encoding="utf-8")
    at = whole_page.find(HEADING)
    rest = whole_page if at < 0 else whole_page[:at]
    page.write_text(f"{rest.rstrip()}\n\n{text}", encoding="utf-8")
