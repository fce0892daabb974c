"""An ULX3S 85F: an engine of a build beside a RISC-V core, SDRAM and a UART, by LiteX; its firmware; its simulation.

python bench fpga_ulx3s ENGINE FOLDER [--clock-mhz 25] [--bitstream] [--simulate [CYCLES] [--cold]]

ENGINE is a folder that `edgekit export --target fpga --part LFE5UM5G-85F --goal small` wrote. FOLDER gets

gateware/   Verilog, pin constraints, the scripts of yosys, nextpnr-ecp5 and ecppack; `--bitstream` runs them
firmware/   C for the core: the build's driver, the pictures of ENGINE/golden and what they must give; compiled to
            firmware.bin, which the boot loader takes over the UART
simulation/ with `--simulate`: the same system under Verilator, firmware.bin in a model of the SDRAM. Its UART is
            printed; ends with 1 where that does not say PASS within so many cycles. With `--cold` it begins at its
            reset with the board's boot loader, which tests 8 KB of the SDRAM in place of 2 MB, and takes firmware.bin
            over the wires of the UART

It was simulated, not run on a board. Needs

    pip install litex==2024.12 litedram==2024.12 litex-boards==2023.12 pythondata-cpu-picorv32 \
        pythondata-software-picolibc pythondata-software-compiler-rt

riscv64-unknown-elf-gcc with picolibc; for a bitstream yosys, nextpnr-ecp5 and ecppack, and meson and ninja, which
compile the boot loader, for `--cold` too; verilator for `--simulate`. The
engine's registers are at 0x90000000 and uncached; its AXI4 port reaches the SDRAM (32 MB from 0x40000000) over the bus
of the core, behind the same cache, so that both see the same bytes.
"""

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.base.errors import EdgeKitError, Problem, ToolError, UsageError
from edgekit.base.npz import read_npz
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.rtl import verilate, verilator_command

PACKAGES = (
    "pip install litex==2024.12 litedram==2024.12 litex-boards==2023.12 pythondata-cpu-picorv32 "
    "pythondata-software-picolibc pythondata-software-compiler-rt"
)
SOURCES = Path(__file__).parent / "ulx3s"
REGISTERS_AT, REGISTERS_BYTES = 0x9000_0000, 0x1000
DEVICE, PART = "LFE5U-85F", "LFE5UM5G-85F"  # the same fabric, without and with transceivers
BLOCK_RAMS, SYSTEM_RAMS = 208, 35  # of the part; of core, boot loader, its memory and the cache
CLOCKS_MHZ = 12.0, 100.0  # what the SDRAM's controller and the UART's divider are for
LEFT_OUT = ("ek_axi_rules.sv",)  # assertions of simulations
NAME = "ulx3s_sim"
BOOT_LOADER, BAUD = Path("software/bios/bios.bin"), 115_200  # of LiteX
QUICK_TEST_BYTES = 8192
CC, OBJCOPY = "riscv64-unknown-elf-gcc", "riscv64-unknown-elf-objcopy"
FLAGS = (
    "--specs=picolibc.specs",
    "-march=rv32im",
    "-mabi=ilp32",
    "-std=gnu99",
    "-O2",
    "-ffp-contract=off",
    "-ffunction-sections",
    "-nostartfiles",
    "-Wl,--gc-sections",
)
CHANNELS = {
    "ar": ("valid", "ready", "addr", "len", "size", "burst"),
    "r": ("valid", "ready", "data", "resp", "last"),
    "aw": ("valid", "ready", "addr", "len", "size", "burst"),
    "w": ("valid", "ready", "data", "strb", "last"),
    "b": ("valid", "ready", "resp"),
}
LITE = {
    "ar": ("valid", "ready", "addr"),
    "r": ("valid", "ready", "data", "resp"),
    "aw": ("valid", "ready", "addr"),
    "w": ("valid", "ready", "data"),
    "b": ("valid", "ready", "resp"),
}
ANSWERS = ("r", "b")  # channels on which the slave speaks


def unfit(manifest: Manifest, clock_mhz: float) -> list[Problem]:
    """Why the board cannot have an engine, or not at this clock."""
    facts = dict(manifest.engine or {})
    if not facts:
        made = f"edgekit export --target fpga --part {PART} --goal small"
        return [Problem("ENGINE", f"a build for {manifest.target}", "one for fpga", made)]
    (least, most), rams = CLOCKS_MHZ, BLOCK_RAMS - SYSTEM_RAMS
    rows = (
        ("part", facts["part"], facts["part"] == PART, PART, f"export with --part {PART}"),
        ("block RAMs", facts["rams"], facts["rams"] <= rams, f"up to {rams}", "try --goal small"),
        ("--clock-mhz", clock_mhz, least <= clock_mhz <= most, f"{least:g} to {most:g}", "try 25"),
    )
    return [Problem(where, str(found), *rest) for where, found, fits, *rest in rows if not fits]


