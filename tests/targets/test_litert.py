"""Every operator of `operator_cases` as a .tflite: equal, within what is stated, or refused with the reason."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from operator_cases import CASES, FUSED, Case, case, f, n
from operator_models import INTEGER, calibrated_on, draw, quantized

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.export.verify import compare
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.runtime.runners.litert import LitertRunner, interpreter_class
from edgekit.runtime.stream import Stream
from edgekit.targets.c.emit.table import EMITTERS as C_EMITTERS
from edgekit.targets.litert.emit import pointwise
from edgekit.targets.litert.lower import prepare_model, write_network
from edgekit.targets.litert.table import EMITTERS
from edgekit.verbs.targets import TARGETS

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

SAMPLES = 6
NO_OPERATOR = "the target has no such operator"
LACKING = {name for domain, name in C_EMITTERS.keys() - EMITTERS.keys() if not domain}


def operators(case: Case) -> set[str]:
    """The names of a case's operators."""
    return {node.op_type for node in onnx.load_from_string(case.onnx).graph.node}


REFUSED = {
    "div_int64": "a quotient of int64",
    "mod_fmod_int": "the remainder of integers that has the dividend's sign",
    "bitwiseand": "the function bitwise_and",
    "bitwiseor": "the function bitwise_or",
    "argmax_last": "the last of equal ones",
    "argmin_last": "the last of equal ones",
    "scatter_nd_add": "reduction add",
    **{f"scatter_elements_{name}": f"reduction {name}" for name in ("add", "mul", "max", "min")},
    **{name: NO_OPERATOR for name, case in CASES.items() if operators(case) & LACKING},
    "conv_transpose_output_padding": "computed weights",
    **{
        case.name: "computed indices"
        for case in CASES.values()
        if operators(case) & {"GatherElements", "GatherND"} and "x1" in case.inputs
    },
}


TWICE = {"topk_in_integers"}  # a second node is refused, too


def opened(model: Model, folder: Path) -> Stream:
    """A model lowered for litert, in this process."""
    target = TARGETS["litert"]
    assert not target.check(model), target.check(model)
    build = target.lower(model, "litert")
    for name, content in build.files.items():
        (folder / name).write_bytes(content)
    return Stream(build.manifest, LitertRunner(folder, build.manifest))


# Functions whose rows of `POINTWISE` say them in what LiteRT has; each has a better spelling of its own.
TRACED = (
    "Celu", "Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Reciprocal", "Selu", "Shrink",
    "Softplus", "Softsign", "Tan", "ThresholdedRelu",
)  # fmt: skip


