"""The suite as older processors run it: `make test-processors`.

Libraries choose their loops by the processor, and each choice rounds float sums in another order. A row of
`PROCESSORS` makes all of them choose as they would on one processor: torch (ATen, oneDNN, MKL), NumPy and SciPy
(their own loops, OpenBLAS), the C library's mathematics, and EdgeKit's own kernels.

onnxruntime and LiteRT (MLAS, XNNPACK) read no variable: they ask the processor itself. One row therefore runs
Python in an emulated processor, with the few files that compare most with onnxruntime: that takes 30 times as long.

A newer processor than this machine's cannot be had so (AMX): what holds on all rows has room for its rounding.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.runtime.runners import c, toolchain
from edgekit.targets import devices
from edgekit.targets.devices import cpu_flags

ROOT = Path(__file__).parent.parent
USAGE = """Run the suite as on older processors.

  python tests/processors.py                                     on all
  python tests/processors.py nehalem -- tests/peers -x   of one, what pytest is given"""
# Names the row in the processes of a run, whose `conftest` then limits EdgeKit's own kernels.
VARIABLE = "EDGEKIT_TEST_PROCESSOR"
# Linux's names of what a level of the x86-64 psABI adds, as far as a row of `INSTRUCTION_SETS` asks for it.
LEVELS = {
    "x86-64-v2": frozenset({"sse4_2"}),
    "x86-64-v3": frozenset({"sse4_2", "avx2", "fma"}),
    "x86-64-v4": frozenset(
        {"sse4_2", "avx2", "fma", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
    ),
}
# What no other processor changes.
ELSEWHERE = {
    "tests/fpga": "integers in simulated hardware",
    "tests/test_fpga_formal.py": "proofs",
    "tests/test_fpga_random.py": "integers in simulated hardware",
    "tests/test_kernel_devices.py": "kernels in emulated processors, of pinned inputs",
    "tests/test_kernel_wasm.py": "the same in WebAssembly",
    "tests/test_operator_devices.py": "builds in emulated processors",
    "tests/test_device_networks.py": "builds in emulated processors",
    "tests/test_installs.py": "which packages a verb needs",
    "tests/test_layout.py": "the text of files",
    "tests/test_privacy.py": "which hosts are asked",
    "tests/test_supply.py": "the text of files",
    "tests/test_docs_commands.py": "the text of pages",
    "tests/test_faults.py": "processes that are killed",
    "tests/demos/test_browser.py": "a browser",
}


@dataclass(frozen=True)
class Processor:
    """A processor, as libraries can be told to see it.

    Attributes:
        name: the microarchitecture.
        level: of the x86-64 psABI: what EdgeKit's own kernels and the compiler may use.
        what: it, for people.
        environment: what makes each library choose its loops for it.
        command: what starts Python; empty: nothing but Python.
        files: test files, or tests of one, where all would take too long.
    """

    name: str
    level: str
    what: str
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def missing(self, flags: frozenset[str]) -> list[str]:
        """What this machine lacks to run as it: flags of its CPU, the emulator."""
        emulators = [name for name in self.command[:1] if not shutil.which(name)]
        return emulators + sorted(LEVELS["x86-64-v2" if self.command else self.level] - flags)


PROCESSORS = {
    row.name: row
    for row in (
        Processor(
            "nehalem",
            "x86-64-v2",
            "SSE4.2: neither vectors of 256 bits nor fused products",
            {
                "ATEN_CPU_CAPABILITY": "default",
                "ONEDNN_MAX_CPU_ISA": "SSE41",
                "MKL_CBWR": "COMPATIBLE",
                "OPENBLAS_CORETYPE": "Nehalem",
                "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
                "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F",
            },
        ),
        Processor(
            "haswell",
            "x86-64-v3",
            "AVX2 with fused products",
            {
                "ATEN_CPU_CAPABILITY": "avx2",
                "ONEDNN_MAX_CPU_ISA": "AVX2",
                "MKL_CBWR": "AVX2",
                "OPENBLAS_CORETYPE": "Haswell",
                "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
                "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F",
            },
        ),
        Processor(
            "skylake-x",
            "x86-64-v4",
            "AVX-512 without VNNI: libraries have it, EdgeKit's kernels are those of AVX2",
            {
                "ATEN_CPU_CAPABILITY": "avx512",
                "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
                "OPENBLAS_CORETYPE": "SkylakeX",
                "NPY_DISABLE_CPU_FEATURES": "AVX512_ICL AVX512_SPR",
            },
        ),
        Processor(
            "haswell-emulated",
            "x86-64-v3",
            "AVX2 with fused products, emulated: onnxruntime and LiteRT without AVX-512",
            command=("qemu-x86_64", "-cpu", "Haswell-noTSX"),
            files=(
                "tests/peers/workers/test_pools.py::test_the_torch_form_of_pools_and_reductions_is_the_network",
                "tests/operators/test_axis_operators.py",
                "tests/operators/test_normalize.py",
                "tests/operators/border/test_twin.py",
                "tests/operators/conv/test_twin.py",
                "tests/operators/pointwise/test_twin.py",
                "tests/operators/recurrent/test_twin.py",
                "tests/operators/spectral/test_twin.py",
                "tests/graph/test_facts.py",
                "tests/export/test_verify.py",
                "tests/export/test_hop_runner.py",
                "tests/export/own_operators/test_precise.py",
            ),
        ),
    )
}
PROBE = """
import ctypes, os
from pathlib import Path
import numpy, torch
from numpy._core._multiarray_umath import __cpu_features__ as numpy_has
for blas in (Path(numpy.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
    core = ctypes.CDLL(str(blas)).scipy_openblas_get_corename64_
    core.restype = ctypes.c_char_p
    print("OPENBLAS_CORETYPE", core().decode())
print("ATEN_CPU_CAPABILITY", torch.backends.cpu.get_cpu_capability().lower())
off = os.environ.get("NPY_DISABLE_CPU_FEATURES", "").split()
print("NPY_DISABLE_CPU_FEATURES", *[name for name in off if not numpy_has[name]])
"""


def limit_own_kernels() -> None:
    """Let EdgeKit and its compiler see the processor that `VARIABLE` names; before tests import what they need of it.

    Processes that a test starts see the machine as it is: what they build is as right, with other kernels.
    """
    if name := os.environ.get(VARIABLE):
        level = PROCESSORS[name].level
        toolchain.NATIVE = c.NATIVE = (f"-march={level}",)
        devices.cpu_flags = lambda: LEVELS[level]


def disobeyed(row: Processor) -> list[str]:
    """The variables of a row that changed nothing in this environment: another version's names, say."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        env=os.environ | row.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    told = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    wanted = {key: row.environment[key] for key in told if key in row.environment}
    return [
        f"{key}={value} gives {told[key]}"
        for key, value in wanted.items()
        if told[key].lower() != value.lower()
    ]


def run(row: Processor, chosen: list[str]) -> int:
    """Run the suite, or what is chosen of it, as on a processor; returns pytest's exit code."""
    command = [*row.command, sys.executable, "-m", "pytest", "-m", "not slow"]
    if chosen or row.files:  # in this one process: those that it would start are not emulated
        command += chosen or row.files
    else:
        command += ["--numprocesses", "auto", "--dist", "loadfile"]
        command += [f"--ignore={path}" for path in ELSEWHERE]
    environment = os.environ | row.environment | {VARIABLE: row.name}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> int:
    """Run rows and say how each ended; returns the exit code."""
    plain = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=USAGE, formatter_class=plain)
    parser.add_argument("names", nargs="*", metavar="NAME", help="processors; all without one")
    parser.add_argument("--list", action="store_true", help="what there is, and what runs here")
    own, chosen = sys.argv[1:], []
    if "--" in own:
        own, chosen = own[: own.index("--")], own[own.index("--") + 1 :]
    given = parser.parse_args(own)
    if unknown := [name for name in given.names if name not in PROCESSORS]:
        parser.error(f"no processor {', '.join(unknown)}; there are {', '.join(PROCESSORS)}")
    results, failed = [], False
    for name in given.names or PROCESSORS:
        row = PROCESSORS[name]
        if missing := row.missing(cpu_flags()):
            result = f"not run: this machine lacks {', '.join(missing)}"
        elif given.list:
            result = row.what
        elif row.environment and (ignored := disobeyed(row)):
            result, failed = f"not run: {'; '.join(ignored)}", True
        else:
            code = run(row, chosen)
            result, failed = "passed" if code == 0 else f"failed, {code}", failed or code != 0
        results.append(f"{name:17} {result}")
    print("\n".join(results))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