def checked(engine: Path, clock_mhz: float) -> Manifest:
    """The manifest of an engine that the board can have; raises `UsageError` with all that is wrong."""
    manifest = Manifest.load(engine)
    if problems := unfit(manifest, clock_mhz):
        raise UsageError(problems)
    return manifest


def ports(
    bus: Any, prefix: str, channels: dict[str, tuple[str, ...]], master: bool
) -> dict[str, Any]:
    """The engine's ports of a bus by their names in an `Instance`; `master` says whether the engine asks."""
    found = {}
    for channel, signals in channels.items():
        for name in signals:
            speaks = (channel in ANSWERS) != master
            is_output = speaks != (name == "ready")
            signal = getattr(getattr(bus, channel), name)
            port = signal[:6] if prefix == "s" and name == "addr" else signal
            found[f"{'o' if is_output else 'i'}_{prefix}_{channel}{name}"] = port
    return found


def add_engine(soc: Any, rtl: Path) -> Any:
    """Put an engine on the bus of a system."""
    from litex.soc.integration.soc import SoCRegion
    from litex.soc.interconnect import axi
    from migen import ClockSignal, Instance, ResetSignal

    bus = re.search(r"BUS_BYTES = (\d+)", (rtl / "sim_config.h").read_text())
    assert bus is not None
    memory = axi.AXIInterface(data_width=8 * int(bus[1]), address_width=32, id_width=1)
    registers = axi.AXILiteInterface(data_width=32, address_width=32)
    soc.bus.add_master("engine", memory)
    region = SoCRegion(origin=REGISTERS_AT, size=REGISTERS_BYTES, cached=False)
    soc.bus.add_slave("engine", registers, region)
    soc.specials += Instance(
        "ek_top",
        i_clk=ClockSignal("sys"),
        i_rst=ResetSignal("sys"),
        **ports(memory, "m", CHANNELS, master=True),
        **ports(registers, "s", LITE, master=False),
    )
    soc.platform.add_verilog_include_path(str(rtl))
    for path in sorted(rtl.glob("ek_*.sv")):
        if path.name not in LEFT_OUT:
            soc.platform.add_source(str(path))
    return soc


def board_soc(rtl: Path, clock_mhz: float, quick: bool = False) -> Any:
    """The system: LiteX's for the board, and the engine on its bus.

    `quick`: its boot loader tests less memory, as LiteX's own simulation has it.
    """
    from litex_boards.targets.radiona_ulx3s import BaseSoC

    soc = BaseSoC(
        device=DEVICE,
        sys_clk_freq=clock_mhz * 1e6,
        cpu_type="picorv32",
        cpu_variant="standard",
        with_led_chaser=False,
        integrated_rom_size=0x8000,  # the boot loader takes 26 KB
    )
    for name in ("MEMTEST_DATA_SIZE", "MEMTEST_ADDR_SIZE") if quick else ():
        soc.add_constant(name, QUICK_TEST_BYTES)
    return add_engine(soc, rtl)


