"""Compilers for other machines: which is taken, and how to get one."""

import pytest

from edgekit.runtime.devices import cross
from edgekit.runtime.devices.cross import find_cross_compiler, find_gcc, how_to_get
from edgekit.runtime.devices.profile import Profile
from edgekit.runtime.runners.toolchain import Compiler

BOARD = Profile(
    "board", "c99", cc="arm-none-eabi-gcc", gcc=12, flags=("-mthumb",), zig=("-target",)
)


@pytest.mark.parametrize(("version", "found"), [("12.2.1", True), ("11.9", False), ("?", True)])
def test_a_compiler_older_than_the_intrinsics_is_not_taken(
    version: str, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = Compiler(("gcc",), "gcc", version)
    monkeypatch.setattr(cross.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(cross, "ask", lambda command: compiler)
    assert (find_gcc(BOARD) is compiler) == found
    chosen = find_cross_compiler(BOARD)
    assert chosen is not None and chosen.core == (BOARD.flags if found else BOARD.zig)


def test_without_any_compiler_the_commands_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross.shutil, "which", lambda name: None)
    monkeypatch.setattr(cross, "ask", lambda command: None)
    assert find_cross_compiler(BOARD) is None
    text = how_to_get(BOARD)
    assert "arm-none-eabi-gcc 12 or newer" in text and "gcc-arm-none-eabi" in text
    assert text.endswith("pip install ziglang")
