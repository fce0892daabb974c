"""Modelled cycles beside those of LLVM's pipelines: networks of MLPerf Tiny on in-order cores.

    python bench pipelines [--only WORD] [--core CORE]... [--llvm 19]

The first model is that of targets/devices.toml: cycles by kind of instruction, or one number. The second one is
llvm-mca (Debian: llvm-19; older ones lack Helium). It schedules the instructions of a basic block on the core's
pipelines, one run of the block after the other. QEMU traces which blocks an inference runs, and how often. Neither
model knows caches or wait states. The networks have random weights, at w8a8. Blocks of 99 % of the instructions count.
Helium's instructions for loops count as nothing. What llvm-mca cannot schedule is taken to run like the rest; its share
is printed. A trace of a microcontroller has more instructions than the plugin counts, so it gives cycles per
instruction, for the instructions that the plugin counted.
"""

import argparse
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from layers.cycles import quantized_network
from tables import Table

from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import BEGIN, END, TRACE, count
from edgekit.runtime.devices.profile import Profile
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.replay.noise import noise_folder
from edgekit.targets.devices import profile

NETWORKS = ("ad", "kws", "ic", "vww")
CORES = {  # LLVM's target and core
    "cortex-m7": ("thumbv7em-none-eabi", "cortex-m7"),
    "cortex-m55": ("thumbv8.1m.main-none-eabi", "cortex-m55"),
    "cortex-a53": ("aarch64-linux-gnu", "cortex-a53"),
}
LOOPS = re.compile(r"^\s*(?:w|d)ls(?:tp)?(?:\.\d+)?\s.*\n|^\s*le(?:tp)?\s.*\n", re.MULTILINE)
HOT = 0.99  # of the instructions
RUNS = 100  # of a block
SPREAD = 1.15  # between two models, above which a page gives both

Code = tuple[str, ...]  # a word or half a word of hexadecimal digits each


@dataclass(frozen=True)
class Block:
    """A basic block: its code, its number of instructions, and how often it ran."""

    code: Code
    instructions: int
    runs: int


def traced_blocks(lines: Iterable[str]) -> list[Block]:
    """Return the blocks that ran between the marks of a trace, the most executed instructions first."""
    code, read = dict[str, tuple[Code, int]](), list[str]()
    runs: Counter[str] = Counter()
    inside = False
    for line in lines:
        if line.startswith("0x"):
            read.append(re.split(r":?\s{2,}", line)[1])
        elif line.startswith("Trace "):
            place = line.split(" ", 3)[2]  # of the translation: one address may have several
            if read:
                words = tuple(word for text in read for word in text.split())
                code[place], read = (words, len(read)), []
            name = line[line.rfind("]") + 2 : -1]
            if name in (BEGIN, END):
                inside = name == BEGIN
            elif inside and not name.startswith("replay_"):
                runs[place] += 1
    blocks = [Block(*code[place], number) for place, number in runs.items()]
    return sorted(blocks, key=lambda block: -block.instructions * block.runs)


def assembly(block: Block, core: str, llvm: str) -> str:
    """Return the text of a block, as LLVM reads it; without those of Helium's loops."""
    triple, cpu = CORES[core]
    given = " ".join(f"0x{byte:02x}" for word in block.code for byte in bytes.fromhex(word)[::-1])
    command = [f"llvm-mc{llvm}", "-disassemble", f"-triple={triple}", f"-mcpu={cpu}"]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return LOOPS.sub("", done.stdout)


def scheduled_cycles(block: Block, core: str, llvm: str) -> float | None:
    """Return the cycles of one run of a block on the core's pipelines; None where they cannot be scheduled."""
    triple, cpu = CORES[core]
    command = [f"llvm-mca{llvm}", f"-mtriple={triple}", f"-mcpu={cpu}", f"-iterations={RUNS}"]
    text = assembly(block, core, llvm)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    found = re.search(r"^Total Cycles:\s+(\d+)", done.stdout, re.MULTILINE)
    return None if done.returncode or found is None else int(found[1]) / RUNS


def trace(device: Profile, program: Path) -> list[Block]:
    """Run a program once and return its blocks."""
    command = device.qemu_command(str(program), TRACE)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        return traced_blocks(run.stderr)


def pipeline_cycles(blocks: list[Block], core: str, llvm: str) -> tuple[float, float]:
    """Return the cycles of all blocks, and the share of instructions that were not scheduled."""
    total = sum(block.instructions * block.runs for block in blocks)
    seen = scheduled = 0
    cycles = 0.0
    for block in blocks:
        if seen >= HOT * total:
            break
        executed = block.instructions * block.runs
        seen += executed
        if (each := scheduled_cycles(block, core, llvm)) is not None:
            scheduled += executed
            cycles += each * block.runs
    return (cycles * total / scheduled if scheduled else 0.0), 1 - scheduled / seen


def measured_row(core: str, network: str, llvm: str) -> list[str]:
    """Return the row of a network on a core."""
    device = profile(core)
    build = lower_c(quantized_network(network), core, device)
    with noise_folder(build, device, 1) as folder:
        program = folder / "program"
        compile_replay(folder, device, program, ["-DREPLAY_COUNTED_HOPS=1"])
        counts, blocks = count(device, program), trace(device, program)
    (instructions,) = counts.hops
    traced = sum(block.instructions * block.runs for block in blocks)
    each = device.cycles_of(counts.kinds)
    assert each is not None
    per_block, left = pipeline_cycles(blocks, core, llvm)
    cycles, model = per_block * instructions / traced, each * instructions
    return [
        *(f"`{core}`", network, f"{instructions / 1e6:.2f}", f"{model / 1e6:.2f}"),
        *(f"{cycles / 1e6:.2f}", f"{cycles / model:.2f}", f"{left:.1%}"),
        f"{traced / instructions:.2f}",
        "yes" if max(cycles / model, model / cycles) > SPREAD else "no",
    ]


def main() -> None:
    """Trace, schedule and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORD", help="of networks")
    parser.add_argument("--core", action="append", choices=CORES, help="repeatable; else all")
    parser.add_argument("--llvm", default="", metavar="VERSION", help="else that of llvm-mca")
    options = parser.parse_args()
    llvm = f"-{options.llvm}" if options.llvm else ""
    if not shutil.which(f"llvm-mca{llvm}"):
        parser.error(f"llvm-mca{llvm} is missing: apt-get install llvm{llvm or '-19'}")
    head = ("M instructions", "M cycles, devices.toml", "M cycles, llvm-mca", "llvm-mca / model")
    table = Table(
        "core", "network", *head, "not scheduled", "traced / counted", "over 15 % apart", numbers=7
    )
    for core in options.core or CORES:
        for network in (name for name in NETWORKS if options.only in name):
            print(table.add_row(*measured_row(core, network, llvm)), flush=True)
    table.show()


if __name__ == "__main__":
    main()
