"""Builds of the benchmark networks, and the time that one hop of their C takes."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from networks import BENCHMARKS, Benchmark
from numpy.typing import NDArray
from published_pipelines import gtcrn_mix
from published_signals import bundled_speech, calibration_clips

from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.runners.c import NATIVE
from edgekit.runtime.runners.toolchain import FLAGS, find_compiler
from edgekit.targets.build import Build
from edgekit.verbs.export.importing import load_model
from edgekit.verbs.targets import TARGETS

Inputs = dict[str, NDArray[Any]]
ROUNDS = 5
SPOKEN = "gtcrn"
TEMPLATES = Path(__file__).with_name("templates")  # with fields to fill by `str.format`

MAIN = (TEMPLATES / "hops.c").read_text(encoding="utf-8")

SESSION = """\
    const {name}_constants fixed = {{{constants}}};
    if ({name}_session(net, scratch, &fixed) != 0) {{
        return 4;
    }}
"""


@dataclass(frozen=True)
class Timed:
    """Of the best round: median, 99th percentile, least and 99.9th percentile of a hop; median of every node."""

    median_us: float
    p99_us: float
    least_us: float
    p999_us: float
    node_us: tuple[float, ...] = ()


def noise(model: Model, hops: int, seed: int = 0) -> Inputs:
    """Seeded stream inputs, (hops, *shape): standard normal, or bytes where a network reads integers."""
    random = np.random.default_rng(seed)
    inputs: Inputs = {}
    for value in model.stream_inputs:
        shape = (hops, *(int(d) for d in value.shape or ()))
        if value.dtype == ir.DataType.FLOAT:
            inputs[str(value.name)] = random.standard_normal(shape).astype(np.float32)
        else:
            drawn = random.integers(0, 256, shape)
            inputs[str(value.name)] = drawn.astype(ir.DataType(value.dtype or 0).numpy())
    return inputs


def given(name: str, own: Model, hops: int) -> Inputs:
    """What a network gets under the clock: GTCRN noisy speech, which it was trained on, others noise."""
    if name == SPOKEN:
        return _mix(bundled_speech(hops * 256)[1], hops)
    return noise(own, hops, seed=3)


def _mix(samples: NDArray[np.float64], hops: int) -> Inputs:
    return {"mix": np.ascontiguousarray(gtcrn_mix(samples)[:hops], np.float32)}


def _calibration(name: str, own: Model) -> Calibration:
    if name == SPOKEN:
        return Calibration((_mix(calibration_clips(240 * 256)[0], 240),), "bundled speech")
    # A stream's memory fills in hundreds of hops, and its ranges with it.
    return Calibration((noise(own, 600 if own.states else 60, seed=1),), "noise")


@cache
def model(name: str, recipe: str) -> Model:
    """Return a network of `BENCHMARKS` as `edgekit export` would lower it, calibrated."""
    benchmark: Benchmark = BENCHMARKS[name]
    own = load_model(benchmark.source, benchmark.options).model
    if recipe == "float32":
        return own
    return quantize(own, _calibration(name, own), recipe)


def build(name: str, recipe: str, target: str, folder: Path) -> Build:
    """Write the C build of a network and its manifest into `folder`."""
    lowered = TARGETS[target].lower(model(name, recipe), target)
    for path, content in lowered.files.items():
        (folder / path).write_bytes(content)
    (folder / "manifest.json").write_text(lowered.manifest.to_json())
    return lowered


def timed(made: Build, folder: Path, hops: int, nodes: int = 0) -> Timed:
    """Compile the sources in `folder` with a main that times 16 different hops over and over, and run it.

    With `nodes` the program calls ``bench_tick`` before so many nodes.

    Raises:
        ToolError: no compiler.
        subprocess.CalledProcessError: it refused the sources, or the program failed.
    """
    compile_timed(made, folder, nodes)
    return run_timed(folder, hops, ROUNDS)


def compile_timed(made: Build, folder: Path, nodes: int = 0) -> None:
    """Make the program that `timed` runs; see there."""
    manifest = made.manifest
    kinds = (manifest.hop_inputs, manifest.stream_outputs, manifest.constants)
    sizes_in, sizes_out, sizes_fixed = ([int(np.prod(t.shape)) for t in ts] for ts in kinds)
    starts_in, starts_out, starts_fixed = (
        np.cumsum([0, *sizes[:-1]]) for sizes in (sizes_in, sizes_out, sizes_fixed)
    )
    fixed = ", ".join(f"constants + {s}" for s, _ in zip(starts_fixed, sizes_fixed, strict=False))
    text = MAIN.format(
        name=manifest.c_name,
        upper=manifest.c_name.upper(),
        nodes=nodes,
        n_in=sum(sizes_in),
        n_out=sum(sizes_out),
        n_constants=sum(sizes_fixed),
        session=SESSION.format(name=manifest.c_name, constants=fixed) if sizes_fixed else "",
        in_pointers=", ".join(f"xh + {s}" for s in starts_in),
        out_pointers=", ".join(f"y + {s}" for s in starts_out),
    )
    (folder / "bench_main.c").write_text(text)
    random = np.random.default_rng(3)
    values = random.standard_normal(16 * sum(sizes_in) + sum(sizes_fixed))
    values.astype(np.float32).tofile(folder / "in.bin")
    sources = [name for name in made.files if name.endswith(".c")]
    compiler, flags = find_compiler(), [f for f in FLAGS if f != "-fPIC"]
    native = NATIVE if manifest.target == "host" else ()
    run = [*compiler.command, *flags, *native]
    subprocess.run([*run, "-c", *sources], cwd=folder, check=True)
    objects = [name.replace(".c", ".o") for name in sources]
    main = [*run, "-std=gnu11", "bench_main.c", *objects, "-o", "bench"]
    subprocess.run(main, cwd=folder, check=True)


def run_timed(folder: Path, hops: int, rounds: int, walked_bytes: int = 0) -> Timed:
    """Run that program; with `walked_bytes` it walks through so much memory before each hop, which so comes cold."""
    command = ["./bench", "in.bin", str(hops), str(rounds), str(walked_bytes)]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    first, *rest = done.stdout.splitlines()
    return Timed(*map(float, first.split()), tuple(map(float, rest)))
