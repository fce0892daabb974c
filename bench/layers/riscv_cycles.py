"""Cycles of RISC-V builds on the RTL of two cores, beside the model: Ibex and CV32E40P under Verilator.

    python bench riscv_cycles [--only WORD] [--core NAME]...

The RTL is that of PyPI's pythondata-cpu-ibex and pythondata-cpu-cv32e40p, which must be installed; nothing of it is
kept. The bundled denoiser and the keyword network of MLPerf Tiny (random weights) run at w8a8 as builds for
riscv32imc, one hop of noise each. The program compares the outputs with those of the portable C on this machine.
Instructions are counted under QEMU; the model is the one number of targets/devices.toml. The memory answers after one
or after five cycles, instructions and data on a port each, one access at a time.
"""

import argparse
import importlib.util
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from layers.cycles import quantized_network
from tables import Table

from edgekit import api
from edgekit.demos.show_denoise import CLIPS, NETWORK
from edgekit.graph.model import Model
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import count
from edgekit.runtime.stream import Stream
from edgekit.targets.build_files import read_model, write_build
from edgekit.targets.c.lower import lower_c
from edgekit.targets.c.replay.files import golden_file, is_all_integers, port_files, replay_files
from edgekit.targets.c.replay.noise import noise_hops
from edgekit.targets.devices import profile

TARGET = "riscv32imc"
TEMPLATES = Path(__file__).parent / "templates"
MEMORIES = (1, 5)  # cycles until an answer
VERILATOR = (
    *("verilator", "--cc", "--exe", "--build", "-O3", "--x-assign", "fast", "--x-initial", "fast"),
    *("-CFLAGS", "-O2", "--top-module", "riscv_core", "-Wno-fatal", "-Wno-lint", "-Wno-UNOPTFLAT"),
    "-Wno-BLKANDNBLK",  # counters of CV32E40P, whose unused bits are constant
)
MARK = "((volatile uint32_t *)0x10000000u)[1] = 1;"
GOLDEN_BYTES = 1 << 20


@dataclass(frozen=True)
class Core:
    """A core's RTL in a package: folders of modules and of headers, and files that must come first."""

    label: str
    package: str
    modules: tuple[str, ...]
    headers: tuple[str, ...]
    first: tuple[str, ...]


PRIM = "vendor/lowrisc_ip/ip/prim/rtl"
CORES = {
    "ibex": Core(
        "Ibex",
        "pythondata_cpu_ibex",
        ("rtl", PRIM),
        (PRIM, "vendor/lowrisc_ip/dv/sv/dv_utils"),
        ("rtl/ibex_pkg.sv", f"{PRIM}/prim_cipher_pkg.sv", f"{PRIM}/prim_secded_pkg.sv"),
    ),
    "cv32e40p": Core(
        "CV32E40P",
        "pythondata_cpu_cv32e40p",
        ("rtl",),
        ("rtl/include", "bhv"),
        (
            *(f"rtl/include/cv32e40p_{name}pkg.sv" for name in ("apu_core_", "fpu_", "")),
            "bhv/cv32e40p_sim_clock_gate.sv",
            "rtl/cv32e40p_register_file_ff.sv",
        ),
    ),
}


