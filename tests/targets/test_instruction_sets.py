"""Instruction sets: each row has its kernels, a way to run them, and is what devices, packing and docs say."""

from pathlib import Path

import make_devices
import pytest

from edgekit.targets import devices
from edgekit.targets.devices import profile, profiles
from edgekit.targets.instruction_sets import (
    INSTRUCTION_SETS,
    PORTABLE,
    instruction_set_of,
    packing_of,
)

ROOT = Path(__file__).parents[2]
AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"}


def test_every_folder_of_kernels_belongs_to_a_row_and_every_row_has_its_own() -> None:
    folders = {path.name for path in (ROOT / "runtime" / "src").iterdir() if path.is_dir()}
    assert folders - {"portable"} == {
        name for row in INSTRUCTION_SETS.values() for name in row.folders
    }


def test_devices_have_the_kernels_of_a_row_and_rows_are_emulated_on_such_a_device() -> None:
    for name, device in profiles().items():
        if device.is_cross:
            assert device.kernels == INSTRUCTION_SETS[device.kernels[0]].folders, name
    for row in INSTRUCTION_SETS.values():
        assert row.cpu or row.emulated, f"nothing runs the kernels of {row.name}"
        assert row.emulated is None or profile(row.emulated).kernels == row.folders


@pytest.mark.parametrize(
    ("machine", "cpu", "name"),
    [
        ("x86_64", {"avx2", "fma", "sse", *AVX512}, "avx512vnni"),
        ("x86_64", {"avx2", "fma", *AVX512} - {"avx512_vnni"}, "avx2"),
        ("x86_64", {"avx2"}, None),
        ("aarch64", {"asimd", "asimddp"}, "neondot"),
        ("aarch64", {"asimd"}, "neon"),
        ("aarch64", {"avx2", "fma"}, None),
        ("riscv64", set(), None),
    ],
)
def test_the_host_gets_the_kernels_that_its_cpu_runs(
    monkeypatch: pytest.MonkeyPatch, machine: str, cpu: set[str], name: str | None
) -> None:
    found = instruction_set_of(machine, frozenset(cpu))
    assert (found and found.name) == name
    monkeypatch.setattr(devices.platform, "machine", lambda: machine)
    monkeypatch.setattr(devices, "cpu_flags", lambda: frozenset(cpu))
    own = devices._profile("host", {"emits": "", "instruction_set": devices.OF_THE_CPU})
    assert own.kernels == (() if name is None else INSTRUCTION_SETS[name].folders)


def test_a_machine_is_told_what_it_lacks() -> None:
    avx2 = INSTRUCTION_SETS["avx2"]
    assert avx2.missing("x86_64", frozenset({"avx2", "fma"})) == []
    assert avx2.missing("x86_64", frozenset({"avx2"})) == ["fma"]
    assert avx2.missing("aarch64", frozenset({"avx2", "fma"})) == ["AVX2 with FMA"]
    assert INSTRUCTION_SETS["mve"].missing("arm", frozenset()) == ["Helium (Armv8.1-M)"]


def test_what_only_saves_time_is_not_needed() -> None:
    amx, cpu = INSTRUCTION_SETS["amx"], frozenset(INSTRUCTION_SETS["avx512vnni"].cpu)
    assert amx.missing("x86_64", cpu) == ["amx_int8", "amx_tile"]
    assert amx.needed("x86_64", cpu) == []
    assert amx.needed("x86_64", cpu - {"fma"}) == ["fma"]


def test_an_unknown_instruction_set_of_a_device_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="new-core has instruction_set 'sse', allowed: amx, "):
        devices._profile("new-core", {"emits": "", "instruction_set": "sse"})


def test_weights_are_packed_as_the_row_says() -> None:
    assert packing_of(()) == PORTABLE
    helium, dsp = (packing_of(profile(name).kernels) for name in ("cortex-m55", "cortex-m4"))
    assert dsp.rows == 4
    assert helium.tiles is not None and helium.tiles.group == 16
    assert dsp.tiles is not None and (dsp.tiles.group, dsp.tiles.fill) == (1, 2)
    assert packing_of(INSTRUCTION_SETS["avx512vnni"].folders).offset == 128


def test_the_page_has_the_table_of_today() -> None:
    text = make_devices.PAGE.read_text()
    assert make_devices.page(text) == text, "python docs/make_devices.py"
    assert all(f"| `{name}` |" in text for name in INSTRUCTION_SETS)
