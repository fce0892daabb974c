"""Data decides how many instructions a kernel runs where `runtime/contracts.toml` says so, and by no more."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from builds import lowered, noise
from c_kernels import needs_cc, parameters
from devices import on_devices, with_golden
from kernel_cases import CASES
from kernel_times import counts_of, jumps_on_data, most_added, small_calls

from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.operators.oracle import Oracle
from edgekit.runtime.devices.device import measure_qemu
from edgekit.runtime.proof.contracts import time_of, time_rows
from edgekit.targets.devices import profile
from edgekit.verbs.targets import TARGETS

PINNED = Path(__file__).parent / "pinned"
NETWORKS = sorted(path.stem for path in PINNED.glob("*.onnx") if "sampler" not in path.stem)
FAMILIES = sorted({min(k for k in CASES if time_of(k) is time_of(kernel)) for kernel in CASES})
SAME = [kernel for kernel in CASES if time_of(kernel) is None]
# Of one source of integer kernels one, in `make test`.
FEW = [kernel for kernel in SAME if not re.search("s16|w4|sparse", kernel)]
needs_memcheck = pytest.mark.skipif(
    shutil.which("valgrind") is None or not Path("/usr/include/valgrind/memcheck.h").is_file(),
    reason="needs valgrind: apt-get install valgrind",
)


def check_counts(kernels: list[str], target: str, inputs: int) -> None:
    for call, least, most in counts_of(small_calls(kernels), profile(target), inputs):
        assert most - least <= most_added(call), f"{call.kernel}: {least}..{most} instructions"


@pytest.mark.slow
@on_devices("cortex-m4")
def test_data_adds_no_more_instructions_than_the_table_says(target: str) -> None:
    check_counts(FAMILIES, target, 30)


@pytest.mark.slow
@on_devices("cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "cortex-m85")
def test_a_thousand_inputs_add_no_more_instructions_to_any_kernel(target: str) -> None:
    check_counts(list(CASES), target, 1000)


@on_devices("cortex-m4")
def test_counts_depend_on_data_where_the_longest_path_has_loops(target: str) -> None:
    """The inputs reach paths of different lengths."""
    kernels = ["ek_magnitude_s16", "ek_layernorm_s16", "ek_normal_noise_f32"]
    for call, least, most in counts_of(small_calls(kernels), profile(target), 30):
        assert most > least, call.kernel


@needs_cc
@needs_memcheck
@pytest.mark.parametrize("kernels", [FEW, pytest.param(SAME, marks=pytest.mark.slow)])
def test_data_decides_no_jump_of_kernels_without_a_row(kernels: list[str]) -> None:
    found = jumps_on_data(small_calls(kernels))
    assert {kernel: places for kernel, places in found.items() if places} == {}


@needs_cc
@needs_memcheck
def test_a_jump_that_data_decides_is_found() -> None:
    (places,) = jumps_on_data(small_calls(["ek_magnitude_s16"])).values()
    assert any(place.startswith("ek_isqrt64") for place in places)


@pytest.mark.slow
@on_devices("cortex-m4")
@pytest.mark.parametrize("name", NETWORKS)
def test_hops_keep_the_bound_of_a_build(target: str, name: str, tmp_path: Path) -> None:
    """The bound of the hops with the least data covers all others."""
    model = Model.from_bytes((PINNED / f"{name}.onnx").read_bytes())
    if reason := TARGETS[target].check(model):
        pytest.skip(f"the target does not take this network: {reason[0]}")
    hops = 24
    build = lowered(model, tmp_path, target)
    inputs = noise(model, hops, 0)
    for values in inputs.values():  # from silence to far above what a layer was calibrated on
        values *= 1e3 ** (np.arange(len(values)) % 4 - 2.0).reshape(-1, *[1] * (values.ndim - 1))
    sizes = {str(v.name): dims(v) for v in model.ir.graph.inputs if v.name in model.constants}
    random = np.random.default_rng(1)
    for name, size in sizes.items():  # one for all hops
        inputs[name] = random.standard_normal(size).astype(np.float32)
    with_golden(build, model, tmp_path, target, inputs, Oracle(model).run_hops(inputs))
    found = measure_qemu(tmp_path, build.manifest, profile(target), hops)
    assert found.instruction_bound is not None
    assert max(found.instructions) <= min(found.instructions) + found.most_added
    assert found.most_added > 0


def test_every_row_of_time_names_a_call() -> None:
    functions = re.findall(r"^static inline \w+ (ek_\w+)\(", _header(), flags=re.MULTILINE)
    names = [*parameters(), *functions, "?"]
    for row in time_rows():
        assert any(re.fullmatch(row.calls, name) for name in names), row.calls


def _header() -> str:
    root = Path(__file__).parents[1]
    return (root / "runtime" / "include" / "edgekit.h").read_text(encoding="utf-8")
