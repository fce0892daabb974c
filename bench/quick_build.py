"""A model as compiled C in this process without the checks of an export; kernels are compiled once."""

import ctypes
import platform
import tempfile
from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from edgekit.graph.model import Model
from edgekit.runtime.kernel_sources import PORTABLE, kernel_sources
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.runners.toolchain import (
    ALONE,
    FLAGS,
    NATIVE,
    SHARED,
    compile_shared,
    compile_sources,
    find_compiler,
)
from edgekit.runtime.stream import Stream
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.program.sources import kernel_files
from edgekit.targets.devices import cpu_flags, profile
from edgekit.targets.instruction_sets import INSTRUCTION_SETS

QUICK = ("-O1", "-w")


@cache
def load_kernels() -> None:
    """Compile all kernels and load them for this process and its children, once.

    Raises:
        ToolError: there is no C compiler, or it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "kernels.so"
        compile_kernels(library)
        ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)


def compile_kernels(library: Path) -> None:
    """Compile all kernels to a shared library; errors as of `load_kernels`."""
    with as_file(files("edgekit.runtime")) as runtime:
        portable = runtime / "src" / PORTABLE
        folders = [runtime / "include", *portable.iterdir()]
        compile_shared(sorted(portable.rglob("*.c")), folders, library, QUICK)


def own_instruction_sets() -> tuple[str, ...]:
    """The instruction sets with kernels of their own that the processor of this machine has."""
    machine, flags = platform.machine(), cpu_flags()
    return tuple(
        name
        for name, row in INSTRUCTION_SETS.items()
        if row.machine == machine and row.cpu and not row.missing(machine, flags)
    )


@cache
def kernels_of(isa: str) -> Path:
    """Compile all kernels of an instruction set into one object that stays until the process ends; once."""
    folder = Path(_kept().name) / isa
    folder.mkdir()
    names = {name.removesuffix(".c") for name in kernel_sources() if name.endswith(".c")}
    for name, content in kernel_files(names, "", INSTRUCTION_SETS[isa].folders, True).items():
        (folder / name).write_bytes(content)
    sources = sorted(path.name for path in folder.glob("*.c"))
    options = [*FLAGS, ALONE, *NATIVE, *QUICK, "-I."]
    whole = folder / "kernels.o"
    compile_sources(find_compiler(), options, sources, ("-r", "-nostdlib"), whole, folder)
    return whole


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="edgekit-kernels-")


def quick_build(model: Model, isa: str = "") -> Stream:
    """Return a model that ``c99`` takes as a running build, with the kernels of `load_kernels`.

    Named an instruction set of `own_instruction_sets`, it has those of `kernels_of`.
    """
    device = profile("c99")
    if isa:
        device = replace(profile("host"), kernels=INSTRUCTION_SETS[isa].folders)
    build = lower_c(model, "c99", device)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in build.files.items():
            (folder / path).write_bytes(content)
        sources = [
            path for path in build.files if path.endswith(".c") and not path.startswith("ek_")
        ]
        compiler, library = find_compiler(), folder / "model.so"
        options = [*FLAGS, ALONE, *QUICK, *(NATIVE if isa else ()), "-I."]
        link = [*SHARED, *([str(kernels_of(isa))] if isa else [])]
        compile_sources(compiler, options, sources, link, library, folder)
        loaded = ctypes.CDLL(str(library))
        return Stream(build.manifest, NativeRunner(loaded, build.manifest, folder, compiler))
