"""report.html of an engine: what it does in a second, where the cycles go, and what of the part it takes."""

from collections.abc import Iterable, Sequence
from html import escape

from edgekit.fpga.cycles import LayerCycles
from edgekit.fpga.engine import Engine
from edgekit.fpga.resources import block_rams
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.report import page_head

WIDTH, ROW, LABEL = 960, 18, 260
COLOURS = {"dense": "#4477aa", "depthwise": "#228833", "pool": "#ccbb44"}
LOADING, WAITING = "#bbbbbb", "#ee6677"


def render(manifest: Manifest, engine: Engine) -> str:
    """Return the page."""
    title = f"{manifest.source['name']} for {engine.part.name}"
    parts = [
        "<!doctype html>",
        page_head(title),
        f"<h1>{escape(title)}</h1>",
        _table(("figure", "value", "from"), _figures(manifest, engine)),
        "<h2>Of the part</h2>",
        _table(("resource", "used", "there are", "from"), _resources(engine)),
        "<small>The two data paths, their memories and tables; the scheduler, which has no RTL yet, is not in these. "
        "LUT and FF are fitted to syntheses of smaller engines with yosys; docs/fpga.md names them.</small>",
        "<h2>Cycles of each layer</h2>",
        f"<small>{_legend()}</small>",
        _cycles_picture(engine.choice.cycles),
        "<h2>Layers</h2>",
        _table(
            ("layer", "path", "cycles", "of the array", "DRAM bytes", "weight bytes"),
            _layer_rows(engine),
        ),
        "<h2>Through DRAM</h2>",
        f"<p>{escape(', '.join(engine_dram(manifest)) or 'nothing')}</p>",
        *_cpu(engine),
        "</body></html>",
    ]
    return "\n".join(parts)


def engine_dram(manifest: Manifest) -> Sequence[str]:
    """Results that go through DRAM."""
    return [] if manifest.engine is None else list(manifest.engine["dram_tensors"])


def _cpu(engine: Engine) -> Sequence[str]:
    """What the CPU computes."""
    if not engine.network.cpu:
        return []
    rows = [
        (str(part.at), ", ".join(part.nodes), ", ".join(part.reads), ", ".join(part.writes))
        for part in engine.network.cpu
    ]
    return [
        "<h2>On the CPU</h2>",
        "<small>In float, generated C in cpu/; its time is not in the figures above.</small>",
        _table(("behind layer", "operators", "reads of the engine", "gives to it"), rows),
    ]


def _figures(manifest: Manifest, engine: Engine) -> Iterable[tuple[str, str, str]]:
    facts, verified = manifest.engine, manifest.verification
    assert facts is not None
    modelled = f"modelled: {engine.choice.spec.clock_mhz:g} MHz, one port of {engine.choice.spec.port_bytes} bytes"
    yield "frames per second", f"{facts['frames_per_second']:.1f}", modelled
    yield "latency", f"{facts['latency_ms']:.2f} ms", modelled
    yield "cycles of a frame", f"{facts['cycles_per_frame']:,}", "modelled"
    yield "use of the dense array", f"{facts['dense_utilisation']:.0%}", "modelled"
    yield "DRAM bytes of a frame", f"{facts['dram_bytes_per_frame']:,}", "modelled"
    yield "multiply-accumulates", f"{manifest.macs_per_hop:,}", "counted"
    size = f"{facts['lanes']} lanes x {facts['columns']} columns, d up to {facts['dmax']}"
    yield "engine", f"{size}, W{facts['weight_bits']}A8", "chosen"
    if verified is not None:
        ratio = "exact" if verified["snr_db"] is None else f"{verified['snr_db']} dB"
        yield "against the float network", ratio, f"simulated: {verified['by']}"
        yield "pictures equal to the golden model", str(verified["hops"]), "simulated"


def _resources(engine: Engine) -> Iterable[tuple[str, str, str, str]]:
    used, part = engine.choice.resources, engine.part
    yield "LUT", f"{used.luts:,}", f"{part.luts:,}", "modelled: fitted"
    yield "FF", f"{used.ffs:,}", f"{part.ffs:,}", "modelled: fitted"
    yield "multipliers", str(used.dsps), str(part.dsps), "modelled: closed form"
    uses = block_rams(engine.choice.spec, part.family)
    listed = ", ".join(f"{name} {count}" for name, count in uses.items())
    yield "block RAM", f"{used.rams} ({listed})", str(part.rams), "modelled: closed form"


def _layer_rows(engine: Engine) -> Iterable[tuple[str, str, str, str, str, str]]:
    products = engine.choice.spec.lanes * engine.choice.spec.columns
    for row in engine.choice.cycles:
        share = f"{row.macs / products / row.total:.0%}" if row.path == "dense" else ""
        yield (
            row.name,
            row.path,
            f"{row.total:,}",
            share,
            f"{row.dram_bytes:,}",
            f"{row.weight_bytes:,}",
        )


def _legend() -> str:
    names = {**COLOURS, "loading weights and tables": LOADING, "waiting for DRAM": WAITING}
    return " ".join(f'<span style="color:{c}">&#9632;</span> {name}' for name, c in names.items())


def _cycles_picture(cycles: Sequence[LayerCycles]) -> str:
    most = max(row.total for row in cycles)
    shapes = []
    for i, row in enumerate(cycles):
        y, x = i * ROW, float(LABEL)
        shapes.append(f'<text x="0" y="{y + 13}">{escape(row.name[-38:])}</text>')
        pieces = ((row.tables, LOADING), (row.compute, COLOURS[row.path]), (row.stalled, WAITING))
        for count, colour in pieces:
            width = count / most * (WIDTH - LABEL - 90)
            shapes.append(
                f'<rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="{ROW - 4}" fill="{colour}"/>'
            )
            x += width
        shapes.append(f'<text x="{x + 6:.1f}" y="{y + 13}">{row.total:,}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {len(cycles) * ROW}" role="img">{"".join(shapes)}</svg>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["<table><tr>" + "".join(f"<th>{escape(name)}</th>" for name in head) + "</tr>"]
    lines += [
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows
    ]
    return "\n".join([*lines, "</table>"])
