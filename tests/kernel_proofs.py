"""Proofs of the portable kernels by CBMC: all contents, sizes up to small bounds.

    PYTHONPATH=bench python tests/kernel_proofs.py [KERNEL]... [--seconds S] [--write]

CBMC translates a kernel and some calls into a formula. Sizes are those of the legal calls of `kernel_cases.py`: each in
turn takes every value near its least. Every array has exactly the bytes that the call needs. Contents are free, except
of the arrays in `FIXED`: tables whose values say where to read, or constants of the build. There are two proofs:

- memory: no access outside of an array, no division by zero, loops end. Each time a kernel reads an element, or a
  variable of an element's type, the value is any. That is more than what can happen, and a formula without products.
- arithmetic: no signed overflow, no undefined shift. Elements of 8 and 16 bits and floats are any. Integers of 32 and
  64 bits have their values, those of arrays within the limits of `contracts.toml`. Where that fails, elements have
  their values too.
"""

import argparse
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from c_kernels import INCLUDE, INCLUDES, SOURCES, Call, parameters, prototypes, scalar_text
from kernel_cases import CASES
from kernel_remainders import remainder_calls
from numpy.typing import NDArray

from edgekit.runtime.proof.contracts import SHAPE, contract_of, number
from edgekit.targets.c.program.sources import kernel_files

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "kernel-proofs.md"
SEEDS = 3
SECONDS = 30
TABLE = 1025  # entries of a table of a function
TABLE_HEAD = """\
| kernel | memory | arithmetic | sizes | s |
|---|---|---|---|--:|
"""
NO_ANSWER = "no answer after"
STOPPED = (-signal.SIGXCPU, -signal.SIGKILL)
FIXED = re.compile(r"shape|(\w+_)?(mult|shift)|table|quantiles|at|index|exp2")
SUMS = {4: 1 << 31, 8: 1 << 47}  # by the bytes of a bias
MATRICES = frozenset({"w", "r"})  # sparse ones say where their values belong
SOLVER = ("--unwinding-assertions", "--slice-formula", "--object-bits", "12", "--unwind", "520")
CHECKS = {
    "memory": (
        "--bounds-check",
        "--pointer-check",
        "--pointer-overflow-check",
        "--div-by-zero-check",
    ),
    "arithmetic": ("--signed-overflow-check", "--undefined-shift-check"),
}


@dataclass(frozen=True)
class Bounds:
    """Sizes of the calls of a proof: so many values in turn, the others near their least; most bytes of the arrays."""

    values: int
    others: int
    bytes: int
    calls: int


BOUNDS = {"memory": Bounds(9, 3, 500, 8), "arithmetic": Bounds(5, 1, 150, 3)}
# Types whose variables have any value whenever they are read: in turn, until a proof holds.
ANY: dict[str, tuple[tuple[str, ...], ...]] = {
    "memory": (("float", "int8_t", "int16_t", "int64_t"), ()),
    "arithmetic": (("float", "int8_t", "int16_t"), ("float", "int8_t"), ()),
}
ANY_OF_SPARSE: dict[str, tuple[tuple[str, ...], ...]] = {  # whose weights say where they belong
    "memory": (("float", "int16_t", "int64_t"), ()),
    "arithmetic": (("float", "int16_t"), ("float",), ()),
}
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
# A value between two entries of a table, which a proof of its own shows: `ek_lut_s16` and `test_kernel_proofs.py`.
POSITIVE = "const int16_t *ek_positive; /* a table whose entries are not negative */"
LOOKED_UP = "static inline int16_t ek_lut_s16_at(const int16_t *table, int16_t x)\n{\n"
LOOK_UP = f"""extern {POSITIVE}
{LOOKED_UP}    int16_t any;
    if (table == ek_positive) __CPROVER_assume(any >= 0);
    if (table != 0) return any;
"""


@dataclass(frozen=True)
class Proof:
    """What CBMC says of some calls of a kernel."""

    kernel: str
    what: str
    calls: tuple[Call, ...]
    properties: int
    failures: tuple[str, ...]
    seconds: float


