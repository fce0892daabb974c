"""Defects that kernels once had, put back one at a time, and what finds each.

    PYTHONPATH=tests:bench python tests/kernel_defects.py

A row is the commit that took a defect out, with today's text and the text that brings the defect back.
"""

import ctypes
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path

from c_kernels import ISAS, Argument, Call, check, check_near, compile_library, missing_cpu_flags
from device_calls import array_bytes, write_calls
from devices import QUICK, missing, run_program
from kernel_remainders import Fences, by_folders, remainder_calls, room_calls

from edgekit.base.errors import CheckFailed
from edgekit.runtime.devices.cross import compile_replay
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.devices import profile

SEEDS = 4
MOST_BYTES, MOST_CALLS = 1 << 16, 80  # a program's, in the memory of a small device
Comparison = Callable[[Call, Sequence[Argument], str], None]
PAGES, NUMPY, DEVICE = "guard pages", "NumPy", "NumPy on a device"


@dataclass(frozen=True)
class Defect:
    """One defect.

    Attributes:
        commit: the commit that took it out.
        what: what was wrong.
        where: an instruction set, ``c99`` or a device.
        kernel: a kernel that has it.
        file: the file of the kernel.
        right: its text.
        wrong: the text with the defect.
        found_by: what finds it.
        same_bits: whether floats are compared bit for bit, as integer recipes need them.
    """

    commit: str
    what: str
    where: str
    kernel: str
    file: str
    right: str
    wrong: str
    found_by: str
    same_bits: bool = False


DEFECTS = (
    Defect(
        "fd734807",
        "up to two bytes behind the weights are read",
        "avx512vnni",
        "ek_conv_transpose_s8_s8",
        "ek_transposed_depthwise.h",
        "ek_min(s->out_c, taps < 3 ? 3 : 1)",
        "1",
        PAGES,
    ),
    Defect(
        "242dc330",
        "one sum is written behind the last, into the next output",
        "cortex-m55",
        "ek_conv_s8_s8",
        "ek_conv_columns.h",
        "(EK_TILE_POSITIONS - behind) / s->out_w",
        "(EK_TILE_POSITIONS - 0 * behind) / s->out_w",
        DEVICE,
    ),
    Defect(
        "242dc330",
        "a band of channels with two outputs overflows its room on the stack",
        "cortex-m55",
        "ek_conv_s8_s8",
        "ek_conv_planes.h",
        "(outputs * b->two * b->columns)), 1) * b->two",
        "(b->two * b->columns)), 1) * b->two",
        DEVICE,
    ),
    Defect(
        "383ec924",
        "a band of some columns is laid out as if it began at the first",
        "avx512vnni",
        "ek_conv_s8_s8",
        "ek_conv_fours.h",
        "ek_spread_of(s, &b, oy - s->pad_top, ox - s->pad_left, &spread)",
        "ek_spread_of(s, &b, oy - s->pad_top, -s->pad_left, &spread)",
        NUMPY,
    ),
    Defect(
        "a0f7b80f",
        "a phase whose first tap lies before the input takes one tap again and again",
        "avx512vnni",
        "ek_conv_transpose_s8_s16",
        "ek_phases.h",
        "p.step = p.count == 1 ? at - p.at : p.step;",
        "p.step = p.at >= 0 && p.count == 1 ? at - p.at : p.step;",
        NUMPY,
    ),
    Defect(
        "e1bef36b",
        "a phase without taps gathers some",
        "avx2",
        "ek_conv_transpose_s8_s8",
        "ek_conv_window.h",
        "if (taps > 0) {",
        "if (taps >= 0) {",
        PAGES,
    ),
    Defect(
        "dd371121",
        "several rows at once read packed weights as dense ones",
        "avx2",
        "ek_fc_s8_s8_w4",
        "ek_rows_w4.h",
        "EK_PRODUCT_TOGETHER ek_rows_together_s8_w4",
        "EK_PRODUCT_TOGETHER ek_rows_together_s8",
        PAGES,
    ),
    Defect(
        "126f1f2d",
        "a short pointwise convolution fills every fourth channel alone",
        "c99",
        "ek_conv_f32",
        "ek_conv_f32.c",
        "(!matrix && ek_conv_by_column(&s)",
        "(ek_conv_by_column(&s)",
        NUMPY,
    ),
    Defect(
        "5e7986fd",
        "means of integer recipes are summed in the order of vectors",
        "avx512vnni",
        "ek_avg_pool_f32",
        "ek_avg_pool_f32.c",
        "#define EK_RESULT",
        "#define EK_ADD_V(acc, v) ek_v_add(acc, v)\n#define EK_POOL_SUM"
        " ek_pool_means_f32(acc, down, across, n, to)\n#define EK_RESULT",
        NUMPY,
        same_bits=True,
    ),
    Defect(
        "35f6e8fd",
        "the logarithm of 1 + e^x is 0 far below 0",
        "c99",
        "ek_softplus_f32",
        "ek_softplus_f32.c",
        "ek_softplusf1(x[i])",
        "x[i] > 20.0f ? x[i] : ek_logf1(1.0f + ek_expf1(ek_minf1(x[i], 20.0f)))",
        NUMPY,
        same_bits=True,
    ),
)


