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
# Drawn from the equal ones, one for each of 44 operators, and 16 from those that are refused.
EQUAL = (
    "atan", "atanh", "averagepool_2d_precomputed_same_upper", "bitwise_xor_i32_2d",
    "center_crop_pad_crop_and_pad", "compress_default_axis", "constant_pad", "dft_axis_opset19",
    "elu_default", "equal_uint32", "exp", "flatten_axis1", "greater_equal_int8",
    "gridsample_bilinear", "hardsigmoid_example", "hardswish", "instancenorm_epsilon", "isnan",
    "leakyrelu", "less_equal_int16", "log_example", "logsoftmax_axis_1", "max_uint8",
    "maxpool_2d_same_upper", "min_int64", "pow_types_float32_int64",
    "reduce_log_sum_desc_axes", "reduce_sum_negative_axes_keepdims_random",
    "resize_downsample_scales_linear_half_pixel_symmetric", "reversesequence_time",
    "rms_normalization_3d_axis_negative_3_epsilon", "selu_default", "shrink_soft",
    "sigmoid_example", "softmax_negative_axis", "softplus", "spacetodepth",
    "squeeze_negative_axes", "sub_int8", "sum_two_inputs", "tan_example",
    "thresholdedrelu_example", "tile_precomputed",
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
