"""fleet.toml as devices and builds."""

from pathlib import Path

import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.bench.fleet_file import MOST_DEVICES, Member, read_fleet


def test_each_table_is_a_device(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    path.write_text(
        '[a]\ndevice = "qemu"\nbuilds = ["x", "y"]\nhops = 3\n[b]\ndevice = "local"\nbuilds = ["x"]'
    )
    first, second = read_fleet(path)
    assert first == Member("a", "qemu", ("x", "y"), tmp_path, 3)
    assert second.hops is None and second.builds == ("x",)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    path.write_text("[a]\ndevice = 3\nbuilds = [1]\nhops = true\n[b]\nbuilds = []\n")
    with pytest.raises(UsageError) as refused:
        read_fleet(path)
    assert len(refused.value.problems) == 5
    path.write_text("".join(f'[d{n}]\ndevice = "qemu"\n' for n in range(MOST_DEVICES + 1)))
    with pytest.raises(UsageError, match="1,001 devices"):
        read_fleet(path)
