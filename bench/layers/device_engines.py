"""Engines on an emulated microcontroller: one program for each, of the same start-up code, inputs and counter.

An engine is a class with a name and a method that adds its sources to a program. All are compiled by one compiler with
one level of optimization. Each call is counted under QEMU by itself, and the last one is what an inference takes.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Protocol

import numpy as np

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.export.tflite_file.convert import to_onnx
from edgekit.export.tflite_file.file import Graph, Tensor, TfliteFile, read_tflite
from edgekit.judge.tflite_runtimes import random_walks
from edgekit.runtime.devices.cross import STANDARD, find_gcc, how_to_get
from edgekit.runtime.devices.emulator import count
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.runners.toolchain import ALONE, compile_sources
from edgekit.targets.c.plan.linker import linker_script
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.c.replay.files import port_files

TEMPLATES = Path(__file__).parent / "templates"
NETWORK = "network"  # weights of all engines lie in sections .rodata.network_*
CALLS, LEAST_CALLS, VALUES = 12, 4, 2**17  # inputs lie in the memory for weights
STORED = (".vectors", ".weights", ".text", ".ARM.extab", ".ARM.exidx", ".tables", ".data")
CLEARED = (".data", ".bss")
TIMEOUT_S = 120


@dataclass(frozen=True)
class Case:
    """A .tflite with inputs for some calls, in the types of the file."""

    name: str
    data: bytes

    @cached_property
    def content(self) -> TfliteFile:
        """What the file has."""
        return read_tflite(self.data)

    @cached_property
    def graph(self) -> Graph:
        """The graph that runs, with the names that an import gives its inputs and outputs."""
        return to_onnx(self.content, None).graph

    @property
    def inputs(self) -> list[Tensor]:
        """The inputs of the graph."""
        return [self.graph.tensors[number] for number in self.graph.inputs]

    @property
    def outputs(self) -> list[Tensor]:
        """The outputs of the graph."""
        return [self.graph.tensors[number] for number in self.graph.outputs]

    @cached_property
    def feeds(self) -> list[list[Array]]:
        """Random inputs of each call, of fewer calls where they are large."""
        size = sum(prod(tensor.shape) for tensor in self.inputs)
        return random_walks(self.graph, (), max(LEAST_CALLS, min(CALLS, VALUES // size)))


@dataclass
class Program:
    """The parts of a program before it is compiled.

    Attributes:
        files: content by path.
        calls: arrays of each call, as the engine takes them.
        output_bytes: the size of each output, as the engine leaves it.
        sources: other files to compile.
        folders: where to look for headers.
        options: of the compiler.
        link: of the linker.
        layers: a name for each layer, in the order in which they run; known after the build.
        scratch: bytes that the engine was given, of which it reports how many are spare.
    """

    files: dict[str, bytes]
    calls: Sequence[Sequence[Array]]
    output_bytes: Sequence[int]
    sources: Sequence[Path] = ()
    folders: Sequence[Path] = ()
    options: Sequence[str] = ()
    link: Sequence[str] = ()
    layers: Sequence[str] = ()


class Engine(Protocol):
    """An engine that runs .tflite files on microcontrollers."""

    name: str

    def write(self, case: Case, device: Profile) -> Program:
        """Return the parts of a program that defines the functions of ``engine.h``.

        Raises:
            EdgeKitError: the engine cannot run the file.
        """

    def read(self, case: Case, made: Sequence[bytes]) -> list[Array]:
        """Return the outputs of one call in the types of the file, from the bytes that the engine left."""


@dataclass(frozen=True)
class Figures:
    """What an engine takes for one inference, and its outputs.

    Attributes:
        instructions: executed by the last call.
        functions: the mean of a call, by function.
        kinds: the mean of a call, by kind of instruction.
        flash_bytes: code, tables and weights of the whole program, without the inputs of the test.
        ram_bytes: memory of the whole program, with inputs and outputs, without its stack.
        outputs: of each call, in the types of the file.
        layers: instructions of the last call by layer; empty unless counted.
    """

    instructions: int
    functions: Mapping[str, int]
    kinds: Counter[str]
    flash_bytes: int
    ram_bytes: int
    outputs: list[list[Array]]
    layers: list[tuple[str, int]] = field(default_factory=list)


def measure(
    engine: Engine, case: Case, device: Profile, folder: Path, is_layered: bool = False
) -> Figures:
    """Build a program of an engine in an empty folder, run it and count.

    Args:
        engine: whose.
        case: the network and its inputs.
        device: a microcontroller that QEMU emulates.
        folder: an empty one.
        is_layered: whether to count each layer too, in a second program.

    Raises:
        EdgeKitError: the engine cannot run the file, or a tool failed.
    """
    program = engine.write(case, device)
    elf = compile_program(program, device, folder / "whole", False)
    printed = _run_replay(device, elf)
    rows = [line.split() for line in printed.splitlines()]
    outputs = [bytes.fromhex(text) for word, text in rows if word == "output"]
    (spare,) = (int.from_bytes(bytes.fromhex(t), "little") for w, t in rows if w == "spare")
    each, counts = len(program.output_bytes), count(device, elf)
    calls = len(program.calls)
    sizes = section_bytes(device, elf)
    given = (folder / "whole" / "golden_inputs.bin").stat().st_size
    layers: list[tuple[str, int]] = []
    if is_layered:
        elf = compile_program(program, device, folder / "layers", True)
        parts = count(device, elf).hops[-len(program.layers) - 1 :]
        layers = list(zip([*program.layers, "the rest"], parts, strict=True))
    return Figures(
        counts.hops[-1],
        {name: n // calls for name, n in counts.functions.items()},
        Counter({kind: n // calls for kind, n in counts.kinds.items()}),
        sum(sizes[name] for name in STORED) - given,
        sum(sizes[name] for name in CLEARED) - spare,
        [engine.read(case, outputs[i * each : (i + 1) * each]) for i in range(calls)],
        layers,
    )


def compile_program(program: Program, device: Profile, folder: Path, is_layered: bool) -> Path:
    """Write the files of a program into a new folder, compile and link it; returns the program.

    Raises:
        ToolError: the device's gcc is missing or failed.
    """
    main = TEMPLATES / "engine_main.c"
    files = {
        **port_files(device),
        main.name: main.read_bytes(),
        "board.ld": linker_script(NETWORK, device).encode(),
        "golden_inputs.bin": b"".join(a.tobytes() for call in program.calls for a in call),
    }
    link = ["-Wl,--gc-sections", "-T", "board.ld", "-nostartfiles"]
    return compile_files(program, device, folder, files, link, is_layered)


def compile_files(
    program: Program,
    device: Profile,
    folder: Path,
    files: Mapping[str, bytes],
    link: Sequence[str],
    is_layered: bool = False,
) -> Path:
    """Write the files of a program, and others, into a new folder, compile and link them; returns what is linked.

    Raises:
        ToolError: the device's gcc is missing or failed.
    """
    compiler = find_gcc(device)
    if compiler is None:
        raise ToolError(f"no compiler for {device.name}: {how_to_get(device)}")
    header = (TEMPLATES / "engine.h").read_text(encoding="utf-8")
    first = program.calls[0]
    files = {
        **kernel_files(set(), ""),
        **files,
        **program.files,
        "engine.h": header.format(
            calls=len(program.calls),
            layers=int(is_layered),
            inputs=len(first),
            outputs=len(program.output_bytes),
            input_bytes=", ".join(str(array.nbytes) for array in first),
            output_bytes=", ".join(map(str, program.output_bytes)),
        ).encode(),
    }
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    own = sorted(name for name in files if Path(name).suffix in (".c", ".cc"))
    options = [*device.flags, device.optimize, *STANDARD, ALONE, *program.options, "-I."]
    options += [f"-I{path.resolve()}" for path in program.folders]
    sources = [*own, *(str(path.resolve()) for path in program.sources)]
    output = folder.resolve() / "program.elf"
    compile_sources(compiler, options, sources, [*link, *program.link], output, folder)
    return output


def section_bytes(device: Profile, elf: Path) -> Counter[str]:
    """Return the sizes of the sections of a program, by name; of one that is absent 0."""
    tool = str(device.cc).removesuffix("gcc") + "size"
    table = subprocess.run([tool, "-A", str(elf)], capture_output=True, text=True, check=True)
    rows = re.findall(r"^(\.\S+)\s+(\d+)", table.stdout, re.MULTILINE)
    return Counter({name: int(size) for name, size in rows})


def _run_replay(device: Profile, elf: Path) -> str:
    command = device.qemu_command(str(elf))
    if shutil.which(command[0]) is None:
        raise ToolError(f"{device.name} needs {command[0]}, which is not here")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{command[0]} did not end within {TIMEOUT_S} s") from error
    printed = done.stdout + done.stderr
    if done.returncode != 0:
        raise ToolError(f"the program on {device.name} failed: {printed.strip()[-200:]}")
    return printed


def check_checkouts(rows: Sequence[tuple[str, Path, str, str]]) -> None:
    """Check that folders are checkouts of what they are said to be.

    Args:
        rows: of each an option, its folder, the repository and a file that this one has.

    Raises:
        UsageError: all that are not.
    """
    problems = [
        Problem(f"{option} {path}", f"no {mark} there", f"a checkout of {name}", "name its folder")
        for option, path, name, mark in rows
        if not (path / mark).is_file()
    ]
    if problems:
        raise UsageError(problems)


def check_files(paths: Sequence[Path]) -> None:
    """Check that files are there.

    Raises:
        UsageError: all that are not.
    """
    problems = [
        Problem(f"file {path}", "there is none", "a .tflite", "check the path")
        for path in paths
        if not path.is_file()
    ]
    if problems:
        raise UsageError(problems)


def equal_share(made: Sequence[Sequence[Array]], expected: Sequence[Sequence[Array]]) -> str:
    """Say how many values of all calls are equal, and the largest difference where some are not."""
    pairs = [pair for a, b in zip(made, expected, strict=True) for pair in zip(a, b, strict=True)]
    ours = np.concatenate([a.ravel().astype(np.float64) for a, _ in pairs])
    theirs = np.concatenate([b.ravel().astype(np.float64) for _, b in pairs])
    gap = np.abs(ours - theirs)
    found = f"{int((gap == 0).sum())} of {gap.size}"
    return found if not gap.any() else f"{found}, by up to {gap.max():g}"
