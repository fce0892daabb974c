"""Whether data decides how many instructions a kernel runs: by jumps that memcheck sees, and by counts under QEMU.

    PYTHONPATH=tests:bench python tests/kernel_times.py [KERNEL]... [--device cortex-m4] [--inputs 1000]

Jumps: arrays of data are memory without a value for memcheck. It follows each bit that depends on it, and reports a
jump that one decides. Where it reports none, all data lead through the same instructions, for these sizes and this
compiler. Constants of a build that say where to read, or how often, have their values.

Counts: a program for an emulated core makes each call with many contents of its data, and QEMU counts the instructions
of each. `most` of `runtime/contracts.toml` must cover the difference.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from c_kernels import INCLUDES, SOURCES, Call, contract_parameters, scalar_text, ways
from device_calls import array_bytes, array_definition
from kernel_cases import CASES, Seeded

from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import count
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.proof.contracts import SHAPE, number, time_of
from edgekit.targets.c.plan.linker import linker_script
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.c.replay.files import port_files
from edgekit.targets.devices import profile

# Constants of a build whose numbers say where to read, or how often.
FIXED = frozenset(
    ["shape", "mult", "shift", "w_mult", "w_shift", "r_mult", "r_shift", "at", "index"]
)
MATRICES = frozenset({"w", "r"})  # sparse ones say where their values belong
# What a hop may bring; the other arrays are constants of a build, or lie in its work space.
DATA = frozenset(
    {
        "x",
        "a",
        "b",
        "c",
        "d",
        "h",
        "y",
        "add",
        "offset",
        "mask",
        "grid",
        "spectrum",
        "pcm",
        "history",
    }
    | {"overlap", "z", "state", "noise"}
)
FLAGS = ("-std=c99", "-g1", "-O2", "-ffp-contract=off", "-DEK_ALONE")
MEMCHECK = ("valgrind", "-q", "--error-limit=no", "--leak-check=no", "--num-callers=20")
JUMP = "Conditional jump or move depends on uninitialised value(s)"
SEEDS = 4
PART = 40  # kernels in a program, which must fit an emulated core
HEAD = """\
#include "edgekit.h"
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/memcheck.h>

static void *load(size_t size, int is_data)
{
    void *const block = malloc(size + !size);
    if (!block || fread(block, 1, size, stdin) != size) exit(3);
    if (is_data) VALGRIND_MAKE_MEM_UNDEFINED(block, size);
    return block;
}
"""
# Words that repeat: ends of integers, infinity, 1, 100, -100; then random bits, or floats of usual sizes.
COUNTED = """\
#include "replay.h"

#include "edgekit.h"

static const uint32_t words[] = {{0u,          0xffffffffu, 0x80808080u, 0x7f7f7f7fu, 0x80008000u, 0x7fff7fffu,
                                 0x7f800000u, 0x3f800000u, 0x42c80000u, 0xc2c80000u, 0x00010001u}};
static uint32_t seed = 1u;

__attribute__((noinline)) void replay_begin(void)
{{
    __asm__ volatile("" ::: "memory");
}}

__attribute__((noinline)) void replay_end(void)
{{
    __asm__ volatile("" ::: "memory");
}}

static void fill(unsigned char *to, size_t size, uint32_t number)
{{
    for (size_t i = 0; i < size; i++) {{
        if (i % 4 == 0) {{
            seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
        }}
        const uint32_t usual = (seed & 0x807fffffu) | (0x3c000000u + ((seed & 7u) << 24));
        const uint32_t drawn = number % 2 ? seed : usual;
        to[i] = (unsigned char)((number < sizeof words / sizeof *words ? words[number] : drawn) >> 8 * (i % 4));
    }}
}}

