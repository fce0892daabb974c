"""The tables of `program.bin`, and of the registers that an engine has, as C++ and as SystemVerilog."""

from edgekit.fpga.words import (
    ADDRESS,
    DIGEST_FROM,
    HEADER,
    HEADER_WORDS,
    LAYER,
    LAYER_WORDS,
    MAGIC,
    PATHS,
    REGIONS,
    SCALE,
    VERSION,
)
from edgekit.runtime.runners.engine import ERRORS, REGISTERS

RECORDS = (("PROGRAM", HEADER), ("LAYER", LAYER), ("ADDRESS", ADDRESS), ("SCALE", SCALE))
ENUMERATIONS = (("PATH", PATHS), ("IN", REGIONS), ("ERROR", ERRORS), ("REGISTER", REGISTERS))


def c_format() -> str:
    """The tables as C++: an enumeration of each record's fields, and where each is."""
    parts = [
        "// Where every number of program.bin is.\n#pragma once\n#include <cstdint>\n",
        "struct field_t { int word, low, bits; bool is_signed; };\n",
        f"const uint32_t MAGIC = 0x{MAGIC:08x}, VERSION = {VERSION};\n",
        f"const int HEADER_WORDS = {HEADER_WORDS}, LAYER_WORDS = {LAYER_WORDS}, DIGEST_FROM = {DIGEST_FROM};\n",
    ]
    for prefix, fields in RECORDS:
        names = ", ".join(f"{prefix}_{field.name.upper()}" for field in fields)
        rows = "".join(
            f"    {{{f.word}, {f.low}, {f.bits}, {str(f.signed).lower()}}}, // {f.name}\n"
            for f in fields
        )
        parts.append(f"enum {prefix.title()}Field {{ {names}, {prefix}_FIELDS }};\n")
        parts.append(f"const field_t {prefix}_FORMAT[] = {{\n{rows}}};\n")
    for prefix, words in ENUMERATIONS:
        parts.append(f"enum {{ {', '.join(f'{prefix}_{name.upper()}' for name in words)} }};\n")
    return "".join(parts)


def sv_format() -> str:
    """The tables as SystemVerilog, to be included in a module."""
    parts = [
        "// Where every number of program.bin is.\n/* verilator lint_off UNUSEDPARAM */\n",
        f"localparam logic [31:0] MAGIC = 32'h{MAGIC:08x};\nlocalparam logic [31:0] VERSION = 32'd{VERSION};\n",
        f"localparam int HEADER_WORDS = {HEADER_WORDS};\nlocalparam int LAYER_WORDS = {LAYER_WORDS};\n",
    ]
    for prefix, fields in RECORDS:
        parts += [
            f"localparam int {prefix}_{f.name.upper()}_{what} = {value};\n"
            for f in fields
            for what, value in (("WORD", f.word), ("LOW", f.low), ("BITS", f.bits))
        ]
    for prefix, names in ENUMERATIONS:
        bits = (len(names) - 1).bit_length()
        parts += [
            f"localparam logic [{bits - 1}:0] {prefix}_{name.upper()} = {bits}'d{n};\n"
            for n, name in enumerate(names)
        ]
    return "".join([*parts, "/* verilator lint_on UNUSEDPARAM */\n"])
