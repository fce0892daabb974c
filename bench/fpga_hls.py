"""The test bench of an engine's HLS description, compiled: as an export does, or with other compilers and headers."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.fpga import golden, project
from edgekit.fpga.network import Network
from edgekit.fpga.program import Program
from edgekit.runtime.runners.fpga import NO_COMPILER, find_cxx
from edgekit.runtime.runners.toolchain import CXX_NAMES

needs_cxx = pytest.mark.skipif(
    not any(shutil.which(name) for name in CXX_NAMES), reason=NO_COMPILER
)
FOREIGN = Path(sys.prefix) / "hls4ml" / "hls4ml" / "templates"
"""Integers of other projects, where `make hls4ml` has put them; their streams are not used."""
HEADERS = {
    "own": ("-Iheaders",),
    "ap_types": ("-isystem", str(FOREIGN / "vivado" / "ap_types")),
    "ac_types": ("-Iheaders/ac", "-isystem", str(FOREIGN / "catapult" / "ac_types" / "include")),
}
STRICT = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas")
THREADS = ("-DEK_THREADS", "-pthread")
COUNTERS = """#include <cstdint>
#include <cstdio>
inline int64_t ek_cycles = 0;
inline void ek_count(int cycles) { ek_cycles += cycles; }
struct ek_counts { // of a dataflow region: the process that takes longest
    int64_t start = ek_cycles, most = 0;
    void end()
    {
        most = ek_cycles - start > most ? ek_cycles - start : most;
        ek_cycles = start;
    }
    ~ek_counts() { ek_cycles = start + most; }
};
inline struct ek_printer {
    ~ek_printer() { std::printf("%lld cycles\\n", static_cast<long long>(ek_cycles)); }
} ek_at_end;
#define EK_REGION ek_counts counts;
#define EK_PROCESS(call) call; counts.end()
"""
Arrays = dict[str, NDArray[np.int8]]


def needs_headers(name: str) -> pytest.MarkDecorator:
    """The mark of a test that takes one of `HEADERS`."""
    missing = name != "own" and not FOREIGN.is_dir()
    return pytest.mark.skipif(missing, reason=f"needs hls4ml's {name}: make hls4ml")


def stored(network: Network, image: NDArray[np.int8]) -> Arrays:
    """What the golden model makes of a picture."""
    return golden.run(network, {next(iter(network.inputs.values())): image})


def written(program: Program, folder: Path, images: Sequence[NDArray[np.int8]]) -> None:
    """Write an engine's project with golden vectors of pictures."""
    values = [stored(program.network, image) for image in images]
    vectors = project.golden_vectors(program, images, values)
    project.write(folder, project.sources(program) | vectors)


def built(program: Program, folder: Path, images: Sequence[NDArray[np.int8]]) -> Path:
    """The compiled test bench, its golden vectors beside it."""
    written(program, folder, images)
    project.compile_test_bench(folder, folder / "tb")
    return folder / "tb"


def compiled(
    folder: Path,
    headers: str = "own",
    options: Sequence[str] = ("-O1",),
    compiler: Sequence[str] = (),
    at_once: bool = False,
) -> Path:
    """Compile a project's test bench with one of `HEADERS`, warnings as errors.

    `at_once`: as one source, so that large headers are read once.
    """
    sources = sorted(path.name for path in folder.glob("*.cpp"))
    if at_once:
        (folder / "all.cc").write_text("".join(f'#include "{name}"\n' for name in sources))
        sources = ["all.cc"]
    command = [*(compiler or [find_cxx()]), "-std=c++17", *STRICT, *options, *HEADERS[headers]]
    done = subprocess.run(
        [*command, "-I.", *sources, "-o", "tb"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr[-3000:])
    return folder / "tb"


def clang() -> tuple[str, ...] | None:
    """The command of clang as a C++ compiler, or of PyPI's ziglang, which is one; None: there is none."""
    if path := shutil.which("clang++"):
        return (path,)
    if importlib.util.find_spec("ziglang"):
        return sys.executable, "-m", "ziglang", "c++", "-fno-sanitize=undefined"
    return None


def counted_cycles(folder: Path) -> int:
    """Cycles of a project's pictures by its pragmas: each iteration of a pipelined loop takes II cycles.

    Processes of a dataflow region run at once, all else one after another.
    """
    counters = folder / "counted"
    shutil.copytree(folder, counters)
    (counters / "counters.h").write_text(COUNTERS)
    for path in counters.glob("*.cpp"):
        text = re.sub(r"#pragma HLS PIPELINE II=(\d+)", r"ek_count(\1);", path.read_text())
        path.write_text(text)
    bench = compiled(counters, options=("-O1", "-include", "counters.h"))
    done = subprocess.run([bench, counters / "data"], capture_output=True, text=True, check=True)
    (cycles,) = re.findall(r"^(\d+) cycles$", done.stdout, re.MULTILINE)
    return int(cycles)
