"""Builds for other machines replay golden data under emulation: the same bits where there are integers."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from builds import float_model, int8_model
from devices import on_devices, replayable, replayed
from hops import model

from edgekit import api
from edgekit.base.errors import CheckFailed
from edgekit.runtime.devices import cross
from edgekit.runtime.devices.cross import CrossCompiler, code_bytes, compile_replay
from edgekit.runtime.devices.emulator import count, replay
from edgekit.runtime.runners.toolchain import ask, zig
from edgekit.targets.c.plan.fit import misfits
from edgekit.targets.devices import profile

NETWORK = "conv_recurrent"


@pytest.mark.rows(1)
@on_devices(slow=("cortex-a53", "cortex-a7", "cortex-a76", "riscv64", "riscv64-v"))
def test_an_integer_network_gives_the_same_bits(target: str, tmp_path: Path) -> None:
    passes_with_the_same_bits(target, tmp_path)


@pytest.mark.slow
@on_devices("cortex-m0plus")
def test_a_core_without_an_fpu_gives_the_same_bits(target: str, tmp_path: Path) -> None:
    passes_with_the_same_bits(target, tmp_path)


@pytest.mark.slow
@on_devices("riscv32imc")
def test_a_risc_v_microcontroller_gives_the_same_bits_and_fails_when_they_differ(
    target: str, tmp_path: Path
) -> None:
    passes_with_the_same_bits(target, tmp_path)
    golden = tmp_path / "build" / "replay" / "golden.c"
    text = golden.read_text()
    start = text.index("golden_layer_1[")
    changed = re.sub(r"\{\s+-?\d+", "{ 101", text[start:], count=1)
    golden.write_text(text[:start] + changed)
    with pytest.raises(CheckFailed, match=r"layer .*: FAIL"):
        replayed(tmp_path / "build", target)


def passes_with_the_same_bits(target: str, tmp_path: Path) -> None:
    """Replay a network of integers: every output and layer equal, a stack that was measured."""
    folder = tmp_path / "build"
    replayable(int8_model(NETWORK), target, folder)
    lines = replayed(folder, target)
    assert lines[-1] == "PASS"
    results = [line for line in lines if line.startswith(("output ", "layer "))]
    assert len(results) > 1 and all(line.endswith(": equal") for line in results)
    (stack,) = [line for line in lines if line.startswith("stack_bytes: ")]
    # kernels of Cortex-A hold 16 KiB of planes, where a microcontroller has no room for them
    most = 8 << 10 if profile(target).is_bare else 32 << 10
    assert 256 < int(stack.split()[1]) < most


@on_devices("cortex-m55", "cortex-a53", slow=("cortex-a53",))
def test_a_float_network_passes_and_a_wrong_one_fails(target: str, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    replayable(float_model(NETWORK), target, folder)
    assert replayed(folder, target)[-1] == "PASS"
    golden = folder / "replay" / "golden.c"
    text = golden.read_text()
    start = text.index("golden_out_0[")
    golden.write_text(text[:start] + re.sub(r"\d\.\d+e", "7.5e", text[start:], count=1))
    with pytest.raises(CheckFailed, match=r"output .*: FAIL, -?\d+ dB"):
        replayed(folder, target)


@pytest.mark.slow
@on_devices("cortex-a76")
def test_a_wrong_integer_fails(target: str, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    replayable(int8_model(NETWORK), target, folder)
    weights = next(folder.glob("*_weights.c"))
    changed = re.sub(
        r"(const int8_t \w+_w\[\d+\] = \{\s+-?)\d+", r"\g<1>99", weights.read_text(), count=1
    )
    assert changed != weights.read_text()
    weights.write_text(changed)
    with pytest.raises(CheckFailed, match=r"layer .*: FAIL, different"):
        replayed(folder, target)


@pytest.mark.slow
@on_devices("cortex-m55")
def test_a_conv_tasnet_takes_at_most_20_kb_of_code(target: str, tmp_path: Path) -> None:
    build = replayable(model("b", "w8a8"), target, tmp_path / "build", hops=2)
    assert replayed(tmp_path / "build", target)[-1] == "PASS"
    found = code_bytes(tmp_path / "build", profile(target))
    assert found is not None and found[0] <= 20_000
    assert (build.manifest.memory["weights_bytes"] or 0) > 100_000


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ziglang") is None, reason="needs ziglang: pip install ziglang")
@on_devices("cortex-m7", "cortex-m55", "cortex-a76", "riscv64-v")
def test_clang_compiles_without_warnings_and_gives_the_same_bits(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clang = ask(zig())
    assert clang is not None
    folder = tmp_path / "build"
    replayable(int8_model(NETWORK), target, folder)
    monkeypatch.setattr(
        cross, "find_cross_compiler", lambda device: CrossCompiler(clang, device.zig)
    )
    assert replayed(folder, target, "-Wall", "-Wextra", "-Werror")[-1] == "PASS"


@pytest.mark.slow
@on_devices("cortex-m55", "riscv64")
def test_instructions_are_counted_alike_each_time(target: str, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    build = replayable(int8_model(NETWORK), target, folder)
    compile_replay(folder, profile(target), tmp_path / "p", ["-DREPLAY_COUNTED_HOPS=3"])
    counts = count(profile(target), tmp_path / "p")
    assert counts == count(profile(target), tmp_path / "p")
    assert len(counts.hops) == 3 and sum(counts.hops) == sum(counts.functions.values())
    assert min(counts.hops) > build.manifest.macs_per_hop / 16
    assert any(name.startswith("ek_gru_s8") for name in counts.functions)
    assert not any(name.startswith("replay_") for name in counts.functions)


@pytest.mark.slow
@on_devices("cortex-m55")
def test_an_export_builds_with_cmake_and_passes_without_heap_or_libm(
    target: str, tmp_path: Path
) -> None:
    folder, made = tmp_path / "build", tmp_path / "made"
    exported = api.export(f"zoo:{NETWORK}", target, folder, recipe="w8a8")
    assert 1000 < (exported.manifest.memory["code_bytes"] or 0) < 40_000
    assert exported.manifest.tools["cross_cc"].startswith("arm-none-eabi-gcc ")
    assert exported.manifest.tools["kernels"] == ", ".join(profile(target).kernels)
    for command in (["cmake", "-S", folder, "-B", made], ["cmake", "--build", made]):
        subprocess.run(command, check=True, capture_output=True)
    name = exported.manifest.c_name
    assert replay(profile(target), made / f"{name}_replay").endswith("PASS\n")
    map_file = (made / f"{name}_replay.map").read_text()
    assert "ek_gru_s8" in map_file
    assert not re.search(r"malloc|sbrk|libm\.a|printf", map_file)


def test_what_does_not_fit_is_told_with_the_difference(tmp_path: Path) -> None:
    device = profile("cortex-m55")
    build = replayable(int8_model(NETWORK), "cortex-m55", tmp_path / "build")
    assert misfits(build.manifest, device) == ()
    memory = build.manifest.memory
    memory |= {"weights_bytes": 0x20_0001, "scratch_bytes": 0x8_0000, "code_bytes": 7}
    weights, ram = misfits(build.manifest, device)
    assert "mps3-an547: weights needs 2,097,153 bytes, 1 more than" in weights
    assert "ram needs" in ram
