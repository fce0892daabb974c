"""The page that a benchmark adds to report.html: a histogram of the hops, and the distribution of instructions.

The cost of each layer is also drawn in the report's picture of the network.
"""

import re
from collections import defaultdict
from html import escape, unescape
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.base.json_values import JsonObject
from edgekit.base.pages import Bar, Column, fill
from edgekit.runtime.bench.measure import ByLayer, Measurement
from edgekit.runtime.build_folder.manifest import count_text

BINS = 60
ALIKE = 1e-3  # of the largest: a distribution narrower than this is described in words
MARK = "<!-- bench {device} -->"
END = "<!-- end of bench {device} -->"
MOST_FUNCTIONS = 20
# In the picture of the network: a layer's bar (width at most 1), the line of its details, and the legend of the bars.
BAR = re.compile(r'(<rect class=grey data-layer="([^"]*)" width=")[^"]*')
COST = re.compile(r'(<p class=cost data-layer="([^"]*)">)[^<]*')
# "What could be better": the list of the report, hidden where it is empty.
ADVICE = re.compile(
    r"<section id=advice(?: hidden)?>(\n<h2>[^<]*</h2>\n<ul class=notes>)(.*?)(</ul>)", re.DOTALL
)
LEGEND = re.compile(r"(<span id=bars>)[^<]*")
NOT_FACTS = ("against", "layers", "by_layer", "instructions_by_function", "modelled", "unit")


def with_page(report: str, measured: Measurement) -> str:
    """Return the report with the device's page: in the place of an older one, or at the end.

    Where layers were measured, the bars of the picture of the network are drawn anew, by that.
    """
    if measured.by_layer is not None:
        report = _with_bars(report, measured.by_layer, measured)
        report = _with_advice(report, measured.by_layer, measured.device)
    begin, end = (mark.format(device=measured.device) for mark in (MARK, END))
    page = f"{begin}\n{_page(measured)}\n{end}"
    old = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if old.search(report):
        return old.sub(lambda _: page, report)
    body, closing, rest = report.rpartition("</body>")
    return f"{body}{page}\n{closing}{rest}" if closing else f"{report}{page}\n"


def _page(measured: Measurement) -> str:
    series = [] if measured.times is None else [(measured.times.us, "us", measured.hop_us)]
    if measured.instructions:
        series.append((np.array(measured.instructions, np.float64), "instructions", None))
    functions = [
        (name, f"{count / measured.hops:,.0f}")
        for name, count in list((measured.functions or {}).items())[:MOST_FUNCTIONS]
    ]
    return fill(
        Path(__file__).with_suffix(".html"),
        device=measured.device,
        facts=_facts(measured),
        histograms=[_histogram(*values, measured.unit) for values in series],
        functions=functions,
        unit=measured.unit,
        layers=measured.layers or (),
        costs=measured.by_layer,
        bars=_bars(measured.by_layer),
    )


def _facts(measured: Measurement) -> list[tuple[str, str]]:
    facts = {k: v for k, v in measured.to_dict().items() if v is not None}
    rows = [
        (measured.label(name), f"{value:,}" if isinstance(value, int | float) else str(value))
        for name, value in facts.items()
        if name not in NOT_FACTS
    ]
    if (model := measured.modelled) is not None:
        text = (
            f"{model.us_per_hop:,} us: instructions x {model.cycles_per_instruction:g} cycles at "
        )
        text += f"{model.clock_hz / 1e6:,.0f} MHz; cycles: {model.cycles_from}"
        rows.append(("modelled, not measured", text))
        if model.energy_text is not None:
            rows.append(("energy, modelled, not measured", model.energy_text))
    for name, peer in facts["against"].items():
        snr = "equal" if peer["snr_db"] is None else f"{peer['snr_db']} dB"
        rows.append(
            (
                f"{name} {peer['version']}",
                f"{peer['median_us']} us, {peer['ratio']} x ours; outputs {snr}",
            )
        )
    return rows


def _bars(costs: ByLayer | None) -> list[Bar]:
    """A bar for each layer, in the order in which they run."""
    if costs is None:
        return []
    most = max((cost for *_, cost in costs.rows), default=0.0) or 1.0
    bars = []
    for name, operator, cost in costs.rows:
        label = f"{operator} {name}".strip()
        amount = _amount(cost, costs.unit)
        hint = f"{label}: {amount} {costs.unit}"
        bars.append(
            Bar(label, hint, ((cost / most, "a"),), f"{amount}, {costs.percent(cost):.1f} %")
        )
    return bars


def _with_bars(report: str, costs: ByLayer, measured: Measurement) -> str:
    """Return the picture of the network with bars for the measurements."""
    by_name: defaultdict[str, float] = defaultdict(float)
    for name, _, cost in costs.rows:
        by_name[name] += cost
    most = max(by_name.values(), default=0.0) or 1.0
    what = "time" if costs.unit == "us" else "instructions"
    by_what = f"measured by edgekit bench --layers on {measured.device}"

    def width(found: re.Match[str]) -> str:
        return f"{found[1]}{by_name.get(unescape(found[2]), 0.0) / most:.3f}"

    def text(found: re.Match[str]) -> str:
        name = unescape(found[2])
        if name not in by_name:
            return f"{found[1]}not measured by itself: another layer computes it"
        amount, share = _amount(by_name[name], costs.unit), costs.percent(by_name[name])
        return f"{found[1]}{amount} {costs.unit} of a {measured.unit}, {share:.1f} %, {by_what}"

    legend = escape(f"The bar is the share of the {what}, {by_what}")
    report = LEGEND.sub(lambda found: f"{found[1]}{legend}", report)
    return COST.sub(text, BAR.sub(width, report))


def _with_advice(report: str, costs: ByLayer, device: str) -> str:
    """The report whose list of advice names the layers that are slower than their float forms on a device."""
    mark = f'<li data-device="{escape(device)}">'
    own = "".join(
        f"{mark}{escape(line)} (edgekit bench --layers on {escape(device)})</li>"
        for line in costs.advice
    )

    def lines(found: re.Match[str]) -> str:
        others = re.sub(f"{re.escape(mark)}.*?</li>", "", found[2]) + own
        return f"<section id=advice{'' if others else ' hidden'}>{found[1]}{others}{found[3]}"

    return ADVICE.sub(lines, report)


def _amount(cost: float, unit: str) -> str:
    return f"{cost:,.2f}" if unit == "us" else f"{cost:,.0f}"


def _histogram(values: Float64, unit: str, limit: float | None, what: str) -> JsonObject:
    """Count values up to the 99.5th percentile; slower ones go in the last bar. `limit` is the length of a hop.

    Values that are practically equal become a sentence, since a picture of one bar shows no more.
    """
    if values.max() - values.min() <= ALIKE * values.max():
        least, most = f"{values.min():,.9g}", f"{values.max():,.9g}"
        span = least if least == most else f"{least} to {most}"
        return {"columns": [], "text": f"Each of {count_text(len(values), what)}: {span} {unit}."}
    top = float(np.percentile(values, 99.5)) * 1.05
    low = float(values.min())
    counts, edges = np.histogram(np.minimum(values, top), BINS, (low, max(top, low + 1e-9)))
    columns = [
        Column(int(n) / int(counts.max()), f"{count_text(int(n), what)} from {edge:,.6g} {unit}")
        for n, edge in zip(counts, edges, strict=False)
    ]
    foot = f"{low:,.6g} to {top:,.6g} {unit}; the longest {values.max():,.6g}"
    foot += "" if limit is None else f"; a hop lasts {limit:,.6g}"
    return {"columns": columns, "text": foot}
