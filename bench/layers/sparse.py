"""N:M sparse layers beside dense ones of our own: bytes, instructions under QEMU, microseconds on this machine.

    python bench sparse [--only fc|gru] [--devices cortex-m4 cortex-m55] [--shapes 256x512] [--host-shapes 1024x1024]

A row is a layer of int8 weights in a pattern and an index storage. `weights` are all constants of the layer, bias and
factors too; `RAM` is what it reads and writes (no kernel takes more than the dense one). Instructions are of the whole
layer by a dense-equivalent multiply-accumulate, compiled as builds are; on Helium they say nothing of cycles, since a
gather takes one for every element. Times are the least of rounds that call all forms in turn, pinned to one core.
Each row equals the dense layer in every bit, or the program ends.
"""

import argparse
import os
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from layers.instructions import executed
from numpy.typing import NDArray
from tables import Table

from edgekit.graph.sparsity import PATTERNS, Pattern, mask_of
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.c.emit.base import C_ARRAYS
from edgekit.targets.c.packing.sparse import refusal
from edgekit.targets.c.packing.weights import pack
from edgekit.targets.c.program.literals import array_text
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.devices import cpu_flags, profile
from edgekit.targets.instruction_sets import Packing, instruction_set_of, packing_of

Array = NDArray[np.generic]
FC = "{kernel}(x, {w}, {bias}, mult, shift, 3, -128, 127, {y}, 1, {k}, {n})"
GRU = (
    "{kernel}(x, {y}, {w}, {r}, {bias}, {r_bias}, mult, shift, mult, shift, table, table, "
    "NULL, 1, 1, {k}, {n}, 1, scratch)"
)


@dataclass(frozen=True)
class Form:
    """One way to store a layer: its arrays by name, and the call that reads them."""

    label: str
    storage: str
    kernel: str
    arrays: dict[str, Array]
    reason: str | None = None

    @property
    def weights_bytes(self) -> int:
        """Of all its constants."""
        return sum(array.nbytes for array in self.arrays.values())


@dataclass(frozen=True)
class Shape:
    """A layer of k inputs and n outputs: a dense matrix, or a GRU of n units."""

    kind: str
    k: int
    n: int

    @property
    def macs(self) -> int:
        """Of the dense layer."""
        return self.k * self.n if self.kind == "fc" else 3 * self.n * (self.k + self.n)

    @property
    def ram_bytes(self) -> int:
        """Inputs, outputs and scratch."""
        return self.k + self.n if self.kind == "fc" else self.k + 2 * self.n + 13 * self.n

    def __str__(self) -> str:
        return f"{self.kind} {self.k}x{self.n}"

    def matrices(self, pattern: Pattern | None) -> list[NDArray[np.int8]]:
        """Seeded weights (outputs, inputs), with the zeros of a pattern."""
        rng = np.random.default_rng(self.k + 7 * self.n)
        sizes = (
            [(self.n, self.k)]
            if self.kind == "fc"
            else [(3 * self.n, self.k), (3 * self.n, self.n)]
        )
        made = [rng.integers(-127, 128, size).astype(np.int8) for size in sizes]
        if pattern is None:
            return made
        drawn = [rng.standard_normal(size) for size in sizes]
        kept = [mask_of(values, pattern, 1) for values in drawn]
        return [np.where(keep, w, 0).astype(np.int8) for w, keep in zip(made, kept, strict=True)]


def forms(shape: Shape, own: Packing) -> list[tuple[Form, Form]]:
    """Each pattern and storage with the dense form of the same weights."""
    name = f"ek_{shape.kind}_s8_s8"
    found = []
    for pattern in reversed(PATTERNS):
        matrices = shape.matrices(pattern)
        biases: list[Array] = [np.zeros(len(w), np.int32) for w in matrices]
        arrays = [*matrices, *biases]
        dense = _form("dense", "int8", name, pack(own, name, arrays))
        storages = [own.sparse]
        if not own.sparse.windows:
            storages = [replace(own.sparse, packed=packed) for packed in (False, True)]
        for sparse in storages:
            layout = replace(own, sparse=sparse)
            packed = pack(layout, f"{name}_sparse", arrays, True, [pattern] * len(matrices))
            reason = refusal(own.sparse, pattern, 8, 1)
            if reason is None and sparse != own.sparse:
                reason = "other storage"
            storage = "windows" if sparse.windows else "packed" if sparse.packed else "bytes"
            form = _form(str(pattern), storage, f"{name}_sparse", packed)
            found.append((replace(form, reason=reason), dense))
    return found


