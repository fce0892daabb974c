"""Device profiles: one for each core that the command line names, and the kernels that a build gets."""

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from devices import on_devices

from edgekit.base.errors import ToolError
from edgekit.runtime import kernel_sources
from edgekit.runtime.devices import cross
from edgekit.runtime.devices.cross import compile_replay
from edgekit.targets.c.program import sources
from edgekit.targets.devices import profile, profiles
from edgekit.verbs.targets import TARGETS

MICROCONTROLLERS = (
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "cortex-m85",
    "cortex-m0plus",
    "riscv32imc",
)
CORES = tuple(name for name, device in profiles().items() if device.is_cross)


def test_every_core_of_the_contract_has_a_profile_and_a_target() -> None:
    assert {"cortex-a53", "cortex-a76", "cortex-a7", "riscv64", *MICROCONTROLLERS} <= set(CORES)
    for name in CORES:
        device = profile(name)
        assert device.cc and device.flags and device.qemu and device.clang
        assert device.zig or name == "riscv32imc"  # for which ziglang brings no C library
        assert (device.cycles or device.cycles_per_instruction) and device.cycles_from
        assert device.is_bare or name not in MICROCONTROLLERS
        assert device.is_bare == device.qemu[0].startswith("qemu-system")
        assert TARGETS[name].needs == (device.cc, device.qemu[0])


def test_a_target_without_a_profile_is_portable() -> None:
    assert profile("c99").kernels == profile("onnxruntime").kernels == ()


def test_the_first_kernel_folder_that_has_a_file_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {
        "include/edgekit.h": "",
        "src/portable/linear/ek_a.c": '#include "ek_dot.h"\n',
        "src/portable/linear/ek_dot.h": "portable",
        "src/portable/linear/ek_b.c": "portable",
        "src/dsp/ek_a.c": '#include "ek_dot.h"\n#include "ek_pack.h"\n',
        "src/dsp/ek_b.c": "dsp",
        "src/dsp/ek_pack.h": "dsp",
        "src/mve/ek_b.c": "mve",
        "src/mve/ek_unused.h": "mve",
    }
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(sources, "files", lambda _: tmp_path)
    monkeypatch.setattr(kernel_sources, "files", lambda _: tmp_path)
    found = kernel_sources.kernel_sources.__wrapped__
    monkeypatch.setattr(sources, "kernel_sources", found)
    monkeypatch.setattr(sources, "_sources", sources._sources.__wrapped__)  # what was read stays
    chosen = sources.kernel_files({"ek_a"}, "ek_b(x);", ("mve", "dsp", "absent"))
    assert {name: content.decode() for name, content in chosen.items()} == {
        "edgekit.h": "",
        "ek_a.c": contents["src/dsp/ek_a.c"],
        "ek_dot.h": "portable",
        "ek_pack.h": "dsp",
        "ek_b.c": "mve",
    }
    assert (
        sources.kernel_files({"ek_a"}, "")["ek_a.c"].decode()
        == contents["src/portable/linear/ek_a.c"]
    )


@on_devices("riscv64-v")
def test_kernels_name_the_compiler_that_they_need(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, files = profile(target), sources.kernel_files({"ek_fc_s8_s8"}, "", ("rvv",))
    for name, text in files.items():
        (tmp_path / name).write_bytes(text)
    without = replace(device, flags=profile("riscv64").flags)
    with pytest.raises(ToolError, match="export for riscv64"):
        compile_replay(tmp_path, without, tmp_path / "program")
    monkeypatch.setattr(cross.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ToolError, match="no compiler for riscv64-v: riscv64-linux-gnu-gcc 99 or newer"
    ):
        compile_replay(tmp_path, replace(device, gcc=99), tmp_path / "program")


def test_every_kind_of_instruction_has_its_cycles() -> None:
    source = (files("edgekit.runtime") / "replay" / "count.c").read_text(encoding="utf-8")
    named = source.partition("class_names[MAX_CLASSES] = {")[2].partition("}")[0]
    kinds = set(re.findall(r'"(\w+)"', named))
    modelled = [device for device in profiles().values() if device.cycles]
    assert {device.name for device in modelled} >= {"cortex-m0plus", "cortex-m4", "cortex-m7"}
    for device in modelled:
        assert device.is_bare and set(device.cycles) == kinds and min(device.cycles.values()) > 0
    m4 = profile("cortex-m4")
    assert m4.cycles_of({"other": 3, "load": 1}) == 1.25 and m4.cycles_of({}) is None
    assert profile("riscv64").cycles_of({}) == profile("riscv64").cycles_per_instruction