def obstacle(defect: Defect) -> str | None:
    """What keeps this machine from running the kernels that a defect is in; None where nothing does."""
    if defect.where == "c99":
        return None
    if defect.where in ISAS:
        flags = missing_cpu_flags(defect.where)
        return f"needs a CPU with {', '.join(flags)}" if flags else None
    return missing(defect.where)


def finder(defect: Defect, folder: Path, damaged: bool = True) -> str | None:
    """Return what finds a defect, in a folder without files; None if nothing does.

    Args:
        defect: the defect.
        folder: the place for its kernel.
        damaged: false runs the same without the defect.
    """
    calls = chain(
        room_calls(defect.kernel),
        *(remainder_calls(defect.kernel, seed) for seed in range(SEEDS)),
    )
    on = _on_host if defect.where in (*ISAS, "c99") else _on_device
    return on(defect, folder, calls, damaged)


def damaged_text(defect: Defect, text: str) -> str:
    """The text of a kernel's file with the defect."""
    assert text.count(defect.right) == 1, f"{defect.file} has no {defect.right!r}"
    return text.replace(defect.right, defect.wrong)


def _damage(defect: Defect, folder: Path) -> None:
    file = folder / defect.file
    file.write_text(damaged_text(defect, file.read_text()))


def _on_host(defect: Defect, folder: Path, calls: Iterable[Call], damaged: bool) -> str | None:
    """Make the calls in a process of their own, which an access outside of an array ends."""
    row = ISAS.get(defect.where)
    folders, flags = (row.folders, row.flags) if row else ((), ())
    made = list(by_folders(calls, folders))
    kernels = {call.kernel for call in made}
    for name, content in kernel_files(kernels, "", folders, defect.same_bits).items():
        (folder / name).write_bytes(content)
    if damaged:
        _damage(defect, folder)
    options = ("-O2", *flags)
    library = compile_library(folder / "all.so", options, sorted(folder.glob("*.c")))
    child = os.fork()
    if child == 0:
        os._exit(_is_found(library, made, check if defect.same_bits else check_near))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return PAGES
    return NUMPY if os.WEXITSTATUS(status) else None


def _is_found(library: ctypes.CDLL, calls: Iterable[Call], compare: Comparison) -> bool:
    """Whether a call leaves something else than it should."""
    fences = Fences()
    try:
        for call, at_end in product(calls, (True, False)):
            compare(call, fences.run(library, call, at_end), "")
    except AssertionError:
        return True
    return False


def _on_device(defect: Defect, folder: Path, calls: Iterable[Call], damaged: bool) -> str | None:
    """Make calls of few bytes in a program for a device."""
    small = [call for call in calls if array_bytes(call) <= MOST_BYTES]
    write_calls(folder, small[:MOST_CALLS], profile(defect.where))
    if damaged:
        _damage(defect, folder)
    compile_replay(folder, profile(defect.where), folder / "program", QUICK)
    try:
        run_program(defect.where, folder / "program")
    except CheckFailed:
        return DEVICE
    return None


def main() -> int:
    """Print a row for each defect; say whether one is not found."""
    missed = 0
    print("| commit | defect | kernel | on | found by | s |\n|---|---|---|---|---|--:|")
    for defect in DEFECTS:
        found, started = obstacle(defect), time.perf_counter()
        if not found:
            with tempfile.TemporaryDirectory() as folder:
                found = finder(defect, Path(folder))
        missed += found is None
        row = [defect.commit, defect.what, f"`{defect.kernel}`", defect.where, found or "nothing"]
        print("|", " | ".join([*row, f"{time.perf_counter() - started:.0f}"]), "|", flush=True)
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
