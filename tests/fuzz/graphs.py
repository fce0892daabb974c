"""Random graphs of operators with odd shapes: what an exporter would write, but nobody trains."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.export.onnx_file.sizes import refuse_negative_sizes
from fuzz.typed import TYPED

OPSET = 18
Random = np.random.Generator
Shape = tuple[int, ...]
UNARY = (
    "Relu", "Tanh", "Sigmoid", "Abs", "Neg", "Exp", "Erf", "HardSwish", "HardSigmoid", "Softplus", "Elu", "LeakyRelu",
    "Softsign", "Sign", "Floor", "Ceil", "Sin", "Cos", "Atan", "Mish", "Selu", "Identity", "Round", "Celu", "Shrink",
    "ThresholdedRelu",
)  # fmt: skip
REDUCTIONS = (
    "ReduceSum",
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceL1",
    "ReduceL2",
    "ReduceSumSquare",
    "ReduceLogSumExp",
    "ReduceLogSum",
    "ReduceProd",
)


@dataclass
class Graph:
    """A graph under construction: nodes, constants, and float values with their shapes."""

    random: Random
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)
    values: dict[str, Shape] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)

    def pick(self, *choices: Any) -> Any:
        """One of the choices."""
        return choices[int(self.random.integers(len(choices)))]

    def const(self, array: Any, dtype: Any = np.float32) -> str:
        """A constant."""
        name = f"c{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def normal(self, *shape: int) -> str:
        """A float constant of standard normal numbers."""
        return self.const(self.random.normal(size=shape))

    def add(self, operator: str, *inputs: str, count: int = 1, **attributes: Any) -> str:
        """A node; its first output, or all of them by number."""
        outputs = [f"v{len(self.nodes)}_{i}" for i in range(count)]
        self.nodes.append(helper.make_node(operator, list(inputs), outputs, **attributes))
        return outputs[0]

    def undo(self, nodes: int, tensors: int, inputs: int) -> None:
        """Take back what came after so many of each."""
        del self.nodes[nodes:], self.tensors[tensors:], self.inputs[inputs:]

    def axis(self, shape: Shape) -> int:
        """Any axis, counted from either end."""
        return int(self.random.integers(-len(shape), len(shape)))

    def proto(self, output: str) -> onnx.ModelProto:
        """The model whose outputs are all values that nobody reads."""
        read = {name for node in self.nodes for name in node.input}
        ends = [name for node in self.nodes for name in node.output if name and name not in read]
        given = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, self.values[name])
            for name in self.inputs
        ]
        made = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in dict.fromkeys([*ends, output])
        ]
        graph = helper.make_graph(self.nodes, "net", given, made, self.tensors)
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def _unary(g: Graph, x: str, _: Shape) -> str:
    return g.add(g.pick(*UNARY), x)


def _binary(g: Graph, x: str, shape: Shape) -> str:
    other = [d if g.random.random() < 0.5 else 1 for d in shape][
        int(g.random.integers(len(shape) + 1)) :
    ]
    if g.random.random() < 0.3:
        names = [name for name, s in g.values.items() if s == shape]
        y = g.pick(*names)
    else:
        y = g.normal(*other)
    pair = (x, y) if g.random.random() < 0.7 else (y, x)
    return g.add(g.pick("Add", "Sub", "Mul", "Max", "Min", "Mean", "Sum"), *pair)


def _power(g: Graph, x: str, _: Shape) -> str:
    kind = g.pick(np.float32, np.float64, np.float16, np.int32, np.int64)
    return g.add("Pow", x, g.const(g.pick(0, 1, 2, 3), kind))


def _spatial(g: Graph, shape: Shape) -> dict[str, Any]:
    sizes = shape[2:]
    kernel = [int(g.random.integers(1, 5)) for _ in sizes]
    found: dict[str, Any] = {"kernel_shape": kernel}
    found["strides"] = [int(g.random.integers(1, 7)) for _ in sizes]  # beyond kernels too
    if g.random.random() < 0.2:
        found["dilations"] = [int(g.random.integers(1, 4)) for _ in sizes]
    mode = g.pick("NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
    if mode != "NOTSET":
        return {**found, "auto_pad": mode}
    found["pads"] = [int(g.random.integers(0, k)) for k in kernel * 2]
    return found


def _conv(g: Graph, x: str, shape: Shape) -> str:
    if len(shape) not in (3, 4):
        return _unary(g, x, shape)
    found = _spatial(g, shape)
    channels = shape[1]
    group = g.pick(*[d for d in range(1, channels + 1) if channels % d == 0])
    if "auto_pad" not in found or found["auto_pad"] == "VALID":
        found["dilations"] = [int(g.random.integers(1, 4)) for _ in shape[2:]]
    made = group * int(g.random.integers(1, 4))
    w = g.normal(made, channels // group, *found["kernel_shape"])
    bias = [g.normal(made)] if g.random.random() < 0.5 else []
    if g.random.random() < 0.3:
        found.pop("kernel_shape")
    return g.add("Conv", x, w, *bias, group=group, **found)


def _transposed(g: Graph, x: str, shape: Shape) -> str:
    if len(shape) not in (3, 4):
        return _unary(g, x, shape)
    found, channels = _spatial(g, shape), shape[1]
    group = g.pick(*[d for d in range(1, channels + 1) if channels % d == 0])
    w = g.normal(channels, int(g.random.integers(1, 4)), *found["kernel_shape"])
    if "pads" in found and g.random.random() < 0.3:
        found["output_padding"] = [int(g.random.integers(0, s)) for s in found["strides"]]
    if g.random.random() < 0.2:
        found.pop("pads", None)
        found["output_shape"] = [
            s * d + int(g.random.integers(-1, 3))
            for s, d in zip(found["strides"], shape[2:], strict=True)
        ]
    return g.add("ConvTranspose", x, w, group=group, **found)


def _pool(g: Graph, x: str, shape: Shape) -> str:
    if len(shape) not in (3, 4):
        return _unary(g, x, shape)
    kind = g.pick(
        "MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"
    )
    if kind.startswith("Global"):
        return g.add(kind, x)
    found = _spatial(g, shape)
    if g.random.random() < 0.4:
        found["ceil_mode"] = 1
    if kind == "AveragePool" and g.random.random() < 0.5:
        found["count_include_pad"] = 1
    if kind == "LpPool":
        found["p"] = g.pick(1, 2, 3)
    return g.add(kind, x, **found)


def _matmul(g: Graph, x: str, shape: Shape) -> str:
    if not shape:
        return _unary(g, x, shape)
    wide = int(g.random.integers(1, 6))
    if len(shape) == 2 and g.random.random() < 0.5:
        turned = bool(g.random.random() < 0.5)
        w = g.normal(*((wide, shape[1]) if turned else (shape[1], wide)))
        return g.add("Gemm", x, w, g.normal(wide), transB=int(turned), alpha=g.pick(1.0, 0.5))
    batch = shape[:-2] if g.random.random() < 0.3 else ()
    return g.add("MatMul", x, g.normal(*batch, shape[-1], wide))


def _along(g: Graph, x: str, shape: Shape) -> str:
    if not shape:
        return _unary(g, x, shape)
    axis = g.axis(shape)
    kind = g.pick(
        "Softmax",
        "LogSoftmax",
        "Hardmax",
        "LpNormalization",
        "CumSum",
        "ArgMax",
        "ArgMin",
        "LayerNormalization",
    )
    if kind == "CumSum":
        return g.add(kind, x, g.const(axis, np.int64), reverse=g.pick(0, 1), exclusive=g.pick(0, 1))
    if kind in ("ArgMax", "ArgMin"):
        return g.add("Cast", g.add(kind, x, axis=axis, keepdims=g.pick(0, 1)), to=TensorProto.FLOAT)
    if kind == "LayerNormalization":
        return g.add(kind, x, g.normal(*shape[axis:]), axis=axis)
    return g.add(kind, x, axis=axis)


def _reduce(g: Graph, x: str, shape: Shape) -> str:
    count = int(g.random.integers(0, len(shape) + 1))
    axes = [int(a) for a in g.random.permutation(len(shape))[:count]]
    axes = [a - len(shape) if g.random.random() < 0.5 else a for a in axes]
    given = [g.const(axes, np.int64)] if axes or g.random.random() < 0.5 else []
    flags = {"keepdims": g.pick(0, 1), "noop_with_empty_axes": g.pick(0, 0, 1)}
    return g.add(g.pick(*REDUCTIONS), x, *given, **flags)


def _move(g: Graph, x: str, shape: Shape) -> str:
    rank = len(shape)
    kind = g.pick(
        "Transpose",
        "Reshape",
        "Unsqueeze",
        "Tile",
        "Expand",
        "Flatten",
        "Concat",
        "Split",
        "Gather",
    )
    if not rank:
        return g.add("Unsqueeze", x, g.const([0], np.int64))
    axis = g.axis(shape)
    if kind == "Transpose":
        return g.add(kind, x, perm=[int(p) for p in g.random.permutation(rank)])
    if kind == "Reshape":
        return g.add(
            kind,
            x,
            g.const(g.pick([-1], [1, -1], [*shape[::-1]], [0, -1] if rank > 1 else [-1]), np.int64),
        )
    if kind == "Unsqueeze":
        return g.add(kind, x, g.const([int(g.random.integers(-rank - 1, rank + 1))], np.int64))
    if kind == "Tile":
        return g.add(kind, x, g.const(g.random.integers(1, 3, rank), np.int64))
    if kind == "Expand":
        return g.add(kind, x, g.const([int(g.random.integers(1, 3)), *shape], np.int64))
    if kind == "Flatten":
        return g.add(kind, x, axis=int(g.random.integers(-rank, rank + 1)))
    if kind == "Concat":
        return g.add(kind, x, g.normal(*shape), x, axis=axis)
    if kind == "Gather":
        size = shape[axis]
        places = g.random.integers(-size, size, g.pick((), (1,), (3,), (2, 2)))
        return g.add(kind, x, g.const(places, g.pick(np.int64, np.int32)), axis=axis)
    if shape[axis] < 2:
        return g.add("Identity", x)
    first = int(g.random.integers(1, shape[axis]))
    parts = g.const([first, shape[axis] - first], np.int64)
    return g.add(kind, x, parts, count=2, axis=axis)


def _slice(g: Graph, x: str, shape: Shape) -> str:
    if not shape:
        return _unary(g, x, shape)
    axis = g.axis(shape)
    if not shape[axis]:
        return _unary(
            g, x, shape
        )  # ONNX's shape inference ends the process on a step back through nothing
    start, end = (int(n) for n in g.random.integers(-shape[axis] - 2, shape[axis] + 3, 2))
    step = g.pick(1, 1, 2, 3, -1, -2)
    bounds = [g.const([n], np.int64) for n in (start, end, axis, step)]
    return g.add("Slice", x, *bounds)


def _pad(g: Graph, x: str, shape: Shape) -> str:
    mode = g.pick("constant", "constant", "edge", "reflect", "wrap")
    low = -1 if mode == "constant" else 0
    pads = [int(g.random.integers(low, max(min(d, 3), 1))) for d in shape * 2]
    value = [g.const(g.pick(0.0, 1.5))] if mode == "constant" and g.random.random() < 0.5 else []
    return g.add("Pad", x, g.const(pads, np.int64), *value, mode=mode)


def _choose(g: Graph, x: str, shape: Shape) -> str:
    kind = g.pick("Where", "Clip", "Cast", "PRelu")
    if kind == "Where":
        return g.add(
            "Where", g.add(g.pick("Less", "Greater"), x, g.const(0.1)), x, g.normal(*shape[-1:])
        )
    if kind == "Clip":
        return g.add("Clip", x, g.pick("", g.const(-0.5)), g.pick(g.const(0.5), g.const(np.inf)))
    if kind == "Cast":
        kind = g.pick(TensorProto.INT32, TensorProto.INT8, TensorProto.BOOL, TensorProto.INT64)
        return g.add("Cast", g.add("Cast", x, to=kind), to=TensorProto.FLOAT)
    slope = g.normal(*(shape[1:2] if len(shape) == 2 else (1,)))
    return g.add("PRelu", x, slope)


def _image(g: Graph, x: str, shape: Shape) -> str:
    if len(shape) != 4:
        return _unary(g, x, shape)
    kind = g.pick("Resize", "InstanceNormalization", "GridSample", "SpaceToDepth")
    if kind == "Resize":
        scales = g.const([1, 1, g.pick(0.5, 1, 2, 1.7), g.pick(1, 2, 3)])
        way = g.pick("asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel")
        return g.add(
            kind,
            x,
            "",
            scales,
            mode=g.pick("nearest", "linear"),
            coordinate_transformation_mode=way,
        )
    if kind == "InstanceNormalization":
        return g.add(kind, x, g.normal(shape[1]), g.normal(shape[1]))
    if kind == "GridSample":
        grid = g.const(g.random.uniform(-1.3, 1.3, (shape[0], 2, 3, 2)))
        return g.add(
            kind,
            x,
            grid,
            padding_mode=g.pick("zeros", "border", "reflection"),
            align_corners=g.pick(0, 1),
        )
    return g.add(kind, x, blocksize=g.pick(1, 2))


def _recurrent(g: Graph, x: str, shape: Shape) -> str:
    if len(shape) != 3:
        return _unary(g, x, shape)
    kind, hidden = g.pick("GRU", "LSTM", "RNN"), int(g.random.integers(1, 4))
    gates = {"GRU": 3, "LSTM": 4, "RNN": 1}[kind]
    way = g.pick("forward", "reverse", "bidirectional")
    ways = 2 if way == "bidirectional" else 1
    w, r = g.normal(ways, gates * hidden, shape[2]), g.normal(ways, gates * hidden, hidden)
    more = {"linear_before_reset": g.pick(0, 1)} if kind == "GRU" else {}
    return g.add(kind, x, w, r, hidden_size=hidden, direction=way, count=g.pick(1, 2), **more)


STEPS: tuple[Callable[[Graph, str, Shape], str], ...] = (
    _unary, _unary, _binary, _binary, _power, _conv, _conv, _conv, _transposed, _transposed, _pool, _pool, _matmul,
    _matmul, _along, _along, _reduce, _reduce, _move, _move, _move, _slice, _pad, _choose, _image, _recurrent,
    *TYPED,
)  # fmt: skip
SHAPES = (
    (1, 3, 5, 7), (1, 4, 8, 8), (1, 1, 1, 9), (2, 3, 4, 5), (1, 6, 11), (1, 2, 1), (3, 2, 5), (1, 7), (2, 5), (1, 1),
    (4,), (), (1, 2, 3, 2, 4), (1, 0, 3),
)  # fmt: skip


def drawn(random: Random) -> bytes:
    """Return a random graph of one to six steps as a file; shape inference accepts it."""
    g = Graph(random)
    g.values["x"] = SHAPES[int(random.integers(len(SHAPES)))]
    g.inputs.append("x")
    last, kept = "x", None
    for _ in range(int(random.integers(1, 7))):
        shape = g.values[last]
        before = len(g.nodes), len(g.tensors), len(g.inputs)
        try:
            made = STEPS[int(random.integers(len(STEPS)))](g, last, shape)
            known = shapes_of(g.proto(made))
        except Exception:  # a step that does not fit, or that inference refuses, is left out
            g.undo(*before)
            continue
        size = np.prod(known.get(made, (0,)))
        if made not in known or size > 4096 or (size == 0 and random.random() < 0.95):
            g.undo(*before)
            continue
        g.values |= known
        last, kept = made, g.proto(made)
    if kept is None:
        return drawn(random)
    return bytes(kept.SerializeToString())


def shapes_of(proto: onnx.ModelProto) -> dict[str, Shape]:
    """The static float values by name, as ONNX infers them."""
    refuse_negative_sizes(proto)  # inference ends the process where they are sliced
    inferred = onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True).graph
    found: dict[str, Shape] = {}
    for value in (*inferred.value_info, *inferred.output):
        kind = value.type.tensor_type
        static = kind.HasField("shape") and all(d.HasField("dim_value") for d in kind.shape.dim)
        if kind.elem_type == TensorProto.FLOAT and static:
            found[value.name] = tuple(dim.dim_value for dim in kind.shape.dim)
    return found
