"""Proofs of memory safety of the portable kernels, by CBMC: all contents, all small sizes.

    PYTHONPATH=bench python tests/kernel_proofs.py [KERNEL]... [--calls N] [--seconds S]

CBMC translates a kernel and a call into a formula and shows that no contents of the arrays lead to an access outside
of them. Sizes are those of the legal calls of `kernel_cases.py`, drawn small. Every array has exactly the bytes that
the call needs. Contents are free, except of the arrays in `FIXED`: they are tables whose values say where to read, or
constants of the build with limits of their own.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from c_kernels import INCLUDES, SOURCES, Call, parameters, prototypes, scalar_text
from kernel_cases import CASES
from numpy.typing import NDArray

from edgekit.targets.c.program.sources import kernel_files

LARGEST_STEP = 4  # above the least size
WIDE = 64  # a range of values rather than sizes
CALLS = 12
DRAWS = 400
MOST_BYTES = 500  # of the arrays of a call, but for
TABLE = 1025  # entries of a table of a function
FIXED = frozenset({"shape", "mult", "shift", "table"})
CHECKS = (
    "--bounds-check",
    "--pointer-check",
    "--pointer-overflow-check",
    "--div-by-zero-check",
    "--unwinding-assertions",
    "--no-signed-overflow-check",
    "--no-undefined-shift-check",
    "--slice-formula",
)
MATRICES = frozenset({"w", "r"})  # sparse ones say where their values belong
SOLVER = ("--sat-solver", "cadical", "--object-bits", "12", "--unwind", "400")
# What is copied is free afterwards: more than what can happen, and a formula without bytes of floats.
COPIES = """
void *memcpy(void *to, const void *from, size_t bytes)
{
    __CPROVER_assert(__CPROVER_r_ok(from, bytes), "memcpy reads inside an array");
    __CPROVER_assert(__CPROVER_w_ok(to, bytes), "memcpy writes inside an array");
    if (bytes != 0) __CPROVER_havoc_slice(to, bytes);
    return to;
}
void *memmove(void *to, const void *from, size_t bytes) { return memcpy(to, from, bytes); }
void *memset(void *to, int value, size_t bytes)
{
    (void)value;
    __CPROVER_assert(__CPROVER_w_ok(to, bytes), "memset writes inside an array");
    if (bytes != 0) __CPROVER_havoc_slice(to, bytes);
    return to;
}
"""


class SmallSizes:
    """Sizes close to the least that is legal, values of wide ranges at their ends or between."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def int(self, low: int, high: int) -> int:
        if high - low > WIDE:
            return int(self.generator.choice([low, high, self.generator.integers(low, high)]))
        return int(self.generator.integers(low, min(high, low + LARGEST_STEP), endpoint=True))

    def rng(self) -> np.random.Generator:
        return self.generator


@dataclass(frozen=True)
class Proof:
    """What CBMC says of some calls of a kernel."""

    kernel: str
    calls: int
    properties: int
    failures: tuple[str, ...]
    seconds: float


def small_calls(kernel: str, calls: int) -> list[Call]:
    """Return the smallest calls of a kernel that differ in the sizes of their arrays or in a scalar."""
    found: dict[tuple[object, ...], Call] = {}
    for seed in range(DRAWS):
        call = CASES[kernel](SmallSizes(seed))
        found.setdefault(tuple(_size(argument) for argument in call.args), call)
    ordered = sorted(found.values(), key=_bytes)
    small = [call for call in ordered if _bytes(call) <= MOST_BYTES] or ordered[:1]
    return small[:: max(1, len(small) // calls)][:calls]


def _size(argument: object) -> object:
    return argument.shape if isinstance(argument, np.ndarray) else argument


def _bytes(call: Call) -> int:
    return sum(a.nbytes for a in call.args if isinstance(a, np.ndarray) and a.size != TABLE)


def harness(calls: Sequence[Call]) -> str:
    """Return a C program that makes the calls with arrays of exactly their sizes and free contents."""
    bodies = [body(number, call) for number, call in enumerate(calls)]
    every = "\n".join(f"    call{number}();" for number in range(len(calls)))
    return "\n".join(
        [
            '#include "edgekit.h"',
            "#include <stdlib.h>",
            COPIES,
            *bodies,
            f"int main(void) {{\n{every}\n    return 0;\n}}",
            "",
        ]
    )


def body(number: int, call: Call) -> str:
    """Return the function of one call."""
    names, lines = [], []
    for i, (argument, text, kind) in enumerate(
        zip(call.args, parameters()[call.kernel], prototypes()[call.kernel], strict=True)
    ):
        if not isinstance(argument, np.ndarray):
            names.append("0" if argument is None else scalar_text(kind, argument))
            continue
        names.append(f"a{i}")
        name = text.split("*")[-1].strip()
        if name in FIXED or (call.patterns and name in MATRICES):
            lines.append(f"    static const {_c_type(argument)} a{i}[] = {{{_values(argument)}}};")
        else:
            kind = _c_type(argument)
            lines.append(f"    {kind} *const a{i} = malloc(sizeof({kind}) * {argument.size});")
            lines.append(f"    __CPROVER_assume(a{i} != NULL);")
    run = f"    {call.kernel}({', '.join(names)});"
    return "\n".join([f"static void call{number}(void)\n{{", *lines, run, "}"])


def _c_type(array: NDArray[np.generic]) -> str:
    return "float" if array.dtype == np.float32 else f"{array.dtype}_t"


def _values(array: NDArray[np.generic]) -> str:
    if array.dtype == np.float32:
        return ", ".join(f"{float(value).hex()}f" for value in array.ravel())
    return ", ".join(str(int(value)) for value in array.ravel())


def sources_of(kernel: str) -> list[Path]:
    """Return the C files of a portable kernel and of the kernels that it calls."""
    files = kernel_files({kernel}, "")
    return [path for path in SOURCES if path.name in files]


def prove(kernel: str, calls: int, seconds: int, sources: Sequence[Path] = ()) -> Proof:
    """Run CBMC on the smallest calls of a kernel, in its own C files or in `sources`.

    Raises:
        AssertionError: no call is small.
    """
    chosen = small_calls(kernel, calls)
    assert chosen, f"{kernel}: no call"
    files = map(str, sources or sources_of(kernel))
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "calls.c"
        program.write_text(harness(chosen))
        command = ["cbmc", "-DEK_ALONE", str(program), *files, *INCLUDES, *CHECKS, *SOLVER]
        before = _children_seconds()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
            failures = tuple(_failures(done.stdout + done.stderr, done.returncode))
            output = done.stdout
        except subprocess.TimeoutExpired:
            failures, output = (f"no answer after {seconds} s",), ""
    found = re.search(r"of (\d+) failed", output)
    properties = int(found[1]) if found else 0
    return Proof(kernel, len(chosen), properties, failures, _children_seconds() - before)


def _failures(output: str, code: int) -> Iterator[str]:
    failed = [line for line in output.splitlines() if line.endswith(": FAILURE")]
    yield from failed
    if code and not failed:
        yield output[-300:]


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    """Prove the kernels that are named, or all; print a row of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kernels", nargs="*")
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--seconds", type=int, default=120)
    options = parser.parse_args()
    failed = 0
    for kernel in options.kernels or CASES:
        proof = prove(kernel, options.calls, options.seconds)
        print(
            f"| `{kernel}` | {proof.calls} | {proof.properties} | {proof.seconds:.1f} |"
            f" {'; '.join(proof.failures[:2]) or 'proved'} |",
            flush=True,
        )
        failed += bool(proof.failures)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
