"""The table of devices: which one a name means, and which runs builds for a profile."""

import pytest

from edgekit.runtime.devices.device import device_of, find_device
from edgekit.runtime.devices.profile import Profile, Region

HOST = Profile("host", "c99")
PHONE = Profile("cortex-a53", "c99", cc="aarch64-linux-gnu-gcc")
BOARD = Profile("cortex-m4", "c99", cc="arm-none-eabi-gcc", memory={"ram": Region(0, 1024)})


@pytest.mark.parametrize(
    ("text", "name"),
    [("local", "local"), ("qemu", "qemu"), ("ssh://user@host:22", "ssh"), ("adb:serial", "adb")],
)
def test_a_name_means_one_kind(text: str, name: str) -> None:
    device = find_device(text)
    assert device is not None and device.name == name


@pytest.mark.parametrize("text", ["", "locally", "ssh:host", "ssh://", "ADB"])
def test_what_names_no_device_is_none(text: str) -> None:
    assert find_device(text) is None


def test_builds_run_here_or_emulated() -> None:
    assert [device_of(profile).name for profile in (HOST, PHONE, BOARD)] == [
        "local",
        "qemu",
        "qemu",
    ]
    ssh = find_device("ssh://host")
    assert ssh is not None and ssh.takes(PHONE) and not ssh.takes(BOARD)
