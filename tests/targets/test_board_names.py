"""The names of chips and boards."""

from pathlib import Path

import pytest

from edgekit.base.errors import UsageError
from edgekit.targets.board_names import board_problem, boards, find_board
from edgekit.verbs.export.request import read_request
from edgekit.verbs.targets import TARGETS, named_target


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("esp32", "c99"),
        ("ESP32-S3", "c99"),
        ("esp8266", "c99"),
        ("esp32c3", "riscv32imc"),
        ("esp32-c6-devkitc", "riscv32imc"),
        ("esp32p4", "riscv32imc"),
        ("rp2040", "cortex-m0plus"),
        ("Raspberry Pi Pico", "cortex-m0plus"),
        ("rp2350", "cortex-m33"),
        ("pico 2", "cortex-m33"),
        ("nrf52840", "cortex-m4"),
        ("nrf5340", "cortex-m33"),
        ("nrf54l15", "cortex-m33"),
        ("stm32h743zi", "cortex-m7"),
        ("stm32f4", "cortex-m4"),
        ("stm32g0", "cortex-m0plus"),
        ("stm32n6", "cortex-m55"),
        ("stm32wba55", "cortex-m33"),
        ("stm32wb55", "cortex-m4"),
        ("daisy", "cortex-m7"),
        ("teensy4", "cortex-m7"),
        ("arduino nano 33", "cortex-m4"),
        ("arduino nano 33 iot", "cortex-m0plus"),
        ("raspberry pi 3", "cortex-a53"),
        ("raspberry pi 4", "cortex-a53"),
        ("Raspberry Pi 5", "cortex-a76"),
        ("pi zero 2", "cortex-a53"),
        ("raspberry pi", "c99"),
        ("bela", "c99"),
        ("bela gem", "cortex-a53"),
        ("k210", "riscv64"),
        ("ch32v307", "riscv32imc"),
        ("gd32vf103", "riscv32imc"),
        ("max78000", "cortex-m4"),
        ("ambiq apollo4", "cortex-m4"),
        ("apple m1", "host"),
        ("android", "c99"),
    ],
)
def test_a_name_that_people_type_leads_to_its_target(name: str, target: str) -> None:
    row, (note,) = named_target(name)
    assert row is not None and row.name == target
    assert note.startswith(f"--target {name} is {target}: ")


def test_every_row_has_a_target_or_says_why_not() -> None:
    for row in boards():
        assert row.target in TARGETS if row.target else row.note
        for name in row.names:
            found = find_board(name)
            assert found is row, name


def test_a_board_without_a_target_says_why() -> None:
    assert named_target("Arduino Uno") == (None, ())
    problem = board_problem("Arduino Uno", tuple(TARGETS))
    assert "EdgeKit's needs 32" in problem.found and "cortex-m4" in problem.allowed


def test_another_chip_with_a_longer_name_is_not_taken_for_it() -> None:
    for name in ("esp32h4", "picosecond", "mace", ""):
        assert find_board(name) is None
    assert "'esp32" in board_problem("esp32h4", tuple(TARGETS)).next_step
    assert "'cortex-m4' is nearest" in board_problem("cortex-m44", tuple(TARGETS)).next_step


def test_a_target_is_not_a_board() -> None:
    for name in TARGETS:
        assert named_target(name) == (TARGETS[name], ())


def test_a_request_for_a_board_is_one_for_its_target_and_says_so(tmp_path: Path) -> None:
    network = str(Path(__file__).parents[1] / "pinned" / "plain-float32.onnx")
    request = read_request(network, "esp32-c3", tmp_path / "new", {})
    assert request.target.name == "riscv32imc"
    assert request.notes[0].startswith("--target esp32-c3 is riscv32imc: ESP32-C2, C3")
    with pytest.raises(UsageError, match=r"attiny85.*EdgeKit's needs 32"):
        read_request(network, "attiny85", tmp_path / "new", {})