def small_calls(kernel: str, bounds: Bounds) -> list[Call]:
    """Return small calls of a kernel that differ in the sizes of their arrays or in a scalar, each size in turn."""
    found: dict[tuple[object, ...], Call] = {}
    for seed in range(SEEDS):
        for call in remainder_calls(kernel, seed, range(bounds.values), bounds.others):
            found.setdefault(tuple(_size(argument) for argument in call.args), call)
    ordered = sorted(found.values(), key=_bytes)
    small = [call for call in ordered if _bytes(call) <= bounds.bytes] or ordered[:1]
    return small[:: -(-len(small) // bounds.calls)]


def _size(argument: object) -> object:
    return argument.shape if isinstance(argument, np.ndarray) else argument


def _bytes(call: Call) -> int:
    return sum(a.nbytes for a in call.args if isinstance(a, np.ndarray) and a.size != TABLE)


def harness(calls: Sequence[Call], what: str) -> str:
    """Return a C program that makes the calls with arrays of exactly their sizes and free contents."""
    bodies = [body(place, call, what) for place, call in enumerate(calls)]
    every = "\n".join(f"    call{place}();" for place in range(len(calls)))
    return "\n".join(
        [
            '#include "edgekit.h"',
            "#include <stdlib.h>",
            COPIES if what == "memory" else "#include <string.h>",
            POSITIVE if what == "arithmetic" else "",
            *bodies,
            f"int main(void) {{\n{every}\n    return 0;\n}}",
            "",
        ]
    )


def body(place: int, call: Call, what: str) -> str:
    """Return the function of one call."""
    contract = contract_of(call.kernel)
    assert contract is not None
    names, lines = [], []
    for i, (argument, text, kind) in enumerate(
        zip(call.args, parameters()[call.kernel], prototypes()[call.kernel], strict=True)
    ):
        if not isinstance(argument, np.ndarray):
            names.append("0" if argument is None else scalar_text(kind, argument))
            continue
        names.append(f"a{i}")
        name = text.split("*")[-1].strip()
        if FIXED.fullmatch(name) or (call.patterns and name in MATRICES):
            lines.append(f"    static const {_c_type(argument)} a{i}[] = {{{_values(argument)}}};")
        else:
            lines.append(f"    {_c_type(argument)} a{i}[{max(argument.size, 1)}];")
            if what == "arithmetic" and name in contract.within and argument.dtype != np.float32:
                limit = number(contract.within[name], call.kernel, {"SUM": SUMS[argument.itemsize]})
                lines.append(f"    for (int j = 0; j < {argument.size}; j++)")
                lines.append(
                    f"        __CPROVER_assume(a{i}[j] >= -{limit} && a{i}[j] <= {limit});"
                )
        if what == "arithmetic" and name in contract.positive:
            lines.append(f"    ek_positive = a{i};")
    run = f"    {call.kernel}({', '.join(names)});"
    return "\n".join([f"static void call{place}(void)\n{{", *lines, run, "}"])


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


def prove(
    kernel: str,
    what: str = "memory",
    bounds: Bounds | None = None,
    seconds: int = SECONDS,
    sources: Sequence[Path] = (),
) -> Proof:
    """Run CBMC on small calls of a kernel, in its own C files or in `sources`.

    What fails while values are any is tried again with more of the values that the kernel computes. Where that has no
    answer, `failures` begin so, and name what failed before.

    Raises:
        AssertionError: no call is small, or the kernel does not compile.
    """
    chosen = small_calls(kernel, bounds or BOUNDS[what])
    assert chosen, f"{kernel}: no call"
    before, files = _children_seconds(), sources or sources_of(kernel)
    found: tuple[str, ...] = ()
    for types in (ANY_OF_SPARSE if chosen[0].patterns else ANY)[what]:
        failures, properties = _answer(harness(chosen, what), files, what, types, seconds)
        is_open = bool(failures) and failures[0].startswith(NO_ANSWER)
        found = (*failures, *found) if is_open else failures
        if not failures or is_open:
            break
    return Proof(kernel, what, tuple(chosen), properties, found, _children_seconds() - before)


def _answer(
    program: str, sources: Sequence[Path], what: str, types: Sequence[str], seconds: int
) -> tuple[tuple[str, ...], int]:
    """What CBMC finds, and the number of properties.

    The checks come into the program before readings of volatile variables become any value: they are of each access.
    """
    with tempfile.TemporaryDirectory() as folder:
        calls, header, names = (Path(folder) / name for name in ("calls.c", "stdint.h", "calls.gb"))
        calls.write_text(program)
        header.write_text(_any_values(types))
        if what == "arithmetic" and not any("ek_lut_s16" in path.name for path in sources):
            text = (INCLUDE / "edgekit.h").read_text()
            assert text.count(LOOKED_UP) == 1
            (Path(folder) / "edgekit.h").write_text(text.replace(LOOKED_UP, LOOK_UP))
        macros = ["-DEK_ALONE", *(["-Dfloat=volatile float"] if "float" in types else [])]
        front = ["goto-cc", *macros, f"-I{folder}", calls, *sources, *INCLUDES, "-o", names]
        _run_tool(front)
        _run_tool(["goto-instrument", *CHECKS[what], names, names])
        _run_tool(["goto-instrument", "--nondet-volatile", names, names])
        command = ["prlimit", f"--cpu={seconds}", "cbmc", names, "--no-standard-checks", *SOLVER]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode in STOPPED:
        return (f"{NO_ANSWER} {seconds} s",), 0
    found = re.search(r"of (\d+) failed", done.stdout)
    failures = tuple(_failures(done.stdout + done.stderr, done.returncode))
    return failures, int(found[1]) if found else 0


def _run_tool(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-500:]


def _any_values(types: Sequence[str]) -> str:
    """A stdint.h in which variables of some types are volatile: CBMC then gives each reading any value."""
    lines = ["#include_next <stdint.h>"]
    for name in types:
        if name != "float":
            lines.insert(0, f"#define {name} ek_plain_{name}")
            lines += [f"#undef {name}", f"typedef volatile ek_plain_{name} {name};"]
    return "\n".join(["#ifndef EK_ANY_GUARD", "#define EK_ANY_GUARD", *lines, "#endif", ""])


def _failures(output: str, code: int) -> Iterator[str]:
    failed = [line for line in output.splitlines() if line.endswith(": FAILURE")]
    yield from failed
    if code and not failed:
        yield output[-300:]


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row_of(kernel: str, seconds: int) -> str:
    """The row of a kernel in the page: what is proved, or how many calls the systematic tests make of it.

    Raises:
        AssertionError: a property does not hold.
    """
    cells, spent, sizes = [], 0.0, ""
    for what in CHECKS:
        proof = prove(kernel, what, seconds=seconds)
        spent += proof.seconds
        sizes = sizes or _sizes(proof.calls)
        is_open = bool(proof.failures) and proof.failures[0].startswith(NO_ANSWER)
        assert is_open or not proof.failures, f"{kernel}, {what}: {'; '.join(proof.failures[:3])}"
        tested = sum(1 for _ in remainder_calls(kernel, 0))
        proved = f"{len(proof.calls)} calls, {proof.properties} properties"
        cells.append(f"test, {tested} calls" if proof.failures else proved)
    return f"| `{kernel}` | {' | '.join(cells)} | `{sizes}` | {spent:.0f} |"


def _sizes(calls: Sequence[Call]) -> str:
    """The least and the largest of each size."""
    found: dict[str, list[int]] = {}
    contract = contract_of(calls[0].kernel)
    counts = () if contract is None else (*contract.args.values(), *contract.scratch.values())
    counted = set(re.findall(r"\w+", str(counts)))
    for call in calls:
        names = [text.split("*")[-1].split()[-1] for text in parameters()[call.kernel]]
        for name, argument in zip(names, call.args, strict=True):
            if name == "shape":
                for part, size in zip(SHAPE, np.ravel(np.asarray(argument)), strict=True):
                    found.setdefault(part, []).append(int(size))
            elif isinstance(argument, int) and name in counted:
                found.setdefault(name, []).append(argument)
    spans = {name: (min(sizes), max(sizes)) for name, sizes in found.items()}
    texts = [f"{name} {low}..{high}" for name, (low, high) in spans.items() if high > low]
    return ", ".join(texts) or "one size"


def write_row(row: str) -> None:
    """Put a row into the page, in place of the row of the same kernel."""
    head, _, table = PAGE.read_text().partition(TABLE_HEAD)
    rows = {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}
    rows[row.split("`")[1]] = row
    kept = [rows[kernel] for kernel in CASES if kernel in rows]
    PAGE.write_text("\n".join([head + TABLE_HEAD.rstrip(), *kept, ""]))


def main() -> int:
    """Prove the kernels that are named, or all; print a row of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kernels", nargs="*")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of processor for an answer")
    parser.add_argument("--write", action="store_true", help=f"put the rows into {PAGE.name}")
    options = parser.parse_args()
    failed = 0
    for kernel in options.kernels or CASES:
        try:
            row = row_of(kernel, options.seconds)
        except AssertionError as error:
            failed += 1
            row = f"| `{kernel}` | FAILED: {error} |"
        else:
            if options.write:
                write_row(row)
        print(row, flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
