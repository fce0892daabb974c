"""What is known of a device."""

import pytest

from edgekit.runtime.devices.profile import Profile, Region

BOARD = Profile(
    "cortex-m4",
    "c99",
    cc="arm-none-eabi-gcc",
    qemu=("qemu-system-arm", "-M", "mps2-an386"),
    cycles={"mac": 1.0, "other": 2.0},
    cycles_per_instruction=3.0,
    memory={"ram": Region(0, 1024)},
)
PHONE = Profile("cortex-a7", "c99", cc="arm-linux-gnueabihf-gcc", qemu=("qemu-arm",))


def test_cycles_are_the_mean_of_what_was_executed() -> None:
    assert BOARD.cycles_of({"mac": 3, "other": 1}) == 1.25
    assert BOARD.cycles_of({}) == 3.0 and PHONE.cycles_of({"mac": 1}) is None


@pytest.mark.parametrize(
    ("profile", "level", "board", "core"),
    [(BOARD, "-O2", "mps2-an386", None), (PHONE, "-O3", "cortex-a7", "armv7l")],
)
def test_a_microcontroller_has_no_system(
    profile: Profile, level: str, board: str, core: str | None
) -> None:
    assert (profile.optimize, profile.board, profile.architecture) == (level, board, core)


def test_the_emulator_loads_a_kernel_or_starts_a_program() -> None:
    assert PHONE.qemu_command("p", ["-d"]) == ("qemu-arm", "-d", "p")
    command = BOARD.qemu_command("p", ["-d"])
    assert command[:3] == BOARD.qemu and command[-3:] == ("-d", "-kernel", "p")