{arrays}
int main(void)
{{
    for (uint32_t number = 0; number < {inputs}; number++) {{
{calls}
    }}
    replay_print("PASS\\n");
    return 0;
}}
"""


def small_calls(kernels: Iterable[str], seeds: int = SEEDS) -> list[Call]:
    """Return of each kernel the call of a few that has the fewest bytes."""
    drawn = [[CASES[kernel](Seeded(seed)) for seed in range(seeds)] for kernel in kernels]
    return [min(calls, key=array_bytes) for calls in drawn]


def jumps_on_data(calls: Sequence[Call]) -> dict[str, set[str]]:
    """Return the places of jumps that data decides, by kernel."""
    found: dict[str, set[str]] = {call.kernel: set() for call in calls}
    chosen = kernel_files({call.kernel for call in calls}, "")
    sources = [path for path in SOURCES if path.name in chosen]
    arrays = [a for call in calls for a in call.args if isinstance(a, np.ndarray)]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "calls.c").write_text(_memcheck_program(calls))
        for command in (
            ["cc", *FLAGS, "-O0", *INCLUDES, "-c", "calls.c", "-o", "calls.o"],  # a frame for each
            ["cc", *FLAGS, *INCLUDES, "calls.o", *map(str, sources), "-o", "calls"],
        ):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        data = b"".join(a.tobytes() for a in arrays)
        command = [*MEMCHECK, "./calls"]
        ran = subprocess.run(command, cwd=folder, check=True, capture_output=True, input=data)
    for block in re.split(r"^==\d+== \n", ran.stderr.decode(), flags=re.MULTILINE):
        if JUMP in block:
            where = re.search(r"0x\w+: (\w+ \(\w+\.[ch]:\d+\))", block)
            caller = re.search(r"call_(ek_\w+)_\d+ ", block)
            assert where is not None and caller is not None, block
            found[caller[1]].add(where[1])
    return found


def _memcheck_program(calls: Sequence[Call]) -> str:
    """Return C that makes each call in a function of its own, with arrays from its standard input."""
    bodies = []
    for place, call in enumerate(calls):
        arguments, lines = [], []
        rows = contract_parameters()[call.kernel]
        for i, (argument, (name, kind, _)) in enumerate(zip(call.args, rows, strict=True)):
            if not isinstance(argument, np.ndarray):
                arguments.append("0" if argument is None else scalar_text(kind, argument))
                continue
            is_data = not (name in FIXED or (call.patterns and name in MATRICES))
            lines.append(f"    void *const a{i} = load({argument.nbytes}, {int(is_data)});")
            arguments.append(f"a{i}")
        run = f"    {call.kernel}({', '.join(arguments)});"
        head = f"void call_{call.kernel}_{place}(void)\n{{"
        bodies.append("\n".join([head, *lines, run, "}"]))
    every = "\n".join(f"    call_{call.kernel}_{place}();" for place, call in enumerate(calls))
    return "\n".join([HEAD, *bodies, f"int main(void)\n{{\n{every}\n    return 0;\n}}\n"])


def counts_of(calls: Sequence[Call], device: Profile, inputs: int) -> list[tuple[Call, int, int]]:
    """Return the fewest and the most instructions of each call, in all ways of a device, over so many inputs."""
    found = []
    for first in range(0, len(calls), PART):
        part = [way for call in calls[first : first + PART] for way in ways(call, device.kernels)]
        with tempfile.TemporaryDirectory() as name:
            _write_counted(Path(name), part, device, inputs)
            compile_replay(Path(name), device, Path(name) / "program")
            counts = np.array(count(device, Path(name) / "program").hops)
        table = counts.reshape(inputs, len(part))
        found += [
            (call, int(column.min()), int(column.max()))
            for call, column in zip(part, table.T, strict=True)
        ]
    return found


def _write_counted(folder: Path, calls: Sequence[Call], device: Profile, inputs: int) -> None:
    """Write kernels and a program that makes all calls with so many inputs."""
    files = kernel_files({call.kernel for call in calls}, "", device.kernels)
    files |= {f"replay/{name}": text for name, text in port_files(device).items()}
    arrays, lines = [], []
    for place, call in enumerate(calls):
        names = []
        rows = contract_parameters()[call.kernel]
        for i, (argument, (name, kind, _)) in enumerate(zip(call.args, rows, strict=True)):
            if not isinstance(argument, np.ndarray):
                names.append("NULL" if argument is None else scalar_text(kind, argument))
                continue
            own = f"a{place}_{i}"
            arrays.append(array_definition(own, argument, ""))
            names.append(f"(void *){own}")
            if name in DATA:
                lines.append(f"fill((unsigned char *){own}, {argument.nbytes}, number);")
        run = f"{call.kernel}({', '.join(names)});"
        lines += ["replay_begin();", run, "replay_end();"]
    text = COUNTED.format(
        arrays="\n".join(arrays), inputs=inputs, calls="\n".join(" " * 8 + line for line in lines)
    )
    files["replay/main.c"] = text.encode()
    files["replay/board.ld"] = linker_script("golden", device).encode()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def most_added(call: Call) -> int:
    """Return the instructions that data may add to a call by its row in ``contracts.toml``; 0 without one."""
    row = time_of(call.kernel)
    if row is None:
        return 0
    names = [name for name, _, _ in contract_parameters()[call.kernel]]
    sizes = dict(zip(names, call.args, strict=True))
    if "shape" in sizes:
        sizes |= dict(zip(SHAPE, map(int, np.ravel(np.asarray(sizes["shape"]))), strict=True))
    return number(row.most, call.kernel, sizes)


def main() -> int:
    """Print a line for each call: its fewest and most instructions, what data may add, and jumps on this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kernels", nargs="*")
    parser.add_argument("--device", default="cortex-m4")
    parser.add_argument("--inputs", type=int, default=1000)
    options = parser.parse_args()
    calls, failed = small_calls(options.kernels or CASES), 0
    for call, least, most in counts_of(calls, profile(options.device), options.inputs):
        bound = least + most_added(call)
        failed += most > bound
        print(
            f"{call.kernel}: {least}..{most} instructions, bound {bound}{'  EXCEEDED' * (most > bound)}"
        )
    print(f"{options.inputs} inputs on {options.device}, {failed} bounds exceeded")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
