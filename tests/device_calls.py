"""One program for a device out of many kernel calls: it makes them all, compares, and prints PASS."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from c_kernels import Call, largest_product, parameters, scalar_text, ways
from numpy.typing import NDArray

from edgekit.runtime.devices.profile import Profile
from edgekit.targets.c.emit.base import C_ARRAYS
from edgekit.targets.c.plan.linker import linker_script
from edgekit.targets.c.program.literals import array_text
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.c.replay.files import port_files
from edgekit.targets.c.stubs import hosts

SAME_BITS = -1.0
COMPARE = """\
static int failures;

/* Bits, any NaN equal to any other; floats also as near as `near`, or to 1e-5 of their own, where that is not negative:
 * -0 is near 0. */
static void compare(const char *call, const void *found, const void *expected, size_t size, int is_float, float near)
{
    const unsigned char *const a = found, *const b = expected;
    int is_same = 1;
    for (size_t i = 0; !is_float && i < size; i++) {
        is_same &= a[i] == b[i];
    }
    for (size_t i = 0; is_float && i < size / sizeof(float); i++) {
        uint32_t m, n;
        float x, y;
        memcpy(&m, a + 4 * i, 4), memcpy(&n, b + 4 * i, 4);
        memcpy(&x, a + 4 * i, 4), memcpy(&y, b + 4 * i, 4);
        const float d = x < y ? y - x : x - y, own = 1e-5f * (y < 0.0f ? -y : y);
        is_same &= m == n || (x != x && y != y) || (near >= 0.0f && d <= 3e38f && d <= (own > near ? own : near));
    }
    if (!is_same) {
        replay_print(call);
        replay_print(": FAIL\\n");
        failures++;
    }
}
"""

MAIN = """\
#include "replay.h"

#include "edgekit.h"

{compare}
{arrays}

int main(void)
{{
{calls}
    replay_print(failures ? "FAIL\\n" : "PASS\\n");
    return failures != 0;
}}
"""


def array_bytes(call: Call) -> int:
    """What a program holds of a call."""
    arrays = [a for a in call.args if isinstance(a, np.ndarray)]
    return sum(a.nbytes for a in (*arrays, *map(np.asarray, call.expected.values())))


def write_calls(folder: Path, calls: Sequence[Call], profile: Profile) -> None:
    """Write the kernels as builds for a profile have them, and ``replay/`` with the program."""
    calls = [way for call in calls for way in ways(call, profile.kernels)]
    kernels = {call.kernel for call in calls}
    chosen = kernel_files(kernels, "", profile.kernels)
    arrays: list[str] = []
    lines: list[str] = []
    known: dict[tuple[str, bytes], str] = {}
    for number, call in enumerate(calls):
        is_own = kernel_files({call.kernel}, "", profile.kernels) != kernel_files({call.kernel}, "")
        own, made = _call(number, call, is_own, known)
        arrays += own
        lines += made
    assert {hosts().get(kernel, f"{kernel}.c") for kernel in kernels} <= chosen.keys()
    files = chosen | {f"replay/{name}": text for name, text in port_files(profile).items()}
    main = MAIN.format(
        compare=COMPARE, arrays="\n".join(arrays), calls="\n".join(f"    {line}" for line in lines)
    )
    files["replay/main.c"] = main.encode()
    if profile.is_bare:
        files["replay/board.ld"] = linker_script("golden", profile).encode()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _call(
    number: int, call: Call, is_own: bool, known: dict[tuple[str, bytes], str]
) -> tuple[list[str], list[str]]:
    """The arrays and lines of a call; `known` are constants by their content, which calls share."""
    arrays: list[str] = []
    names: list[str] = []
    lines: list[str] = []

    def constant(name: str, values: NDArray[np.generic]) -> str:
        key = values.dtype.name, values.tobytes()
        if key not in known:
            known[key] = name
            arrays.append(array_definition(name, values, "const "))
        return known[key]

    for i, (argument, text) in enumerate(zip(call.args, parameters()[call.kernel], strict=True)):
        if not isinstance(argument, np.ndarray):
            kind = text.split()[0]
            names.append("NULL" if argument is None else scalar_text(kind, argument))
            continue
        if text.startswith("const "):
            names.append(f"(const void *){constant(f'golden_{number}_{i}', argument)}")
            continue
        name = f"written_{number}_{i}"
        arrays.append(array_definition(name, argument, ""))
        names.append(f"(void *){name}")
        if i in call.expected:
            values = call.expected[i]
            expected = constant(f"golden_{number}_{i}_expected", values)
            near = SAME_BITS
            if is_own and values.dtype == np.float32:
                largest = float(np.abs(values).max())
                near = 1e-5 * max(
                    1.0, largest_product(call), largest if np.isfinite(largest) else 0.0
                )
            lines.append(
                f'compare("{call.kernel} {number}", {name}, {expected}, '
                f"sizeof {name}, {int(values.dtype == np.float32)}, {near:.6e}f);"
            )
    return arrays, [f"{call.kernel}({', '.join(names)});", *lines]


def array_definition(name: str, values: NDArray[np.generic], qualifier: str) -> str:
    ctype = (C_ARRAYS | {"uint64": "uint64_t"})[values.dtype.name]  # work space has it
    if values.size == 0:
        return f"static {qualifier}{ctype} {name}[1];"
    return f"static _Alignas(16) {qualifier}{ctype} {name}[{values.size}] = {{\n{array_text(values)}\n}};"
