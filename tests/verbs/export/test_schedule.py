"""schedule.toml, written and read."""

from pathlib import Path

import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.export.schedule import read_schedule, schedule_text


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = {"body": "ek_fc_f32", 'a "layer" = 3': "ek_conv_f32"}
    path = tmp_path / "schedule.toml"
    path.write_text(schedule_text(rows, {"body": "ek_fc_f32 3 us"}))
    assert read_schedule(path) == rows
    assert "# ek_fc_f32 3 us" in path.read_text()


BAD = {
    "no TOML": ("[layers", "not TOML"),
    "no layers": ("", "[layers]"),
    "another table": ("[layers]\n[more]", "more: unknown"),
    "no kernel": ("[layers]\nbody = 3", "layer 'body': 3"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_schedule_is_refused(name: str, tmp_path: Path) -> None:
    text, said = BAD[name]
    path = tmp_path / "schedule.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_schedule(path)
    assert said in str(refused.value)