@pytest.mark.parametrize("name", TRACED)
def test_a_function_without_a_spelling_is_emitted_from_its_row(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(pointwise.COMPOSED, name, raising=False)
    monkeypatch.delitem(pointwise.BUILTINS, name, raising=False)
    network = case(name, name, f(2, 3, 17, low=-1.4, high=1.2))
    model, inputs = from_onnx(network.onnx, name=name), draw(network, SAMPLES)
    compare(run_hops(model, inputs), opened(model, tmp_path).run(inputs), what=name)


@pytest.mark.parametrize("name", [name for name in CASES if name not in REFUSED])
def test_float_litert_equals_onnxruntime(name: str, tmp_path: Path) -> None:
    model, inputs = from_onnx(CASES[name].onnx, name=name), draw(CASES[name], SAMPLES)
    found, expected = opened(model, tmp_path).run(inputs), run_hops(model, inputs)
    compare(expected, found, what=name)
    for key, array in expected.items():
        assert found[key].dtype == array.dtype
        if array.dtype != np.float32:
            np.testing.assert_array_equal(found[key], array)


# Whose operands broadcast; a quantizer of .tflite files wants a scale for each axis of the result.
BROADCAST = {"ADD", "SUB", "MUL", "DIV", "GREATER", "LESS", "SELECT_V2"}


def test_constants_have_as_many_axes_as_what_they_meet() -> None:
    networks = [CASES["magnitude_lifted"]]
    networks += [case(name, name, f(2, 3, 17, low=-1.4, high=1.2)) for name in TRACED]
    met = set()
    for network in networks:
        graph = write_network(prepare_model(from_onnx(network.onnx, name=network.name))).graph
        read = {number for call in graph.operators for number in call.inputs}
        assert graph.data.keys() <= read
        for call in graph.operators:
            constants = graph.data.keys() & set(call.inputs)
            if call.builtin in BROADCAST and constants:
                rank = len(graph.tensors[call.outputs[0]].shape)
                assert all(len(graph.tensors[n].shape) == rank for n in constants), network.name
                met.add(call.builtin)
    assert {"ADD", "MUL", "SELECT_V2"} <= met


NUMBER = f(low=0.3, high=0.9)
WHOLE = n(dtype="int32", low=-9)
OF_NUMBERS = [
    *(case(name, name, NUMBER) for name in ("Reciprocal", "IsInf", "Asin", "Sinh", "Erf")),
    case("Cast", "Cast", NUMBER, to=onnx.TensorProto.BOOL),
    case("Clip", "Clip", NUMBER, NUMBER, NUMBER),
    *(case(name, name, WHOLE) for name in ("Neg", "BitwiseNot")),
]


@pytest.mark.parametrize("network", OF_NUMBERS, ids=lambda network: network.name)
def test_constants_add_no_axis_to_a_number(network: Case, tmp_path: Path) -> None:
    model, inputs = from_onnx(network.onnx, name=network.name), draw(network, SAMPLES)
    graph = write_network(prepare_model(model)).graph
    made = {graph.tensors[call.outputs[0]].shape for call in graph.operators}
    assert made == {()}
    compare(run_hops(model, inputs), opened(model, tmp_path).run(inputs), what=network.name)


@pytest.mark.parametrize("name", REFUSED)
def test_what_litert_cannot_say_is_refused_with_the_reason(name: str) -> None:
    problem, *others = TARGETS["litert"].check(from_onnx(CASES[name].onnx, name=name))
    assert problem.found == REFUSED[name]
    assert problem.allowed and problem.next_step
    assert bool(others) == (name in TWICE)


# What a w8a8 network runs in float because LiteRT has no integers for it; the export says so.
ISLANDS = {
    "where_zero",
    "wide_average",
    "wide_function",
    "wide_prelu",
    "average_pool_1d",
    "softmax_rows",
    "lstm_1_c",
    "lstm_3_c",
    *(f"averagepool_{name}" for name in ("pads", "ceil", "same_upper", "same_lower")),
    *(f"conv_transpose_{name}_prelu" for name in ("1d", "1d_grouped", "2d", "2d_grouped")),
    *(case.name for case in FUSED),
}
STEP = 1.001  # of the output: how far LiteRT's roundings may lie from ours
WIDE_MARGIN_DB = (
    2.0  # what 16-bit roundings may cost against ours, at the 50 to 90 dB that they reach
)


@pytest.mark.parametrize("name", [name for name in INTEGER if name not in REFUSED])
def test_w8a8_litert_is_within_a_step_of_the_oracle(name: str, tmp_path: Path) -> None:
    model, inputs = quantized(name, "w8a8"), calibrated_on(name)
    stream = opened(model, tmp_path)
    found, expected = stream.run(inputs), Oracle(model).run_hops(inputs)
    exact = run_hops(from_onnx(CASES[name].onnx, name=name), inputs)
    scales = output_scales(tmp_path)
    for key, array in found.items():
        if scales[key]:
            assert np.abs(array - expected[key]).max() <= STEP * scales[key]
        elif array.dtype == np.float32:  # c of an LSTM: float here, int32 in the oracle
            assert snr_db(exact[key], array) >= snr_db(exact[key], expected[key]) - 0.5
        else:
            np.testing.assert_array_equal(array, expected[key])
    assert bool(TARGETS["litert"].lower(model, "litert").notes) == (name in ISLANDS)


@pytest.mark.rows(70)
@pytest.mark.parametrize("name", [name for name in INTEGER if name not in REFUSED])
def test_w8a16_litert_is_as_near_to_float_as_the_oracle(name: str, tmp_path: Path) -> None:
    model, inputs = quantized(name, "w8a16"), calibrated_on(name)
    found, expected = opened(model, tmp_path).run(inputs), Oracle(model).run_hops(inputs)
    exact = run_hops(from_onnx(CASES[name].onnx, name=name), inputs)
    for key, array in found.items():
        if array.dtype == np.float32:
            wanted = snr_db(exact[key], expected[key]) - WIDE_MARGIN_DB
            assert snr_db(exact[key], array) >= min(wanted, 90)


def output_scales(folder: Path) -> dict[str, float]:
    """The step of every output of a build's file, 0 where it is float."""
    interpreter = interpreter_class()(model_path=str(folder / "model.tflite"))
    return {d["name"]: d["quantization"][0] for d in interpreter.get_output_details()}