def bench_soc(
    rtl: Path, clock_mhz: float, image: bytes, registers: dict[str, int], boot_loader: bytes = b""
) -> Any:
    """The same system on the bench: LiteDRAM's model of the board's SDRAM holds `image`, which the core runs at once.

    With a `boot_loader` the core begins with that, and the UART has wires. `registers` are the board's, and become this
    system's.
    """
    from litedram.modules import MT48LC16M16
    from litedram.phy.model import SDRAMPHYModel
    from litex.build.generic_platform import Pins, Subsignal
    from litex.build.io import CRG
    from litex.build.sim import SimPlatform
    from litex.soc.integration.soc_core import SoCCore

    wires = [("valid", 1), ("ready", 1), ("data", 8)]
    serial = [Subsignal(f"{end}_{n}", Pins(w)) for end in ("source", "sink") for n, w in wires]
    if boot_loader:
        serial = [Subsignal("tx", Pins(1)), Subsignal("rx", Pins(1))]
    platform = SimPlatform("SIM", [("sys_clk", 0, Pins(1)), ("serial", 0, *serial)])
    clock = clock_mhz * 1e6
    control = registers["sdram_dfii_control"]
    low = (control & 0xFFF ^ 0x800) - 0x800  # a store's offset has a sign
    begin = [  # lui t0, %hi(control); li t1, 1; sw t1, %lo(control)(t0); lui t0, 0x40000; jr t0
        control - low | 0x2B7,
        0x0010_0313,
        (low & 0xFE0) << 20 | 0x0062_A023 | (low & 0x1F) << 7,
        0x4000_02B7,
        0x0002_8067,
    ]
    soc = SoCCore(
        platform,
        clock,
        cpu_type="picorv32",
        cpu_variant="standard",
        uart_name="serial" if boot_loader else "sim",
        ident="LiteX SoC on ULX3S",
        integrated_rom_size=0x8000,
        integrated_rom_init=_words(boot_loader) or begin,
    )
    soc.crg = CRG(platform.request("sys_clk"))
    module = MT48LC16M16(clock, "1:1")
    soc.sdrphy = SDRAMPHYModel(module, data_width=16, clk_freq=clock, init=_words(image))
    soc.add_sdram("sdram", phy=soc.sdrphy, module=module, size=0x4000_0000, l2_cache_size=8192)
    return add_engine(soc, rtl)


def _words(content: bytes) -> list[int]:
    return [int(word) for word in np.frombuffer(content + bytes(-len(content) % 4), "<u4")]


def write(
    rtl: Path,
    folder: Path,
    clock_mhz: float = 25.0,
    bitstream: bool = False,
    boot_loader: bool = False,
) -> None:
    """Write the project of a build's RTL, and run its tools for a bitstream, or for a boot loader to simulate."""
    from litex.soc.integration.builder import Builder

    builder = Builder(
        board_soc(rtl.resolve(), clock_mhz, quick=boot_loader),
        output_dir=str(folder),
        compile_software=bitstream or boot_loader,
        compile_gateware=bitstream,
    )
    try:
        builder.build(run=bitstream, timingstrict=True)  # no bitstream that misses its clock
    except OSError as cause:
        raise ToolError(f"LiteX: {cause}") from cause


def registers_of(path: Path) -> dict[str, int]:
    """Addresses of a system's registers, by LiteX's csr.json."""
    rows = json.loads(path.read_text())["csr_registers"]
    return {name: int(row["addr"]) for name, row in rows.items()}


