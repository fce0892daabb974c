"""Every operator of `operator_cases` on every runtime: onnxruntime, the oracle, generated C."""

import ctypes
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from builds import STRICT
from c_kernels import CC, needs_cc
from operator_cases import CASES, FUSED
from operator_models import (
    CALIBRATION_SAMPLES,
    INTEGER,
    RECIPES,
    Arrays,
    draw,
    float_models,
    integer_models,
)

from edgekit.export.hop_runner import in_onnxruntime, run_hops, snr_db
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.runners.c import NativeRunner
from edgekit.runtime.stream import Stream
from edgekit.verbs.targets import TARGETS

SAMPLES = 6
JUMPING = {
    "sign",
    "floor",
    "ceil",
    "round",
    "shrink",
    "thresholdedrelu",
}  # int16 has no form of them

pytestmark = needs_cc


@dataclass(frozen=True)
class Program:
    """One lowered case: the model, its sources and their manifest."""

    model: Model
    files: Mapping[str, bytes]
    manifest: Manifest


def lowered(model: Model) -> Program:
    """Check and lower for c99."""
    assert not TARGETS["c99"].check(model), model.source.name
    build = TARGETS["c99"].lower(model, "c99")
    return Program(model, build.files, build.manifest)


@pytest.fixture(scope="module")
def programs() -> dict[str, Program]:
    """All cases in float, and the integer forms under ``<recipe>_<name>``."""
    return {name: lowered(model) for name, model in (float_models() | integer_models()).items()}


@pytest.fixture(scope="module")
def library(programs: dict[str, Program], tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """All programs in one shared library: strict C99, warnings are errors."""
    folder = tmp_path_factory.mktemp("operators")
    files: dict[str, bytes] = {}
    for program in programs.values():
        shared = {
            name for name in files.keys() & program.files.keys() if name.endswith((".c", ".h"))
        }
        shared -= {"edgekit.h"}  # which begins with the names of a build's kernels
        assert all(files[name] == program.files[name] for name in shared)
        files |= program.files
    for name, content in files.items():
        (folder / name).write_bytes(content)
    kernels = {name for name in files if name.startswith("ek_") and name.endswith(".c")}
    own = sorted(name for name in files if name.endswith(".c") and name not in kernels)
    (folder / "programs.c").write_text("".join(f'#include "{name}"\n' for name in own))
    sources = ["programs.c", *sorted(kernels)]
    alone = ["-DEK_ALONE", *(f"-DEK_BUILD_{name.removesuffix('.c')}" for name in own)]
    command = [str(CC), *STRICT, *alone, "-O0", "-fPIC", "-shared", *sources, "-o", "all.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(folder / "all.so"))


def c_outputs(library: ctypes.CDLL, program: Program, inputs: Arrays) -> Arrays:
    """Run the generated C over the samples."""
    runner = NativeRunner(library, program.manifest, Path("all.so"), None)
    return Stream(program.manifest, runner).run(inputs)


def assert_same_bits(found: Arrays, expected: Arrays) -> None:
    """Equal in every bit; any NaN equals any other, and -0 equals 0."""
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_float_c_equals_onnxruntime_and_oracle(
    name: str, programs: dict[str, Program], library: ctypes.CDLL
) -> None:
    case, program = CASES[name], programs[name]
    inputs = draw(case, SAMPLES)
    found = c_outputs(library, program, inputs)
    assert_same_bits(found, Oracle(program.model).run_hops(inputs))
    reference = in_onnxruntime(case.onnx)
    for sample in range(SAMPLES):
        expected = reference({key: array[sample] for key, array in inputs.items()})
        compare(expected, {key: found[key][sample] for key in expected}, what=name)
        for key, array in expected.items():
            assert found[key].dtype == array.dtype
            if array.dtype != np.float32:
                np.testing.assert_array_equal(found[key][sample], array)


@pytest.mark.parametrize("name", [case.name for case in FUSED])
def test_float_c_of_fused_patterns_equals_oracle_and_the_patterns(
    name: str, programs: dict[str, Program], library: ctypes.CDLL
) -> None:
    program, inputs = programs[f"fused_{name}"], draw(CASES[name], SAMPLES)
    found = c_outputs(library, program, inputs)
    assert_same_bits(found, Oracle(program.model).run_hops(inputs))
    compare(run_hops(programs[name].model, inputs), found, what=name)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", INTEGER)
def test_integer_c_equals_oracle_and_is_near_float(
    name: str, recipe: str, programs: dict[str, Program], library: ctypes.CDLL
) -> None:
    case, program = CASES[name], programs[f"{recipe}_{name}"]
    inputs = draw(case, CALIBRATION_SAMPLES, 1)
    found = c_outputs(library, program, inputs)
    assert_same_bits(found, Oracle(program.model).run_hops(inputs))
    exact = run_hops(programs[name].model, inputs)
    qdq = run_hops(program.model, inputs)
    for key, array in found.items():
        assert snr_db(exact[key], array) >= max(case.w8a8_snr_db, RECIPES[recipe][0])
        assert snr_db(qdq[key], array) >= max(case.w8a8_snr_db, RECIPES[recipe][1])
    border = sum(x.dtype == np.float32 for x in inputs.values()) + len(found)
    island = 2 if recipe == "w8a16" and name in JUMPING else 0
    left = program.manifest.quantization["tensors_float"]
    assert left == border + case.w8a8_floats + island
