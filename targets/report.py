"""report.html: the facts of a build on one page that needs no other file."""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from edgekit.runtime.build_folder.levels import levels_text
from edgekit.runtime.build_folder.manifest import Manifest, counted
from edgekit.runtime.build_folder.port_rows import PORT_HEAD, STREAM_HEAD, port_rows, stream_rows
from edgekit.runtime.build_folder.streaming_rows import DELAY_HEAD, TIME_HEAD, delay_rows, time_rows
from edgekit.targets.build import Placement
from edgekit.targets.sensitivity import Alone, picture

if TYPE_CHECKING:
    from edgekit.quantize.compare import TensorRow

MAP_WIDTH, MAP_HEIGHT, MARGIN = 960, 320, 56
FULL_BAR_DB = 60.0
# Four hues that stay apart for colour-blind readers; neighbours in the map take turns.
COLOURS = ("#4477aa", "#66ccee", "#228833", "#ccbb44")
HEARD_HEAD = ("metric", "clips", "noisy", "float network", "this build")
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
       color: #222; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .15rem .9rem .15rem 0; text-align: left;
       vertical-align: top; border-bottom: 1px solid #e4e4e4 }
td { overflow-wrap: anywhere }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.bar { height: .75rem; background: #4477aa } .low { background: #ee6677 }
.track { width: min(14rem, 25vw); background: #eee }
.wide { overflow-x: auto }
svg { max-width: 100%; height: auto } svg text { font: 12px system-ui, sans-serif; fill: #222 }
small { color: #666 }
"""


def page_head(title: str, style: str = "") -> str:
    """The start of a page up to its body, of a screen of any width."""
    return (
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head><body>"
    )


def render(
    manifest: Manifest,
    plan: Sequence[Placement],
    steps: Sequence[str],
    tensor_rows: Sequence["TensorRow"],
    alone: Sequence[Alone] = (),
    heard: Sequence[Sequence[str]] = (),
) -> str:
    """Return the page: facts, memory over the schedule, signal-to-noise of each tensor.

    Args:
        manifest: the build's facts.
        plan: where every tensor lives; empty for targets without a plan of ours.
        steps: one label per step of the schedule.
        tensor_rows: comparison of each quantized tensor with its float value; may be empty.
        alone: what a search for types measured; may be empty.
        heard: metric, number of clips, and its mean before, after the float network and after the build.
    """
    title = f"{manifest.source['name']} for {manifest.target}"
    parts = [
        "<!doctype html>",
        page_head(title),
        f"<h1>{escape(title)}</h1>",
        _facts(manifest),
        "<h2>Inputs and outputs</h2>",
        _tensors(manifest),
    ]
    if manifest.streaming is not None:
        delays = delay_rows(manifest.streaming, manifest.stream["sample_rate_hz"])
        parts += ["<h2>Delay</h2>", _escaped(DELAY_HEAD, delays)]
        times = _escaped(TIME_HEAD, time_rows(manifest.streaming))
        parts += ["<h2>Time in the tensors of the offline network</h2>", times]
    for block in ("scratch", "state"):
        placed = [placement for placement in plan if placement.block == block]
        if placed:
            parts += [f"<h2>Memory: {block}</h2>", _memory_map(placed, steps, block)]
    if tensor_rows:
        parts += ["<h2>Signal to noise of each tensor</h2>", _snr_table(tensor_rows)]
    if heard:
        parts += ["<h2>Clips with a clean form</h2>", _escaped(HEARD_HEAD, heard)]
    if alone:
        parts += ["<h2>One tensor alone</h2>", picture(alone)]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _facts(manifest: Manifest) -> str:
    stream, memory, quantization = manifest.stream, manifest.memory, manifest.quantization
    rows: list[tuple[str, Any]] = [
        ("hop", _with_unit(stream["hop_samples"], "samples")),
        ("sample rate", _with_unit(stream["sample_rate_hz"], "Hz")),
        ("delay", _with_unit(stream["delay_samples"], "samples")),
        ("latency", _latency(stream)),
        ("weights", _with_unit(memory["weights_bytes"], "bytes")),
        ("code", _with_unit(memory["code_bytes"], "bytes")),
        ("state", _with_unit(memory["state_bytes"], "bytes")),
        ("scratch", _scratch(memory)),
        (f"moved per {manifest.unit}", _moved(memory)),
        (f"MACs per {manifest.unit}", manifest.macs_text),
        ("once per session", _session(manifest)),
        ("recipe", quantization["recipe"]),
        ("calibrated on", quantization["calibrated_on"] or "nothing"),
        ("notes", "; ".join(quantization.get("notes", ()))),
        ("scales per hop", ", ".join(quantization.get("hop_scales", ()))),
        (
            "tensors",
            ", ".join(
                f"{quantization[f'tensors_{t}'] or 0} {t}" for t in ("int8", "int16", "float")
            ),
        ),
        ("verified", _verification(manifest.verification)),
        ("not calibrated on", levels_text(manifest.verification)),
        (
            "tools",
            ", ".join(f"{name}: {version}" for name, version in sorted(manifest.tools.items())),
        ),
        ("digest", manifest.digest),
    ]
    return _table((), [(escape(name), escape(str(value))) for name, value in rows if value])


def _tensors(manifest: Manifest) -> str:
    tables = (PORT_HEAD, port_rows(manifest)), (STREAM_HEAD, stream_rows(manifest))
    return "".join(
        _table(head, [tuple(map(escape, row)) for row in rows]) for head, rows in tables if rows
    )


def _escaped(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return _table(head, [tuple(map(escape, row)) for row in rows])


def _memory_map(placed: Sequence[Placement], steps: Sequence[str], block: str) -> str:
    """Draw a block: steps of the schedule to the right, byte offsets downwards."""
    total = max(p.offset + p.size for p in placed)
    count = max(len(steps), 1 + max(p.last for p in placed))
    x_scale = (MAP_WIDTH - MARGIN) / count
    y_scale = MAP_HEIGHT / max(total, 1)
    shapes = []
    for index, place in enumerate(sorted(placed, key=lambda p: (p.first, p.offset, p.name))):
        span = (
            f"step {place.first}"
            if place.first == place.last
            else f"steps {place.first}-{place.last}"
        )
        label = f"{place.name}: {place.size} bytes at {place.offset}, {span}"
        shapes.append(
            f'<rect x="{MARGIN + place.first * x_scale:.1f}" y="{place.offset * y_scale:.1f}" '
            f'width="{(place.last - place.first + 1) * x_scale:.1f}" '
            f'height="{max(place.size * y_scale, 0.5):.1f}" fill="{COLOURS[index % len(COLOURS)]}" '
            f'fill-opacity="0.8" stroke="#fff" stroke-width="0.5">'
            f"<title>{escape(label)}</title></rect>"
        )
    for index, step in enumerate(steps):
        shapes.append(
            f'<rect x="{MARGIN + index * x_scale:.1f}" y="{MAP_HEIGHT}" width="{x_scale:.1f}" '
            f'height="8" fill="#bbb" stroke="#fff" stroke-width="0.5">'
            f"<title>{escape(f'step {index}: {step}')}</title></rect>"
        )
    return (
        f'<svg viewBox="0 0 {MAP_WIDTH} {MAP_HEIGHT + 28}" width="{MAP_WIDTH}" role="img" '
        f'aria-label="{escape(block)} bytes over the schedule">'
        f'<rect x="{MARGIN}" width="{MAP_WIDTH - MARGIN}" height="{MAP_HEIGHT}" fill="#f4f4f4"/>'
        f'<text x="0" y="12">0</text><text x="0" y="{MAP_HEIGHT}">{total}</text>'
        f'<text x="0" y="{MAP_HEIGHT // 2}">bytes</text>{"".join(shapes)}'
        f'<text x="{MARGIN}" y="{MAP_HEIGHT + 24}">step 0</text>'
        f'<text x="{MAP_WIDTH}" y="{MAP_HEIGHT + 24}" text-anchor="end">step {count - 1}</text>'
        "</svg>"
        "<p><small>Point at a box for the tensor's name, size and life.</small></p>"
    )


def _snr_table(rows: Sequence["TensorRow"]) -> str:
    def bar(snr_db: float) -> str:
        share = 1.0 if snr_db == math.inf else max(0.0, min(1.0, snr_db / FULL_BAR_DB))
        kind = "bar low" if snr_db < 20 else "bar"
        return (
            f'<div class="track"><div class="{kind}" style="width:{100 * share:.0f}%"></div></div>'
        )

    cells = [
        (
            escape(row.name),
            escape(row.op),
            escape(row.dtype),
            "" if row.scale is None else f"{row.scale:.4g}",
            "" if row.zero_point is None else str(row.zero_point),
            f"{row.minimum:.4g} .. {row.maximum:.4g}",
            _ratio(row.alone_db),
            _ratio(row.snr_db),
            bar(row.snr_db),
        )
        for row in rows
    ]
    head = ("tensor", "operator", "type", "scale", "zero", "range", "alone, dB", "all, dB", "")
    return (
        f"{_table(head, cells)}<p><small>Against the float network's tensor: alone, with nothing but its own "
        "rounding; all, with everything upstream in the types of the build.</small></p>"
    )


def _ratio(snr_db: float) -> str:
    if math.isfinite(snr_db):
        return f"{snr_db:.1f}"
    return "exact" if snr_db > 0 else "-"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    top = "".join(f"<th>{name}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<div class=wide><table>{f'<tr>{top}</tr>' if head else ''}\n{body}</table></div>"


def _with_unit(value: int | None, unit: str) -> str:
    return "" if value is None else f"{value:,} {unit}"


def _latency(stream: dict[str, Any]) -> str:
    samples = _with_unit(stream["latency_samples"], "samples")
    return samples if stream["latency_ms"] is None else f"{samples} ({stream['latency_ms']:g} ms)"


def _scratch(memory: dict[str, int | None]) -> str:
    bound = memory["scratch_lower_bound_bytes"]
    scratch = _with_unit(memory["scratch_bytes"], "bytes")
    return scratch if bound is None else f"{scratch}; no plan can do with less than {bound:,}"


def _moved(memory: dict[str, int | None]) -> str:
    imported = memory.get("moved_bytes_imported")
    moved = _with_unit(memory.get("moved_bytes_per_hop"), "bytes read and written by copies")
    return moved if imported is None else f"{moved}; {imported:,} as imported"


def _session(manifest: Manifest) -> str:
    if (counts := manifest.session) is None:
        return ""
    return f"{counts['parameters']:,} parameters, {counts['macs']:,} MACs that depend on constants alone"


def _verification(facts: dict[str, Any] | None) -> str:
    if facts is None:
        return "not yet"
    ratio = "equal" if facts["snr_db"] is None else f"{facts['snr_db']:g} dB"
    if "metric" in facts:
        ratio = f"{facts['metric']:.4g} by --metric, {ratio}"
    exact = "; bit-exact with the integer oracle" if facts["bit_exact_with_oracle"] else ""
    largest = facts["max_abs_error"]
    error = "" if largest is None else f", largest error {largest:.3g}"
    against = f"against the source network over {counted(facts['hops'], 'hop')}"
    return f"{ratio} {against}{error}, by {facts['by']}{exact}"