def write_firmware(
    engine: Path, manifest: Manifest, registers: dict[str, int], folder: Path
) -> None:
    """Write the core's software to a folder of its own, with the golden pictures of the build."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "cpu", ignore_errors=True)
    if (engine / "cpu").is_dir():
        shutil.copytree(engine / "cpu", folder / "cpu")
    program = engine / "hls" / "data" / "program.bin"
    for source in (*SOURCES.glob("*.[cSl]*"), *(engine / "driver").glob("ek_*"), program):
        if not source.name.startswith(("ek_uio", "sim_")):
            shutil.copy(source, folder)
    (picture,) = manifest.stream_inputs
    x = read_npz(engine / "golden" / "input.npz")[picture.name]
    right = read_npz(engine / "golden" / "output.npz")
    names = [tensor.name for tensor in manifest.stream_outputs]
    rows = [np.concatenate([right[name][i].ravel() for name in names]) for i in range(len(x))]
    x.astype("<f4").tofile(folder / "pictures.bin")
    np.concatenate(rows).astype("<f4").tofile(folder / "expected.bin")
    sizes = [right[name][0].size for name in names]
    outputs = ", ".join(f'{{"{name}", {size}u}}' for name, size in zip(names, sizes, strict=True))
    values = {
        "UART_RXTX": f"0x{registers['uart_rxtx']:08x}u",
        "UART_TXFULL": f"0x{registers['uart_txfull']:08x}u",
        "REGISTERS": f"0x{REGISTERS_AT:08x}u",
        "PICTURES": f"{len(x)}u",
        "INPUT_FLOATS": f"{x[0].size}u",
        "OUTPUT_FLOATS": f"{sum(sizes)}u",
        "OUTPUTS": outputs,
    }
    lines = "".join(f"#define {name} {value}\n" for name, value in values.items())
    (folder / "board.h").write_text(f"/* The system, and what the firmware runs. */\n{lines}")


def compile_firmware(folder: Path) -> bytes:
    """Compile a folder's software to firmware.bin; raises `ToolError` where the compiler is missing or fails."""
    if shutil.which(CC) is None:
        raise ToolError(
            f"no {CC}: apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"
        )
    parts = sorted(path.relative_to(folder) for path in folder.glob("cpu/*/"))
    sources = sorted([*folder.glob("*.[cS]"), *folder.glob("cpu/*/*.c")])
    files = [str(path.relative_to(folder)) for path in sources]
    command = [CC, *FLAGS, *(f"-I{part}" for part in parts), "-T", "link.ld", *files]
    command += ["-o", "firmware.elf"]
    for step in (command, [OBJCOPY, "-O", "binary", "firmware.elf", "firmware.bin"]):
        done = subprocess.run(step, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ToolError(f"{step[0]} failed: {done.stderr.strip()[-2000:]}")
    return (folder / "firmware.bin").read_bytes()


def simulate(
    rtl: Path, folder: Path, clock_mhz: float, image: bytes, cycles: int, cold: bool = False
) -> bool:
    """Run an image on the system under Verilator, print its UART; whether it ended well within so many cycles.

    `cold`: the boot loader, which `write` compiled, takes the image over the UART.
    """
    from litex.soc.integration import export

    made = folder / "simulation"
    made.mkdir(parents=True, exist_ok=True)
    registers = registers_of(folder / "csr.json")
    boot_loader = (folder / BOOT_LOADER).read_bytes() if cold else b""
    soc = bench_soc(rtl.resolve(), clock_mhz, b"" if cold else image, registers, boot_loader)
    soc.finalize()
    (made / "csr.json").write_text(
        export.get_csr_json(soc.csr_regions, soc.constants, soc.mem_regions)
    )
    own = registers_of(made / "csr.json")
    moved = [name for name, address in own.items() if registers.get(name) != address]
    if moved:
        raise ToolError(f"LiteX put registers of the simulation elsewhere: {', '.join(moved)}")
    fragment = soc.get_fragment()
    soc.platform.finalize(fragment)
    with contextlib.chdir(made):  # where LiteX puts what the memories hold
        soc.platform.get_verilog(fragment, name=NAME).write(f"{NAME}.v")
    modules = [f"{NAME}.v"]
    for path in [Path(source) for source, *_ in soc.platform.sources] + [*rtl.glob("ek_*")]:
        shutil.copy(path, made)
        modules += [path.name] if path.suffix in (".v", ".sv") else []
    modules = list(dict.fromkeys(modules))
    bench = "sim_cold" if cold else "sim_ulx3s"
    shutil.copy(SOURCES / f"{bench}.cpp", made)
    command = verilator_command(NAME, modules, bench, "build")
    verilate(
        made, [*command, "-Wno-fatal", "-Wno-lint", "-Wno-UNOPTFLAT"]
    )  # LiteX's Verilog is not ours
    firmware = str((folder / "firmware" / "firmware.bin").resolve())
    wires = [firmware, str(clock_mhz * 1e6 / BAUD)] if cold else []
    done = subprocess.run([f"build/{bench}", str(cycles), *wires], cwd=made, check=False)
    return done.returncode == 0


def main() -> None:
    """Write the project, and what is asked of the rest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clock-mhz", type=float, default=25.0)
    parser.add_argument("--bitstream", action="store_true")
    parser.add_argument("--simulate", type=int, nargs="?", const=500_000_000, metavar="CYCLES")
    parser.add_argument("--cold", action="store_true")
    given = parser.parse_args()
    if given.cold and (given.bitstream or given.simulate is None):
        parser.error("--cold is for --simulate, and has a boot loader that no bitstream is for")
    engine, folder, rtl = given.engine, given.folder, given.engine / "rtl"
    try:
        manifest = checked(engine, given.clock_mhz)
        write(rtl, folder, given.clock_mhz, given.bitstream, given.cold)
        write_firmware(engine, manifest, registers_of(folder / "csr.json"), folder / "firmware")
        image = compile_firmware(folder / "firmware")
        files = sorted([*(folder / "gateware").iterdir(), folder / "firmware" / "firmware.bin"])
        for path in files:
            print(f"{path}: {path.stat().st_size:,} bytes")
        if given.simulate is not None:
            ran = simulate(rtl, folder, given.clock_mhz, image, given.simulate, given.cold)
            sys.exit(not ran)
    except ImportError as cause:
        sys.exit(f"{cause}: {PACKAGES}")
    except EdgeKitError as cause:
        sys.exit(str(cause))


if __name__ == "__main__":
    main()
