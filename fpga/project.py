"""An engine's HLS description as files, and its test bench."""

import subprocess
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from edgekit.base.arrays import Int8
from edgekit.base.errors import VerificationError
from edgekit.fpga import formats, stages
from edgekit.fpga.golden import read_view
from edgekit.fpga.program import Program
from edgekit.fpga.spec import MULTIPLIER_BITS
from edgekit.runtime.runners.fpga import SOURCES as ENGINE
from edgekit.runtime.runners.fpga import compile_cxx

S8 = Int8
BENCH, HOST = "ek_tb.cpp", "ek_host.cpp"
BENCHES = (BENCH, HOST)  # what is not synthesised
HEADERS = (
    "ek_types.h",
    "ek_stream.h",
    "ek_memory.h",
    "ek_paths.h",
    "ek_program.h",
    "ek_engine.h",
    "ek_host.h",
    "sim_stream.h",
    "sim_threads.h",
    "headers/ap_int.h",
    "headers/ac/ap_int.h",
)
BAND_BEATS = (
    1 << 16
)  # that a dataflow region of the dense path goes through: what a stream of a simulation holds
SCRIPT, README = "run_hls.tcl", "README.md"
SOURCES = (*HEADERS, *ENGINE, BENCH, SCRIPT, README)


def sources(program: Program) -> dict[str, bytes]:
    """Return the project: sources, their configuration, scripts, and the engine's data."""
    root = files("edgekit.fpga.hls")
    found = {name: root.joinpath(*name.split("/")).read_bytes() for name in SOURCES}
    period = f"{1000 / program.spec.clock_mhz:.3f}"
    found[SCRIPT] = found[SCRIPT].replace(b"@PERIOD_NS@", period.encode())
    found["ek_config.h"] = _configuration(program).encode()
    found["program_format.h"] = formats.c_format().encode()
    found |= {
        "data/program.bin": program.words,
        "data/outputs.bin": program.places(program.network.leaving).astype("<i4").tobytes(),
    }
    return found | {f"data/{name}": content for name, content in stages.data(program).items()}


def golden_vectors(
    program: Program, images: Sequence[S8], values: Sequence[Mapping[str, S8]]
) -> dict[str, bytes]:
    """Return the test bench's pictures, the CPU's results between layers, and the expected outputs, as files.

    `images` are ``(channels, height, width)``; `values` the golden network's stored tensors of each.
    """
    network = program.network
    return {
        "data/image.bin": b"".join(program.pack_image(image).tobytes() for image in images),
        "data/host.bin": b"".join(found[n].tobytes() for found in values for n in network.from_cpu),
        "data/expected.bin": b"".join(
            read_view(view, found).tobytes() for found in values for view in network.leaving
        ),
    }


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder."""
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def compile_test_bench(folder: Path, program: Path) -> None:
    """Compile a project's test bench with the machine's C++ compiler.

    Raises `ToolError` without a compiler, or where it fails.
    """
    compile_cxx(folder, (*ENGINE, BENCH), program)


def run_test_bench(executable: Path, data: Path) -> str:
    """Run a test bench over the golden vectors of a folder; return its line.

    Raises `VerificationError` where anything differs.
    """
    done = subprocess.run([str(executable), str(data)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise VerificationError(f"C simulation: {(done.stdout + done.stderr).strip()}")
    return done.stdout.strip()


def _configuration(program: Program) -> str:
    spec, memory = program.spec, program.memory
    values = {
        "LANES": spec.lanes,
        "COLUMNS": spec.columns,
        "DMAX": spec.dmax,
        "WEIGHT_BITS": spec.weight_bits,
        "ACC_BITS": spec.accumulator_bits,
        "MULT_BITS": MULTIPLIER_BITS,
        "IMAGE_LANES": program.image_lanes,
        "IMAGE_PIXELS": memory["image"],
        "BUFFER_BEATS": max(spec.buffer_beats, 1),
        "DRAM_BEATS": memory["dram"],
        "LINE_ROWS": spec.line_rows,
        "LINE_BEATS": spec.line_beats,
        "TABLE_GROUPS": spec.groups,
        "BANK_ROWS": spec.bank_beats,
        "PLANE_ROWS": spec.plane_rows,
        "WORDS": len(program.words) // 4,
        "BAND_BEATS": BAND_BEATS,
    }
    lines = "".join(f"constexpr int {key} = {value};\n" for key, value in values.items())
    return f"// Sizes of this engine and of the network it runs.\n#pragma once\n{lines}"
