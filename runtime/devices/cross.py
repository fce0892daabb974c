"""Compiling a build for another machine: its replay program, and how much code its library is."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit.base.errors import ToolError
from edgekit.base.installation import install
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.runners.toolchain import (
    ALONE,
    Compiler,
    ask,
    compile_sources,
    find_compiler,
    zig,
)

STANDARD = ("-ffp-contract=off", "-fno-trapping-math", "-ffunction-sections", "-fdata-sections")
# Debian packages by the name of their command: (the compiler, and the C library where that is separate)
APT = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "arm-linux-gnueabihf-gcc": "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross",
    "riscv64-linux-gnu-gcc": "gcc-riscv64-linux-gnu libc6-dev-riscv64-cross",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    "qemu-system-arm": "qemu-system-arm",
    "qemu-system-riscv32": "qemu-system-misc",
    "qemu-aarch64": "qemu-user",
    "qemu-arm": "qemu-user",
    "qemu-riscv64": "qemu-user",
}


@dataclass(frozen=True)
class CrossCompiler:
    """A compiler for a profile's core, with the options that say which core that is."""

    compiler: Compiler
    core: tuple[str, ...]


def find_cross_compiler(profile: Profile) -> CrossCompiler | None:
    """Return the profile's gcc, or PyPI's ziglang; None where neither answers. This machine's own for its own."""
    if not profile.is_cross:
        return CrossCompiler(find_compiler(), profile.flags)
    if compiler := find_gcc(profile):
        return CrossCompiler(compiler, profile.flags)
    if profile.zig and importlib.util.find_spec("ziglang") and (compiler := ask(zig())):
        return CrossCompiler(compiler, profile.zig)
    return None


def find_gcc(profile: Profile) -> Compiler | None:
    """Return the profile's gcc; None where it is missing, or older than the kernels' intrinsics."""
    path = profile.cc and shutil.which(profile.cc)
    compiler = ask((path,)) if path else None
    if compiler is None or profile.gcc is None or compiler.version == "?":
        return compiler
    return compiler if int(compiler.version.split(".")[0]) >= profile.gcc else None


def compile_replay(
    directory: Path,
    profile: Profile,
    output: Path,
    defines: Sequence[str] = (),
    is_static: bool = False,
) -> Compiler:
    """Compile a build and its replay program, ``replay/``, into the program `output`.

    Needs nothing of the machine that runs it but its system where `is_static`, or for another core.

    Raises:
        ToolError: no compiler for that core, or it failed.
    """
    found = find_cross_compiler(profile)
    if found is None:
        raise ToolError(f"no compiler for {profile.name}: {how_to_get(profile)}")
    link = ["-static"] if profile.is_cross or is_static else []
    if profile.is_bare:
        link = ["-Wl,--gc-sections", "-T", "replay/board.ld"]
        link += [] if found.core == profile.zig else ["-nostartfiles"]
    sources = [*_sources(directory), *(f"replay/{p.name}" for p in _files(directory / "replay"))]
    options = [
        *found.core,
        "-std=c11",
        profile.optimize,
        *STANDARD,
        ALONE,
        *defines,
        "-I.",
        "-Ireplay",
    ]
    compile_sources(found.compiler, options, sources, link, output.resolve(), directory)
    return found.compiler


def code_bytes(directory: Path, profile: Profile) -> tuple[int, str] | None:
    """Return the size of a build's code and its tables, without weights, and the compiler's label.

    None where this machine lacks the profile's gcc.

    Raises:
        ToolError: it failed.
    """
    found = find_cross_compiler(profile)
    if profile.cc is None or found is None or found.core != profile.flags:
        return None
    size = shutil.which(profile.cc.removesuffix("gcc") + "size")
    if size is None:
        return None
    whole = directory / "library.o"
    sources = [name for name in _sources(directory) if not name.endswith("_weights.c")]
    try:
        options = [*found.core, "-std=c99", profile.optimize, *STANDARD[:2], "-I."]
        # specs of a C library name a separate linker script, which is for whole programs
        has_specs = any(flag.startswith("-specs=") for flag in found.core)
        link = (
            "-nostdlib",
            "-r",
            *(("-T", os.devnull, "-Wl,--no-gc-sections") if has_specs else ()),
        )
        compile_sources(found.compiler, options, sources, link, whole.resolve(), directory)
        table = subprocess.run([size, str(whole)], capture_output=True, text=True, check=True)
    finally:
        whole.unlink(missing_ok=True)
    return int(table.stdout.splitlines()[1].split()[0]), f"{profile.cc} {found.compiler.version}"


def how_to_get(profile: Profile) -> str:
    """Return the commands that install a compiler for a profile."""
    version = "" if profile.gcc is None else f"{profile.cc} {profile.gcc} or newer, "
    zig = f", or {install('ziglang')}" if profile.zig else ""
    return f"{version}as root: apt-get install {APT[profile.cc or '']}{zig}"


def _sources(directory: Path) -> list[str]:
    return [path.name for path in _files(directory)]


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("*.c") if path.is_file())
