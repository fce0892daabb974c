"""A RISC-V core and an engine in one simulation: the build's driver runs on the core, in tests/fpga_soc/."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.rtl import verilate, verilator_command

SOURCES = Path(__file__).parent / "fpga_soc"
CC, OBJCOPY = "riscv64-unknown-elf-gcc", "riscv64-unknown-elf-objcopy"
CORE = "pythondata_cpu_picorv32"
MISSING = [
    *(tool for tool in ("verilator", "make", CC) if shutil.which(tool) is None),
    *([] if importlib.util.find_spec(CORE) else [CORE]),
]
needs_soc = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
FLAGS = (
    "--specs=picolibc.specs",
    "-march=rv32im",
    "-mabi=ilp32",
    "-std=gnu99",
    "-O2",
    "-ffp-contract=off",
    "-ffunction-sections",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-nostartfiles",
    "-Wl,--gc-sections",
)


def firmware(build: Path, pictures: NDArray[np.float32], folder: Path) -> Path:
    """Compile a build's driver, its CPU parts and the pictures into an image for the core's memory."""
    shutil.copy(build / "hls" / "data" / "program.bin", folder)
    (folder / "pictures.bin").write_bytes(np.ascontiguousarray(pictures, "<f4").tobytes())
    sizes = [int(np.prod(t.shape)) for t in Manifest.load(build).stream_outputs]
    parts = sorted((build / "cpu").glob("*")) if (build / "cpu").is_dir() else []
    included = [SOURCES, build / "driver", folder, *parts]
    sources = [SOURCES / "start.S", SOURCES / "main.c"]
    sources += [build / "driver" / name for name in ("ek_driver.c", "ek_network.c")]
    sources += [source for part in parts for source in part.glob("*.c")]
    defines = [f"-DOUTPUT_FLOATS={','.join(map(str, sizes))}", f"-DINPUT_FLOATS={pictures[0].size}"]
    program, image = folder / "firmware.elf", folder / "firmware.bin"
    command = [CC, *FLAGS, *defines, *(f"-I{path}" for path in included), "-T", SOURCES / "link.ld"]
    done = subprocess.run(
        [*command, *sources, "-o", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    subprocess.run([OBJCOPY, "-O", "binary", program, image], check=True)
    return image


def simulation(build: Path, folder: Path) -> Path:
    """Compile core, engine and memory into one program."""
    shutil.copytree(build / "rtl", folder, dirs_exist_ok=True)
    for name in ("ek_soc.sv", "sim_soc.cpp"):
        shutil.copy(SOURCES / name, folder)
    found = importlib.util.find_spec(CORE)
    assert found is not None and found.origin is not None
    core = (Path(found.origin).parent / "verilog" / "picorv32.v").read_text()
    (folder / "picorv32.v").write_text(re.sub(r"^`timescale.*", "", core, flags=re.MULTILINE))
    (folder / "picorv32.vlt").write_text('`verilator_config\nlint_off -file "*picorv32.v"\n')
    modules = ["picorv32.vlt", "picorv32.v", *sorted(p.name for p in folder.glob("ek_*.sv"))]
    bus = re.search(r"BUS_BYTES = (\d+)", (folder / "sim_config.h").read_text())
    assert bus is not None
    command = verilator_command("ek_soc", modules, "sim_soc", "build_soc")
    verilate(folder, [*command, f"-GBUS_BYTES={bus[1]}"])
    return folder / "build_soc" / "sim_soc"


def outputs(build: Path, pictures: NDArray[np.float32], folder: Path) -> list[NDArray[np.float32]]:
    """Run pictures on core and engine; each output ``(pictures, *its shape)``."""
    image, program = firmware(build, pictures, folder), simulation(build, folder / "soc")
    result = folder / "result.bin"
    done = subprocess.run([program, image, result], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    print(done.stdout)
    shapes = [tuple(t.shape) for t in Manifest.load(build).stream_outputs]
    sizes = [int(np.prod(shape)) for shape in shapes]
    rows = np.fromfile(result, "<f4").reshape(len(pictures), sum(sizes))
    pieces = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
    return [row.reshape(len(pictures), *shape) for row, shape in zip(pieces, shapes, strict=True)]
