"""Library messages, as onnx and onnxruntime write them, lose their plumbing and keep their meaning."""

import pytest

from edgekit.export.onnx_file.messages import of_torch, plain

SOURCE = "/onnxruntime_src/onnxruntime/core/providers/cpu"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[ShapeInferenceError] Inference error(s): (op_type:MatMul, node name: nn): "
            "[ShapeInferenceError] Incompatible dimensions for matrix multiplication\n",
            "MatMul 'nn': Incompatible dimensions for matrix multiplication",
        ),
        (
            "[ONNXRuntimeError] : 1 : FAIL : Node (nn) Op (MatMul) [ShapeInferenceError] "
            "Incompatible dimensions",
            "MatMul 'nn': Incompatible dimensions",
        ),
        (
            "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while "
            "running ReduceMax node. Name:'' Status Message: ReduceMax is not defined (yet)",
            "ReduceMax '': ReduceMax is not defined (yet)",
        ),
        (
            "[ONNXRuntimeError] : 1 : FAIL : Exception during initialization: "
            f"{SOURCE}/rnn/deep_cpu_gru.h:56 onnxruntime::DeepCpuGruOp::DeepCpuGruOp(const "
            "onnxruntime::OpKernelInfo&) layout_ == 0 was false. Batchwise operations\n",
            "Batchwise operations",
        ),
        (
            f"Non-zero status code returned while running Mod node. Name:'m' Status Message: "
            f"{SOURCE}/mod.cc:9 void onnxruntime::Mod<T>::operator()(bool) const fmod must be 1",
            "Mod 'm': fmod must be 1",
        ),
        (
            "/project/onnx/version_converter/adapters/no_previous_version.h:31: adapt: "
            "Assertion `false` failed: No Previous Version of Attention exists",
            "No Previous Version of Attention exists",
        ),
        ("", "ValueError"),
    ],
)
def test_plumbing_goes_and_meaning_stays(text, words):
    assert plain(ValueError(text)) == words


def test_the_cause_speaks_and_long_ones_are_cut():
    error = RuntimeError("while doing something")
    error.__cause__ = TypeError("x" * 999)
    assert plain(error) == "x" * 300


def test_torch_says_by_its_cause_where_values_decide():
    text = (
        "Could not extract specialized integer from data-dependent expression u0 (unhinted: u0).\n\n"
        "Caused by: (/home/me/nets/conformer.py:11 in _lengths_to_padding_mask)\nFor more information"
    )
    found, step = of_torch(RuntimeError(text))
    assert found.endswith("depends on values, in conformer.py line 11: _lengths_to_padding_mask")
    assert "torch.where" in step


def test_torch_s_request_for_a_report_is_not_passed_on():
    text = "Either your tensor may have escaped from inside a function being vmapped ... Please file an issue"
    found, step = of_torch(RuntimeError(text))
    assert "file an issue" not in found + step and "torch.vmap" in step
