"""Instructions counted in a trace of blocks."""

import pytest

from edgekit.base.errors import ToolError
from edgekit.runtime.devices.emulator import _block_runs, _command, _count_blocks
from edgekit.runtime.devices.profile import Profile


def disassembled(address: int, count: int) -> list[str]:
    return [f"0x{address + 4 * i:08x}:  nop\n" for i in range(count)]


def ran(address: int, function: str) -> str:
    return f"Trace 0: 0x7f00 [0000/{address:x}/00/00] {function}\n"


BEFORE = [*disassembled(0x100, 2), ran(0x100, "main")]
BEGIN = [*disassembled(0x200, 1), ran(0x200, "replay_begin")]
PROCESS = [*disassembled(0x300, 5), ran(0x300, "net_process"), ran(0x300, "net_process")]
READ = [*disassembled(0x400, 3), ran(0x400, "replay_read"), "something else\n"]
END = [*disassembled(0x500, 1), ran(0x500, "replay_end"), ran(0x300, "net_process")]
AGAIN = [ran(0x200, "replay_begin"), ran(0x300, "net_process"), ran(0x500, "replay_end")]
TRACE = [*BEFORE, *BEGIN, *PROCESS, *READ, *END, *AGAIN]


def test_blocks_between_the_marks_are_counted_by_hop_and_function() -> None:
    found = _count_blocks(_block_runs(TRACE))
    assert found.hops == (10, 5) and found.functions == {"net_process": 15}


def test_a_block_of_unknown_length_is_an_error() -> None:
    lines = [ran(0x200, "replay_begin"), ran(0x999, "net_process")]
    with pytest.raises(ToolError, match="a block of net_process"):
        _count_blocks(_block_runs(lines))


def test_a_missing_emulator_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    profile = Profile("cortex-m4", "c99", qemu=("qemu-system-arm", "-M", "mps2"))
    with pytest.raises(ToolError, match=r"qemu-system-arm, .*apt-get install qemu-system-arm"):
        _command(profile, __file__)  # type: ignore[arg-type]