def build_simulation(name: str, folder: Path) -> Path:
    """Compile a core with its memory; exits where its package is missing. Returns the simulation."""
    core = CORES[name]
    if importlib.util.find_spec(core.package) is None:
        raise SystemExit(f"{core.label} is missing: pip install {core.package.replace('_', '-')}")
    root = Path(str(files(core.package) / "system_verilog"))
    own = TEMPLATES / f"riscv_{name}.sv", TEMPLATES / "riscv_cycles.cpp"
    command = [
        *VERILATOR,
        *(part for at in core.modules for part in ("-y", str(root / at))),
        *(f"-I{root / at}" for at in core.headers),
        *(str(root / at) for at in core.first),
        *map(str, own),
        *("--Mdir", str(folder / name), "-o", "simulation"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return folder / name / "simulation"


def denoiser() -> Model:
    """Return the bundled denoiser at w8a8."""
    options = {"recipe": "w8a8", "calibration": str(CLIPS / "calibration"), "hop": 128}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "build"
        frontend = "stft:512:128:sqrt_hann:logpow"
        api.export(str(NETWORK), "c99", folder, frontend=frontend, sample_rate=16000, **options)  # type: ignore[arg-type]
        return read_model(folder)


def networks(only: str) -> Iterator[tuple[str, Model]]:
    """Yield networks whose name has a word."""
    rows = {"denoiser": denoiser, "keywords": lambda: quantized_network("kws")}
    return ((name, make()) for name, make in rows.items() if only in name)


def write_program(folder: Path, model: Model) -> None:
    """Write a build and a replay of one hop of noise; what it must compute is what the portable C computes here."""
    device = profile(TARGET)
    build = lower_c(model, TARGET, device)
    manifest = build.manifest
    inputs = noise_hops(manifest.hop_inputs, 1)
    with tempfile.TemporaryDirectory() as name:
        write_build(lower_c(model, "c99"), Path(name))
        outputs = Stream.open(name).run(inputs)
    sources = {**build.files, **replay_files(manifest, device)}
    exact = is_all_integers(build)
    sources["replay/golden.c"] = golden_file(manifest, inputs, outputs, (), exact, GOLDEN_BYTES)
    for path, content in sources.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def counted_instructions(folder: Path) -> int:
    """Return the instructions of the hop under QEMU."""
    device = profile(TARGET)
    compile_replay(folder, device, folder / "program", ["-DREPLAY_COUNTED_HOPS=1"])
    return count(device, folder / "program").hops[0]


def take_simulated_port(folder: Path) -> None:
    """Replace semihosting by the stores that the simulation knows, and mark the hop with them."""
    for name in port_files(profile(TARGET)):
        if name.endswith(".c"):
            (folder / "replay" / name).unlink()
    (folder / "replay" / "riscv_port.c").write_bytes((TEMPLATES / "riscv_port.c").read_bytes())
    main = folder / "replay" / "main.c"
    text, marks = re.subn(
        r"(?<=void replay_)(begin|end)\(void\)\n\{",
        rf"\1(void)\n{{\n{MARK}",
        main.read_text("utf-8"),
    )
    assert marks == 2
    main.write_text(text, encoding="utf-8")
    compile_replay(folder, profile(TARGET), folder / "program", ["-DREPLAY_PAINTED_BYTES=0u"])


def measured_cycles(simulation: Path, program: Path, memory: int) -> int:
    """Run a program on a core; returns the cycles of its hop.

    Raises:
        CalledProcessError: its outputs are others than on this machine.
    """
    command = [str(simulation), str(program), str(memory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "PASS" in done.stdout, done.stdout
    (cycles,) = re.findall(r"^cycles (\d+)$", done.stdout, re.MULTILINE)
    return int(cycles)


def measure(cores: Sequence[str], only: str) -> Table:
    """Return a row for each network, core and memory."""
    each = profile(TARGET).cycles_per_instruction
    assert each is not None
    head = ("network", "core", "memory, cycles", "M instructions", "M cycles", "cycles/instruction")
    table = Table(*head, "model", "model / measured", numbers=6)
    with tempfile.TemporaryDirectory() as name:
        simulations = {core: build_simulation(core, Path(name)) for core in cores}
        for network, model in networks(only):
            folder = Path(name) / network
            write_program(folder, model)
            instructions = counted_instructions(folder)
            take_simulated_port(folder)
            for core, simulation in simulations.items():
                for memory in MEMORIES:
                    cycles = measured_cycles(simulation, folder / "program", memory)
                    found = cycles / instructions
                    millions = (f"{n / 1e6:.3f}" for n in (instructions, cycles))
                    ratios = f"{found:.2f}", f"{each:.2f}", f"{each / found:.2f}"
                    label = CORES[core].label
                    print(
                        table.add_row(network, label, str(memory), *millions, *ratios), flush=True
                    )
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORD", help="of networks")
    parser.add_argument("--core", action="append", choices=CORES, help="repeatable; else both")
    options = parser.parse_args()
    measure(options.core or tuple(CORES), options.only).show()


if __name__ == "__main__":
    main()
