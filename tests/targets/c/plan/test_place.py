"""Where a build stands on a board of one's own: fast memory for what is read most, and a program that runs so."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from devices import on_devices
from hypothesis import given
from hypothesis import strategies as st

from edgekit import api
from edgekit.base.errors import CheckFailed, UsageError
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.devices.board import Board, Memory
from edgekit.runtime.devices.emulator import replay
from edgekit.targets.c.plan.memory import align_size
from edgekit.targets.c.plan.place import CODE, SCRATCH, STACK, STATE, Item, place
from edgekit.targets.devices import profile

FLASH = Memory("FLASH", "flash", 0, 100_000, wait_states=4)
XIP = Memory("XIP", "xip", 0x1000_0000, 1_000_000, megabytes_per_s=40)
TCM = Memory("TCM", "tcm", 0x2000_0000, 10_000, wait_states=0)
SRAM = Memory("SRAM", "sram", 0x3000_0000, 50_000, wait_states=1)
BOARD = Board("b", "cortex-m55", 200_000_000, (XIP, SRAM, FLASH, TCM))
BLOCKS = [Item(CODE, 20_000, 1), Item(STACK, 2000, 2), Item(STATE, 1000, 2), Item(SCRATCH, 3000, 4)]


def placed(*weights: Item, board: Board = BOARD) -> dict[str, tuple[str | None, str | None]]:
    """Place blocks and weights, the most read first; returns (memory, stored) by name."""
    wanted = sorted([*BLOCKS, *weights], key=lambda item: -item.reads)
    return {p.item.name: (p.memory, p.stored) for p in place(board, wanted).placed}


def test_what_is_read_most_is_in_the_fastest_memory() -> None:
    hot, warm = Item("hot", 4000, 50, True), Item("warm", 4000, 3, True)
    cold, huge = Item("cold", 4000, 0, True), Item("huge", 300_000, 1, True)
    found = placed(hot, warm, cold, huge)
    assert found["hot"] == ("TCM", "FLASH") and found["warm"] == ("SRAM", "FLASH")
    assert found["cold"] == ("FLASH", None)  # a session alone reads it
    assert found["huge"] == ("XIP", None)
    assert found[SCRATCH] == ("TCM", None) and found[CODE] == ("FLASH", None)


def test_what_must_be_in_ram_is_not_crowded_out_by_copies() -> None:
    small = replace(BOARD, memory=(FLASH, XIP, TCM))
    found = placed(Item("hot", 9000, 50, True), board=small)
    assert found["hot"] == ("FLASH", None)
    assert {found[name][0] for name in (STACK, STATE, SCRATCH)} == {"TCM"}


@given(
    st.lists(st.tuples(st.integers(1, 60_000), st.floats(0, 100)), max_size=12),
    st.permutations([FLASH, XIP, TCM, SRAM]),
)
def test_no_memory_holds_more_than_it_has(
    sizes: list[tuple[int, float]], memory: list[Memory]
) -> None:
    weights = [Item(f"w{i}", size, reads, True) for i, (size, reads) in enumerate(sizes)]
    board = replace(BOARD, memory=tuple(memory))
    placing = place(board, sorted([*BLOCKS, *weights], key=lambda item: -item.reads))
    kinds = {m.name: m.keeps for m in memory}
    assert all(placing.used(m) <= m.bytes for m in memory)
    for p in placing.placed:
        where = p.stored or p.memory
        assert where is None or kinds[where] == (p.item.is_weights or p.item.name == CODE)
        assert p.stored is None or not kinds[str(p.memory)]
    out = sum(align_size(p.item.bytes) for p in placing.placed if p.memory is None)
    assert bool(placing.misfits) == bool(out)


BOARD_FILE = """
name = "earbud"
core = "cortex-m55"
clock_hz = 200_000_000
stack_bytes = {stack}
picojoules_per_instruction = 25
energy_from = "assumed"

[[memory]]
name = "FLASH"
kind = "flash"
start = 0
bytes = 0x8_0000
wait_states = 3

[[memory]]
name = "XIP"
kind = "xip"
start = 0x0100_0000
bytes = 0x10_0000
megabytes_per_s = 50

