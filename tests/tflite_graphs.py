"""Small graphs as converters of other tools write them, one for each form that a .tflite may have."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from edgekit.export.from_tflite import from_tflite
from edgekit.graph.model import Model
from edgekit.judge.tflite_runtimes import compare_runtimes
from edgekit.targets.litert.file import Graph, Scales, Signature, options, to_bytes

RNG = np.random.default_rng(3)
S = Scales((0.05,), 3)
ONES = ("strideH", "strideW", "dilationHFactor", "dilationWFactor")
VALID_CONV = options("Conv2D", padding=1, **dict.fromkeys(ONES, 1))


@dataclass(frozen=True)
class Row:
    """A graph, and the share of integers that are LiteRT's; None for floats."""

    make: Callable[[], Graph]
    equal: float | None = None


def file_of(graph: Graph) -> bytes:
    """The file of one graph."""
    names = Signature(
        {graph.tensors[n].name: n for n in graph.inputs},
        {graph.tensors[n].name: n for n in graph.outputs},
    )
    return to_bytes([graph], names, "test", {})


def compared(file: Path, name: str) -> tuple[Model, list[str]]:
    """The network of a file, and how near it is to the runtimes."""
    model = from_tflite(file, name=name)
    return model, compare_runtimes(file, None, model)


def agreement(notes: list[str], runtime: str = "ai-edge-litert") -> str:
    """The sentence on a runtime."""
    return next(note for note in notes if note.startswith(runtime))


def share(sentence: str) -> float:
    """The share of values that are equal."""
    found = re.search(r"(\d+) of (\d+) values equal", sentence)
    assert found, sentence
    return int(found[1]) / int(found[2])


def decibels(sentence: str) -> float:
    """The ratio of a float network."""
    found = re.search(r"([\d.]+|inf) dB", sentence)
    assert found, sentence
    return float(found[1])


def check(name: str, folder: Path) -> None:
    """See that a graph of the table is LiteRT's."""
    row, file = GRAPHS[name], folder / "model.tflite"
    file.write_bytes(file_of(row.make()))
    sentence = agreement(compared(file, name)[1])
    if row.equal is None:
        assert decibels(sentence) > 100, sentence
    else:
        assert share(sentence) >= row.equal, sentence


def ints(shape: tuple[int, ...], low: int = -127, high: int = 128) -> np.ndarray:
    """Random int8."""
    return np.random.default_rng(5).integers(low, high, shape).astype(np.int8)


def reals(shape: tuple[int, ...]) -> np.ndarray:
    """Random float32."""
    return np.random.default_rng(6).standard_normal(shape).astype(np.float32)


def start(shape: tuple[int, ...], scales: Scales | None, kind: str = "int8") -> tuple[Graph, int]:
    """A graph with one input."""
    graph = Graph("main")
    x = graph.tensor("x", shape, kind if scales else "float32", scales)
    graph.inputs = [x]
    return graph, x


def finish(graph: Graph, *outputs: int) -> Graph:
    """The graph with these outputs."""
    graph.outputs = list(outputs)
    return graph


