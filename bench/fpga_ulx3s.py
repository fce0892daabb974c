"""Project files for an ULX3S 85F: an engine of a build beside a RISC-V core, SDRAM and a UART, by LiteX.

python bench/fpga_ulx3s.py ENGINE FOLDER [--clock-mhz 25] [--bitstream]

ENGINE is a folder that `edgekit export --target fpga --part LFE5UM5G-85F --goal small` wrote. FOLDER gets LiteX's
gateware: Verilog, pin constraints, the scripts of yosys, nextpnr-ecp5 and ecppack, and the header with addresses for
software; `--bitstream` runs the scripts. It was elaborated, not run on a board. Needs

    pip install litex==2024.12 litedram==2024.12 litex-boards==2023.12 pythondata-cpu-picorv32

The engine's registers are at 0x90000000 and uncached; its AXI4 port reaches the SDRAM (32 MB from 0x40000000) over
the bus of the core, behind the same cache, so that both see the same bytes. `ek_bare` of the build's driver takes the
registers' address, `ek_open` any multiple of 64 in SDRAM.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

REGISTERS_AT, REGISTERS_BYTES = 0x9000_0000, 0x1000
DEVICE = "LFE5U-85F"  # the fabric of LFE5UM5G-85F, without transceivers
LEFT_OUT = ("ek_axi_rules.sv",)  # assertions of simulations
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


def make_soc(rtl: Path, clock_mhz: float) -> Any:
    """The system: LiteX's for the board, and the engine on its bus."""
    from litex.soc.integration.soc import SoCRegion
    from litex.soc.interconnect import axi
    from litex_boards.targets.radiona_ulx3s import BaseSoC
    from migen import ClockSignal, Instance, ResetSignal

    soc = BaseSoC(
        device=DEVICE,
        sys_clk_freq=clock_mhz * 1e6,
        cpu_type="picorv32",
        cpu_variant="standard",
        with_led_chaser=False,
        integrated_rom_size=0x8000,  # the boot loader takes 26 KB; an engine leaves a tenth of the block RAMs
    )
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


def write(rtl: Path, folder: Path, clock_mhz: float = 25.0, bitstream: bool = False) -> None:
    """Write the project of a build's RTL, and run its tools where a bitstream is wanted."""
    from litex.soc.integration.builder import Builder

    builder = Builder(
        make_soc(rtl.resolve(), clock_mhz),
        output_dir=str(folder),
        compile_software=bitstream,
        compile_gateware=bitstream,
    )
    builder.build(run=bitstream)


def main() -> None:
    """Write the project, and the bitstream where asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clock-mhz", type=float, default=25.0)
    parser.add_argument("--bitstream", action="store_true")
    given = parser.parse_args()
    try:
        write(given.engine / "rtl", given.folder, given.clock_mhz, given.bitstream)
    except ImportError as cause:
        sys.exit(f"{cause}: pip install litex litedram litex-boards pythondata-cpu-picorv32")
    for path in sorted((given.folder / "gateware").iterdir()):
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