def _form(label: str, storage: str, kernel: str, packed: list[Array]) -> Form:
    names = ("w", "bias") if len(packed) == 2 else ("w", "r", "bias", "r_bias")
    return Form(label, storage, kernel, dict(zip(names, packed, strict=True)))


MAIN = """\
{head}
#include "edgekit.h"
static _Alignas(64) int8_t x[{k}];
static _Alignas(64) int16_t table[4096], scratch[{scratch}];
static _Alignas(64) int32_t mult[{rows}];
static uint8_t shift[{rows}];
{arrays}
static void fill(void)
{{
    for (int32_t i = 0; i < {k}; i++) {{
        x[i] = (int8_t)(i * 37 + i / 5);
    }}
    for (int32_t i = 0; i < {rows}; i++) {{
        mult[i] = 1 << 30, shift[i] = 42;
    }}
    for (int32_t i = 0; i < 4096; i++) {{
        table[i] = (int16_t)(i * 8 - 16384);
    }}
    (void)table, (void)scratch;
}}
{body}
"""
DEVICE = """\
int main(void)
{{
    fill();
{calls}
    return 0;
}}
"""
HOST = """\
#include <stdio.h>
#include <time.h>
static double now(void)
{{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec * 1e-3;
}}
int main(void)
{{
    static double least[{count}];
    fill();
    for (int i = 0; i < {count}; i++) {{
        least[i] = 1e30;
    }}
    for (int round = 0; round < {rounds}; round++) {{
{calls}
    }}
{same}    for (int i = 0; i < {count}; i++) {{
        printf("%.4f\\n", least[i]);
    }}
    return 0;
}}
"""
TIMED = """\
        {{
            const double before = now();
            for (int turn = 0; turn < {turns}; turn++) {{
                __asm__ volatile("" ::: "memory");
                {call};
            }}
            const double spent = (now() - before) / {turns};
            least[{i}] = spent < least[{i}] ? spent : least[{i}];
        }}
"""


def calls_of(shape: Shape, own: list[Form]) -> tuple[list[str], list[str]]:
    """C arrays and one call of each form; results lie in arrays of their own."""
    texts, calls = [], []
    y_type = "int8_t" if shape.kind == "fc" else "int16_t"
    for i, form in enumerate(own):
        names = {name: f"golden_{i}_{name}" for name in form.arrays}
        for name, array in form.arrays.items():
            declared = f"static _Alignas(64) const {C_ARRAYS[array.dtype.name]} {names[name]}"
            texts.append(f"{declared}[{array.size}] = {{\n{array_text(array)}\n}};")
        texts.append(f"static _Alignas(64) {y_type} y{i}[{shape.n}];")
        call = FC if shape.kind == "fc" else GRU
        numbers = {"k": shape.k, "n": shape.n, "y": f"y{i}"}
        calls.append(call.format(kernel=form.kernel, **names, **numbers))
    return texts, calls


def same_bits(count: int) -> str:
    """C that ends the program where a form differs from the dense one before it."""
    return "".join(
        f"    if (memcmp(y{i}, y{i - 1}, sizeof y{i}) != 0) return 1;\n" for i in range(1, count, 2)
    )


def main_text(shape: Shape, texts: list[str], head: str, body: str) -> str:
    """The program."""
    rows = max(3 * shape.n, 1)
    arrays = "\n".join(texts)
    return MAIN.format(
        head=head, k=shape.k, rows=rows, scratch=8 * shape.n, arrays=arrays, body=body
    )


def instructions(device: Profile, shape: Shape, own: list[Form]) -> list[int]:
    """Executed instructions of each form's call."""
    texts, calls = calls_of(shape, own)
    text = "".join(f"    replay_begin();\n    {call};\n    replay_end();\n" for call in calls)
    program = main_text(
        shape, texts, '#include "replay.h"', DEVICE.format(calls=text + same_bits(len(own)))
    )
    files = kernel_files({form.kernel for form in own}, "", device.kernels)
    return executed(device, files, program)


