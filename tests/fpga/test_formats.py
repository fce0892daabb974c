"""The tables of a program in C++ and SystemVerilog are those that Python reads it by."""

import re

from edgekit.fpga.formats import RECORDS, c_format, sv_format
from edgekit.fpga.words import MAGIC, VERSION


def test_every_field_stands_at_its_place_in_both() -> None:
    rows = re.findall(r"\{(\d+), (\d+), (\d+), (true|false)\}, // (\w+)", c_format())
    fields = [field for _, record in RECORDS for field in record]
    told = [(f.word, f.low, f.bits, f.signed, f.name) for f in fields]
    assert [(int(w), int(lo), int(b), s == "true", n) for w, lo, b, s, n in rows] == told
    values = dict(re.findall(r"localparam int (\w+) = (\d+);", sv_format()))
    for prefix, record in RECORDS:
        for f in record:
            name = f"{prefix}_{f.name.upper()}"
            place = [int(values[f"{name}_{part}"]) for part in ("WORD", "LOW", "BITS")]
            assert place == [f.word, f.low, f.bits]


def test_the_magic_number_and_the_version_are_in_both() -> None:
    assert f"MAGIC = 0x{MAGIC:08x}, VERSION = {VERSION};" in c_format()
    assert f"MAGIC = 32'h{MAGIC:08x};" in sv_format() and f"VERSION = 32'd{VERSION};" in sv_format()
