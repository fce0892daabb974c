"""The SystemVerilog of an engine and of its data paths, and the programs that run it under Verilator."""

import re
from dataclasses import asdict
from importlib.resources import files

from edgekit.fpga import formats, tiles
from edgekit.fpga.cycles import tree_levels
from edgekit.fpga.dram import DRAM
from edgekit.fpga.spec import MULTIPLIER_BITS, EngineSpec

SHARED = ("ek_requantize.sv", "ek_results.sv")
TILES = ("ek_window.sv", "ek_taps.sv", "ek_array.sv")
PATHS = ("ek_depthwise.sv", "ek_dense.sv")
MODULES = {
    "depthwise": (*SHARED, "ek_window.sv", "ek_taps.sv", "ek_depthwise.sv"),
    "dense": (*SHARED, "ek_array.sv", "ek_dense.sv"),
    "engine": (
        *SHARED, *TILES, *PATHS, "ek_pool.sv", "ek_words.sv", "ek_rows.sv", "ek_blocks.sv", "ek_fetch.sv",
        "ek_reader.sv", "ek_store.sv", "ek_writer.sv", "ek_engine.sv", "ek_lines.sv", "ek_control.sv",
        "ek_axi_rules.sv", "ek_top.sv",
    ),
}  # fmt: skip
"""Of a top that is simulated or synthesised its files; the last one is its own."""
PROGRAM, FORMAT, CONFIG = "ek_program.svh", "program_format.h", "sim_config.h"
SIMULATION = (
    "sim.h",
    "sim_memory.h",
    "sim_bus.h",
    "sim_depthwise.cpp",
    "sim_dense.cpp",
    "sim_engine.cpp",
    "sim_host.cpp",
)


def sources(spec: EngineSpec) -> dict[str, str]:
    """Return the modules by file name, their parameters set to those of the engine.

    With the data path ``hls`` some are tiles that XLS compiles, and their sources are there too; raises `ToolError`
    where XLS is missing.
    """
    values = parameters(spec) | derived_parameters(spec)

    def value(match: re.Match[str]) -> str:
        return f"{match[1]}{values.get(match[2], match[4])}"

    pattern = re.compile(r"(parameter int (\w+)( =) )(\d+)")
    modules = {name: pattern.sub(value, _text(name)) for name in MODULES["engine"]}
    if spec.datapath == "hls":
        modules |= tiles.modules(modules, values)
    return modules | {PROGRAM: formats.sv_format()}


def simulation(spec: EngineSpec) -> dict[str, str]:
    """Return the C++ programs around the modules of an engine, by file name."""
    memory = {f"DRAM_{name.upper()}": value for name, value in asdict(DRAM).items()}
    values = "".join(f"const int {k} = {v};\n" for k, v in (parameters(spec) | memory).items())
    config = f"// The parameters of the modules, and of DRAM.\n#pragma once\n{values}"
    own = {CONFIG: config, FORMAT: formats.c_format()}
    return {name: _text(name) for name in SIMULATION} | own


def parameters(spec: EngineSpec) -> dict[str, int]:
    """Return the modules' parameters."""
    return {
        "LANES": spec.lanes,
        "COLUMNS": spec.columns,
        "WEIGHT_BITS": spec.weight_bits,
        "ROWS": spec.line_rows,
        "LINE_BEATS": spec.line_beats,
        "WEIGHT_BEATS": spec.weight_beats,
        "GROUPS": spec.groups,
        "ACC_BITS": spec.accumulator_bits,
        "MULT_BITS": MULTIPLIER_BITS,
        "DMAX": spec.dmax,
        "PLANE_ROWS": spec.plane_rows,
        "BUFFER_BEATS": max(spec.buffer_beats, 1),
        "BUS_BYTES": spec.port_bytes,
    }


def derived_parameters(spec: EngineSpec) -> dict[str, int]:
    """Return the parameters of tiles that the modules around them compute: bits of addresses, levels of sums."""
    return {
        "AW": max((spec.line_beats - 1).bit_length(), 1),
        "RB": (spec.line_rows - 1).bit_length(),
        "LEVELS": tree_levels(spec),
    }


def _text(name: str) -> str:
    return (files("edgekit.fpga.rtl") / name).read_text(encoding="utf-8")
