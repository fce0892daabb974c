"""report.html of an engine: its speed, its cycles by cause, and its share of the part."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from edgekit.base.pages import Bar, fill
from edgekit.fpga.cycles import LayerCycles
from edgekit.fpga.engine import Engine
from edgekit.fpga.resources import block_rams
from edgekit.fpga.roofline import roof
from edgekit.runtime.build_folder.levels import ratio_text
from edgekit.runtime.build_folder.manifest import Manifest

COLOURS = {"dense": "a", "depthwise": "c", "pool": "d"}
LOADING, WAITING = "grey", "bad"
LEGEND = {
    **COLOURS,
    "loading weights and tables": LOADING,
    "waiting for memory, and the layer's beginning": WAITING,
}


def render(manifest: Manifest, engine: Engine) -> str:
    """Return the page."""
    return fill(
        Path(__file__).with_suffix(".html"),
        title=f"{manifest.source['name']} for {engine.part.name}",
        figures=_figures(manifest, engine),
        resources=_resources(engine),
        legend=LEGEND,
        cycles=_cycles(engine.choice.cycles),
        layers=_layer_rows(engine),
        dram=", ".join(engine_dram(manifest)) or "nothing",
        cpu=[
            (str(part.at), ", ".join(part.nodes), ", ".join(part.reads), ", ".join(part.writes))
            for part in engine.network.cpu
        ],
    )


def engine_dram(manifest: Manifest) -> Sequence[str]:
    """Results that go through DRAM."""
    return [] if manifest.engine is None else list(manifest.engine["dram_tensors"])


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
    if engine.choice.spec.datapath == "hls":
        yield (
            "data paths",
            "Verilog of XLS",
            "chosen; LUT and FF below are of the hand-written ones",
        )
    if verified is not None:
        yield "against the float network", ratio_text(verified), f"simulated: {verified['by']}"
        yield "pictures equal to the golden model", str(verified["hops"]), "simulated"


def _resources(engine: Engine) -> Iterable[tuple[str, str, str, str]]:
    used, part = engine.choice.resources, engine.part
    yield "LUT", f"{used.luts:,}", f"{part.luts:,}", "modelled: fitted"
    yield "FF", f"{used.ffs:,}", f"{part.ffs:,}", "modelled: fitted"
    yield "multipliers", str(used.dsps), str(part.dsps), "modelled: closed form"
    uses = block_rams(engine.choice.spec, part.family)
    listed = ", ".join(f"{name} {count}" for name, count in uses.items())
    yield f"block RAM: {listed}", str(used.rams), str(part.rams), "modelled: closed form"


def _layer_rows(engine: Engine) -> Iterable[tuple[str, ...]]:
    for row in engine.choice.cycles:
        least = roof(row, engine.choice.spec)
        counts = (row.total, least.multipliers, least.weights, least.dram)
        reached = f"{least.least / row.total:.0%}"
        yield (row.name, row.path, *(f"{count:,}" for count in counts), least.bound, reached)


def _cycles(cycles: Sequence[LayerCycles]) -> list[Bar]:
    most = max(row.total for row in cycles)
    rows = []
    for row in cycles:
        counts = ((row.tables, LOADING), (row.compute, COLOURS[row.path]), (row.stalled, WAITING))
        pieces = [(count / most, colour) for count, colour in counts]
        rows.append(Bar(row.name, f"{row.name}: {row.total:,}", pieces, f"{row.total:,}"))
    return rows
