"""The SystemVerilog of an engine's two data paths, and the programs that run it under Verilator."""

import re
from importlib.resources import files

from edgekit.fpga.spec import MULTIPLIER_BITS, EngineSpec

SHARED = ("ek_requantize.sv", "ek_results.sv")
SOURCES = (*SHARED, "ek_depthwise.sv", "ek_dense.sv")
SIMULATION = ("sim.h", "sim_depthwise.cpp", "sim_dense.cpp")


def sources(spec: EngineSpec) -> dict[str, str]:
    """Return the modules by file name, their parameters set to those of the engine."""
    values = parameters(spec)

    def value(match: re.Match[str]) -> str:
        return f"{match[1]}{values.get(match[2], match[4])}"

    pattern = re.compile(r"(parameter int (\w+)( =) )(\d+)")
    return {name: pattern.sub(value, _text(name)) for name in SOURCES}


def simulation() -> dict[str, str]:
    """Return the C++ programs around the modules, by file name."""
    return {name: _text(name) for name in SIMULATION}


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
    }


def _text(name: str) -> str:
    return (files("edgekit.fpga.rtl") / name).read_text(encoding="utf-8")
