"""An engine's HLS project as files, and its C simulation."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.errors import ToolError, VerificationError
from edgekit.fpga.network import View
from edgekit.fpga.program import Program
from edgekit.fpga.spec import MULTIPLIER_BITS

S8 = NDArray[np.int8]
SOURCES = ("engine.h", "engine.cpp", "engine_tb.cpp", "ap_int.h", "hls_stream.h")
COMPILERS = ("g++", "c++", "clang++")
NO_COMPILER = "no C++ compiler: apt-get install g++"


def sources(program: Program, part: str) -> dict[str, bytes]:
    """Return the project: sources, their configuration, the Vitis HLS script, and the engine's data."""
    root = files("edgekit.fpga.hls")
    found = {name: (root / name).read_bytes() for name in SOURCES}
    script = (root / "run_hls.tcl").read_text(encoding="utf-8")
    period = f"{1000 / program.spec.clock_mhz:.3f}"
    found["run_hls.tcl"] = script.replace("@PART@", part).replace("@PERIOD@", period).encode()
    found["engine_config.h"] = _configuration(program).encode()
    found |= {
        "data/program.bin": program.layers.astype("<i4").tobytes(),
        "data/planes.bin": program.planes.astype("<i4").tobytes(),
        "data/weights.bin": program.weights.tobytes(),
        "data/tables.bin": program.tables.astype("<i4").tobytes(),
        "data/outputs.bin": np.concatenate(
            [_places(program, view) for view in program.network.outputs.values()]
        ).astype("<i4").tobytes(),
    }  # fmt: skip
    return found


def golden_vectors(
    program: Program, images: Sequence[S8], outputs: Sequence[Mapping[str, S8]]
) -> dict[str, bytes]:
    """Return the test bench's pictures and what it expects of them, as files.

    `images` are ``(channels, height, width)``; `outputs` by graph output, the same.
    """
    packed = b"".join(program.pack_image(image).tobytes() for image in images)
    expected = b"".join(
        np.ascontiguousarray(found[name]).tobytes()
        for found in outputs
        for name in program.network.outputs
    )
    return {"data/image.bin": packed, "data/expected.bin": expected}


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder."""
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def compile_test_bench(folder: Path, program: Path) -> None:
    """Compile a project's test bench with the machine's C++ compiler.

    Raises `ToolError` where there is none, or it fails.
    """
    compiler = next((name for name in COMPILERS if shutil.which(name)), None)
    if compiler is None:
        raise ToolError(NO_COMPILER)
    flags = ["-std=c++14", "-O3", "-Wall", "-Wno-unknown-pragmas", "-I."]
    command = [compiler, *flags, "engine.cpp", "engine_tb.cpp", "-o", str(program.resolve())]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"{compiler} failed on the engine: {done.stderr.strip()[-2000:]}")


def run_test_bench(executable: Path, data: Path) -> str:
    """Run a test bench over the golden vectors of a folder; returns its line.

    Raises `VerificationError` where anything differs.
    """
    done = subprocess.run([str(executable), str(data)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise VerificationError(f"HLS C simulation: {(done.stdout + done.stderr).strip()}")
    return done.stdout.strip()


def simulate(
    executable: Path, data: Path, program: Program, images: Sequence[S8]
) -> list[dict[str, S8]]:
    """Run pictures ``(channels, height, width)`` through a compiled test bench; returns the outputs, the same.

    `data` is the project's data folder; it is not written to.
    """
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in data.glob("*.bin"):
            if file.name not in ("image.bin", "expected.bin"):
                shutil.copy(file, folder)
        packed = b"".join(program.pack_image(image).tobytes() for image in images)
        (folder / "image.bin").write_bytes(packed)
        results = folder / "results.bin"
        done = subprocess.run(
            [str(executable), str(folder), str(results)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ToolError(f"the engine's simulation failed: {done.stderr.strip()[-2000:]}")
        beats = np.fromfile(results, np.int8).reshape(len(images), -1, program.spec.lanes)
    views = program.network.outputs
    return [{name: program.unpack(view, dram) for name, view in views.items()} for dram in beats]


def _places(program: Program, view: View) -> NDArray[np.int32]:
    """Of each byte of an output its beat in DRAM times LANES plus its lane."""
    beats = max(program.layout.dram_beats, 1) * program.spec.lanes
    numbers = np.arange(beats, dtype=np.int32).reshape(-1, program.spec.lanes)
    return program.unpack(view, numbers).ravel()


def _configuration(program: Program) -> str:
    spec, network = program.spec, program.network
    (name,) = network.inputs.values()
    channels, height, width = network.tensors[name].shape
    planes = -(-channels // program.image_lanes)
    values = {
        "LANES": spec.lanes,
        "COLUMNS": spec.columns,
        "DMAX": spec.dmax,
        "WEIGHT_BITS": spec.weight_bits,
        "ACC_BITS": spec.accumulator_bits,
        "MULT_BITS": MULTIPLIER_BITS,
        "IMAGE_LANES": program.image_lanes,
        "IMAGE_PIXELS": planes * height * width,
        "BUFFER_BEATS": spec.buffer_beats,
        "DRAM_BEATS": max(program.layout.dram_beats, 1),
        "WEIGHT_BEATS": spec.weight_beats,
        "LINE_ROWS": spec.line_rows,
        "LINE_BEATS": spec.line_beats,
    }
    lines = "".join(f"const int {key} = {value};\n" for key, value in values.items())
    return f"// Sizes of this engine and of the network it runs.\n#pragma once\n{lines}"
