"""`make test-processors`: its rows, how EdgeKit's own kernels follow them, and the tolerance that holds on all."""

import os
import subprocess
import sys

import numpy as np
import processors
import pytest
from near import assert_near
from processors import ELSEWHERE, LEVELS, PROCESSORS, ROOT, VARIABLE

from edgekit.targets.devices import cpu_flags

KERNELS = """
import processors
processors.limit_own_kernels()
from edgekit.runtime.runners.c import NATIVE
from edgekit.targets.devices import profile
print(*NATIVE, *profile("host").kernels[:1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which lists what a CPU has")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nehalem", "-march=x86-64-v2"),
        ("haswell", "-march=x86-64-v3 avx2"),
        ("skylake-x", "-march=x86-64-v4 avx2"),
    ],
)
def test_own_kernels_are_those_of_the_processor(name: str, words: str) -> None:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", KERNELS],
        env=os.environ | {VARIABLE: name, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == words


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, row in PROCESSORS.items() if row.environment])
def test_libraries_obey_their_variables(name: str) -> None:
    row = PROCESSORS[name]
    if missing := row.missing(cpu_flags()):
        pytest.skip(f"needs a CPU with {', '.join(missing)}")
    assert processors.disobeyed(row) == []


def test_rows_have_levels_and_files_that_there_are() -> None:
    for row in PROCESSORS.values():
        assert row.level in LEVELS and bool(row.command) == bool(row.files)
        assert all((ROOT / path.split("::")[0]).is_file() for path in row.files)
    assert all((ROOT / path).exists() for path in ELSEWHERE)


def test_a_processor_that_this_machine_lacks_is_said() -> None:
    assert PROCESSORS["haswell"].missing(frozenset({"sse4_2", "fma"})) == ["avx2"]
    assert "sse4_2" in PROCESSORS["haswell-emulated"].missing(frozenset({"asimd"}))


def test_a_sum_that_cancels_may_differ_by_its_operands() -> None:
    a = np.array([[3000.0, -3000.0, 1e-3]])
    found, expected, size = a.sum(axis=1) + 5e-4, a.sum(axis=1), np.abs(a).sum(axis=1)
    assert_near(found, expected, 2 * 3, size)
    with pytest.raises(AssertionError, match="1 of 1 elements are too far apart"):
        assert_near(found, expected, 2 * 3)  # as if nothing larger had been summed
    with pytest.raises(AssertionError, match="too far apart"):
        assert_near(found + 3e-3, expected, 2 * 3, size)


@pytest.mark.parametrize(
    ("found", "expected"),
    [([1, np.nan], [1, 2]), ([1, 2], [1, np.nan]), ([1, np.inf], [1, -np.inf]), ([[1, 2]], [1, 2])],
)
def test_what_is_not_near(found: list[float], expected: list[float]) -> None:
    assert_near([1, np.nan, np.inf], [1 + 1e-7, np.nan, np.inf], 2)
    with pytest.raises(AssertionError):
        assert_near(found, expected, 2)
