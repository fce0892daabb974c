"""Every operator of `operator_cases` on every emulated device, many in one program: the oracle's bits."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from device_programs import Golden, write_programs
from devices import CROSS, QUICK, on_devices, read_once, run_program
from operator_models import Arrays, case_of, draw, float_models, integer_models

from edgekit.base.errors import CheckFailed
from edgekit.operators.oracle import Oracle
from edgekit.runtime.devices.cross import compile_replay
from edgekit.runtime.devices.emulator import replay
from edgekit.targets.devices import profile, profiles
from edgekit.verbs.targets import TARGETS

SAMPLES = 2
FORMS = {"float": float_models, "integer": integer_models}


@cache
def golden(form: str, name: str) -> tuple[Arrays, Arrays]:
    """Inputs of a case, and what the oracle makes of them."""
    inputs = draw(case_of(name), SAMPLES)
    return inputs, Oracle(FORMS[form]()[name]).run_hops(inputs)


@cache
def programs(form: str, kernels: tuple[str, ...]) -> Sequence[Golden]:
    """All cases for the devices with some kernels."""
    target = next(
        n for n, device in profiles().items() if device.is_cross and device.kernels == kernels
    )
    return [program(form, name, target) for name in FORMS[form]()]


def program(form: str, name: str, target: str) -> Golden:
    """One case for a device."""
    model, is_near = FORMS[form]()[name], form == "float" and "simd" in profile(target).kernels
    return Golden(TARGETS[target].lower(model, target), *golden(form, name), is_near)


def check(form: str, target: str, folder: Path) -> None:
    device = profile(target)
    write_programs(folder, programs(form, device.kernels), device)
    compile_replay(folder, device, folder / "program", (*QUICK, *read_once(target)))
    assert run_program(target, folder / "program") == "PASS\n"


SLOW = ("riscv64", "cortex-a53", "cortex-a7")  # cores like others of the list


@on_devices(slow=(*SLOW, "cortex-a76", "cortex-m4", "riscv64-v"))
def test_every_integer_operator_equals_the_oracle(target: str, tmp_path: Path) -> None:
    check("integer", target, tmp_path)


@pytest.mark.slow
@on_devices(*(name for name in CROSS if name != "riscv64-v"))  # it has the float code of riscv64
def test_every_float_operator_equals_the_oracle(target: str, tmp_path: Path) -> None:
    check("float", target, tmp_path)


@on_devices("cortex-m4")
def test_a_wrong_result_is_found(target: str, tmp_path: Path) -> None:
    device = profile(target)
    right = program("integer", next(iter(FORMS["integer"]())), target)
    wrong = {name: array + 1 for name, array in right.outputs.items()}
    write_programs(tmp_path, [replace(right, outputs=wrong)], device)
    compile_replay(tmp_path, device, tmp_path / "program", QUICK)
    with pytest.raises(CheckFailed, match=f"{right.build.manifest.c_name}: FAIL"):
        replay(device, tmp_path / "program")
