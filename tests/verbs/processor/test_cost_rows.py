"""The row of this machine's processor: measured, else shipped, else generic; a damaged file is named."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.base.errors import UsageError
from edgekit.runtime.devices.profile import KernelCosts, Profile
from edgekit.targets import kernel_costs
from edgekit.targets.instruction_sets import INSTRUCTION_SETS
from edgekit.targets.kernel_costs import generic_costs
from edgekit.verbs import doctor
from edgekit.verbs.processor import cost_rows
from edgekit.verbs.processor.cost_rows import cost_file, host_costs, keep_costs

FOLDERS = INSTRUCTION_SETS["avx2"].folders
NAME = "GenuineIntel family 6 model 143"
GENERIC = generic_costs(FOLDERS)


@pytest.fixture(autouse=True)
def _laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_rows, "processor", lambda: NAME)
    monkeypatch.setattr(cost_rows, "profile", lambda _: Profile("host", "", kernels=FOLDERS))
    monkeypatch.setattr(cost_rows, "cache_folder", lambda: tmp_path / "cache")


def kept() -> Path:
    """The file of measured rows."""
    path = cost_file()
    assert path is not None
    return path


def row() -> KernelCosts:
    """The row that is read."""
    found = host_costs()
    assert found is not None
    return found


def test_a_measured_row_comes_before_a_shipped_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert row() == GENERIC
    tables = kernel_costs._tables()
    shipped = tables["generic"]["avx2"] | {"rows_start": 5}
    monkeypatch.setattr(kernel_costs, "_tables", lambda: tables | {NAME: {"avx2": shipped}})
    assert row() == replace(GENERIC, row=f"shipped for {NAME}, avx2", rows_start=5)
    keep_costs("another", "avx2", replace(GENERIC, rows_start=7))
    assert row().rows_start == 5
    keep_costs(NAME, "avx512vnni", replace(GENERIC, rows_start=8))
    keep_costs(NAME, "avx2", replace(GENERIC, rows_start=6))
    assert row() == replace(GENERIC, row=f"measured for {NAME}, avx2", rows_start=6)


def test_every_shipped_row_has_all_numbers() -> None:
    for name, rows in kernel_costs._tables().items():
        for kernels in rows:
            assert kernels in INSTRUCTION_SETS
            assert kernel_costs.shipped_costs((kernels,), name) is not None


@pytest.mark.rows(2)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[", "not TOML"),
        (f'"{NAME}" = 3', "3; allowed: a table of instruction sets"),
        (f'["{NAME}".avx2]\nrows_start = 1', "allowed: numbers above 0 for channels_start"),
        ("{whole}", "rows_start': 0"),
    ],
)
def test_a_damaged_file_is_named_with_the_step(text: str, found: str) -> None:
    whole = cost_rows.costs_text({NAME: {"avx2": {n: 1 for n in cost_rows.NAMES}}})
    kept().parent.mkdir()
    kept().write_text(text.replace("{whole}", whole.replace("rows_start = 1", "rows_start = 0")))
    with pytest.raises(UsageError) as error:
        host_costs()
    message = str(error.value)
    assert str(kept()) in message and found in message
    assert "measure again with edgekit doctor --measure, or remove the file" in message
    (shown,) = [tool for tool in doctor.doctor() if tool.name == "kernel costs"]
    assert not shown.found and str(kept()) in str(shown.path)
    keep_costs(NAME, "avx2", GENERIC)  # a measurement writes it anew
    assert row().rows_start == GENERIC.rows_start


def test_kernels_without_such_a_choice_have_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    neon = Profile("host", "", kernels=INSTRUCTION_SETS["neon"].folders)
    monkeypatch.setattr(cost_rows, "profile", lambda _: neon)
    assert host_costs() is None
    assert "kernel costs" not in {tool.name for tool in doctor.doctor()}
