"""The rows of `graph/facts.py`, each column held against what onnxruntime and the standard say."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import defs, helper, numpy_helper
from operator_cases import CASES, Case
from repository.operator_lists import found_in_text, lists

from edgekit.graph.facts import FACTS, Facts, names
from edgekit.operators.elementwise.functions import FORMS
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.operators.table import OPERATORS
from edgekit.targets.c.emit.table import EMITTERS

Arrays = dict[str, NDArray[Any]]
MOST_LISTS = 20  # outside graph/facts.py and operators/: each a true choice of one stage


def single_nodes() -> Iterator[tuple[str, onnx.NodeProto, Arrays]]:
    """The first node of every case whose operator is a standard one, with operands that are all given."""
    for name, case in CASES.items():
        graph = onnx.load_from_string(case.onnx).graph
        node = graph.node[0]
        arrays = operands(case, graph)
        known = all(not value or value in arrays for value in node.input)
        if node.op_type in FACTS.keys() - {"Swish"} and known:  # onnxruntime has no Swish
            yield name, node, {value: arrays[value] for value in node.input if value}


def operands(case: Case, graph: onnx.GraphProto) -> Arrays:
    """Seeded inputs and the constants of a case."""
    random = np.random.default_rng(5)
    drawn = {name: np.asarray(operand.draw(random, 1)[0]) for name, operand in case.inputs.items()}
    return drawn | {
        item.name: np.asarray(numpy_helper.to_array(item)) for item in graph.initializer
    }


NODES = {name: (node, arrays) for name, node, arrays in single_nodes()}


def evaluate(node: onnx.NodeProto, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The first output of a node in onnxruntime; the shapes of the operands are free."""
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in arrays.items()
    ]
    graph = helper.make_graph([node], "one", inputs, [onnx.ValueInfoProto(name=node.output[0])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, dict(arrays))
    return np.asarray(result)


def cases_of(holds: frozenset[str]) -> list[str]:
    """Cases of these operators, those that onnxruntime runs in float32 or integers."""
    return [name for name, (node, _) in NODES.items() if node.op_type in holds]


def first_is_float(node: onnx.NodeProto, arrays: Arrays) -> bool:
    return arrays[node.input[0]].dtype == np.float32


def elementwise_operands(node: onnx.NodeProto, arrays: Arrays) -> Arrays:
    """Operands of one shape; settings of one element, as bounds of Clip, stay as they are."""
    shape = np.broadcast_shapes(*(a.shape for a in arrays.values()))
    return {
        name: a if a.size == 1 else np.broadcast_to(a, shape).copy() for name, a in arrays.items()
    }


@pytest.mark.parametrize("case", cases_of(names(lambda row: row.elementwise and not row.quantizer)))
def test_elements_of_elementwise_operators_do_not_meet(case: str) -> None:
    node, given = NODES[case]
    arrays = elementwise_operands(node, given)
    result = evaluate(node, arrays)
    order = np.random.default_rng(1).permutation(result.size)
    shuffled = {
        name: a if a.size == 1 else a.ravel()[order].reshape(a.shape) for name, a in arrays.items()
    }
    turned = evaluate(node, shuffled)
    np.testing.assert_allclose(
        turned.ravel().astype(np.float64),
        result.ravel()[order].astype(np.float64),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("case", cases_of(names(lambda row: row.keeps_zero and row.elementwise)))
def test_what_keeps_zero_makes_zeros_of_zeros(case: str) -> None:
    node, arrays = NODES[case]
    zeros = arrays | {node.input[0]: np.zeros_like(arrays[node.input[0]])}
    assert not evaluate(node, zeros).any()


@pytest.mark.parametrize("case", cases_of(names(lambda row: row.homogeneous)))
def test_homogeneous_functions_scale_with_their_input(case: str) -> None:
    node, arrays = NODES[case]
    if not first_is_float(node, arrays):
        assert node.op_type in ("Identity", "Abs", "Neg", "Relu")  # of integers: they wrap around
        return
    doubled = arrays | {node.input[0]: arrays[node.input[0]] * np.float32(4)}
    np.testing.assert_array_equal(evaluate(node, doubled), 4 * evaluate(node, arrays))


@pytest.mark.parametrize("name", POINTWISE)
def test_functions_of_one_value_keep_zero_and_saturate_as_their_rows_say(name: str) -> None:
    function, row = POINTWISE[name], FACTS[name]
    at = np.array([0, 30, 60, -200, -400], np.float64)
    with np.errstate(all="ignore"):
        zero, *far = function.real(at, dict(function.defaults))
    assert (zero == 0) == row.keeps_zero, f"{name}: keeps_zero={zero == 0} in graph/facts.py"
    bounded = bool(
        np.isfinite(far).all() and max(abs(far[0] - far[1]), abs(far[2] - far[3])) < 1e-7
    )
    varies = abs(far[0] - far[2]) > 0.5
    steps = name in ("Sign", "HardSigmoid", "Erf")  # bounded too; 16 bits are worth nothing there
    assert row.saturates == (bounded and varies and not steps)


@pytest.mark.parametrize("case", cases_of(names(lambda row: row.moves is not None)))
def test_movements_make_no_new_elements(case: str) -> None:
    node, arrays = NODES[case]
    settings = {
        attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute
    }
    interpolates = settings.get("mode", b"nearest") not in (
        b"nearest",
        b"constant",
        b"edge",
        b"reflect",
        b"wrap",
    )
    combines = settings.get("reduction", b"none") != b"none"
    extrapolates = "tf_crop" in str(settings.get("coordinate_transformation_mode", ""))
    if (node.op_type == "Resize" and interpolates) or combines or extrapolates:
        return  # forms of the operator that no stage takes for a movement, see is_move
    result = evaluate(node, arrays)
    result = result[result == result]  # NaN equals nothing
    given = [np.ravel(a).astype(result.dtype) for a in arrays.values() if a.dtype == result.dtype]
    assert np.isin(result, np.concatenate([*given, np.zeros(1, result.dtype)])).all()


@pytest.mark.parametrize("case", cases_of(names(lambda row: row.averages)))
def test_averages_stay_between_the_least_and_the_largest(case: str) -> None:
    node, arrays = NODES[case]
    x = arrays[node.input[0]]
    if any(a.name == "count_include_pad" and a.i for a in node.attribute) or x.dtype != np.float32:
        x = np.abs(x)  # zeros of the padding take part, or the mean is rounded towards zero
        arrays = arrays | {node.input[0]: x}
        assert evaluate(node, arrays).max() <= x.max()
        return
    result = evaluate(node, arrays)
    assert x.min() - 1e-6 <= result.min() and result.max() <= x.max() + 1e-6


@pytest.mark.parametrize("case", cases_of(names(lambda row: row.sign or row.partial is not None)))
def test_signs_follow_from_those_of_the_operands(case: str) -> None:
    node, arrays = NODES[case]
    row = FACTS[node.op_type]
    floats = [n for n, a in arrays.items() if a.dtype == np.float32]
    above = arrays | {n: np.asarray(np.abs(arrays[n]) + np.float32(0.25)) for n in floats}
    if row.sign in ("above", "not below"):
        result = evaluate(node, arrays)
        assert (result > 0).all() if row.sign == "above" else (result >= 0).all()
    elif row.sign and arrays[node.input[0]].dtype == np.float32:
        assert (evaluate(node, above).astype(np.float64) > 0).all()
    if row.partial is not None and arrays[node.input[row.partial]].dtype == np.float32:
        ones = above | {node.input[row.partial]: np.ones_like(arrays[node.input[row.partial]])}
        assert np.isfinite(evaluate(node, ones)).all()


@pytest.mark.parametrize("row", FACTS.values(), ids=lambda row: row.name)
def test_rows_say_what_the_standard_says(row: Facts) -> None:
    schema = defs.get_schema(row.name, 21 if row.name != "Swish" else 24, "")
    graphs = [a for a in schema.attributes.values() if a.type == defs.OpSchema.AttrType.GRAPH]
    assert row.loops == (bool(graphs) and row.name != "If")
    if not graphs and row.name != "Dropout":  # which draws in training alone
        drawn = schema.node_determinism == defs.OpSchema.NodeDeterminism.NonDeterministic
        assert row.random == drawn
    if row.axis is not None:
        axis = schema.attributes["axis"]
        assert axis.required or axis.default_value.i == row.axis
    places = (*row.sensitive, *row.weights, *(() if row.bias is None else (row.bias,)))
    assert all(index < len(schema.inputs) for index in places)


def test_every_operator_with_a_form_has_a_row() -> None:
    standard = {name for domain, name in OPERATORS if not domain}
    assert standard <= FACTS.keys()
    assert {n for n in (*FORMS, *POINTWISE) if n in standard} <= names(lambda row: row.elementwise)


def test_every_operator_that_is_emitted_in_c_has_a_case() -> None:
    graphs = (onnx.load_from_string(case.onnx).graph for case in CASES.values())
    used = {node.op_type for graph in graphs for node in graph.node}
    emitted = {name for domain, name in EMITTERS if not domain}
    assert emitted - used <= {"CastLike", "Identity"}  # the import resolves them


def test_no_stage_keeps_a_list_that_a_row_could_answer() -> None:
    found = lists()
    assert len(found) <= MOST_LISTS, "\n".join(
        f"{item.path}:{item.line} {item.names}" for item in found
    )


@pytest.mark.parametrize(
    "text",
    [
        'X = {"Conv", "Gemm", "MatMul"}',
        'X = ["Conv", *("Gemm", "MatMul")]',
        'X = "Conv Gemm MatMul".split()',
        'X = frozenset(("Conv", "Gemm", "MatMul"))',
        'X = {"Conv": 1, ("", "Gemm"): 2, "x": "MatMul"}',
        'match x:\n    case "Conv" | "Gemm":\n        pass\n    case "MatMul":\n        pass',
        'X = {"Conv"} | {"Gemm"} | {"MatMul"}',
        'X = op == "Conv" or op in ("Gemm", "MatMul")',
        'X = op in ("Conv", "Gemm", "MatMul")',
        'if op == "Conv":\n    x()\nelif op == "Gemm":\n    x()\nelif op == "MatMul":\n    y()',
        'if op == "Conv":\n    x()\nif op == "Gemm" and y:\n    x()\nif op != "MatMul":\n    y()',
        'X = 1 if op == "Conv" else 2 if op == "Gemm" else 3 if op == "MatMul" else 4',
    ],
)
def test_lists_in_any_spelling_are_seen(text: str) -> None:
    assert [set(item.names) for item in found_in_text(text, "x.py")] == [{"Conv", "Gemm", "MatMul"}]


@pytest.mark.parametrize(
    "text",
    [
        'X = op == "Conv" or op == "Gemm" or other == "MatMul"',
        'if op == "Conv":\n    x()\ny()\nif op in ("Gemm", "MatMul"):\n    x()',
        'if op == "Conv":\n    if op == "Gemm":\n        x()\n    x()\nelif op == "MatMul":\n    y()',
    ],
)
def test_comparisons_that_make_no_list_are_not_counted(text: str) -> None:
    assert not list(found_in_text(text, "x.py"))
