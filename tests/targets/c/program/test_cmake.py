"""CMakeLists.txt: a library, and of another machine its replay with the board's script."""

import pytest

from edgekit.targets.c.program.cmake import build_file
from edgekit.targets.devices import profile


def test_this_machine_gets_a_library_alone() -> None:
    text = build_file("net", ["net.c", "ek_fc_f32.c"], [], profile("c99"))
    assert "add_library(net STATIC\n    net.c\n    ek_fc_f32.c\n)" in text
    assert "replay" not in text and "CMAKE_SYSTEM_NAME" not in text


@pytest.mark.parametrize(("target", "system"), [("cortex-m4", "Generic"), ("cortex-a53", "Linux")])
def test_another_machine_gets_its_compiler_and_a_program(target: str, system: str) -> None:
    text = build_file("net", ["net.c"], ["replay/main.c", "replay/board.ld"], profile(target))
    assert f"set(CMAKE_SYSTEM_NAME {system})" in text and profile(target).cc in text
    assert (
        "    replay/golden.c\n    replay/main.c\n" in text and "    replay/board.ld\n" not in text
    )
    assert ("BOARD_SCRIPT" in text) == (system == "Generic")