def microseconds(
    folders: tuple[str, ...], shape: Shape, own: list[Form], rounds: int
) -> list[float]:
    """The least time of each form's call on this machine."""
    texts, calls = calls_of(shape, own)
    turns = max(1, 2_000_000 // shape.macs)
    timed = "".join(TIMED.format(i=i, turns=turns, call=call) for i, call in enumerate(calls))
    program = main_text(
        shape,
        texts,
        "",
        HOST.format(count=len(own), rounds=rounds, calls=timed, same=same_bits(len(own))),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in kernel_files({form.kernel for form in own}, "", folders).items():
            (folder / path).write_bytes(content)
        (folder / "main.c").write_text(program)
        sources = [str(path) for path in sorted(folder.glob("*.c"))]
        flags = ["-O3", "-march=native", "-ffp-contract=off", "-fno-trapping-math", "-I", name]
        subprocess.run(["gcc", *flags, *sources, "-o", f"{name}/main"], check=True)
        core = min(os.sched_getaffinity(0))
        pinned = ["taskset", "-c", str(core), f"{name}/main"]
        done = subprocess.run(pinned, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


def paired(shape: Shape, own: Packing) -> tuple[list[tuple[Form, Form]], list[Form]]:
    """The forms beside their dense ones, and all of them in the order of the program."""
    pairs = forms(shape, own)
    return pairs, [form for sparse, dense in pairs for form in (dense, sparse)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("fc", "gru"))
    parser.add_argument("--devices", nargs="*", default=["cortex-m4", "cortex-m55"])
    parser.add_argument("--shapes", nargs="+", default=["72x72", "256x256", "256x512"])
    parser.add_argument("--host-shapes", nargs="*", default=["256x512", "1024x1024"])
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    kinds = [given.only] if given.only else ["fc", "gru"]
    for device in given.devices:
        table = _table(f"{device}, instructions a dense multiply-accumulate", "instr/MAC")
        for shape in _shapes(kinds, given.shapes):
            pairs, every = paired(shape, packing_of(profile(device).kernels))
            measured = instructions(profile(device), shape, every)
            _rows(table, shape, pairs, [n / shape.macs for n in measured])
        table.show()
    isa = instruction_set_of(os.uname().machine, cpu_flags())
    folders = () if isa is None else isa.folders
    if given.host_shapes:
        name = "portable C" if isa is None else isa.what
        table = _table(f"this machine, {name}, microseconds", "us")
        for shape in _shapes(kinds[:1], given.host_shapes):
            pairs, every = paired(shape, packing_of(folders))
            _rows(table, shape, pairs, microseconds(folders, shape, every, given.rounds))
        table.show()


def _shapes(kinds: list[str], texts: list[str]) -> list[Shape]:
    sizes = [tuple(map(int, text.split("x"))) for text in texts]
    return [
        Shape(kind, k, n) for kind in kinds for k, n in sizes if kind == "fc" or k * n <= 1 << 14
    ]


def _table(title: str, unit: str) -> Table:
    sizes = ("weights", "of dense", "RAM")
    head = ("layer", "pattern", "indices", *sizes, "dense", unit, "dense/sparse", "")
    return Table(*head, title=title)


def _rows(
    table: Table, shape: Shape, pairs: list[tuple[Form, Form]], measured: list[float]
) -> None:
    for i, (sparse, dense) in enumerate(pairs):
        before, after = measured[2 * i], measured[2 * i + 1]
        constants = 5 * (shape.n if shape.kind == "fc" else 6 * shape.n)  # mult, shift
        flash = [form.weights_bytes + constants for form in (sparse, dense)]
        sizes = (f"{flash[0]:,}", f"{flash[0] / flash[1]:.3f}", f"{shape.ram_bytes:,}")
        times = (f"{before:.3f}", f"{after:.3f}", f"{before / after:.2f}")
        unused = "" if sparse.reason is None else f"not used: {sparse.reason}"
        table.add_row(str(shape), sparse.label, sparse.storage, *sizes, *times, unused)


if __name__ == "__main__":
    main()
