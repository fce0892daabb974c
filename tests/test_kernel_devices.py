"""The kernel cases on every emulated device, in two programs: the bits of the NumPy twins."""

import subprocess
from dataclasses import replace
from importlib.util import find_spec
from itertools import count, product
from pathlib import Path

import numpy as np
import pytest
from c_kernels import Call
from device_calls import array_bytes, write_calls
from devices import QUICK, on_devices, run_program
from kernel_cases import (
    CASES,
    EIGHTS,
    FULL,
    PLANES,
    STRAIGHT,
    WINDOWS,
    Seeded,
    conv,
    conv_f32,
    fc_of,
    integers,
)

from edgekit.base.errors import CheckFailed
from edgekit.operators.linear import twin as linear_twin
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import replay
from edgekit.runtime.runners.toolchain import zig
from edgekit.targets.devices import profile

SEEDS = 3
PROGRAMS = 2  # one holds more code than the emulated Cortex-M55 has memory for
MOST_BYTES = 1 << 16  # of a call's arrays: those of all kernels share the memory of a small device


@pytest.mark.slow
@on_devices()  # whole operators run in every run
@pytest.mark.parametrize(
    "options", [pytest.param(QUICK, id="quick"), pytest.param((), id="as builds")]
)
def test_every_kernel_equals_its_twin(
    target: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    drawn = [CASES[kernel](Seeded(seed)) for kernel in CASES for seed in range(SEEDS)]
    calls = [call for call in drawn if array_bytes(call) <= MOST_BYTES]
    assert {call.kernel for call in calls} == {call.kernel for call in drawn}
    for part in range(PROGRAMS):
        folder = tmp_path / f"part{part}"
        write_calls(folder, calls[part::PROGRAMS], profile(target))
        compile_replay(folder, profile(target), folder / "program", options)
        assert run_program(target, folder / "program") == "PASS\n"


@pytest.mark.rows(1)
@on_devices(slow=("riscv64", "cortex-a53", "cortex-a76", "cortex-a7"))
def test_convolutions_that_fill_their_room_equal_their_twins(target: str, tmp_path: Path) -> None:
    calls = [conv(f"ek_conv_s8_{y}", shape)(Seeded(0)) for shape in FULL for y in ("s8", "s16")]
    write_calls(tmp_path, calls, profile(target))
    compile_replay(tmp_path, profile(target), tmp_path / "program", QUICK)
    assert run_program(target, tmp_path / "program") == "PASS\n"


@on_devices("cortex-a53", "cortex-a76", "cortex-a7", slow=("cortex-a76", "cortex-a7"))
def test_convolutions_of_fours_equal_their_twins(target: str, tmp_path: Path) -> None:
    calls = [
        conv(f"ek_conv_s8_{y}", shape)(Seeded(seed))
        for shape in (*EIGHTS, *WINDOWS)
        for y in ("s8", "s16")
        for seed in range(2)
    ]
    write_calls(tmp_path, calls, profile(target))
    compile_replay(tmp_path, profile(target), tmp_path / "program", QUICK)
    assert run_program(target, tmp_path / "program") == "PASS\n"


@on_devices("cortex-a53", "cortex-a76", "cortex-a7", slow=("cortex-a53", "cortex-a7"))
def test_float_convolutions_equal_their_twins(target: str, tmp_path: Path) -> None:
    shapes = (*EIGHTS, *WINDOWS, *STRAIGHT, *PLANES)
    calls = [conv_f32("ek_conv_f32", shape)(Seeded(seed)) for seed, shape in enumerate(shapes)]
    write_calls(tmp_path, calls, profile(target))
    compile_replay(tmp_path, profile(target), tmp_path / "program", QUICK)
    assert run_program(target, tmp_path / "program") == "PASS\n"


@on_devices("cortex-a53", "cortex-a76", "cortex-a7", slow=("cortex-a76", "cortex-a7"))
def test_products_of_one_vector_equal_their_twins(target: str, tmp_path: Path) -> None:
    """Taps and rows that fill vectors and panels or do not, and as many taps as int32 sums hold and more."""
    sizes = product((1, 3, 4, 6, 15, 16, 17, 35, 64), (1, 3, 4, 5, 9, 12, 13, 16, 17, 30, 67))
    calls = [
        fc_of(f"ek_fc_{x}_{y}", integers(d, dtype, 1, k), integers(d, np.int8, n, k), d)
        for d, (k, n) in zip(map(Seeded, count()), sizes, strict=False)
        for x, dtype in (("s8", np.int8), ("s16", np.int16))
        for y in ("s8", "s16")
    ]
    for k, least in product((504, 507, 508, 511, 512, 1025), (-32768, 32767)):
        x, w = np.full((1, k), least, np.int16), np.full((5, k), -128, np.int8)
        calls.append(fc_of("ek_fc_s16_s16", x, w, Seeded(k)))
    write_calls(tmp_path, calls, profile(target))
    compile_replay(tmp_path, profile(target), tmp_path / "program", QUICK)
    assert run_program(target, tmp_path / "program") == "PASS\n"


@on_devices("cortex-a53", "cortex-a76", "cortex-a7", slow=("cortex-a76", "cortex-a7"))
def test_sums_at_the_ends_of_int32_are_requantized_with_every_shift(
    target: str, tmp_path: Path
) -> None:
    ends = np.array([0, 1, -1, 2**31 - 1, -(2**31), 2**30 + 1, -(2**30)], np.int32)
    mults = np.array([0, 2**30, 2**31 - 1], np.int32)
    grids = np.meshgrid(ends, mults, np.arange(1, 63, dtype=np.uint8), indexing="ij")
    bias, mult, shift = (np.ascontiguousarray(grid.reshape(-1)) for grid in grids)
    x, w = np.zeros((1, 4), np.int8), np.zeros((bias.size, 4), np.int8)
    calls = []
    for (to, dtype), zero in product((("s8", np.int8), ("s16", np.int16)), (-5, 100)):
        limits = zero, int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        args = [x, w, bias, mult, shift, *limits]
        y = linear_twin.ek_fc(*args, to=dtype)
        calls.append(Call(f"ek_fc_s8_{to}", [*args, np.zeros_like(y), 1, 4, bias.size], {8: y}))
    write_calls(tmp_path, calls, profile(target))
    compile_replay(tmp_path, profile(target), tmp_path / "program", QUICK)
    assert run_program(target, tmp_path / "program") == "PASS\n"


@on_devices("cortex-m4")
def test_convolutions_straight_to_outputs_equal_their_twins(target: str, tmp_path: Path) -> None:
    drawn = [conv("ek_conv_s8_s8", s)(Seeded(seed)) for s in STRAIGHT for seed in range(SEEDS)]
    assert any(call.args[7:9] == [-128, 127] for call in drawn)
    write_calls(tmp_path, drawn, profile(target))
    compile_replay(tmp_path, profile(target), tmp_path / "program", QUICK)
    assert run_program(target, tmp_path / "program") == "PASS\n"


@pytest.mark.rows(1)
@pytest.mark.skipif(find_spec("ziglang") is None, reason="needs ziglang: pip install ziglang")
@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("level", ["-O1", "-O3"])
def test_convolutions_compile_with_clang(target: str, level: str, tmp_path: Path) -> None:
    """Clang keeps more registers to itself than gcc does: it takes the form without blocks of assembly."""
    write_calls(tmp_path, [conv("ek_conv_s8_s8", FULL[0])(Seeded(0))], profile(target))
    command = [*zig(), *profile(target).zig, level, "-std=c99", "-c", "ek_conv_s8_s8.c"]
    made = subprocess.run(command, cwd=tmp_path, timeout=60, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr


@pytest.mark.rows(1)
@on_devices("cortex-m4", "cortex-m55")
def test_convolutions_compile_without_optimisation(target: str, tmp_path: Path) -> None:
    """Blocks of assembly that take all registers have another form there."""
    calls = [CASES["ek_conv_s8_s8"](Seeded(seed)) for seed in range(20)]
    write_calls(tmp_path, calls, profile(target))
    compile_replay(tmp_path, profile(target), tmp_path / "program", ("-O0",))
    assert run_program(target, tmp_path / "program") == "PASS\n"


@on_devices("cortex-m4")
def test_a_wrong_result_is_found(target: str, tmp_path: Path) -> None:
    call = CASES["ek_add_s8"](Seeded(0))
    wrong = {position: expected ^ 1 for position, expected in call.expected.items()}
    write_calls(tmp_path, [replace(call, expected=wrong)], profile(target))
    compile_replay(tmp_path, profile(target), tmp_path / "program")
    with pytest.raises(CheckFailed, match="ek_add_s8 0: FAIL"):
        replay(profile(target), tmp_path / "program")
