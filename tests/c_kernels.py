"""The C kernels as shared libraries, and a program that runs recorded calls under ASan."""

import ctypes
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.graph.sparsity import Pattern
from edgekit.operators.geometry import ConvShape
from edgekit.runtime.proof.contracts import SHAPE, contract_of
from edgekit.runtime.proof.contracts import number as number_of
from edgekit.runtime.proof.contracts import prototypes as read_prototypes
from edgekit.targets.c.packing.conv_paths import kernels_of, pack_conv
from edgekit.targets.c.packing.sparse import sparse_rows
from edgekit.targets.c.packing.weights import pack
from edgekit.targets.c.program.sources import IN_SCALAR_ORDER, kernel_files
from edgekit.targets.devices import cpu_flags
from edgekit.targets.instruction_sets import INSTRUCTION_SETS, PORTABLE, Packing, packing_of
from edgekit.targets.kernel_costs import generic_costs

ROOT = Path(__file__).parent.parent
INCLUDE = ROOT / "runtime" / "include"
PORTABLE_SOURCES = ROOT / "runtime" / "src" / "portable"
SOURCES = tuple(sorted(PORTABLE_SOURCES.rglob("ek_*.c"), key=lambda path: path.name))
INCLUDES = tuple(f"-I{path}" for path in (INCLUDE, *sorted(PORTABLE_SOURCES.iterdir())))
CC = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
needs_cc = pytest.mark.skipif(
    CC is None, reason="needs a C compiler: apt-get install gcc libc6-dev"
)
FLAGS = (
    "-std=c99",
    "-pedantic",
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wconversion",
    "-Werror",
    "-ffp-contract=off",
)
UBSAN = ("-O1", "-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover=all")
# The last is as an export: half a minute to compile.
BUILDS = {"O2": ("-O2", "-nostdlib"), "ubsan": UBSAN, "O3": ("-O3", "-fno-trapping-math")}
# What a machine of this architecture may run.
ISAS = {
    name: row
    for name, row in INSTRUCTION_SETS.items()
    if row.cpu and row.machine == platform.machine()
}
# What the vectors of a machine need; its compiler reads it longer than most kernels.
INTRINSICS = {"x86_64": "immintrin.h", "aarch64": "arm_neon.h"}
C_TYPES = {"int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "float": ctypes.c_float}

Argument = NDArray[Any] | int | float | None


@dataclass(frozen=True)
class Call:
    """One call of `kernel`; `expected` holds what arrays among `args` are afterwards, by position.

    Of sparse weights `whole` has them as matrices among the arguments, and `patterns` those that they keep.
    """

    kernel: str
    args: Sequence[Argument]
    expected: Mapping[int, NDArray[Any]]
    patterns: Sequence[Pattern | None] = ()
    whole: Sequence[Argument] = ()


@cache
def parameters() -> dict[str, list[str]]:
    """The parameters of every kernel that edgekit.h declares, as written there."""
    text = re.sub(r"/\*.*?\*/", "", (INCLUDE / "edgekit.h").read_text(), flags=re.DOTALL)
    found = re.findall(r"^(?:void |const float \*)(ek_\w+)\(([^)]*)\);", text, flags=re.MULTILINE)
    return {name: [part.strip() for part in listed.split(",")] for name, listed in found}


def prototypes() -> dict[str, list[str]]:
    """Their types: that of a scalar, or ``*``."""
    return {
        name: ["*" if "*" in part else part.split()[0] for part in parts]
        for name, parts in parameters().items()
    }


def missing_cpu_flags(isa: str) -> list[str]:
    """What the CPU of this machine lacks to run the kernels of an instruction set."""
    return ISAS[isa].needed(platform.machine(), cpu_flags())


def contract_bytes(call: Call) -> dict[int, int]:
    """The bytes of each array argument by its contract, up to the last one that is touched."""
    contract, rows = contract_of(call.kernel), contract_parameters()[call.kernel]
    assert contract is not None
    given: dict[str, Any] = {name: a for (name, _, _), a in zip(rows, call.args, strict=True)}
    if "shape" in given:
        given |= dict(zip(SHAPE, map(int, np.ravel(given["shape"])), strict=True))
    sizes = {}
    for i, ((name, kind, _), array) in enumerate(zip(rows, call.args, strict=True)):
        if not isinstance(array, np.ndarray) or kind == "ek_conv_shape*":
            continue
        if name in contract.scratch:
            sizes[i] = number_of(contract.scratch[name], call.kernel, given)
            continue
        count = contract.args[name]
        if isinstance(count, str):
            elements = number_of(count, call.kernel, {**given, "whole": array.size})
        else:
            parts = {key: number_of(text, call.kernel, given) for key, text in count.items()}
            last = (parts["rows"] - 1) * parts["step"] if "rows" in parts else 0
            last = int(given["at"][: parts["frames"]].max()) if "frames" in parts else last
            elements = last + parts["size"]
        sizes[i] = elements * array.itemsize
    return sizes


@cache
def contract_parameters() -> dict[str, list[tuple[str, str, bool]]]:
    """Name, type and whether it is written, of each parameter of every kernel."""
    return read_prototypes((INCLUDE / "edgekit.h").read_text())


TAPS = {
    "fc": (1,),
    "gru": (3, 2),
    "lstm": (3, 2),
}  # of rows of weights: which arguments, from the last


def int4_rows(pairs: NDArray[Any], n: int, k: int) -> NDArray[np.int8]:
    """Rows of weights from two to a byte."""
    both = np.stack([pairs << 4, pairs], -1).astype(np.int8) >> 4
    return both.reshape(n, -1)[:, :k].astype(np.int8)


# Kernels that read their weights as another does.
AS_OTHERS = {
    "ek_conv_channels_f32": "ek_fc_f32",
    "ek_conv_winograd_f32": "ek_frame_fc_f32",
}


@cache
def own_kernels(isa: str) -> list[str]:
    """The kernels whose files are not all portable for an instruction set."""
    names, folders = [path.stem for path in SOURCES], ISAS[isa].folders
    return [n for n in names if kernel_files({n}, "", folders) != kernel_files({n}, "")]


def is_quick(kernel: str) -> bool:
    """Whether `make test` calls a kernel by itself.

    Those from one width of integers to another are made from the source of those of one width, by the same macros: two
    stand for all.
    """
    return kernel in ("ek_conv_s8_s16", "ek_fc_s8_s16") or not re.search("s8_s16|s16_s8", kernel)


def write_kernels(folder: Path, isa: str, chosen_ones: Callable[[str], bool] = bool) -> list[Path]:
    """Write the kernels of an instruction set as a build has them, or chosen ones; returns the .c files."""
    names = set(filter(chosen_ones, own_kernels(isa)))
    chosen = kernel_files(names, "", ISAS[isa].folders)
    folder.mkdir(parents=True)
    for name, content in chosen.items():
        (folder / name).write_bytes(content)
    return sorted(folder.glob("*.c"))


def is_conv(call: Call) -> bool:
    """Whether a call is one of an integer convolution that instruction sets compute in several ways."""
    others = call.patterns or "winograd" in call.kernel or call.kernel.endswith("f32")
    return call.kernel.startswith("ek_conv_") and not others


def ways(call: Call, folders: Sequence[str]) -> list[Call]:
    """The call by every kernel of some folders that computes it, each with weights in its own order."""
    if not is_conv(call):
        return [packed(call, folders)]
    shape = ConvShape.of([int(size) for size in np.asarray(call.args[-1])])
    own, (x_zero, w, bias) = packing_of(folders), call.args[1:4]
    w, made = np.asarray(w), []
    if call.kernel.endswith("_w4"):
        rows = 1 if "transpose" in call.kernel else shape.out_c
        full = conv_weights(shape, "transpose" in call.kernel)
        w = int4_rows(w, rows, prod(full) // rows).reshape(full)
    for kernel in kernels_of(call.kernel, own, shape, generic_costs(folders)):
        args = list(call.args)
        args[2:4] = pack_conv(own, kernel, w, np.asarray(bias), x_zero, shape)
        made.append(replace(call, kernel=kernel, args=args))
    return made


def conv_weights(s: ConvShape, transposed: bool) -> tuple[int, int, int, int]:
    """The sizes of a convolution's weights."""
    inputs, outputs = s.in_c // s.groups, s.out_c // s.groups
    return (s.in_c, outputs, s.k_h, s.k_w) if transposed else (s.out_c, inputs, s.k_h, s.k_w)


def packed(call: Call, folders: Sequence[str]) -> Call:
    """The call with weights in the order in which the kernels of some folders read them; no integer convolution."""
    family, kind = call.kernel.removeprefix("ek_").split("_")[:2]
    if call.patterns:
        return sparse(replace(call, args=call.whole), call.patterns, packing_of(folders))
    pairs = call.kernel.endswith("_w4")
    if pairs and not packing_of(folders).nibbles:
        return call
    cell = {"gru": 1, "rnn": 1, "lstm": 2}.get(family)  # states behind x
    at: Sequence[int] = ()
    if family == "fc":
        at = (1,) if kind == "f32" else (1, 2)
    elif family == "frame" and kind == "fc":
        at = (2,) if call.kernel.endswith("f32") else (2, 3)
    elif call.kernel in AS_OTHERS:
        at = (1,)
    elif cell is not None:
        at = range(1 + cell, 3 + cell if kind == "f32" else 5 + cell)
    whole = family != "gru" or bool(call.args[-2])
    args = list(call.args)
    arrays = [np.asarray(args[i]) for i in at]
    if pairs:
        rows = [len(array) for array in arrays[len(arrays) // 2 :]]  # biases
        for i, n in enumerate(rows):
            arrays[i] = int4_rows(arrays[i], n, int(call.args[-1 - TAPS[family][i]]))
    as_kernel = AS_OTHERS.get(call.kernel, call.kernel)
    for i, array in zip(at, pack(packing_of(folders), as_kernel, arrays, whole), strict=True):
        args[i] = array
    return replace(call, args=args)


def sparse(call: Call, patterns: Sequence[Pattern | None], own: Packing) -> Call:
    """The call with its matrices stored by patterns, as kernels of a packing read them."""
    family, args = call.kernel.split("_")[1], list(call.args)
    if family == "conv":
        w, bias = np.asarray(args[2]), np.asarray(args[3])
        rows = w.reshape(len(w), -1)
        fold = np.asarray(args[1]) * rows.sum(1, np.int64)
        args[2] = sparse_rows(PORTABLE, rows, patterns[0])
        args[3] = (bias - fold).astype(bias.dtype)
        return replace(call, args=args, patterns=patterns, whole=call.args)
    first = {"fc": 1, "gru": 2, "lstm": 3}[family]
    at = range(first, first + 2 * len(patterns))
    whole = family != "gru" or bool(args[-2])
    arrays = [np.asarray(args[i]) for i in at]
    for i, array in zip(at, pack(own, call.kernel, arrays, whole, patterns), strict=True):
        args[i] = array
    return replace(call, args=args, patterns=patterns, whole=call.args)


def read_before(path: Path, compiler: Sequence[str]) -> list[str]:
    """The option with which all sources of a compiler's command find its intrinsics read already."""
    header = path.with_suffix(".h")
    header.write_text(f"#include <{INTRINSICS[platform.machine()]}>\n")
    command = [*compiler, "-x", "c-header", str(header), "-o", f"{header}.gch"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return ["-include", str(header)]


def compile_library(
    path: Path, options: Sequence[str], sources: Sequence[Path] = SOURCES
) -> ctypes.CDLL:
    """Compile all kernels, warnings as errors, and load them."""
    assert CC is not None
    command = [CC, *FLAGS, *options, "-fPIC"]
    is_portable = PORTABLE_SOURCES in sources[0].parents
    if not is_portable and platform.machine() in INTRINSICS:
        command += read_before(path, command)
    command += ["-shared", f"-I{sources[0].parent}", *INCLUDES, *map(str, sources)]
    subprocess.run([*command, "-o", str(path)], check=True, capture_output=True, text=True)
    library = ctypes.CDLL(str(path))
    for name, types in prototypes().items():
        function = getattr(library, name, None)
        if function is None:
            continue
        function.argtypes = [C_TYPES.get(kind, ctypes.c_void_p) for kind in types]
        function.restype = None
    return library


def run(library: ctypes.CDLL, call: Call) -> list[Argument]:
    """Return the arguments as the call leaves them; those of `call` stay as they are."""
    args = [np.array(a, order="C") if isinstance(a, np.ndarray) else a for a in call.args]
    getattr(library, call.kernel)(
        *(a.ctypes.data if isinstance(a, np.ndarray) else a for a in args)
    )
    return args


def check(call: Call, args: Sequence[Argument], where: str) -> None:
    """Assert that the outputs equal `call.expected` bit for bit, any NaN equal to any other."""
    for position, expected in call.expected.items():
        found = args[position]
        assert isinstance(found, np.ndarray) and found.dtype == expected.dtype
        found = found.reshape(expected.shape)
        bits = np.dtype(f"u{found.dtype.itemsize}")
        same = found.view(bits) == np.ascontiguousarray(expected).view(bits)
        if found.dtype == np.float32:
            same |= np.isnan(found) & np.isnan(expected)
        assert same.all(), (
            f"{call.kernel} {where}: {found[~same][:4]} instead of {expected[~same][:4]}"
        )


def check_near(call: Call, args: Sequence[Argument], where: str) -> None:
    """Assert that integers and sums in scalar order are equal bit for bit, other floats nearly.

    They may differ by 1e-5 of the largest result or product of operands.

    Where results are not finite, each counts for itself.
    """
    product = largest_product(call)
    for position, expected in call.expected.items():
        found = np.asarray(args[position]).reshape(expected.shape)
        if expected.dtype != np.float32 or f"{call.kernel}.c" in IN_SCALAR_ORDER:
            check(call, args, where)
            continue
        sizes = np.abs(expected)
        finite = np.isfinite(sizes)
        largest = sizes.max(initial=0) if finite.all() else np.where(finite, sizes, 0)
        least = 1e-5 * np.maximum(max(1.0, product), largest)
        with np.errstate(invalid="ignore"):
            near = (np.abs(found - expected) <= least) | (found == expected)
        near |= np.isnan(found) & np.isnan(expected)
        assert near.all(), (
            f"{call.kernel} {where}: {found[~near][:4]} instead of {expected[~near][:4]}"
        )


def largest_product(call: Call) -> float:
    """The product of the two operands of a call that reach highest, in float32; 0 where it has one."""
    inputs = [a for i, a in enumerate(call.args) if i not in call.expected]
    floats = [
        np.abs(a[np.isfinite(a)]).max(initial=0)
        for a in inputs
        if isinstance(a, np.ndarray) and a.dtype == np.float32
    ]
    return float(np.prod(np.sort(np.array(floats, float))[-2:])) if len(floats) > 1 else 0.0


def scalar_text(kind: str, value: float) -> str:
    """A scalar argument of some type, in C: all 64 bits of an integer."""
    exact = float(value).hex() if kind == "float" else f"{int(value) & (1 << 64) - 1}ull"
    return f"({kind}){exact}"


def asan_source(calls: Sequence[Call]) -> str:
    """C program: read every array into a block of exactly its size, call, write the arrays back."""
    bodies = []
    for number, call in enumerate(calls):
        names, loads, saves = [], [], []
        for i, (argument, kind) in enumerate(
            zip(call.args, prototypes()[call.kernel], strict=True)
        ):
            if isinstance(argument, np.ndarray):
                loads.append(f"    void *a{i} = load({argument.nbytes});")
                saves.append(f"    save(a{i}, {argument.nbytes});")
                names.append(f"a{i}")
            else:
                names.append("0" if argument is None else scalar_text(kind, argument))
        run_it = f"    {call.kernel}({', '.join(names)});"
        bodies.append(
            "\n".join([f"static void call{number}(void) {{", *loads, run_it, *saves, "}"])
        )
    calls_text = "\n".join(f"    call{number}();" for number in range(len(calls)))
    return f"""#include <stdio.h>
#include <stdlib.h>
#include "edgekit.h"
static void *load(size_t size) {{
    void *block = malloc(size);
    if (size && (!block || fread(block, 1, size, stdin) != size)) exit(3);
    return block;
}}
static void save(void *block, size_t size) {{
    fwrite(block, 1, size, stdout);
    free(block);
}}
{chr(10).join(bodies)}
int main(void) {{
{calls_text}
    return 0;
}}
"""


def run_under_asan(folder: Path, calls: Sequence[Call]) -> list[list[Argument]]:
    """Return the arguments of every call as it leaves them, run under ASan."""
    assert CC is not None
    (folder / "main.c").write_text(asan_source(calls))
    main = [CC, "-std=c99", "-O0", f"-I{INCLUDE}", "-c", "main.c", "-o", "main.o"]  # it only calls
    subprocess.run(main, check=True, capture_output=True, text=True, cwd=folder)
    options = ("-std=c99", "-g1", "-O1", "-ffp-contract=off", "-fsanitize=address")
    sources = [str(folder / "main.o"), *map(str, SOURCES)]
    command = [CC, *options, *INCLUDES, *sources, "-o", str(folder / "main")]
    subprocess.run(command, check=True, capture_output=True, text=True)
    arrays = [a for call in calls for a in call.args if isinstance(a, np.ndarray)]
    data = b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)
    done = subprocess.run([str(folder / "main")], input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    results, at = [], 0
    for call in calls:
        args: list[Argument] = []
        for argument in call.args:
            if isinstance(argument, np.ndarray):
                flat = np.frombuffer(done.stdout, argument.dtype, argument.size, at)
                args.append(flat.reshape(argument.shape))
                at += argument.nbytes
            else:
                args.append(argument)
        results.append(args)
    return results
