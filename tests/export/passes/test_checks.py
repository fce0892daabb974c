"""What ONNX forbids or leaves open is refused by the node's name at the import; mixed floats become float32."""

import numpy as np
import onnx
import onnx.defs
import pytest
from one_node_files import FLOAT, file
from onnx import TensorProto, helper, numpy_helper

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops
from edgekit.export.passes.checks import FLAGS, WORDS
from edgekit.operators.oracle import Oracle
from edgekit.targets.c.emit.table import EMITTERS
from edgekit.verbs.targets import TARGETS

REDUCTIONS = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
]
AXES = np.array([-1, 2])
NAN, INF = np.full((4, 4), np.nan, np.float32), np.full((4, 4), np.inf, np.float32)
ONE_INF = np.where(np.eye(4), np.inf, 0).astype(np.float32)
REFUSED = {
    **{f"{name} axes twice": (file(name, [AXES]), "there twice") for name in REDUCTIONS},
    **{
        f"{name} axes twice as an attribute": (file(name, opset=11, axes=[0, -3]), "there twice")
        for name in REDUCTIONS
    },
    **{
        f"{name} noop 7": (file(name, noop_with_empty_axes=7), "noop_with_empty_axes 7")
        for name in REDUCTIONS
    },
    "ReduceMax keepdims 2": (file("ReduceMax", keepdims=2), "keepdims 2"),
    "ArgMax keepdims -1": (file("ArgMax", keepdims=-1, kind=TensorProto.INT64), "keepdims -1"),
    "Softmax axis": (file("Softmax", axis=3), "axis"),
    "Softmax axis below": (file("Softmax", axis=-4), "axis"),
    "Hardmax axis": (file("Hardmax", axis=3), "axis"),
    "LogSoftmax axis": (file("LogSoftmax", axis=9), "axis"),
    "LpNormalization axis": (file("LpNormalization", axis=5), "axis"),
    "LpPool p": (file("LpPool", kernel_shape=[2], p=2**32 + 1), "p 4294967297"),
    "LpPool p negative": (file("LpPool", kernel_shape=[2], p=-2), "p -2"),
    "GlobalLpPool p": (file("GlobalLpPool", p=2**31), "p 2147483648"),
    "LpPool p, slow": (file("LpPool", kernel_shape=[2], p=257), "p 257"),
    "Resize sizes": (
        file("Resize", [np.zeros(0, np.float32), np.zeros(0, np.float32), np.full((1, 3), 2)]),
        "sizes of shape",
    ),
    "RandomUniformLike": (file("RandomUniformLike"), "random numbers"),
    "RandomNormalLike": (file("RandomNormalLike", seed=3.0), "random numbers"),
    "RandomUniform": (file("RandomUniform", inputs=[], shape=[2]), "random numbers"),
    "RandomNormal": (file("RandomNormal", inputs=[], shape=[2]), "random numbers"),
    "Bernoulli": (file("Bernoulli"), "random numbers"),
    "Multinomial": (file("Multinomial", size=(1, 3), kind=TensorProto.INT32), "random numbers"),
    "Dropout in training": (
        file("Dropout", [np.float32(0.5), np.array(True)]),
        "in training mode: it drops",
    ),
    "Scatter word": (
        file(
            "ScatterElements",
            [np.zeros((1, 1, 1), np.int64), np.ones((1, 1, 1), np.float32)],
            reduction="cubic",
        ),
        "reduction 'cubic'",
    ),
    "ScatterND word": (
        file("ScatterND", [np.zeros((1, 3), np.int64), np.ones(1, np.float32)], reduction="mean"),
        "reduction 'mean'",
    ),
    "ConvTranspose output smaller": (
        file("ConvTranspose", [np.ones((3, 1, 3), np.float32)], output_shape=[1], pads=[1, 2]),
        "dimensions",
    ),
    "ConvTranspose that spreads": (
        file("ConvTranspose", [np.ones((3, 1, 2), np.float32)], auto_pad="SAME_UPPER", strides=[4]),
        "auto_pad SAME_UPPER, a window of 2 and a stride of 4",
    ),
    "tuples of no index": (
        file("GatherND", [np.zeros(0, np.int64)]),
        r"indices of shape \[0\] into \[1, 3, 4\]",
    ),
    "window beyond": (
        file("AveragePool", kernel_shape=[5], strides=[6], ceil_mode=1, auto_pad="VALID"),
        "a window of 5 on 4",
    ),
    "taps of padding": (
        file("AveragePool", kernel_shape=[2**31 - 1], auto_pad="SAME_LOWER"),
        "2147483647 taps on 4",
    ),
    "dilated window beyond": (
        file("MaxPool", kernel_shape=[3], dilations=[3], ceil_mode=1, pads=[1, 1]),
        "a window of 7 on 4",
    ),
    **{
        f"{mode} that crops": (
            file(
                "Conv", [np.ones((2, 3, 2), np.float32)], auto_pad=mode, strides=[3], size=(1, 3, 6)
            ),
            f"auto_pad {mode}, a window of 2 and a stride of 3 on 6: padding of -1",
        )
        for mode in ("SAME_UPPER", "SAME_LOWER")
    },
    "pool that crops": (
        file("MaxPool", kernel_shape=[1], auto_pad="SAME_LOWER", strides=[4]),
        "padding of -3",
    ),
    **{
        f"PRelu slope of {slope}": (
            file("PRelu", [np.ones(slope, np.float32)], size=size),
            rf"a slope of shape \[{', '.join(map(str, slope))}\] for an input",
        )
        for slope, size in (((4, 3), (4, 1)), ((2, 1, 1), (4, 3)), ((3,), ()), ((2,), (1, 3, 4)))
    },
    "PRelu of a constant": (
        file("PRelu", [np.ones((4, 1, 1), np.float32)], (1, 4, 6, 7), inputs=["c0", "x"]),
        r"a slope of shape \[1, 4, 6, 7\] for an input of \[4, 1, 1\]",
    ),
    "Dropout that may train": (
        file("Dropout", [np.float32(0.5)], inputs=["x", "c0", "t"], more={"t": TensorProto.BOOL}),
        "random numbers",
    ),
    "Celu of 0": (file("Celu", alpha=0.0), "alpha 0"),
    "LayerNormalization axis": (
        file("LayerNormalization", [np.ones(4, np.float32)], axis=2**31),
        "axis 2147483648; allowed: an integer of 32 bits",
    ),
    "GatherND batch": (
        file("GatherND", [np.zeros((1, 1), np.int64)], batch_dims=-4),
        "batch_dims -4",
    ),
    "an operand left out": (file("Min", inputs=["x", ""]), "input 1 is left out"),
    "an output left out": (
        file("Split", outputs=["", "y"], axis=1, num_outputs=2),
        "output 0 is left out",
    ),
    "half precision": (file("Cast", to=TensorProto.FLOAT16, back=FLOAT), "computes in float16"),
    "pool of dilated windows that pads itself": (
        file("MaxPool", kernel_shape=[2], dilations=[2], auto_pad="SAME_UPPER"),
        "auto_pad SAME_UPPER with dilations",
    ),
    "MatMul NaN": (file("MatMul", [NAN]), "'c0' holds NaN"),
    "MatMul infinity": (file("MatMul", [ONE_INF]), "'c0' holds infinity"),
    "Add NaN": (file("Add", [NAN[0]]), "'c0' holds NaN"),
    "Add infinity": (file("Add", [INF[0]]), "'c0' holds infinity"),
    "Mul infinity": (file("Mul", [-ONE_INF[0]]), "'c0' holds infinity"),
    "Conv infinity": (
        file("Conv", [np.full((2, 3, 1), -np.inf, np.float32)]),
        "'c0' holds infinity",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_by_name(name):
    data, found = REFUSED[name]
    with pytest.raises(ModelError, match=found) as caught:
        from_onnx(data, name="net")
    if found != "axis":
        (operator,) = {node.op_type for node in onnx.load_from_string(data).graph.node}
        assert {problem.where for problem in caught.value.problems} == {f"{operator} 'it'"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (-1.0, "uint8"),
        (256.0, "uint8"),
        (-129.0, "int8"),
        (3e9, "int32"),
        (1e19, "int64"),
        (-2.0, "uint32"),
    ],
)
def test_a_constant_that_its_integer_type_does_not_hold_is_refused(value, kind):
    kinds = getattr(TensorProto, kind.upper())
    nodes = [
        helper.make_node("Cast", ["c"], ["i"], to=kinds, name="it"),
        helper.make_node("Cast", ["i"], ["f"], to=FLOAT),
        helper.make_node("Add", ["x", "f"], ["y"]),
    ]
    border = [helper.make_tensor_value_info(name, FLOAT, [2]) for name in ("x", "y")]
    constant = numpy_helper.from_array(np.array([1, value], np.float32), "c")
    graph = helper.make_graph(nodes, "net", border[:1], border[1:], [constant])
    opsets = [helper.make_opsetid("", 18)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    with pytest.raises(ModelError, match=f"Cast 'it': .* becomes {kind}"):
        from_onnx(data, name="net")


def masked(mask):
    return np.where(np.tri(4), 0, mask).astype(np.float32)


@pytest.mark.parametrize(
    ("operator", "constants"),
    [
        ("Add", [masked(-np.inf)]),
        ("Max", [np.float32(-np.inf)]),
        ("Min", [np.float32(np.inf)]),
        ("Clip", [np.float32(0), np.float32(np.inf)]),
    ],
)
def test_an_infinity_that_masks_or_selects_is_taken(operator, constants):
    shape = (1, 4, 4) if operator == "Add" else (1, 3, 4)
    model = from_onnx(file(operator, constants, shape), name="net")
    assert TARGETS["c99"].check(model) == []


@pytest.mark.parametrize("slope", [(), (1,), (4,), (3, 1), (1, 1, 3, 4)])
def test_a_slope_that_fits_into_its_input_is_taken(slope):
    weights = np.linspace(-1, 1, int(np.prod(slope)), dtype=np.float32).reshape(slope)
    model = from_onnx(file("PRelu", [weights], size=(3, 4)), name="net")
    x = np.random.default_rng(5).normal(size=(2, 3, 4)).astype(np.float32)
    found = Oracle(model).run_hops({"x": x})["y"].reshape(x.shape)
    np.testing.assert_array_equal(found, np.where(x < 0, (weights * x).reshape(x.shape), x))


def test_flags_and_words_are_those_of_onnx():
    """Each is an attribute of an operator, of its type; every word attribute of an operator with a form is there."""
    schemas = [schema for schema in onnx.defs.get_all_schemas() if not schema.domain]
    flags = {a.name for s in schemas for a in s.attributes.values() if a.type.name == "INT"}
    assert flags >= FLAGS
    emitted = {name for _, name in EMITTERS}
    words = {
        (schema.name, a.name)
        for schema in schemas
        for a in schema.attributes.values()
        if a.type.name == "STRING" and a.default_value.s and schema.name in emitted
    }
    free = {("Cast", "round_mode"), ("CastLike", "round_mode")}  # of a type that no target has
    assert words - free <= set(WORDS)


@pytest.mark.rows(3)
@pytest.mark.parametrize("shape", [(2,), (3, 2, 5)])
@pytest.mark.parametrize("step", [-1, -2, 1, 2])
def test_slices_from_outside_are_those_of_onnx(shape, step):
    """Python's slices are others where they step back."""
    for start in (-9, -3, -1, 0, 1, 9):
        for end in (-9, -4, -2, 0, 1, 9):
            bounds = [np.array([n]) for n in (start, end, len(shape) - 1, step)]
            data = file("Slice", bounds, size=shape)
            model = from_onnx(data, name="net")
            if TARGETS["c99"].check(model):
                continue  # nothing is left
            samples = {"x": np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)}
            for name, array in run_hops(model, samples).items():
                np.testing.assert_array_equal(Oracle(model).run_hops(samples)[name], array)