[[memory]]
name = "DTCM"
kind = "tcm"
start = 0x2000_0000
bytes = 0x4000
wait_states = 0
reserved_bytes = 256

[[memory]]
name = "SRAM"
kind = "sram"
start = 0x2100_0000
bytes = {sram}
wait_states = 1
"""


def board_file(folder: Path, stack: int = 8192, sram: int = 0x2000) -> Path:
    """Write a board whose memories are parts of those that QEMU's has."""
    path = folder / "board.toml"
    path.write_text(BOARD_FILE.format(stack=stack, sram=sram))
    return path


@pytest.mark.slow
@on_devices("cortex-m55")
def test_a_program_on_a_board_of_ones_own_copies_hot_weights_and_passes(
    target: str, tmp_path: Path
) -> None:
    folder, made = tmp_path / "build", tmp_path / "made"
    board = board_file(tmp_path)
    exported = api.export("zoo:conv_recurrent", target, folder, recipe="w8a8", board=board)
    facts = exported.manifest.board
    assert facts is not None and Manifest.load(folder).board == facts
    copied = [row for row in facts["placed"] if row["stored"] == "FLASH"]
    assert {row["memory"] for row in copied} >= {"DTCM"}
    page = (folder / "report.html").read_text()
    assert "Board: earbud" in page and copied[0]["name"] in page
    for command in (["cmake", "-S", folder, "-B", made], ["cmake", "--build", made]):
        subprocess.run(command, check=True, capture_output=True)
    name = exported.manifest.c_name
    printed = replay(profile(target), made / f"{name}_replay")
    assert printed.endswith("PASS\n")
    (stack,) = re.findall(r"stack_bytes: (\d+)", printed)
    assert 0 < int(stack) < 8192
    symbols = subprocess.run(
        ["arm-none-eabi-nm", made / f"{name}_replay"], check=True, capture_output=True, text=True
    ).stdout
    address = {line.split()[2]: int(line.split()[0], 16) for line in symbols.splitlines()}
    starts = {row["name"]: row["start"] for row in facts["memory"]}
    for row in facts["placed"]:
        found = address.get(row["name"]) or address.get(f"{row['name']}_")
        if found is not None:
            assert 0 <= found - starts[row["memory"]] < 0x10_0000, row
    measured = api.bench(folder, device="qemu", hops=2)
    facts["stack_bytes"] = int(stack) // 2
    (folder / "manifest.json").write_text(replace(exported.manifest, files={}).to_json())
    with pytest.raises(CheckFailed, match=r"stack takes [\d,]+ bytes, .* that earbud keeps"):
        api.bench(folder, device="qemu", hops=2)
    assert measured.modelled is not None and measured.modelled.clock_hz == 200_000_000
    mean = sum(measured.instructions) / 2
    assert measured.modelled.energy_uj_per_hop == pytest.approx(mean * 25e-6, abs=1e-3)


def test_what_does_not_fit_a_board_is_refused_with_what_is_free(tmp_path: Path) -> None:
    small = board_file(tmp_path, stack=0x5000)
    with pytest.raises(CheckFailed, match=r"does not fit earbud: 20,480 bytes of stack have no"):
        api.export("zoo:conv_recurrent", "cortex-m55", tmp_path / "build", board=small)
    assert not (tmp_path / "build").exists()


def test_a_board_of_another_core_is_refused(tmp_path: Path) -> None:
    board = board_file(tmp_path)
    for target, said in (("cortex-m4", "its core is cortex-m55"), ("host", "its core is")):
        with pytest.raises(UsageError, match=said):
            api.export("zoo:conv_recurrent", target, tmp_path / "build", board=board)
    with pytest.raises(UsageError, match="with --weights external, whose arrays"):
        api.export(
            "zoo:conv_recurrent", "cortex-m55", tmp_path / "build", board=board, weights="external"
        )
    board.write_text(board.read_text().replace("cortex-m55", "riscv64"))
    with pytest.raises(UsageError, match=r"core 'riscv64'; allowed: cortex-m4, .*riscv32imc"):
        api.export("zoo:conv_recurrent", "riscv64", tmp_path / "build", board=board)
