"""Old forms of operators, one small file each: the import, in onnxruntime, equals the file itself."""

import numpy as np
import onnx
import pytest

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.onnx_file.opsets import at_opset
from edgekit.graph.model import OPSET
from edgekit.targets.c.lower import check_c


def floats(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


X = "(float[1,4,6,8] x) => (float[a,b,c,d] y)"
CELL = "(float[1,1,3] x) => (float[a,b,c] y)"
IMAGE, MATRIX, ROW = X, "(float[3,4] x) => (float[a,b] y)", "(float[2,1,4] x) => (float[a,b] y)"
PER_CHANNEL = {name: np.abs(floats(4)) + 0.5 for name in "gbmv"}
# name, first and last opset of the form, signature, body, weights
FORMS = [
    ("batchnorm", 7, 8, IMAGE, "y = BatchNormalization <epsilon = 0.1> (x, g, b, m, v)", PER_CHANNEL),
    ("batchnorm", 9, 13, IMAGE, "y = BatchNormalization <momentum = 0.5> (x, g, b, m, v)", PER_CHANNEL),
    ("upsample attribute", 7, 8, IMAGE, "y = Upsample <scales = [1.0, 1.0, 2.0, 1.5]> (x)", {}),
    ("upsample", 9, 9, IMAGE, 'y = Upsample <mode = "linear"> (x, s)', {"s": np.array([1, 1, 2, 1.5], np.float32)}),
    ("upsample computed", 9, 9, IMAGE, """h = Constant <value = float[4] {1, 1, 2, 2}> ()
      y = Upsample <mode = "nearest"> (x, h)""", {}),
    ("resize", 10, 10, IMAGE, "y = Resize (x, s)", {"s": np.array([1, 1, 0.5, 1.5], np.float32)}),
    ("resize smaller", 10, 10, IMAGE, "y = Resize (x, s)", {"s": np.array([1, 1, 0.7, 0.4], np.float32)}),
    ("resize", 10, 10, IMAGE, 'y = Resize <mode = "linear"> (x, s)', {"s": np.array([1, 1, 2, 3], np.float32)}),
    ("resize", 11, 12, IMAGE, """r = Constant <value = float[0] {}> ()
      y = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (x, r, s)""",
     {"s": np.array([1, 1, 2, 3], np.float32)}),
    ("resize sizes", 11, 17, IMAGE, """r = Constant <value = float[0] {}> ()
      y = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric",
        nearest_mode = "floor"> (x, r, r, s)""", {"s": ints(1, 4, 12, 12)}),
    ("slice", 7, 9, IMAGE, "y = Slice <axes = [2, -1], starts = [1, -5], ends = [9, -1]> (x)", {}),
    ("slice", 7, 9, MATRIX, "y = Slice <starts = [0, 1], ends = [2, 3]> (x)", {}),
    ("pad", 7, 10, IMAGE, "y = Pad <pads = [0, 0, 1, 2, 0, 0, 3, 0], value = 0.5> (x)", {}),
    ("pad", 7, 10, IMAGE, 'y = Pad <pads = [0, 0, 1, 2, 0, 0, 3, 0], mode = "reflect"> (x)', {}),
    ("clip", 7, 10, MATRIX, "y = Clip <min = -0.5, max = 0.25> (x)", {}),
    ("clip", 7, 10, MATRIX, "y = Clip <min = 0.0> (x)", {}),
    ("clip", 7, 10, MATRIX, "y = Clip <max = 0.0> (x)", {}),
    ("clip", 7, 10, MATRIX, "y = Clip (x)", {}),
    ("dropout", 7, 11, MATRIX, "d = Dropout <ratio = 0.5> (x)\n y = Neg (d)", {}),
    ("squeeze", 7, 12, ROW, "y = Squeeze <axes = [1]> (x)", {}),
    ("squeeze", 11, 12, ROW, "y = Squeeze <axes = [-2]> (x)", {}),
    ("squeeze all", 7, 12, ROW, "y = Squeeze (x)", {}),
    ("unsqueeze", 7, 12, "(float[3,4] x) => (float[a,b,c,d] y)", "y = Unsqueeze <axes = [0, 3]> (x)", {}),
    ("split", 7, 12, MATRIX, "y, z = Split <axis = 1, split = [1, 3]> (x)", {}),
    ("split", 7, 12, MATRIX, "z, y = Split <axis = 1> (x)", {}),
    ("reduce", 7, 12, IMAGE, "y = ReduceSum <axes = [1, 3], keepdims = 1> (x)", {}),
    ("reduce", 11, 17, MATRIX, "y = ReduceMean <axes = [-1]> (x)", {}),
    ("reduce all", 7, 12, MATRIX, "y = ReduceSum (x)", {}),
    ("reduce", 7, 17, MATRIX, "y = ReduceMax <axes = [0]> (x)", {}),
    ("reduce", 7, 17, MATRIX, "y = ReduceL2 <axes = [1]> (x)", {}),
    ("softmax flattens", 7, 12, IMAGE, "y = Softmax (x)", {}),
    ("softmax", 7, 12, IMAGE, "y = Softmax <axis = 3> (x)", {}),
    ("softmax", 11, 12, IMAGE, "y = Softmax <axis = -2> (x)", {}),
    ("logsoftmax", 7, 12, MATRIX, "y = LogSoftmax <axis = 0> (x)", {}),
    ("hardmax flattens", 7, 12, IMAGE, "y = Hardmax (x)", {}),
    ("hardmax", 11, 12, IMAGE, "y = Hardmax <axis = -2> (x)", {}),
    ("gemm", 7, 10, MATRIX, "y = Gemm <transB = 1, beta = 0.5> (x, w, c)", {"w": floats(5, 4), "c": floats(5)}),
    ("reshape", 7, 12, MATRIX, "y = Reshape (x, s)", {"s": ints(0, -1)}),
    ("flatten", 7, 8, IMAGE.replace("a,b,c,d", "a,b"), "y = Flatten <axis = 2> (x)", {}),
    ("prelu", 7, 8, IMAGE, "y = PRelu (x, s)", {"s": np.abs(floats(4, 1, 1))}),
    ("scatter", 9, 10, MATRIX, "y = Scatter <axis = 1> (x, i, u)",
     {"i": np.array([[0, 2]], np.int64), "u": floats(1, 2)}),
    ("topk attribute", 7, 9, MATRIX, "y, i = TopK <k = 2, axis = 1> (x)", {}),
    ("topk", 10, 10, MATRIX, "y, i = TopK <axis = 1> (x, k)", {"k": ints(2)}),
    ("gru", 7, 13, CELL, "s, y = GRU <hidden_size = 2, linear_before_reset = 1> (x, w, r, b)",
     {"w": floats(1, 6, 3), "r": floats(1, 6, 2), "b": floats(1, 12)}),
    ("lstm", 7, 13, CELL, "s, y = LSTM <hidden_size = 2> (x, w, r, b)",
     {"w": floats(1, 8, 3), "r": floats(1, 8, 2), "b": floats(1, 16)}),
    ("maxpool", 7, 9, IMAGE, "y = MaxPool <kernel_shape = [2, 3], strides = [2, 2], pads = [0, 1, 0, 1]> (x)", {}),
    ("avgpool", 7, 9, IMAGE, "y = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (x)", {}),
    ("cast chain", 7, 12, MATRIX, "i = Cast <to = 6> (x)\n y = Cast <to = 1> (i)", {}),
    ("hardswish parts", 7, 10, MATRIX, "h = HardSigmoid <alpha = 0.16666667> (x)\n y = Mul (x, h)", {}),
    ("gridsample", 16, 19, IMAGE, 'y = GridSample <mode = "bilinear", align_corners = 1> (x, g)',
     {"g": floats(1, 3, 2, 2) / 3}),
]  # fmt: skip


def file(opset, signature, body, weights):
    header = f'<ir_version: 5, opset_import: ["": {opset}]> net'
    proto = onnx.parser.parse_model(f"{header} {signature} {{ {body} }}")
    for name, array in weights.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return proto.SerializeToString()


@pytest.mark.parametrize(
    ("opset", "form"),
    [
        pytest.param(opset, form, id=f"{form[0]}-{index}-{opset}")
        for index, form in enumerate(FORMS)
        for opset in sorted({form[1], form[2]})
    ],
)
def test_old_forms_mean_the_same(opset, form):
    model = from_onnx(file(opset, *form[3:]), name="net")  # compares with onnxruntime
    assert model.ir.opset_imports[""] == OPSET


def test_what_a_file_of_opset_9_holds_runs_in_c():
    names = {"batchnorm", "slice", "pad", "clip", "squeeze", "softmax flattens", "upsample"}
    for form in FORMS:
        if form[0] in names and form[1] <= 9 <= form[2]:
            assert check_c(from_onnx(file(9, *form[3:]), name="net")) == []


@pytest.mark.parametrize("is_input", [False, True])
def test_large_weights_come_through_a_conversion_unread(is_input):
    weights = floats(1, 128, 80)
    proto = onnx.load_model_from_string(
        file(8, "(float[1,3,128] x) => (float[1,3,80] y)", "y = MatMul (x, w)", {"w": weights})
    )
    if is_input:  # as files before IR version 4 have it
        value = onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, weights.shape)
        proto.graph.input.append(value)
    converted = at_opset(proto)
    assert [value.name for value in converted.graph.input] == ["x", "w"][: 1 + is_input]
    (kept,) = converted.graph.initializer
    assert onnx.numpy_helper.to_array(kept).tobytes() == weights.tobytes()
    from_onnx(proto.SerializeToString(), name="net")  # compares with onnxruntime


@pytest.mark.parametrize("opset", [1, 5, -3, 9999])
def test_opsets_outside_are_refused(opset):
    data = onnx.load_model_from_string(file(7, MATRIX, "y = Relu (x)", {}))
    data.opset_import[0].version = opset
    with pytest.raises(ModelError) as caught:
        from_onnx(data.SerializeToString(), name="net")
    (problem,) = caught.value.problems
    assert problem.found == f"opset {opset}"
    assert "opsets 6 to" in problem.allowed
    assert f"opset_version={OPSET}" in problem.next_step
