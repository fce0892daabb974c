"""A board.toml of any origin: its facts, or everything that is wrong with it."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.base.errors import UsageError
from edgekit.runtime.devices.board import Board, parse_board, read_board

GOOD = """
name = "earbud"
core = "cortex-m55"
clock_hz = 200_000_000
picojoules_per_instruction = 25

[[memory]]
name = "FLASH"
kind = "flash"
start = 0
bytes = 0x4_0000
megabytes_per_s = 100

[[memory]]
name = "DTCM"
kind = "tcm"
start = 0x2000_0000
bytes = 0x8000
wait_states = 0
reserved_bytes = 1024
"""


def test_a_board_is_what_its_file_says(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text(GOOD)
    board = read_board(path)
    assert (board.name, board.core, board.clock_hz) == ("earbud", "cortex-m55", 200_000_000)
    flash, tcm = board.memory
    assert flash.keeps and not tcm.keeps
    assert flash.cycles_per_word(board.clock_hz) == 8.0 and tcm.cycles_per_word(1) == 1.0
    assert board.stack_bytes == 8192 and tcm.reserved_bytes == 1024


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "earbud"\n', "", r"no name; allowed: name = a text"),
        (
            "clock_hz = 200_000_000",
            "clock_hz = 0",
            r"key 'clock_hz': 0; allowed: an integer from 1",
        ),
        ("clock_hz", "clock_mhz", r"key 'clock_mhz': unknown; allowed: name, core, clock_hz"),
        ('"tcm"', '"dram"', r"memory 2, key 'kind': 'dram'; allowed: tcm, sram"),
        ('"DTCM"', '"my ram"', r"key 'name': 'my ram'; allowed: a name of letters"),
        ('"DTCM"', '"FLASH"', r"memory 'FLASH': given twice"),
        ("wait_states = 0", "", r"memory 2: no speed; allowed: wait_states or megabytes_per_s"),
        ("wait_states = 0", "wait_states = 0\nmegabytes_per_s = 9", "both speeds"),
        ("wait_states = 0", "wait_states = nan", r"key 'wait_states': nan"),
        ("reserved_bytes = 1024", "reserved_bytes = 32769", r"32,769 bytes reserved of 32,768"),
        ("start = 0x2000_0000", "start = 0x3_ffff", r"memory 'FLASH': overlaps 'DTCM'"),
        ("start = 0x2000_0000", "start = 0xffff_ffff", r"it ends at 0x100007fff"),
        ('"tcm"', '"xip"', r"no memory to write to; allowed: a \[\[memory\]\] of kind tcm"),
        ('"flash"', '"sram"', r"no memory for a program"),
        ("[[memory]]", "[memory]", r"board 'x'.*memory"),
        ("kind = ", "kind ", r"not TOML"),
    ],
)
def test_what_is_wrong_is_told(old: str, new: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_board(GOOD.replace(old, new), "board 'x'")
    assert re.search(said, str(caught.value)), caught.value


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = GOOD.replace("25", "-1").replace("0x8000", '"much"').replace('core = "cortex-m55"', "")
    with pytest.raises(UsageError) as caught:
        parse_board(text, "board 'x'")
    assert len(caught.value.problems) == 3


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"board 'none.toml': No such file"):
        read_board(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_board(tmp_path / "b.toml")


@given(st.data())
def test_a_damaged_file_is_a_board_or_refused(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    values = ["-1", "1e99", "[]", "{}", '""', "true", "nan", "0x1_0000_0000", '"\\u0000"']
    lines[at] = lines[at].partition("=")[0] + "= " + data.draw(st.sampled_from(values))
    if data.draw(st.booleans()):
        del lines[data.draw(st.integers(0, len(lines) - 1))]
    try:
        assert isinstance(parse_board("\n".join(lines), "board"), Board)
    except UsageError as error:
        assert error.problems
