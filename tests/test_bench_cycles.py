"""Cycles of benches: blocks of a trace, and the programs that run on RTL."""

import re
from pathlib import Path

import pytest
from devices import on_devices
from kernel_choices import network
from layers.pipelines import LOOPS, Block, traced_blocks
from layers.riscv_cycles import (
    MARK,
    TARGET,
    counted_instructions,
    take_simulated_port,
    write_program,
)

TRACE = """\
0x00000100:  b510       push     {r4, lr}
0x00000102:  f8df d00c  ldr.w    sp, [pc, #0xc]
Trace 0: 0x7f00 [00000000/00000100/00000110/00000000] main
Trace 0: 0x7f10 [00000000/00000200/00000110/00000000] replay_begin
0x00000104:  4770       bx       lr
Trace 0: 0x7f20 [00000000/00000104/00000110/00000000] ek_conv
Trace 0: 0x7f00 [00000000/00000100/00000110/00000000] main
Trace 0: 0x7f00 [00000000/00000100/00000110/00000000] main
Trace 0: 0x7f30 [00000000/00000210/00000110/00000000] replay_end
Trace 0: 0x7f20 [00000000/00000104/00000110/00000000] ek_conv
"""


def test_blocks_between_the_marks_have_their_code_and_runs() -> None:
    lines = TRACE.splitlines(keepends=True)
    assert traced_blocks(lines) == [
        Block(("b510", "f8df", "d00c"), 2, 2),
        Block(("4770",), 1, 1),
    ]


def test_instructions_of_helium_loops_are_left_out() -> None:
    text = (
        "\tdls\tlr, lr\n\tvldrb.u8\tq3, [r5]\n\tdlstp.8\tlr, r2\n\tletp\tlr, #-8\n\tle\tlr, #-40\n"
    )
    assert LOOPS.sub("", text) == "\tvldrb.u8\tq3, [r5]\n"


@pytest.mark.slow
@on_devices(TARGET)
def test_a_program_for_rtl_marks_its_hop_and_computes_the_same(target: str, tmp_path: Path) -> None:
    write_program(tmp_path, network())
    assert counted_instructions(tmp_path) > 100
    take_simulated_port(tmp_path)
    main = (tmp_path / "replay" / "main.c").read_text()
    assert main.count(MARK) == 2
    assert not (tmp_path / "replay" / "port_semihosting.c").exists()
    assert re.search(rb"ELF", (tmp_path / "program").read_bytes()[:4])
