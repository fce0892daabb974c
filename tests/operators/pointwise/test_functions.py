"""Functions of edgekit.h: accuracy against float64, and C against NumPy on every kind of number."""

import ctypes
import subprocess

import numpy as np
import pytest
from c_kernels import CC, INCLUDE, needs_cc
from kernel_cases import SPECIAL
from numpy.typing import NDArray

from edgekit.operators.elementwise.functions import (
    integer_power,
    quotient,
    remainder,
    truncate_to_int64,
)
from edgekit.operators.pointwise import twin as pointwise_twin
from edgekit.operators.pointwise.functions import POINTWISE

F32 = NDArray[np.float32]
EPS = 1.2e-7
# name: lowest and highest argument, largest relative error, largest absolute error (one must hold)
ACCURACY = {
    "Sin": (-1e4, 1e4, 0, 2e-7),
    "Cos": (-1e4, 1e4, 0, 2e-7),
    "Tan": (-1.5, 1.5, 3 * EPS, 0),
    "Asin": (-1, 1, 3 * EPS, 0),
    "Acos": (-1, 1, 3 * EPS, 0),
    "Atan": (-50, 50, 3 * EPS, 0),
    "Sinh": (-80, 80, 6 * EPS, 0),
    "Cosh": (-80, 80, 6 * EPS, 0),
    "Asinh": (-2000, 2000, 3 * EPS, 0),
    "Acosh": (1, 2000, 3 * EPS, 0),
    "Atanh": (-0.999, 0.999, 4 * EPS, 0),
    "Mish": (-20, 20, 4 * EPS, 1.5e-6),
    "Softsign": (-50, 50, 2 * EPS, 0),
    "Selu": (-20, 20, 2 * EPS, 3 * EPS),
    "Floor": (-1e7, 1e7, 0, 0),
    "Ceil": (-1e7, 1e7, 0, 0),
    "Round": (-1e7, 1e7, 0, 0),
}
PAIRED = {"ek_powf1": pointwise_twin.ek_pow_f32, "ek_fmodf1": np.fmod}
WHOLE = {
    "ek_divi1": quotient,
    "ek_modi1": remainder(np.mod),
    "ek_fmodi1": remainder(np.fmod),
    "ek_powi1": integer_power,
}


@pytest.mark.parametrize("name", ACCURACY)
def test_functions_are_accurate(name: str) -> None:
    low, high, relative, absolute = ACCURACY[name]
    x = np.random.default_rng(0).uniform(low, high, 50_000).astype(np.float32)
    x = np.concatenate([x, (x / 100 if low < 1 / 2 else x), np.float32([low, high])])
    function = POINTWISE[name]
    exact = function.real(x.astype(np.float64), function.defaults)
    error = np.abs(function.exact(x, function.defaults) - exact)
    assert np.all((error <= relative * np.abs(exact)) | (error <= absolute))


def test_powers_are_accurate() -> None:
    """Relative error below 2e-7 (1 + |y ln x|), as edgekit.h says."""
    random = np.random.default_rng(0)
    x = np.exp(random.uniform(-6, 6, 50_000)).astype(np.float32)
    y = random.uniform(-12, 12, x.size).astype(np.float32)
    exact = np.power(x.astype(np.float64), y.astype(np.float64))
    error = np.abs(pointwise_twin.ek_pow_f32(x, y) / exact - 1)
    assert np.all(error <= 2e-7 * (1 + np.abs(y * np.log(x))))


def numbers() -> F32:
    """Special values, ordinary ones, and random bits: every exponent, both signs, NaN."""
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**32, 4000, np.uint32).view(np.float32)
    halves = np.arange(-40, 40, dtype=np.float32) / 4
    return np.concatenate([SPECIAL, bits, halves, random.normal(0, 3, 1000).astype(np.float32)])


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Every function over arrays, under the undefined-behaviour sanitizer."""
    folder = tmp_path_factory.mktemp("functions")
    text = ['#include "edgekit.h"']
    for name, function in POINTWISE.items():
        literals = {key: f"{value!r}f" for key, value in function.defaults.items()}
        expression = function.c.format(x="x[i]", **literals)
        text.append(_loop(name, "float", "const float *x", expression))
    for name in PAIRED:
        text.append(_loop(name, "float", "const float *x, const float *z", f"{name}(x[i], z[i])"))
    for name in WHOLE:
        operands = "const int64_t *x, const int64_t *z"
        text.append(_loop(name, "int64_t", operands, f"{name}(x[i], z[i])"))
    text.append(_loop("ek_trunci1", "int64_t", "const float *x", "ek_trunci1(x[i])"))
    (folder / "all.c").write_text("\n".join(text))
    options = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", "-ffp-contract=off"]
    options += ["-fsanitize=undefined,float-cast-overflow", "-fno-sanitize-recover=all"]
    command = [str(CC), *options, f"-I{INCLUDE}", "-shared", "-fPIC", "all.c", "-o", "all.so"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return ctypes.CDLL(str(folder / "all.so"))


def _loop(name: str, result: str, operands: str, expression: str) -> str:
    head = f"void run_{name}({operands}, {result} *y, int32_t n);"
    body = f"for (int32_t i = 0; i < n; i++) {{ y[i] = {expression}; }}"
    return f"{head}\n{head[:-1]} {{ {body} }}"


def call(library: ctypes.CDLL, name: str, y: NDArray[np.generic], *x: NDArray[np.generic]) -> None:
    """Run ``run_<name>`` over arrays of one length."""
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (*x, y)]
    getattr(library, f"run_{name}")(*pointers, ctypes.c_int32(y.size))


@needs_cc
@pytest.mark.parametrize("name", POINTWISE)
def test_c_has_the_bits_of_numpy(name: str, library: ctypes.CDLL) -> None:
    x, function = numbers(), POINTWISE[name]
    found = np.empty_like(x)
    call(library, name, found, x)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(found, function.exact(x, function.defaults))


@needs_cc
@pytest.mark.parametrize("name", PAIRED)
def test_c_of_two_floats_has_the_bits_of_numpy(name: str, library: ctypes.CDLL) -> None:
    x = numbers()
    z = np.roll(x, 1717)
    z[:200] = np.resize(np.float32([2, 3, -1, 0.5, 0, -3]), 200)
    found = np.empty_like(x)
    call(library, name, found, x, z)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(found, PAIRED[name](x, z))


@needs_cc
@pytest.mark.parametrize("name", WHOLE)
def test_c_of_two_integers_has_the_bits_of_numpy(name: str, library: ctypes.CDLL) -> None:
    ends = np.int64([0, 1, -1, 2, -2, 7, -7, 62, 63, 64, -(2**31), 2**31, 2**63 - 1, -(2**63)])
    x, z = (array.ravel() for array in np.meshgrid(ends, ends))
    x, z = np.ascontiguousarray(x), np.ascontiguousarray(z)
    found = np.empty_like(x)
    call(library, name, found, x, z)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(found, WHOLE[name](x, z))


@needs_cc
def test_floats_become_integers_alike(library: ctypes.CDLL) -> None:
    x = np.concatenate([numbers(), np.float32([9.223372e18, -9.223372e18, 9.3e18, -9.3e18])])
    found = np.empty(x.size, np.int64)
    call(library, "ek_trunci1", found, x)
    np.testing.assert_array_equal(found, truncate_to_int64(x))
