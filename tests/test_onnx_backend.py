"""onnx's backend cases through the generated C: a subset; `bench/conformance/onnx_backend.py` runs all of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from backend_case import RELATIVE, Verdict, relative_error
from c_kernels import needs_cc

ROOT = Path(__file__).parent.parent
# Drawn from the equal ones, each of another operator, and from those that are refused: the bench runs all.
EQUAL = (
    "atan", "bitwise_xor_i32_2d", "constant_pad", "equal_uint32", "greater_equal_int8",
    "hardswish", "leakyrelu", "logsoftmax_axis_1", "min_int64",
    "reduce_sum_negative_axes_keepdims_random", "rms_normalization_3d_axis_negative_3_epsilon",
    "sigmoid_example", "spacetodepth", "sum_two_inputs", "tile_precomputed",
)  # fmt: skip
REFUSED = (
    "attention_3d_causal_bf16",
    "attention_4d_causal_bf16",
    "bernoulli_double",
    "bitcast_bool_to_uint8",
    "bitcast_int64_to_float64",
    "cast_FLOAT16_to_DOUBLE",
    "cast_FLOAT4E2M1_to_FLOAT",
    "castlike_FLOAT16_to_UINT4_expanded",
    "dynamicquantizelinear_max_adjusted",
    "lstm_reverse",
    "mod_mixed_sign_float16",
    "mul_uint64",
    "range_float16_type_positive_delta",
    "shape_start_greater_than_end",
    "string_concat_broadcasting",
    "top_k_same_values_2d",
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Case -> outcome, from the command that runs all of them."""
    out = tmp_path_factory.mktemp("backend") / "cases.jsonl"
    names = "|".join([*EQUAL, *REFUSED])
    command = [sys.executable, str(ROOT / "bench"), "onnx_backend", "--suite", "node"]
    command += ["--filter", f"^test_({names})$", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert out.is_file(), done.stdout + done.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    return {row["name"].removeprefix("test_"): row["outcome"] for row in rows}


@needs_cc
@pytest.mark.parametrize("name", EQUAL)
def test_a_case_is_equal(name: str, outcomes: dict[str, str]) -> None:
    assert outcomes[name] == "equal"


@needs_cc
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_today_is_never_wrong(name: str, outcomes: dict[str, str]) -> None:
    assert outcomes[name] in ("refused", "equal")


@pytest.mark.parametrize("page", ["operators", "kernels"])
def test_the_page_is_that_of_the_code(page: str) -> None:
    command = [sys.executable, str(ROOT / "docs" / f"make_{page}.py")]
    made = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert made == (ROOT / "docs" / "reference" / f"{page}.md").read_text(), (
        f"python docs/make_{page}.py > docs/reference/{page}.md"
    )


def test_what_needs_more_than_the_relative_limit_is_counted() -> None:
    exact, zero = np.array([1.0, -2.0, 1e-9, np.inf, np.nan], np.float32), np.zeros(5, np.float32)
    for relative in (3e-6, 3e-5, 9e-4):
        found = relative_error([exact], [exact * np.float32(1 + relative)], 1e-7)
        assert 0.9 * relative - 1e-7 < found < 1.1 * relative
        assert Verdict("case", "equal", needed=found).needed_more == (relative > RELATIVE)
    assert relative_error([exact], [exact], 0) == relative_error([zero], [zero + 5e-8], 1e-7) == 0
    assert relative_error([zero], [zero + np.float32(1e-3)], 1e-7) > RELATIVE
    assert not Verdict("case", "wrong", needed=1.0).needed_more
