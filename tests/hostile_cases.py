"""Hand-made files that lie: about sizes, names, order, depth. Each row is a function that gives bytes."""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RELU = helper.make_node("Relu", ["x"], ["y"], name="relu")


def model(nodes=(RELU,), *, inputs=None, outputs=None, weights=(), opset=17, **options):
    inputs = [("x", [1, 4])] if inputs is None else inputs
    outputs = [("y", None)] if outputs is None else outputs
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in outputs],
        initializer=list(weights),
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("f", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **options)


def ints(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def floats(name, *values):
    return numpy_helper.from_array(np.array(values, np.float32), name)


def ones(name, *shape):
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def scalar(name, value, dtype=np.int64):
    return numpy_helper.from_array(np.array(value, dtype), name)


def claim(dims, kind=TensorProto.FLOAT, **content):
    """A network whose weight claims these dimensions."""
    tensor = TensorProto(name="w", data_type=kind, dims=dims, **content)
    return model([helper.make_node("Add", ["x", "w"], ["y"])], weights=[tensor])


def made(op_type, inputs, *weights, opset=17, **attributes):
    """Add a value that a node of constants makes to the input."""
    nodes = [
        helper.make_node(op_type, inputs, ["big"], **attributes),
        helper.make_node("ReduceMax", ["big"], ["m"], keepdims=0),
        helper.make_node("Cast", ["m"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "f"], ["y"]),
    ]
    return model(nodes, weights=weights, opset=opset)


def renamed(old, new):
    """A file with bytes replaced by others of the same length."""
    data = model(producer_name="producer", doc_string="doc").SerializeToString()
    assert len(old) == len(new) and old in data
    return data.replace(old, new)


def varint(number):
    digits = []
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def nested(depth):
    """If in If in If; written as bytes, since protobuf's writers have a limit themselves."""
    body = b""
    for level in range(depth):
        output = f"y{level}".encode()
        node = field(1, b"c") + field(2, output) + field(4, b"If")
        graph = (field(1, body) if body else b"") + field(2, b"g")
        for name in (b"then_branch", b"else_branch"):
            node += field(5, field(1, name) + field(6, graph) + varint(20 << 3) + varint(5))
        body = (
            node
            if level < 12
            else field(1, b"c")
            + field(2, output)
            + field(4, b"If")
            + field(5, field(1, b"then_branch") + field(6, graph) + varint(20 << 3) + varint(5))
        )
    graph = field(1, body) + field(2, b"net")
    return b"\x08\x08" + field(7, graph) + field(8, varint(2 << 3) + varint(17))


def functions(calls, text="f"):
    """Functions f0, f1, ... where each calls others: name -> called names."""
    protos = []
    for name, called in calls.items():
        values = ["a", *(f"v{index}" for index in range(len(called) - 1)), "b"]
        nodes = [
            helper.make_node(op, [values[i]], [values[i + 1]], domain="f" if op in calls else "")
            for i, op in enumerate(called)
        ]
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
        protos.append(helper.make_function(text, name, ["a"], ["b"], nodes, opsets))
    first = helper.make_node(next(iter(calls)), ["x"], ["y"], domain="f")
    return model([first], functions=protos)


def laughs(levels=20, width=10):
    names = [f"F{level}" for level in range(levels)]
    calls = {name: [below] * width for name, below in zip(names, [*names[1:], "Neg"], strict=True)}
    return functions(calls)


def chain(length):
    nodes = [
        helper.make_node("Neg", [f"v{i}" if i else "x"], [f"v{i + 1}" if i + 1 < length else "y"])
        for i in range(length)
    ]
    return model(nodes)


def giant_attribute(count):
    constant = helper.make_node("Constant", [], ["c"])
    constant.attribute.add(name="value_ints", type=onnx.AttributeProto.INTS).ints.extend(
        [7] * count
    )
    shape = helper.make_node("Size", ["c"], ["s"])
    cast = helper.make_node("Cast", ["s"], ["f"], to=TensorProto.FLOAT)
    return model([constant, shape, cast, helper.make_node("Add", ["x", "f"], ["y"])])


def many_large(count, size):
    """Each value is small enough, all together are not."""
    nodes, last = [], "x"
    for index in range(count):
        nodes.append(helper.make_node("Expand", ["one", "s"], [f"e{index}"]))
        nodes.append(helper.make_node("Mul", [f"e{index}", f"k{index}"], [f"m{index}"]))
        nodes.append(helper.make_node("Slice", [f"m{index}", "from", "to"], [f"t{index}"]))
        nodes.append(helper.make_node("Add", [last, f"t{index}"], [f"a{index}"]))
        last = f"a{index}"
    nodes.append(helper.make_node("Relu", [last], ["y"]))
    weights = [scalar(f"k{index}", index + 1, np.float32) for index in range(count)]
    one = ones("one", 1)
    return model(nodes, weights=[*weights, one, ints("s", size), ints("from", 0), ints("to", 1)])


def alive(count, size):
    """Many large outputs of one input."""
    nodes = [helper.make_node("Expand", ["x", "s"], [f"y{index}"]) for index in range(count)]
    outputs = [(f"y{index}", None) for index in range(count)]
    return model(nodes, outputs=outputs, inputs=[("x", [1])], weights=[ints("s", size)])


def twice(**place):
    """A file with one thing there twice."""
    proto = model(
        [helper.make_node("Add", ["x", "w"], ["y"])], weights=[scalar("w", 1, np.float32)]
    )
    graph = proto.graph
    for name in place:
        getattr(graph, name).append(getattr(graph, name)[0])
    return proto


def order(*pairs):
    return model([helper.make_node("Relu", [a], [b]) for a, b in pairs])


T = 2**40
N = 2**20
IMAGE, KERNEL = ones("c", 1, 1, 9, 9), ones("w", 1, 1, 1, 1)
MADE: dict[str, Callable[[], onnx.ModelProto | bytes]] = {
    "weight of terabytes": lambda: claim([2**20, 2**20], raw_data=b"\0" * 16),
    "weight beyond 64 bits": lambda: claim([2**62, 2**62, 2**62], raw_data=b""),
    "weight without data": lambda: claim([2**29]),
    "weight with little data": lambda: claim([2**29], raw_data=b"\0" * 8),
    "weight with little float data": lambda: claim([2**29], float_data=[1.0]),
    "weight of negative size": lambda: claim([-4], raw_data=b""),
    "weight of unknown type": lambda: claim([4], 99, raw_data=b"\0" * 16),
    "weight of text": lambda: claim([4], TensorProto.STRING, string_data=[b"a"] * 4),
    "weight that overflows to fit": lambda: claim([2**32, 2**32], raw_data=b""),
    "weight in four bits": lambda: claim([2**40], TensorProto.INT4, raw_data=b"\0"),
    "segment of a weight": lambda: claim([4], raw_data=bytes(16), segment={"begin": 0, "end": T}),
    "input of terabytes": lambda: model(inputs=[("x", [N, N])]),
    "input beyond 64 bits": lambda: model(inputs=[("x", [2**62, 2**62])]),
    "input of 1000 dimensions": lambda: model(inputs=[("x", [1] * 1000)]),
    "graph of a terabyte": lambda: b"\x08\x08\x3a" + varint(T),
    "graph of negative length": lambda: b"\x08\x08\x3a" + b"\xff" * 9 + b"\x01",
    "endless number": lambda: b"\x08" + b"\xff" * 1000,
    "groups": lambda: b"\x0b" * 100_000,
    "nothing": lambda: b"",
    "opset 5": lambda: model(opset=5),
    "opset -1": lambda: model(opset=-1),
    "opset 2**40": lambda: model(opset=T),
    "no opset": lambda: renamed(b"\x10\x11", b"\x10\x00"),
    "cycle": lambda: order(("x", "a"), ("c", "b"), ("b", "c"), ("b", "y")),
    "cycle of one": lambda: order(("a", "a"), ("x", "y")),
    "wrong order": lambda: order(("a", "y"), ("x", "a")),
    "input that is computed": lambda: order(("x", "x"), ("x", "y")),
    "nodes twice": lambda: twice(node=1),
    "inputs twice": lambda: twice(input=1),
    "outputs twice": lambda: twice(output=1),
    "weights twice": lambda: twice(initializer=1),
    "everything twice": lambda: twice(node=1, input=1, output=1, initializer=1),
    "bad operator name": lambda: renamed(b"Relu", b"\xff\xfe\xfd\xfc"),
    "bad node name": lambda: renamed(b"relu", b"\xff\xfe\xfd\xfc"),
    "bad graph name": lambda: renamed(b"net", b"\xff\xfe\xfd"),
    "bad producer": lambda: renamed(b"producer", b"\xc0\x80\xed\xa0\x80\xf5\xff\xfe"),
    "surrogates": lambda: renamed(b"doc", b"\xed\xa0\x80"),
    "zero in a name": lambda: renamed(b"relu", b"a\0\nb"),
    "nested 20": lambda: nested(20),
    "nested 200": lambda: nested(200),
    "nested 3000": lambda: nested(3000),
    "function of itself": lambda: functions({"A": ["A"]}),
    "functions in a circle": lambda: functions({"A": ["B"], "B": ["C"], "C": ["A"]}),
    "functions that multiply": laughs,
    "functions 900 deep": lambda: functions(
        {f"F{i}": [f"F{i + 1}"] if i < 899 else ["Neg"] for i in range(900)}
    ),
    "many nodes": lambda: chain(50_000),
    "many nodes in a row": lambda: chain(500),
    "giant attribute": lambda: giant_attribute(8_000_000),
    "many large constants": lambda: many_large(64, 2**25),
    "many large outputs": lambda: alive(64, 2**25),
    "ConstantOfShape": lambda: made("ConstantOfShape", ["s"], ints("s", N, N)),
    "ConstantOfShape beyond": lambda: made("ConstantOfShape", ["s"], ints("s", 2**62, 2**62)),
    "ConstantOfShape negative": lambda: made("ConstantOfShape", ["s"], ints("s", -5, N)),
    "Expand": lambda: made("Expand", ["x", "s"], ints("s", N, N, 1, 4)),
    "Expand of a constant": lambda: made("Expand", ["o", "s"], scalar("o", 1), ints("s", N, N)),
    "Tile": lambda: made("Tile", ["o", "s"], ints("o", 1, 2), ints("s", T)),
    "Tile of the input": lambda: made("Tile", ["x", "s"], ints("s", N, N)),
    "Range": lambda: made("Range", ["a", "b", "c"], scalar("a", 0), scalar("b", T), scalar("c", 1)),
    "Range of floats": lambda: made(
        "Range", ["a", "b", "c"],
        *(scalar(*pair, np.float32) for pair in (("a", 0), ("b", 1e30), ("c", 1e-30))),
    ),
    "Range by nothing": lambda: made(
        "Range", ["a", "b", "c"], scalar("a", 0), scalar("b", 9), scalar("c", 0)
    ),
    "Resize": lambda: made("Resize", ["x", "", "s"], floats("s", 1e6, 1e6)),
    "Resize to sizes": lambda: made("Resize", ["x", "", "", "s"], ints("s", N, N)),
    "Upsample": lambda: made("Upsample", ["x", "s"], floats("s", 1e6, 1e6), opset=9),
    "Pad": lambda: made("Pad", ["x", "s"], ints("s", 0, T, 0, T)),
    "Pad negative": lambda: made("Pad", ["x", "s"], ints("s", 0, -T, 0, -T)),
    "OneHot": lambda: made("OneHot", ["i", "d", "v"], ints("i", *range(9)), scalar("d", T), floats("v", 0, 1)),
    "HannWindow": lambda: made("HannWindow", ["n"], scalar("n", T)),
    "MelWeightMatrix": lambda: made(
        "MelWeightMatrix", ["bins", "d", "r", "l", "h"], scalar("bins", N), scalar("d", 2**30),
        scalar("r", 16000), scalar("l", 0, np.float32), scalar("h", 8000, np.float32),
    ),
    "RandomNormal": lambda: made("RandomNormal", [], shape=[N, N]),
    "EyeLike": lambda: made("EyeLike", ["x"], k=T),
    "outer product": lambda: made("MatMul", ["a", "b"], ones("a", N, 1), ones("b", 1, N)),
    "outer sum": lambda: made("Add", ["a", "b"], ones("a", N, 1), ones("b", 1, N)),
    "Einsum": lambda: made("Einsum", ["a", "a", "a"], ones("a", 2**14), equation="i,j,k->ijk"),
    "DFT": lambda: made("DFT", ["o", "n"], ones("o", 1, 8, 1), scalar("n", T)),
    "Reshape": lambda: made("Reshape", ["x", "s"], ints("s", T, -1)),
    "ReduceSum of no axis": lambda: made("ReduceSum", ["x", "s"], ints("s", 2**62)),
    "Slice of terabytes": lambda: made("Slice", ["x", "a", "b"], ints("a", -T), ints("b", T)),
    "Gather of terabytes": lambda: made("Gather", ["x", "i"], ints("i", T)),
    "ConvTranspose": lambda: made("ConvTranspose", ["c", "w"], IMAGE, KERNEL, strides=[N, N]),
    "Conv padded": lambda: made("Conv", ["c", "w"], IMAGE, KERNEL, pads=[N, N, N, N]),
    "MaxPool padded": lambda: made("MaxPool", ["c"], IMAGE, kernel_shape=[N, N], pads=[N - 1, N - 1, N - 1, N - 1]),
    "MaxPool dilated": lambda: made("MaxPool", ["c"], IMAGE, kernel_shape=[2, 2], dilations=[2**62, 2**62]),
    "DepthToSpace by nothing": lambda: made("DepthToSpace", ["c"], ones("c", 1, 4, 2, 2), blocksize=0),
    "Split into many": lambda: made("Split", ["x"], opset=18, num_outputs=2**31 - 1),
    "no inputs": lambda: model(
        [helper.make_node("Constant", [], ["y"], value_floats=[1.0, 2.0])], inputs=[]
    ),
    "no nodes": lambda: model([], outputs=[("x", [1, 4])]),
    "no outputs": lambda: model(outputs=[]),
    "output that nobody makes": lambda: model(outputs=[("z", None)]),
    "empty input": lambda: model(inputs=[("x", [1, 0])]),
}  # fmt: skip