def conv(integer: bool, groups: int, same: bool, depth: int = 0) -> Graph:
    """A convolution with padding, stride, dilation or groups; a depthwise one with a multiplier."""
    s = S if integer else None
    graph, x = start((1, 9, 7, 4), s)
    shape = (1, 3, 2, 4 * depth) if depth else (6, 3, 2, 4 // groups)
    channels, axis = (shape[3], 3) if depth else (6, 0)
    scales = tuple(float(v) for v in np.linspace(0.002, 0.01, channels))
    if integer:
        w = graph.constant("w", ints(shape), Scales(scales, 0, axis))
        bias = np.arange(channels, dtype=np.int32) * 40
        b = graph.constant("b", bias, Scales(tuple(0.05 * v for v in scales), 0, 0))
    else:
        w, b = graph.constant("w", reals(shape)), graph.constant("b", reals((channels,)))
    stride, dilation = (1, 2) if not same else (2, 1)
    size = [-(-9 // stride), -(-7 // stride)] if same else [9 - 2 * dilation, 7 - dilation]
    y = graph.tensor(
        "y", (1, *size, channels), "int8" if s else "float32", s and Scales((0.1,), -5)
    )
    kind = "DepthwiseConv2D" if depth else "Conv2D"
    chosen = options(
        kind,
        padding=0 if same else 1,
        strideH=stride,
        strideW=stride,
        dilationHFactor=dilation,
        dilationWFactor=dilation,
        fusedActivationFunction=3 if same else 1,
        **({"depthMultiplier": depth} if depth else {}),
    )
    builtin = "DEPTHWISE_CONV_2D" if depth else "CONV_2D"
    graph.operator(builtin, [x, w, b], [y], chosen)
    return finish(graph, y)


def conv_unsigned() -> Graph:
    """A convolution of TensorFlow 1: all uint8, with weights around any number."""
    s = Scales((0.05,), 120)
    graph, x = start((1, 5, 4, 3), s, "uint8")
    stored = np.random.default_rng(7).integers(0, 256, (4, 3, 3, 3)).astype(np.uint8)
    w = graph.constant("w", stored, Scales((0.004,), 157))
    b = graph.constant("b", np.arange(4, dtype=np.int32) * 90, Scales((0.05 * 0.004,), 0))
    y = graph.tensor("y", (1, 5, 4, 4), "uint8", Scales((0.1,), 110))
    chosen = options(
        "Conv2D", padding=0, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1
    )
    graph.operator("CONV_2D", [x, w, b], [y], chosen)
    return finish(graph, y)


def dense_after_pool(integer: bool) -> Graph:
    """A pool, a reshape whose order of axes counts, and a dense layer with its softmax."""
    s = S if integer else None
    kind = "int8" if s else "float32"
    graph, x = start((1, 4, 6, 5), s)
    pooled = graph.tensor("pooled", (1, 2, 3, 5), kind, s)
    chosen = options("Pool2D", padding=1, strideH=2, strideW=2, filterHeight=2, filterWidth=2)
    graph.operator("MAX_POOL_2D", [x], [pooled], chosen)
    flat = graph.tensor("flat", (1, 30), kind, s)
    shape = graph.constant("shape", np.array([1, 30], np.int32))
    graph.operator("RESHAPE", [pooled, shape], [flat], options("Reshape", newShape=[1, 30]))
    if s:
        w = graph.constant("w", ints((7, 30)), Scales((0.004,), 0, 0))
        b = graph.constant("b", np.arange(7, dtype=np.int32) * 90, Scales((0.05 * 0.004,), 0, 0))
    else:
        w, b = graph.constant("w", reals((7, 30))), graph.constant("b", reals((7,)))
    logits = graph.tensor("logits", (1, 7), kind, s and Scales((0.2,), 10))
    graph.operator("FULLY_CONNECTED", [flat, w, b], [logits], options("FullyConnected"))
    y = graph.tensor("y", (1, 7), kind, s and Scales((1 / 256,), -128))
    graph.operator("SOFTMAX", [logits], [y], options("Softmax", beta=1.0))
    return finish(graph, y)


def transposed_conv() -> Graph:
    """A transposed convolution with padding SAME."""
    graph, x = start((1, 4, 1, 6), None)
    shape = graph.constant("shape", np.array([1, 8, 1, 3], np.int32))
    w = graph.constant("w", reals((3, 4, 1, 6)))
    y = graph.tensor("y", (1, 8, 1, 3), "float32")
    chosen = options("TransposeConv", padding=0, strideH=2, strideW=1)
    graph.operator("TRANSPOSE_CONV", [shape, w, x], [y], chosen)
    return finish(graph, y)


def movement(integer: bool) -> Graph:
    """Slices with masks and a dropped axis, splits, a stack and its parts, padding, joins."""
    s = S if integer else None
    kind = "int8" if s else "float32"
    graph, x = start((1, 6, 3, 4), s)

    def tensor(name: str, *shape: int) -> int:
        return graph.tensor(name, shape, kind, s)

    def numbers(*values: int) -> int:
        return graph.constant("numbers", np.array(values, np.int32))

    part = tensor("part", 1, 4, 3, 4)
    chosen = options("StridedSlice", beginMask=13, endMask=15)
    graph.operator(
        "STRIDED_SLICE",
        [x, numbers(0, 2, 0, 0), numbers(0, 0, 0, 0), numbers(1, 1, 1, 1)],
        [part],
        chosen,
    )
    row = tensor("row", 1, 3, 4)
    chosen = options("StridedSlice", beginMask=13, endMask=13, shrinkAxisMask=2)
    graph.operator(
        "STRIDED_SLICE",
        [x, numbers(0, 5, 0, 0), numbers(0, 6, 0, 0), numbers(1, 1, 1, 1)],
        [row],
        chosen,
    )
    halves = [tensor("a", 1, 1, 3, 4), tensor("b", 1, 3, 3, 4)]
    graph.operator(
        "SPLIT_V",
        [part, numbers(1, 3), graph.constant("axis", np.int32(1))],
        halves,
        options("SplitV", numSplits=2),
    )
    pairs = [tensor("c", 1, 3, 3, 2), tensor("d", 1, 3, 3, 2)]
    graph.operator(
        "SPLIT",
        [graph.constant("last", np.int32(3)), halves[1]],
        pairs,
        options("Split", numSplits=2),
    )
    stacked = tensor("stacked", 1, 2, 3, 4)
    graph.operator("PACK", [row, row], [stacked], options("Pack", axis=1, valuesCount=2))
    rows = [tensor("e", 1, 3, 4), tensor("f", 1, 3, 4)]
    graph.operator("UNPACK", [stacked], rows, options("Unpack", axis=1, num=2))
    padded = tensor("padded", 1, 5, 3, 4)
    pads = graph.constant("pads", np.array([[0, 0], [1, 3], [0, 0], [0, 0]], np.int32))
    graph.operator("PAD", [halves[0], pads], [padded], options("Pad"))
    joined = tensor("joined", 1, 3, 6, 2)
    graph.operator("CONCATENATION", pairs, [joined], options("Concatenation", axis=2))
    turned = tensor("turned", 1, 4, 3)
    graph.operator("TRANSPOSE", [rows[1], numbers(0, 2, 1)], [turned], options("Transpose"))
    return finish(graph, padded, joined, turned)


def arithmetic() -> Graph:
    """Operands that broadcast: a constant of channels, a tensor of fewer axes; and what converters write for norms."""
    graph, x = start((1, 5, 2, 4), None)

    def tensor(name: str, *shape: int) -> int:
        return graph.tensor(name, shape or (1, 5, 2, 4), "float32")

    scaled, shifted, mean = tensor("scaled"), tensor("shifted"), tensor("mean", 1, 5, 2, 1)
    graph.operator("MUL", [x, graph.constant("g", reals((4,)))], [scaled], options("Mul"))
    graph.operator(
        "ADD",
        [scaled, graph.constant("h", reals((2, 4)))],
        [shifted],
        options("Add", fusedActivationFunction=1),
    )
    axes = graph.constant("axes", np.array([3], np.int32))
    graph.operator("MEAN", [shifted, axes], [mean], options("Reducer", keepDims=True))
    gaps, sums, root = tensor("gaps"), tensor("sums", 1, 5, 2), tensor("root", 1, 5, 2)
    graph.operator("SQUARED_DIFFERENCE", [shifted, mean], [gaps], options("SquaredDifference"))
    graph.operator("SUM", [gaps, axes], [sums], options("Reducer"))
    small = tensor("small", 1, 5, 2)
    graph.operator("ADD", [sums, graph.constant("e", np.float32(0.5))], [small], options("Add"))
    graph.operator("RSQRT", [small], [root])
    bent = tensor("bent")
    graph.operator("LEAKY_RELU", [gaps], [bent], options("LeakyRelu", alpha=0.1))
    return finish(graph, root, bent)


def svdf(rank: int) -> Graph:
    """A filter with a memory of five frames."""
    graph, x = start((1, 8), None)
    filters, memory = 6, 5
    w, t = graph.constant("w", reals((filters, 8))), graph.constant("t", reals((filters, memory)))
    b = graph.constant("b", reals((filters // rank,)))
    state = graph.tensor("memory", (1, filters * memory), "float32")
    y = graph.tensor("y", (1, filters // rank), "float32")
    chosen = options("SVDF", rank=rank, fusedActivationFunction=1)
    graph.operator("SVDF", [x, w, t, b, state], [y], chosen)
    graph.variables.add(state)
    return finish(graph, y)


def lstm(time_major: bool) -> Graph:
    """A layer of three frames a call, whose h and c stay from call to call."""
    cells, width = 5, 4
    shape = (3, 1, width) if time_major else (1, 3, width)
    graph, x = start(shape, None)
    w = [graph.constant(f"w{i}", reals((cells, width)) * (i + 1) / 3) for i in range(4)]
    r = [graph.constant(f"r{i}", reals((cells, cells)) * (i + 1) / 4) for i in range(4)]
    b = [graph.constant(f"b{i}", reals((cells,)) * (i + 1)) for i in range(4)]
    h, c = (graph.tensor(name, (1, cells), "float32") for name in ("h", "c"))
    graph.variables |= {h, c}
    y = graph.tensor("y", (*shape[:2], cells), "float32")
    inputs = [x, *w, *r, -1, -1, -1, *b, -1, -1, h, c, -1, -1, -1, -1]
    chosen = options("UnidirectionalSequenceLSTM", fusedActivationFunction=4, timeMajor=time_major)
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], chosen)
    return finish(graph, y)


def unsigned() -> Graph:
    """An int8 sigmoid behind a dense layer, and its output as uint8."""
    graph, x = start((1, 6), S)
    w = graph.constant("w", ints((1, 6)), Scales((0.01,), 0, 0))
    b = graph.constant("b", np.array([30], np.int32), Scales((0.0005,), 0, 0))
    logit = graph.tensor("logit", (1, 1), "int8", Scales((0.06,), 2))
    graph.operator("FULLY_CONNECTED", [x, w, b], [logit], options("FullyConnected"))
    p = graph.tensor("p", (1, 1), "int8", Scales((1 / 256,), -128))
    graph.operator("LOGISTIC", [logit], [p])
    y = graph.tensor("y", (1, 1), "uint8", Scales((1 / 256,), 0))
    graph.operator("QUANTIZE", [p], [y], options("Quantize"))
    return finish(graph, y)


def halves() -> Graph:
    """Weights as float16, dequantized."""
    graph, x = start((1, 6), None)
    stored = graph.constant("half", reals((3, 6)).astype(np.float16))
    w = graph.tensor("w", (3, 6), "float32")
    graph.operator("DEQUANTIZE", [stored], [w], options("Dequantize"))
    y = graph.tensor("y", (1, 3), "float32")
    graph.operator("FULLY_CONNECTED", [x, w, -1], [y], options("FullyConnected"))
    return finish(graph, y)


def sum_of_two(builtin: str) -> Graph:
    """A sum or difference of int8 on three scales, with an activation."""
    graph, x = start((1, 40, 50, 8), Scales((0.0394,), -128))
    other = graph.tensor("other", (1, 40, 50, 8), "int8", Scales((0.1042,), 4))
    graph.inputs.append(other)
    y = graph.tensor("y", (1, 40, 50, 8), "int8", Scales((0.0509,), -128))
    kind = builtin.capitalize()
    graph.operator(builtin, [x, other], [y], options(kind, fusedActivationFunction=1))
    return finish(graph, y)


def average(kernel: int) -> Graph:
    """Averages of int8 around a zero point, half of them ties where the kernel is even."""
    graph, x = start((1, 12, 12, 3), Scales((0.05,), -100))
    size = 12 // kernel
    y = graph.tensor("y", (1, size, size, 3), "int8", Scales((0.05,), -100))
    sides = {"filterHeight": kernel, "filterWidth": kernel, "strideH": kernel, "strideW": kernel}
    graph.operator("AVERAGE_POOL_2D", [x], [y], options("Pool2D", padding=1, **sides))
    return finish(graph, y)


def window() -> Graph:
    """Layers of int8 along nine frames without padding, and a dense layer of all that is left."""
    graph, x = start((1, 9, 1, 4), S)
    y = graph.tensor("y", (1, 3), "int8", Scales((0.2,), 10))
    value, frames = x, 9
    for number, (kernel, builtin) in enumerate(((3, "CONV_2D"), (2, "DEPTHWISE_CONV_2D"))):
        depthwise = builtin == "DEPTHWISE_CONV_2D"
        w = graph.constant(
            f"w{number}",
            ints((1, kernel, 1, 4) if depthwise else (4, kernel, 1, 4)),
            Scales((0.01,) * 4, 0, 3 if depthwise else 0),
        )
        b = graph.constant(
            f"b{number}", np.arange(4, dtype=np.int32) * 50, Scales((0.05 * 0.01,) * 4, 0, 0)
        )
        frames -= kernel - 1
        made = graph.tensor(f"layer{number}", (1, frames, 1, 4), "int8", S)
        kind = "DepthwiseConv2D" if depthwise else "Conv2D"
        more = {"depthMultiplier": 1} if depthwise else {}
        chosen = options(
            kind, padding=1, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1, **more
        )
        graph.operator(builtin, [value, w, b], [made], chosen)
        value = made
    w = graph.constant("w", ints((3, 4 * frames)), Scales((0.004,), 0, 0))
    b = graph.constant("b", np.arange(3, dtype=np.int32) * 90, Scales((0.05 * 0.004,), 0, 0))
    graph.operator("FULLY_CONNECTED", [value, w, b], [y], options("FullyConnected"))
    return finish(graph, y)


def places() -> Graph:
    """The place of a maximum as row and column, and the values there, as detectors of key points have them."""
    graph, x = start((1, 6, 4, 3), None)
    flat, shape = graph.tensor("flat", (24, 3), "float32"), np.array([24, 3], np.int32)
    graph.operator("RESHAPE", [x, graph.constant("shape", shape)], [flat], options("Reshape"))
    best = graph.tensor("best", (3,), "int32")
    axis = graph.constant("axis", np.array(0, np.int32))
    graph.operator("ARG_MAX", [flat, axis], [best], options("ArgMax", outputType=2))
    width = graph.constant("width", np.array(4, np.int32))
    parts = [graph.tensor(name, (3,), "int32") for name in ("row", "column")]
    graph.operator("FLOOR_DIV", [best, width], parts[:1], options("FloorDiv"))
    graph.operator("FLOOR_MOD", [best, width], parts[1:], options("FloorMod"))
    first = graph.constant("first", np.zeros(3, np.int32))
    index = graph.tensor("index", (3, 3), "int32")
    graph.operator("PACK", [first, *parts], [index], options("Pack", valuesCount=3, axis=1))
    y = graph.tensor("y", (3, 3), "float32")
    graph.operator("GATHER_ND", [x, index], [y], options("GatherNd"))
    return finish(graph, y)


def dilated_picture(integer: bool, crops: list[list[int]]) -> Graph:
    """A dilated convolution of a picture as converters write it: one without dilation, between blocks."""
    s, y_scale = (S, Scales((0.1,), -5)) if integer else (None, None)
    kind = "int8" if integer else "float32"
    graph, x = start((1, 9, 7, 4), s)
    block = graph.constant("block", np.array([3, 2], np.int32))
    pads = graph.constant("pads", np.array([[3, 3], [1, 2]], np.int32))
    phases = graph.tensor("phases", (6, 5, 5, 4), kind, s)
    graph.operator("SPACE_TO_BATCH_ND", [x, block, pads], [phases], options("SpaceToBatchND"))
    w_scales, b_scales = (Scales((v,) * 6, 0, 0) if integer else None for v in (0.01, 0.05 * 0.01))
    w = graph.constant("w", (ints if integer else reals)((6, 3, 2, 4)), w_scales)
    bias = np.arange(6, dtype=np.int32 if integer else np.float32)
    b = graph.constant("b", bias * 40, b_scales)
    made = graph.tensor("made", (6, 3, 4, 6), kind, y_scale)
    graph.operator("CONV_2D", [phases, w, b], [made], VALID_CONV)
    sizes = [n - sum(crop) for n, crop in zip((9, 8), crops, strict=True)]
    y = graph.tensor("y", (1, *sizes, 6), kind, y_scale)
    cut = graph.constant("crops", np.array(crops, np.int32))
    graph.operator("BATCH_TO_SPACE_ND", [made, block, cut], [y], options("BatchToSpaceND"))
    return finish(graph, y)


def dilated_sound() -> Graph:
    """A causal dilated convolution along time: an axis of size 1 makes it one of two dimensions."""
    graph, x = start((1, 11, 4), None)
    block = graph.constant("block", np.array([2], np.int32))
    pads = graph.constant("pads", np.array([[4, 1]], np.int32))
    phases = graph.tensor("phases", (2, 8, 4), "float32")
    graph.operator("SPACE_TO_BATCH_ND", [x, block, pads], [phases], options("SpaceToBatchND"))
    axis = graph.constant("axis", np.array(1, np.int32))
    wide, made = (graph.tensor(n, (2, 1, *s), "float32") for n, s in (("a", (8, 4)), ("b", (6, 6))))
    graph.operator("EXPAND_DIMS", [phases, axis], [wide], options("ExpandDims"))
    w = graph.constant("w", reals((6, 1, 3, 4)))
    b = graph.constant("b", np.arange(6, dtype=np.float32))
    graph.operator("CONV_2D", [wide, w, b], [made], VALID_CONV)
    narrow = graph.tensor("narrow", (2, 6, 6), "float32")
    graph.operator("SQUEEZE", [made], [narrow], options("Squeeze", squeezeDims=[1]))
    cut = graph.constant("crops", np.array([[0, 1]], np.int32))
    y = graph.tensor("y", (1, 11, 6), "float32")
    graph.operator("BATCH_TO_SPACE_ND", [narrow, block, cut], [y], options("BatchToSpaceND"))
    return finish(graph, y)


def regrouped_sound(zero: int) -> Graph:
    """Blocks of int8 that a RESHAPE groups otherwise, on another zero point: no dilation."""
    graph, x = start((1, 11, 4), S)
    block = graph.constant("block", np.array([2], np.int32))
    pads = graph.constant("pads", np.array([[4, 1]], np.int32))
    phases = graph.tensor("phases", (2, 8, 4), "int8", S)
    graph.operator("SPACE_TO_BATCH_ND", [x, block, pads], [phases], options("SpaceToBatchND"))
    wide = graph.tensor("wide", (2, 2, 4, 4), "int8", Scales(S.scale, zero))
    made = graph.tensor("made", (2, 2, 2, 6), "int8", Scales((0.1,), -5))
    narrow = graph.tensor("narrow", (2, 4, 6), "int8", Scales((0.1,), -5))
    shapes = [
        graph.constant(n, np.array(s, np.int32))
        for n, s in (("in", (2, 2, 4, 4)), ("out", (2, 4, 6)))
    ]
    graph.operator("RESHAPE", [phases, shapes[0]], [wide], options("Reshape"))
    w = graph.constant("w", ints((6, 1, 3, 4)), Scales((0.01,) * 6, 0, 0))
    b = graph.constant("b", np.arange(6, dtype=np.int32), Scales((0.05 * 0.01,) * 6, 0, 0))
    graph.operator("CONV_2D", [wide, w, b], [made], VALID_CONV)
    graph.operator("RESHAPE", [made, shapes[1]], [narrow], options("Reshape"))
    cut = graph.constant("crops", np.array([[0, 1]], np.int32))
    y = graph.tensor("y", (1, 7, 6), "int8", Scales((0.1,), -5))
    graph.operator("BATCH_TO_SPACE_ND", [narrow, block, cut], [y], options("BatchToSpaceND"))
    return finish(graph, y)


def sums_and_lengths() -> Graph:
    """Running sums, an axis backwards, vectors of length 1 and both forms of GELU."""
    graph, x = start((1, 5, 3, 4), None)
    value = x
    for name, operands, chosen in (
        ("REVERSE_V2", [np.array([1], np.int32)], options("ReverseV2")),
        ("CUMSUM", [np.array(2, np.int32)], options("Cumsum", exclusive=True, reverse=True)),
        ("GELU", [], options("Gelu", approximate=True)),
        ("L2_NORMALIZATION", [], options("L2Norm")),
        ("CUMSUM", [np.array(-1, np.int32)], options("Cumsum")),
        ("GELU", [], options("Gelu")),
    ):
        held = [graph.constant("axis", operand) for operand in operands]
        result = graph.tensor(f"value_{len(graph.tensors)}", (1, 5, 3, 4), "float32")
        graph.operator(name, [value, *held], [result], chosen)
        value = result
    return finish(graph, value)


def floor_divisions() -> Graph:
    """Quotients and remainders of reals of both signs."""
    graph, x = start((1, 8), None)
    divisor = graph.constant("divisor", np.array([[0.7, -0.7] * 4], np.float32))
    made = [graph.tensor(name, (1, 8), "float32") for name in ("quotient", "remainder")]
    graph.operator("FLOOR_DIV", [x, divisor], made[:1], options("FloorDiv"))
    graph.operator("FLOOR_MOD", [x, divisor], made[1:], options("FloorMod"))
    return finish(graph, *made)


GRAPHS: dict[str, Row] = {
    "conv_int8": Row(partial(conv, True, 1, True), 0.998),
    "conv_valid_dilated_int8": Row(partial(conv, True, 1, False), 0.998),
    "conv_unsigned": Row(conv_unsigned, 0.99),
    "conv_groups": Row(partial(conv, False, 2, True)),
    "depthwise_int8": Row(partial(conv, True, 1, False, 1), 0.998),
    "depthwise_multiplier_int8": Row(partial(conv, True, 1, True, 2), 0.998),
    "depthwise": Row(partial(conv, False, 1, True, 2)),
    "transposed_conv": Row(transposed_conv),
    "dense_int8": Row(partial(dense_after_pool, True), 0.97),
    "dense": Row(partial(dense_after_pool, False)),
    "movement_int8": Row(partial(movement, True), 1.0),
    "movement": Row(partial(movement, False)),
    "places": Row(places),
    "floor_divisions": Row(floor_divisions),
    "arithmetic": Row(arithmetic),
    "dilated_picture": Row(partial(dilated_picture, False, [[0, 0], [0, 1]])),
    "dilated_picture_int8": Row(partial(dilated_picture, True, [[0, 0], [0, 1]]), 0.99),
    "blocks_without_dilation": Row(partial(dilated_picture, False, [[4, 2], [0, 1]])),
    "dilated_sound": Row(dilated_sound),
    "regrouped_sound_int8": Row(partial(regrouped_sound, 3), 0.98),
    "regrouped_sound_on_another_zero_point": Row(partial(regrouped_sound, -20), 0.98),
    "sums_and_lengths": Row(sums_and_lengths),
    "svdf": Row(partial(svdf, 1)),
    "svdf_rank": Row(partial(svdf, 2)),
    "lstm": Row(partial(lstm, False)),
    "lstm_time_major": Row(partial(lstm, True)),
    "unsigned": Row(unsigned, 1.0),
    "halves": Row(halves),
    "window_int8": Row(window, 0.998),
    "sum_int8": Row(partial(sum_of_two, "ADD"), 1.0),
    "difference_int8": Row(partial(sum_of_two, "SUB"), 1.0),
    "average_of_4_int8": Row(partial(average, 2), 1.0),
    "average_of_9_int8": Row(partial(average, 3), 1.0),
}
