"""Where a build stands on a board, for people."""

from edgekit.runtime.build_folder.board_rows import board_text, memory_rows, placed_rows

PLACED = {"name": "weights", "bytes": 5000, "reads_per_hop": 1.5, "modelled_wait_cycles": 1200}
BOARD = {
    "name": "board",
    "memory": [{"name": "ram", "kind": "sram", "used_bytes": 1000, "bytes": 4096}],
    "placed": [
        {**PLACED, "memory": "ram", "stored": "flash"},
        {**PLACED, "memory": None, "stored": None},
    ],
}


def test_memories_have_what_is_free() -> None:
    assert list(memory_rows(BOARD)) == [("ram", "sram", "1,000", "4,096", "3,096")]


def test_what_has_no_room_is_told() -> None:
    first, second = placed_rows(BOARD)
    assert first == ("weights", "5,000", "1.5", "ram", "flash", "1,200")
    assert second[3:5] == ("no room", "")


def test_a_line_sums_what_is_waited() -> None:
    text = board_text(BOARD)
    assert text == "board: ram 1,000 of 4,096 bytes; 2,400 modelled cycles of waiting a hop"
    assert board_text(None) is None
