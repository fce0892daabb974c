"""CoDeNet's five configurations, with random weights, on the engine that the search finds: modelled beside published.

python bench fpga_codenet [CONFIGS] [--part XCZU3EG] [--simulate] [--rtl] [--frame]

CONFIGS are letters, by default ``abcde``. `--simulate` also runs one picture of each through the C simulation and
compares it with the golden network; `--rtl` runs the deformable layers of that picture, with their own weights, through
the RTL of the engine under Verilator, `--frame` the whole picture through the RTL of the engine on its buses, with DRAM
and with ideal memory. Importing a configuration takes half a minute to two on an idle core.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgekit.fpga import engine as engines
from edgekit.fpga import golden, project, simulate
from edgekit.fpga.cycles import depthwise_compute
from edgekit.fpga.network import Layer
from edgekit.fpga.resources import PARTS
from edgekit.quantize.calibrate.clips import from_examples
from edgekit.verbs.export.importing import ImportOptions, load_model

Picture = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
PUBLISHED_FPS = {"a": 32.2, "b": 26.9, "c": 9.3, "d": 5.2, "e": 4.6}  # arXiv 2006.08357, Ultra96
HEAD = (
    f"{'config':7}{'GMAC':>6}{'weights':>10}{'engine':>9}{'use':>6}{'dense':>8}{'dw, pool':>9}{'load':>7}{'wait':>7}"
    f"{'DRAM MB':>8}{'DSP':>5}{'RAM':>5}{'FPS':>7}{'paper':>7}"
)


def main() -> None:
    """Print one line per configuration; cycles in thousands."""
    parser = argparse.ArgumentParser()
    parser.add_argument("configs", nargs="?", default="abcde")
    parser.add_argument("--part", default=engines.DEFAULT_PART, choices=PARTS)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--rtl", action="store_true")
    parser.add_argument("--frame", action="store_true")
    arguments = parser.parse_args()
    print(HEAD)
    for config in arguments.configs:
        source = f"edgekit.demos.codenet:config_{config}"
        imported = load_model(source, ImportOptions())
        assert imported.examples is not None
        calibration = from_examples(imported.examples, imported.model)
        part = PARTS[arguments.part]
        engine = engines.make_engine(imported.model, calibration, "w4a8", part, "fps")
        print(line(config, engine), flush=True)
        if arguments.simulate:
            (name,) = imported.examples
            print(f"       {simulated(engine, imported.examples[name][0])}", flush=True)
        if arguments.rtl:
            (name,) = imported.examples
            for text in in_rtl(engine, imported.examples[name][0]):
                print(f"       {text}", flush=True)
        if arguments.frame:
            (name,) = imported.examples
            for text in frame(engine, imported.examples[name][0]):
                print(f"       {text}", flush=True)


def vectors(engine: engines.Engine, picture: Picture, folder: Path) -> None:
    """Write the engine's files and golden vectors of a picture."""
    (name,) = engine.network.inputs
    inputs = golden.quantize(engine.network, {name: picture})
    values = golden.run(engine.network, inputs)
    own = project.golden_vectors(engine.program, [*inputs.values()], [values])
    project.write(folder, project.sources(engine.program) | own)


def frame(engine: engines.Engine, picture: Picture) -> Iterator[str]:
    """Run a picture through the RTL of the engine, with ideal memory and with DRAM."""
    spec = engine.choice.spec
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vectors(engine, picture, folder)
        program = simulate.build(spec, "engine", folder / "rtl")
        for memory in ("ideal memory", "DRAM"):
            (ran,) = simulate.run_engine(program, [folder / "data"], dram=memory == "DRAM")
            use = engine_use(engine, ran.cycles)
            rate = 1e6 * spec.clock_mhz / ran.cycles
            yield (
                f"RTL, simulated, {memory}: {ran.compared} bytes compared, {ran.different} differ; {ran.cycles} "
                f"cycles, {ran.stalls} waiting, {rate:.1f} FPS at {spec.clock_mhz:g} MHz (assumed), {use:.0%} of the "
                f"dense array; {engine.choice.frame_cycles} cycles modelled"
            )


def engine_use(engine: engines.Engine, cycles: int) -> float:
    """The share of cycles in which each multiplier of the dense array has work of the network."""
    spec = engine.choice.spec
    macs = sum(row.macs for row in engine.choice.cycles if row.path == "dense")
    return macs / (spec.lanes * spec.columns * cycles)


def line(config: str, engine: engines.Engine) -> str:
    """One row of the table."""
    facts, spec = engines.engine_facts(engine), engine.choice.spec
    rows = engine.choice.cycles
    dense = sum(row.compute for row in rows if row.path == "dense")
    other = sum(row.compute for row in rows if row.path != "dense")
    loading, waiting = sum(row.tables for row in rows), sum(row.stalled for row in rows)
    cycles = "".join(
        f"{n / 1000:{width},.0f}"
        for n, width in ((dense, 8), (other, 9), (loading, 7), (waiting, 7))
    )
    size = f"{spec.lanes}x{spec.columns}"
    return (
        f"{config:7}{engine.network.macs / 1e9:6.2f}{engine.network.weights_bytes:10,}{size:>9}"
        f"{facts['dense_utilisation']:6.0%}{cycles}{facts['dram_bytes_per_frame'] / 1e6:8.1f}{facts['dsps']:5}"
        f"{facts['rams']:5}{facts['frames_per_second']:7.1f}{PUBLISHED_FPS[config]:7.1f}"
    )


def simulated(engine: engines.Engine, picture: Picture) -> str:
    """Run a picture through the C simulation; the test bench's line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vectors(engine, picture, folder)
        project.compile_test_bench(folder, folder / "tb")
        return project.run_test_bench(folder / "tb", folder / "data")


def in_rtl(engine: engines.Engine, picture: Picture) -> Iterator[str]:
    """Run a picture's deformable layers through the RTL, as many channels at once as its line buffer holds."""
    spec = engine.choice.spec
    values, _ = engine.golden(picture)
    with tempfile.TemporaryDirectory() as name:
        program = simulate.build(spec, "depthwise", Path(name))
        for layer in engine.network.layers:
            if layer.dilation is None:
                continue
            x, d = golden.read_view(layer.x, values), values[layer.dilation]
            step = min(spec.line_beats // layer.x.width, spec.groups) * spec.lanes
            cases = [
                simulate.Case(_channels(layer, slice(i, i + step)), x[None, i : i + step], d)
                for i in range(0, len(x), step)
            ]
            found = simulate.run(program, spec, cases)
            different = sum(
                int((result.y[0] != values[layer.y][i * step : (i + 1) * step]).sum())
                for i, result in enumerate(found)
            )
            cycles = sum(result.cycles for result in found)
            model = depthwise_compute(spec, len(x), layer.x.height, layer.x.width, deform=True)
            yield (
                f"RTL: {layer.name} {x.shape}, d {d.min()} to {d.max()}: {values[layer.y].size} bytes compared, "
                f"{different} differ; {cycles} cycles, {model} modelled"
            )


def _channels(layer: Layer, which: slice) -> Layer:
    parts = {name: getattr(layer, name)[which] for name in ("weights", "bias", "mult", "shift")}
    return replace(layer, **parts)


if __name__ == "__main__":
    main()
