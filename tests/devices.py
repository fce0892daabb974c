"""Emulated devices for tests: which this machine can compile and run for, and builds that replay on them."""

import atexit
import platform
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest
from builds import lowered, noise

from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.devices.cross import (
    APT,
    STANDARD,
    compile_replay,
    find_cross_compiler,
    find_gcc,
)
from edgekit.runtime.devices.emulator import replay
from edgekit.runtime.runners.toolchain import ALONE
from edgekit.targets.build import Build
from edgekit.targets.c.replay.files import Arrays, golden_source
from edgekit.targets.devices import cpu_flags, profile, profiles

VNNI = {"avx512_vnni", "avx_vnni"}  # of x86, as Linux names it
OTHER_EMULATORS = {"riscv64-v": [("qemu-riscv64", "-cpu", "rv64,v=true,vlen=256")]}
# Of every test that compiles much: a compiler cache then has the kernels' objects from the test before.
QUICK = ("-O1", "-Wall", "-Wextra", "-Werror")
# Of the folder that reads them: a compiler reads them longer than most kernels. gcc 14 fails with those of RISC-V.
INTRINSICS = {"neon": "arm_neon.h"}
CROSS = tuple(name for name, device in profiles().items() if device.is_cross)


def missing(target: str) -> str | None:
    """What keeps this machine from compiling and running for a target; None where nothing does."""
    device = profile(target)
    tools = [tool for tool in (device.cc, device.qemu[0]) if tool and not shutil.which(tool)]
    packages = " ".join(APT[tool] for tool in tools)
    if not tools and find_gcc(device) is None:
        return f"needs {device.cc} {device.gcc} or newer"
    return f"needs {' and '.join(tools)}: apt-get install {packages}" if tools else None


def like_another(target: str) -> bool:
    """Whether a device before it has the same kernels: the two differ in options of the compiler alone."""
    kernels = [profile(name).kernels for name in CROSS]
    return kernels.index(profile(target).kernels) < CROSS.index(target)


def on_devices(*targets: str, slow: Collection[str] = ()) -> pytest.MarkDecorator:
    """Parametrize `target` with devices, all by default; those that cannot run here are skipped by tool.

    Of all devices, one that is `like_another` is slow, and so are those of `slow`.
    """

    def copy(name: str) -> bool:
        return like_another(name) and len(targets) != 1

    return pytest.mark.parametrize(
        "target",
        [
            pytest.param(
                name,
                marks=[
                    pytest.mark.skipif(missing(name) is not None, reason=missing(name) or ""),
                    *([pytest.mark.slow] if name in slow or copy(name) else []),
                ],
            )
            for name in targets or CROSS
        ],
    )


def replayable(model: Model, target: str, folder: Path, hops: int = 8, seed: int = 0) -> Build:
    """Lower `model` into `folder` with golden data that the oracle computes from seeded noise."""
    build = lowered(model, folder, target)
    inputs = noise(model, hops, seed)
    with_golden(build, model, folder, target, inputs, Oracle(model).run_hops(inputs))
    return build


def with_golden(
    build: Build, model: Model, folder: Path, target: str, inputs: Arrays, outputs: Arrays
) -> None:
    """Add golden data to a build that was written into `folder`."""
    text = golden_source(build, build.manifest, model, inputs, outputs, profile(target))
    (folder / "replay" / "golden.c").write_bytes(text)


def replayed(folder: Path, target: str, *options: str) -> list[str]:
    """Compile and run a build's replay program; returns the lines that it printed."""
    program = folder / "replay.elf"
    compile_replay(folder, profile(target), program, options)
    return run_program(target, program).splitlines()


@cache
def read_once(target: str) -> tuple[str, ...]:
    """Options of `compile_replay` beside QUICK, with which all sources find a device's intrinsics read already."""
    device = profile(target)
    found = find_cross_compiler(device)
    names = [INTRINSICS[folder] for folder in device.kernels if folder in INTRINSICS]
    if found is None or found.core != device.flags or not names:
        return ()
    header = Path(mkdtemp(prefix="edgekit-")) / "first.h"
    atexit.register(rmtree, header.parent, ignore_errors=True)
    header.write_text(f"#include <{names[0]}>\n")
    options = [*found.core, "-std=c11", device.optimize, *STANDARD, ALONE, *QUICK]
    command = [*found.compiler.command, *options, "-x", "c-header", str(header)]
    subprocess.run([*command, "-o", f"{header}.gch"], check=True, capture_output=True)
    return "-include", str(header)


def run_program(target: str, program: Path) -> str:
    """Run a replay program in every emulator of a target; returns what it printed in the last, PASS at the end."""
    device = profile(target)
    others = [replace(device, qemu=command) for command in OTHER_EMULATORS.get(target, ())]
    return [replay(machine, program) for machine in (device, *others)][-1]


def saturates() -> bool:
    """Whether onnxruntime's int8 kernels add pairs of products in 16 bits on this machine's CPU."""
    return platform.machine() in ("x86_64", "AMD64") and not cpu_flags() & VNNI


needs_vnni = pytest.mark.skipif(
    saturates(), reason="needs a CPU with avx512_vnni or avx_vnni: onnxruntime saturates without"
)
