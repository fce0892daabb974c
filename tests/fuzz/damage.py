"""Damage to a whole, valid .onnx file that knows what it damages: shapes, types, attributes, weights, names, edges."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

Random = np.random.Generator
INTEGERS = (
    -(2**63),
    -(2**31),
    -3,
    -2,
    -1,
    0,
    1,
    2,
    3,
    5,
    7,
    64,
    2**31 - 1,
    2**31,
    2**32 + 1,
    2**62,
)
FLOATS = (np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 1e-40, 1e30, 3.4e38)
WORDS = (
    "",
    "cubic",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "reflect",
    "nearest",
    "mul",
    "*/",
    "\n",
    "é" * 40,
)
NAMES = (
    "",
    "x",
    "int",
    "a*/b",
    "a\nb",
    "../../x",
    "%s%n",
    "ek_conv_f32",
    "ß",
    "q" * 3000,
    '"',
    "state",
)
DIMS = (-1, 0, 1, 2, 3, 4, 7, 65, 2**31, 2**62)
KINDS = (1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 13, 16, 0, 8, 99)
OPERATORS = (
    "Relu", "Add", "Mul", "Div", "Mod", "Pow", "MatMul", "Gemm", "Conv", "ConvTranspose", "MaxPool", "AveragePool",
    "Softmax", "ReduceSum", "ReduceMax", "Transpose", "Reshape", "Slice", "Concat", "Split", "Gather", "GatherND",
    "ScatterElements", "ScatterND", "Pad", "Resize", "Tile", "Expand", "Where", "Cast", "Clip", "CumSum", "ArgMax",
    "TopK", "Einsum", "GRU", "LSTM", "LayerNormalization", "InstanceNormalization", "GridSample", "Squeeze",
    "Unsqueeze", "DepthToSpace", "OneHot", "NonZero", "Shape", "Range", "DFT", "QuantizeLinear", "DequantizeLinear",
    "Identity",
)  # fmt: skip


def pick(random: Random, choices: Sequence[object]) -> object:
    """One of them."""
    return choices[int(random.integers(len(choices)))]


def _node(random: Random, proto: onnx.ModelProto) -> onnx.NodeProto | None:
    nodes = proto.graph.node
    return nodes[int(random.integers(len(nodes)))] if nodes else None


def dims(random: Random, proto: onnx.ModelProto) -> None:
    """Another size of an input or output, or one more or less."""
    values = [*proto.graph.input, *proto.graph.output]
    shape = values[int(random.integers(len(values)))].type.tensor_type.shape
    if not shape.dim or random.random() < 0.2:
        shape.dim.add().dim_value = int(pick(random, DIMS))
    elif random.random() < 0.2:
        del shape.dim[int(random.integers(len(shape.dim)))]
    elif random.random() < 0.1:
        shape.dim[0].dim_param = "n"
    else:
        shape.dim[int(random.integers(len(shape.dim)))].dim_value = int(pick(random, DIMS))


def types(random: Random, proto: onnx.ModelProto) -> None:
    """Another element type, of an input, or of a weight with its values."""
    weights = list(proto.graph.initializer)
    if weights and random.random() < 0.6:
        tensor = weights[int(random.integers(len(weights)))]
        kind = pick(
            random,
            ("float16", "float64", "int8", "uint8", "int16", "int32", "int64", "uint32", "bool"),
        )
        with np.errstate(all="ignore"):
            array = numpy_helper.to_array(tensor).astype(str(kind))
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    else:
        values = [*proto.graph.input, *proto.graph.output]
        value = values[int(random.integers(len(values)))]
        value.type.tensor_type.elem_type = int(pick(random, KINDS))


def attributes(random: Random, proto: onnx.ModelProto) -> None:
    """Another value of an attribute, one less, or one of another node."""
    node = _node(random, proto)
    if node is None:
        return
    if not node.attribute or random.random() < 0.15:
        name = str(
            pick(random, ("axis", "axes", "keepdims", "mode", "pads", "p", "to", "group", "perm"))
        )
        value: object = pick(random, INTEGERS)
        value = (
            [int(n) for n in random.integers(-2, 3, 3)]
            if name in ("axes", "pads", "perm")
            else value
        )
        del node.attribute[:]
        node.attribute.append(
            helper.make_attribute(name, str(pick(random, WORDS)) if name == "mode" else value)
        )
        return
    place = int(random.integers(len(node.attribute)))
    attribute = node.attribute[place]
    if random.random() < 0.15:
        del node.attribute[place]
    elif attribute.type == AttributeProto.INT:
        attribute.i = int(pick(random, INTEGERS))
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = float(pick(random, FLOATS))
    elif attribute.type == AttributeProto.STRING:
        attribute.s = str(pick(random, WORDS)).encode()
    elif attribute.type == AttributeProto.INTS:
        action = random.random()
        if attribute.ints and action < 0.6:
            attribute.ints[int(random.integers(len(attribute.ints)))] = int(pick(random, INTEGERS))
        elif attribute.ints and action < 0.8:
            attribute.ints.pop()
        else:
            attribute.ints.append(int(pick(random, INTEGERS)))


def weights(random: Random, proto: onnx.ModelProto) -> None:
    """Strange numbers, another shape, or less data than claimed."""
    tensors = list(proto.graph.initializer)
    if not tensors:
        return
    tensor = tensors[int(random.integers(len(tensors)))]
    array = numpy_helper.to_array(tensor).copy()
    action = random.random()
    if action < 0.1:
        tensor.raw_data = tensor.raw_data[:-1]
        return
    if action < 0.2:
        tensor.dims.append(int(pick(random, DIMS)))
        return
    if action < 0.4:
        array = array.reshape(*([-1] if random.random() < 0.5 else [1, *array.shape]))
    elif action < 0.5:
        array = array[:0] if array.ndim else array
    elif array.size:
        numbers = FLOATS if array.dtype.kind == "f" else INTEGERS
        with np.errstate(all="ignore"):
            value = np.array(pick(random, numbers)).astype(array.dtype)
        array.reshape(-1)[int(random.integers(array.size))] = value
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def names(random: Random, proto: onnx.ModelProto) -> None:
    """A name that means something elsewhere, everywhere it stands, or in one place only."""
    node = _node(random, proto)
    if node is None:
        return
    new, action = str(pick(random, NAMES)), random.random()
    if action < 0.3:
        node.name = new
        return
    old = str(pick(random, [*node.input, *node.output, node.name]))
    places = [*proto.graph.input, *proto.graph.output, *proto.graph.initializer]
    for value in places:
        if value.name == old:
            value.name = new
    for other in proto.graph.node if action < 0.8 else [node]:
        for side in (other.input, other.output):
            for i, name in enumerate(side):
                side[i] = new if name == old else name


def edges(random: Random, proto: onnx.ModelProto) -> None:
    """Other operands: exchanged, left out, one more, of another node, from behind."""
    node, other = _node(random, proto), _node(random, proto)
    if node is None or other is None:
        return
    action = random.random()
    if node.input and action < 0.25:
        node.input[int(random.integers(len(node.input)))] = ""
    elif len(node.input) > 1 and action < 0.4:
        node.input[0], node.input[1] = node.input[1], node.input[0]
    elif node.input and action < 0.5:
        node.input.pop()
    elif node.input and action < 0.7:
        known = [*other.output, *(value.name for value in proto.graph.input)]
        node.input[int(random.integers(len(node.input)))] = str(pick(random, known))
    elif action < 0.8 and node.output:
        node.input.append(str(pick(random, list(node.output))))
    elif action < 0.9:
        node.output.append("more")
    else:
        proto.graph.node.append(other)


def operators(random: Random, proto: onnx.ModelProto) -> None:
    """Another operator with the same operands."""
    node = _node(random, proto)
    if node is not None:
        node.op_type = str(pick(random, OPERATORS))


def opsets(random: Random, proto: onnx.ModelProto) -> None:
    """Another version of the operators."""
    for entry in proto.opset_import:
        entry.version = int(random.integers(1, onnx.defs.onnx_opset_version() + 2))


def nesting(random: Random, proto: onnx.ModelProto) -> None:
    """The whole graph inside a branch of an If, whose condition is a constant."""
    graph = proto.graph
    if any(node.op_type == "If" for node in graph.node) or not graph.node:
        return
    inner = onnx.GraphProto(name="inner", node=graph.node, output=graph.output)
    condition = numpy_helper.from_array(np.array(random.random() < 0.5), "which")
    names_out = [value.name for value in graph.output]
    branches = {"then_branch": inner, "else_branch": inner}
    node = helper.make_node("If", ["which"], names_out, **branches)
    del graph.node[:]
    graph.node.append(node)
    graph.initializer.append(condition)


def elsewhere(random: Random, proto: onnx.ModelProto) -> None:
    """A weight whose data is said to lie in another file."""
    tensors = list(proto.graph.initializer)
    if tensors:
        tensor = tensors[int(random.integers(len(tensors)))]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=str(pick(random, NAMES)))


def batch(random: Random, proto: onnx.ModelProto) -> None:
    """Inputs of another batch."""
    size = int(pick(random, (0, 2, 3, 300)))
    for value in proto.graph.input:
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = size


ACTIONS: tuple[Callable[[Random, onnx.ModelProto], None], ...] = (
    dims, types, attributes, attributes, attributes, weights, weights, names, edges, edges, operators, opsets, nesting,
    elsewhere, batch,
)  # fmt: skip


def damaged(data: bytes, random: Random) -> bytes:
    """Return a file with one to three things changed."""
    proto = onnx.load_model_from_string(data)
    for _ in range(int(random.choice([1, 1, 1, 2, 3]))):
        action = ACTIONS[int(random.integers(len(ACTIONS)))]
        try:
            action(random, proto)
        except (
            Exception
        ):  # protobuf takes no such value here, or an earlier change left nothing to change
            continue
    return bytes(proto.SerializeToString())
