"""Offline networks with long dilated layers, and their streams."""

import numpy as np
from stream_networks import Net

from edgekit.export.from_onnx import from_onnx
from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.sources import onnx_offline
from edgekit.graph.model import Model
from edgekit.verbs.export.importing import ImportOptions, with_surroundings

CHANNELS, HIDDEN, BLOCKS = 8, 12, 8


def dilated() -> bytes:
    """Eight blocks of depthwise convolutions, dilated by 1 to 128."""
    net, x = Net(1), "x"
    for block in range(BLOCKS):
        y = net.add("Relu", net.conv(x, CHANNELS, HIDDEN, 1))
        reach = 2 * 2**block
        y = net.conv(y, HIDDEN, HIDDEN, 3, left=reach, dilation=2**block, group=HIDDEN)
        x = net.add("Add", x, net.conv(net.add("Relu", y), HIDDEN, CHANNELS, 1))
    return net.model([1, CHANNELS, "T"], x)


def mixed(time: int) -> bytes:
    """Two axes, time the first or second: convolutions both ways, dilated in time, and a residual."""
    net = Net(2)
    shape = [1, 2, "T", 5] if time == 2 else [1, 2, 5, "T"]

    def order(in_time: int, other: int) -> list[int]:
        return [in_time, other] if time == 2 else [other, in_time]

    def both(before: int, behind: int) -> list[int]:
        return [*order(before, 1), *order(behind, 1)]

    kernel, dilations = order(3, 3), order(20, 1)
    y = net.add(
        "Conv", "x", net.weight(4, 2, *kernel), net.weight(4), pads=both(40, 0), dilations=dilations
    )
    # causal: the frames that a transposed convolution gives behind the end are cut off
    y = net.add(
        "ConvTranspose",
        net.add("Tanh", y),
        net.weight(4, 4, *kernel),
        net.weight(4),
        pads=both(0, 40),
        dilations=dilations,
    )
    ahead = net.add(
        "Conv",
        y,
        net.weight(2, 4, *order(2, 1)),
        net.weight(2),
        pads=[*order(0, 0), *order(30, 0)],
        dilations=order(30, 1),
    )
    return net.model(shape, net.add("Add", "x", ahead))


def attended(form: str, past: int, hop: int, heads: int, each: int, values: int) -> Model:
    """Attention to the last frames, one hop of it; keys and values are kept by frame, by head, or transposed."""
    net, width = Net(3), heads * each

    def split(x: str, size: int, order: list[int]) -> str:
        shape = net.const([1, -1, heads, size], np.int64)
        return net.add("Transpose", net.add("Reshape", x, shape), perm=order)

    def window(x: str, state: str, axis: int) -> tuple[str, str]:
        whole = net.add("Concat", state, x, axis=axis)
        return whole, net.cut(whole, hop, axis=axis)

    def fresh(size: int) -> str:
        return net.add("MatMul", "x", net.weight(5, heads * size))

    q = split(fresh(each), each, [0, 2, 1, 3])
    k, v = fresh(each), fresh(values)
    if form == "by frame":
        (k, keys), (v, sums) = window(k, "keys", 1), window(v, "values", 1)
        k, v = split(k, each, [0, 2, 3, 1]), split(v, values, [0, 2, 1, 3])
        shapes = [1, past, width], [1, past, heads * values]
    elif form == "by head":
        k, v = split(k, each, [0, 2, 1, 3]), split(v, values, [0, 2, 1, 3])
        (k, keys), (v, sums) = window(k, "keys", 2), window(v, "values", 2)
        k = net.add("Transpose", k, perm=[0, 1, 3, 2])
        shapes = [1, heads, past, each], [1, heads, past, values]
    else:
        k, v = split(k, each, [0, 2, 3, 1]), split(v, values, [0, 2, 1, 3])
        (k, keys), (v, sums) = window(k, "keys", 3), window(v, "values", 2)
        shapes = [1, heads, each, past], [1, heads, past, values]
    scores = net.add("Mul", net.add("MatMul", q, k), net.const(each**-0.5))
    y = net.add("MatMul", net.add("Softmax", scores, axis=-1), v)
    if form == "by frame":
        y = net.add("Transpose", y, perm=[0, 2, 1, 3])
        y = net.add("Reshape", y, net.const([1, hop, heads * values], np.int64))
    states = dict(zip(("keys", "values"), map(list, shapes), strict=True))
    data = net.model([1, hop, 5], [y, keys, sums], len(shapes[0]), states)
    return from_onnx(data, name="attended", states=[("keys", keys), ("values", sums)])


def coded(
    kind: str, kernel: int, stride: int, dilation: int, positions: int, channels: int, outputs: int
) -> Model:
    """One hop of an encoder with some positions, dense or depthwise, or of a decoder that overlaps and adds."""
    net, reach = Net(4), (kernel - 1) * dilation
    if kind == "decoder":
        past, hop = reach // stride, positions
        pads, extra = [past * stride, max(0, reach + 1 - stride)], max(0, stride - reach - 1)
        whole = net.add("Concat", "past", "x", axis=2)
        more = {"strides": [stride], "dilations": [dilation], "output_padding": [extra]}
        w = net.weight(channels, outputs, kernel)
        y = net.add("ConvTranspose", whole, w, net.weight(outputs), pads=pads, **more)
    else:
        past, hop = max(1, reach + 1 - stride), positions * stride
        group = channels if kind == "depthwise" else 1
        whole = net.add("Concat", "past", "x", axis=2)
        outputs = channels if kind == "depthwise" else outputs
        y = net.conv(
            whole, channels, outputs, kernel, stride=stride, dilation=dilation, group=group
        )
    state = {"past": [1, channels, past]}
    kept = net.cut(whole, hop)
    data = net.model([1, channels, hop], [net.add("Relu", y), kept], 3, state)
    return from_onnx(data, name="coded", states=[("past", kept)])


def streamed(data: bytes, times: int = 1) -> Model:
    analysis = analyse(onnx_offline(data, name="net"))
    return with_surroundings(
        rewrite(analysis, times * analysis.facts.minimum_hop()), ImportOptions()
    )
