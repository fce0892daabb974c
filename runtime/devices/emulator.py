"""QEMU: runs a replay program for another core, and counts the instructions that it executes.

QEMU counts instructions, not cycles. Its system emulators load our plugin ``replay/count.c``. Those of Linux programs
write a trace of one basic block per line, as Debian builds them without plugins. The trace is read here, and the
instructions of each block once.
"""

import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path

from edgekit.base.errors import ToolError
from edgekit.runtime.bench.golden import check_verdict
from edgekit.runtime.devices.cross import APT
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.runners.toolchain import compile_shared

TIMEOUT_S = 300
TRACE = ("-d", "in_asm,exec,nochain", "-D", "/dev/stderr")
BEGIN, END = "replay_begin", "replay_end"


@dataclass(frozen=True)
class Counts:
    """Executed instructions: of each hop, and over all hops of each function of the build, and of each kind.

    `kinds` is empty where a program for Linux was traced.
    """

    hops: tuple[int, ...]
    functions: dict[str, int]
    kinds: dict[str, int] = field(default_factory=dict)


def replay(profile: Profile, program: Path, layers: bool = False) -> str:
    """Run a replay program to its PASS; return its output.

    Raises:
        ToolError: no emulator, or it did not end.
        CheckFailed: it printed anything but PASS; with `layers`, names the first layer that differs.
    """
    command = _command(profile, program)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{profile.qemu[0]} did not end within {TIMEOUT_S} s") from error
    printed = done.stdout + done.stderr
    if done.returncode not in (0, 1):
        printed += f"exit code {done.returncode}\n"
    check_verdict(profile.name, printed, layers)
    return printed


def count(profile: Profile, program: Path) -> Counts:
    """Run a program that was compiled with REPLAY_COUNTED_HOPS.

    Raises:
        ToolError: no emulator or no compiler for the plugin, or they failed.
    """
    if not profile.is_bare:
        return _trace_blocks(profile, program)
    with tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True) as name:
        plugin, log = Path(name) / "libcount.so", Path(name) / "counts"
        with as_file(files("edgekit.runtime") / "replay" / "count.c") as source:
            compile_shared([source], [], plugin)
        options = ("-plugin", str(plugin), "-d", "plugin", "-D", str(log))
        command = _command(profile, program, options)
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        if done.returncode != 0 or not log.is_file():
            raise ToolError(f"{profile.qemu[0]} failed: {done.stdout}{done.stderr}".strip())
        rows = [line.split(" ", 2) for line in log.read_text().splitlines()]
    hops = tuple(int(row[1]) for row in rows if row[0] == "hop")
    functions, kinds = (
        {row[2]: int(row[1]) for row in rows if row[0] == word} for word in ("symbol", "class")
    )
    return Counts(hops, functions, kinds)


def _trace_blocks(profile: Profile, program: Path) -> Counts:
    """Count the instructions of blocks between the two marks, which are functions and so separate blocks.

    A block is disassembled before it runs first, a line ``0x...`` an instruction; each run of it is a line
    ``Trace 0: ... [.../address/...] function``.
    """
    command = _command(profile, program, TRACE)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        counts = _count_blocks(_block_runs(run.stderr))
    if run.returncode != 0:
        raise ToolError(f"{profile.qemu[0]} failed with exit code {run.returncode}")
    return counts


def _block_runs(lines: Iterable[str]) -> Iterator[tuple[str, int | None]]:
    """Each block that ran: its function, and how many instructions it has, None where it was not disassembled."""
    sizes, block = dict[int, int](), list[str]()  # by address; the lines of the block that is read
    for line in lines:
        if line.startswith("0x"):
            block.append(line)
        elif line.startswith("Trace "):
            if block:
                sizes[int(block[0][: block[0].index(":")], 16)] = len(block)
                block = []
            address = int(line.split("/", 2)[1], 16)
            yield line[line.rfind("]") + 2 : -1], sizes.get(address)


def _count_blocks(runs: Iterable[tuple[str, int | None]]) -> Counts:
    """The instructions between the marks, by hop and by function.

    Raises:
        ToolError: a block of unknown length ran there.
    """
    functions: Counter[str] = Counter()
    hops = list[int]()
    counted: int | None = None
    for function, size in runs:
        if function == BEGIN:
            counted = 0
        elif function == END:
            hops += [] if counted is None else [counted]
            counted = None
        elif counted is not None and not function.startswith("replay_"):
            if size is None:
                raise ToolError(f"QEMU did not list the instructions of a block of {function}")
            functions[function] += size
            counted += size
    return Counts(tuple(hops), dict(functions))


def _command(profile: Profile, program: Path, options: Sequence[str] = ()) -> tuple[str, ...]:
    if not profile.qemu:
        return (str(program), *options)
    need = profile.qemu[0]
    if shutil.which(need) is None:
        get = f"; as root: apt-get install {APT[need]}" if need in APT else ""
        raise ToolError(f"{profile.name} needs {need}, which is not installed{get}")
    return profile.qemu_command(str(program), options)
