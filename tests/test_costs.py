"""The reference networks cost no more than `pinned/costs.toml` says: a rise above 2 % is meant, or a mistake."""

from collections.abc import Mapping

import pytest
from costs import BYTES, DEVICES, compiled, memory, networks, pinned
from devices import on_devices
from slices import slow_except

BARE = ("cortex-m4", "cortex-m55")
RISE = 1.02
RENEW = "if the change is meant: make digests, and say why in the commit"


def risen(name: str, found: Mapping[str, int], expected: Mapping[str, int]) -> list[str]:
    """What costs more than it may."""
    return [
        f"{name}: {key} {expected[key]:,} became {value:,}"
        for key, value in found.items()
        if value > RISE * expected[key]
    ]


@pytest.mark.parametrize(
    "device", slow_except(lambda device: device in ("cortex-m4", "cortex-m55"), DEVICES)
)
def test_memory_does_not_grow(device: str) -> None:
    expected = pinned()["memory"][device]
    assert sorted(expected) == networks() and all(
        set(row) == set(BYTES) for row in expected.values()
    ), RENEW
    rows = [risen(name, memory(name, device), expected[name]) for name in networks()]
    listed = [line for row in rows for line in row]
    assert not listed, "\n".join([*listed, RENEW])


def check(target: str) -> None:
    found, expected = compiled(target), pinned()["compiled"][target]
    if found.compiler not in expected:
        known = ", ".join(expected)
        pytest.skip(f"{target} is pinned for {known}: make digests pins {found.compiler}")
    rows = expected[found.compiler]
    assert sorted(rows) == networks(), RENEW
    listed = [line for name, row in found.rows.items() for line in risen(name, row, rows[name])]
    assert not listed, "\n".join([*listed, RENEW])


@pytest.mark.slow
@on_devices(*BARE)
def test_a_hop_takes_no_more_instructions_and_code(target: str) -> None:
    check(target)


@pytest.mark.slow  # QEMU's emulators of Linux programs write a line for each instruction
@on_devices(*(device for device in DEVICES if device not in BARE))
def test_a_hop_under_linux_takes_no_more_instructions_and_code(target: str) -> None:
    check(target)


def test_a_rise_is_told_and_a_fall_is_not() -> None:
    expected = {"instructions": 1000, "code_bytes": 1000}
    assert risen("a", {"instructions": 1020, "code_bytes": 900}, expected) == []
    (line,) = risen("a", {"instructions": 1021, "code_bytes": 1000}, expected)
    assert "instructions 1,000 became 1,021" in line
