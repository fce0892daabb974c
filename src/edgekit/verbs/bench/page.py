"""The page that a benchmark adds to report.html: a histogram of the hops, and where instructions go."""

import re
from html import escape

import numpy as np
from numpy.typing import NDArray

from edgekit.runtime.bench.measure import Measured
from edgekit.runtime.build_folder.manifest import counted

BINS, WIDTH, HEIGHT, FOOT = 60, 960, 180, 34
MARK = "<!-- bench {device} -->"
END = "<!-- end of bench {device} -->"
MOST_FUNCTIONS = 20


def with_page(report: str, measured: Measured) -> str:
    """Return the report with the device's page: in the place of an older one, or at the end."""
    begin, end = (mark.format(device=measured.device) for mark in (MARK, END))
    page = f"{begin}\n{_page(measured)}\n{end}"
    old = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if old.search(report):
        return old.sub(lambda _: page, report)
    body, closing, rest = report.rpartition("</body>")
    return f"{body}{page}\n{closing}{rest}" if closing else f"{report}{page}\n"


def _page(measured: Measured) -> str:
    parts = [f"<h2>Benchmark: {escape(measured.device)}</h2>", _facts(measured)]
    if measured.times is not None:
        parts.append(_histogram(measured.times.us, "us", measured.hop_us, measured.unit))
    if measured.instructions:
        counts = np.array(measured.instructions, np.float64)
        parts.append(_histogram(counts, "instructions", None, measured.unit))
    if measured.functions:
        rows = [
            (name, f"{count / measured.hops:,.0f}")
            for name, count in list(measured.functions.items())[:MOST_FUNCTIONS]
        ]
        parts.append(_table(("function", f"instructions per {measured.unit}"), rows))
    if measured.layers:
        parts.append(_table(("layer", "against golden"), measured.layers))
    return "\n".join(parts)


def _facts(measured: Measured) -> str:
    facts = {k: v for k, v in measured.to_dict().items() if v is not None}
    rows = [
        (measured.label(name), f"{value:,}" if isinstance(value, int | float) else str(value))
        for name, value in facts.items()
        if name not in ("against", "layers", "instructions_by_function", "modelled", "unit")
    ]
    if (model := measured.modelled) is not None:
        text = (
            f"{model.us_per_hop:,} us: instructions x {model.cycles_per_instruction:g} cycles at "
        )
        text += f"{model.clock_hz / 1e6:,.0f} MHz; cycles: {model.cycles_from}"
        rows.append(("modelled, not measured", text))
    for name, peer in facts["against"].items():
        snr = "equal" if peer["snr_db"] is None else f"{peer['snr_db']} dB"
        rows.append(
            (
                f"{name} {peer['version']}",
                f"{peer['median_us']} us, {peer['ratio']} x ours; outputs {snr}",
            )
        )
    return _table((), rows)


def _histogram(values: NDArray[np.float64], unit: str, limit: float | None, what: str) -> str:
    """Counts up to the 99.5th percentile; slower ones in the last bar. `limit` is the length of a hop.

    Equal values are a sentence: a picture of one bar says no more.
    """
    if values.min() == values.max():
        return f"<p>Each of {counted(len(values), what)}: {values[0]:,.6g} {unit}.</p>"
    top = float(np.percentile(values, 99.5)) * 1.05
    low = float(values.min())
    counts, edges = np.histogram(np.minimum(values, top), BINS, (low, max(top, low + 1e-9)))
    bar, tallest = WIDTH / BINS, max(1, int(counts.max()))
    bars = "".join(
        f'<rect x="{i * bar:.1f}" y="{(HEIGHT - FOOT) * (1 - n / tallest):.1f}" width="{bar - 1:.1f}" '
        f'height="{(HEIGHT - FOOT) * n / tallest:.1f}" fill="#4477aa"><title>{counted(int(n), what)} from '
        f"{edges[i]:,.6g} {unit}</title></rect>"
        for i, n in enumerate(counts)
        if n
    )
    foot = f"{low:,.6g} to {top:,.6g} {unit}; the longest {values.max():,.6g}"
    foot += "" if limit is None else f"; a hop lasts {limit:,.6g}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{bars}'
        f'<text x="0" y="{HEIGHT - 12}">{escape(foot)}</text></svg>'
    )


def _table(head: tuple[str, ...], rows: object) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = [f"<tr>{cells}</tr>"] if head else []
    lines += [
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows  # type: ignore[attr-defined]
    ]
    return f"<div class=wide><table>{''.join(lines)}</table></div>"
