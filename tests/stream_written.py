"""Random layers as authors write them: loops along time, assignments to slices, positions, attention by distances."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from onnx import TensorProto, helper
from stream_layers import CHANNELS, Layer, layers
from stream_networks import Net

ROWS = 4096  # of tables of positions: more than any recording of the tests has frames


@st.composite
def written(draw: Any) -> Layer:
    """One or two layers as authors write them, between others that keep the number of frames."""
    kinds = [looped, assigned, shifted_by_assignment, placed, attended]
    own = [draw(draw(st.sampled_from(kinds))()) for _ in range(draw(st.integers(1, 2)))]
    before, after = draw(layers(1, 4, False)), draw(layers(1, 4, False))

    def build(net: Net, x: str) -> str:
        for part in (before, *own, after):
            x = part(net, x)
        return x

    return build


def rows_of(net: Net, x: str) -> str:
    """Frames first: (frames, CHANNELS)."""
    return net.add(
        "Reshape",
        net.add("Transpose", x, perm=[2, 0, 1]),
        net.const([-1, CHANNELS], np.int64),
    )


def channels_of(net: Net, rows: str) -> str:
    """Frames last again: (1, CHANNELS, frames)."""
    return net.add("Unsqueeze", net.add("Transpose", rows, perm=[1, 0]), net.const([0], np.int64))


def count_of(net: Net, x: str) -> str:
    return net.add("Squeeze", net.add("Shape", x, start=2), net.const([0], np.int64))


def places_of(net: Net, x: str, first: int = 0) -> str:
    return net.add("Range", net.const(first, np.int64), count_of(net, x), net.const(1, np.int64))


@st.composite
def looped(draw: Any) -> Layer:
    """A loop over frames with one or two states that a gate may hold; its output is a state before or after."""
    gate, second, early = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    function = draw(st.sampled_from(["Tanh", "Sigmoid", "Softsign"]))

    def build(net: Net, x: str) -> str:
        name, count = f"scan{len(net.nodes)}", 1 + second
        body = Net(int(net.random.integers(2**31)), f"{name}_")
        h, g, frame = (f"{name}_{letter}" for letter in "hgf")
        names = [h, g][:count]
        mixed = body.add(
            function,
            body.add(
                "Add",
                body.add("MatMul", frame, body.weight(CHANNELS, CHANNELS)),
                body.add("MatMul", h, body.weight(CHANNELS, CHANNELS)),
            ),
        )
        if second:
            mixed = body.add("Add", mixed, body.add("Mul", g, body.const(0.3)))
        if gate:
            share = body.add("Sigmoid", body.add("MatMul", frame, body.weight(CHANNELS, CHANNELS)))
            rest = body.add("Mul", body.add("Sub", body.const(1.0), share), mixed)
            mixed = body.add("Add", body.add("Mul", share, h), rest)
        following = [mixed, h][:count]  # the second state is the first one, a frame later
        outs = [body.add("Identity", value) for value in following]
        made = body.add("Identity", h if early else mixed)
        info = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, [CHANNELS]) for n in (*names, frame)
        ]
        ends = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, [CHANNELS]) for n in (*outs, made)
        ]
        graph = helper.make_graph(body.nodes, "turn", info, ends, body.tensors)
        starts = [net.const(np.zeros(CHANNELS)) for _ in names]
        results = [f"{name}_{n}" for n in range(count + 1)]
        inputs = [*starts, rows_of(net, x)]
        net.nodes.append(
            helper.make_node("Scan", inputs, results, name=name, body=graph, num_scan_inputs=1)
        )
        return channels_of(net, results[-1])

    return build


@st.composite
def assigned(draw: Any) -> Layer:
    """``y[a:b] = u`` of channels, or of the first frames."""
    along_time = draw(st.booleans())
    first, last = sorted(
        draw(st.lists(st.integers(0, CHANNELS), min_size=2, max_size=2, unique=True))
    )

    def build(net: Net, x: str) -> str:
        if along_time:
            index = net.const(np.arange(first, last)[:, None], np.int64)
            values = net.const(net.random.normal(size=(last - first, CHANNELS)))
            return channels_of(net, net.add("ScatterND", rows_of(net, x), index, values))
        rows = net.add("Squeeze", x, net.const([0], np.int64))
        bounds = [net.const([n], np.int64) for n in (first, last, 0)]
        values = net.add("Tanh", net.add("Slice", rows, *bounds))
        index = net.const(np.arange(first, last)[:, None], np.int64)
        made = net.add("ScatterND", rows, index, values)
        return net.add("Unsqueeze", made, net.const([0], np.int64))

    return build


@st.composite
def shifted_by_assignment(draw: Any) -> Layer:
    """``y[n:] = x[:-n]``, as a difference with the frame before is written, and ``y[:-n] = x[n:]``."""
    frames, ahead = draw(st.integers(1, 4)), draw(st.booleans())
    zeros = draw(st.booleans())

    def build(net: Net, x: str) -> str:
        rows = rows_of(net, x)
        base = net.add("ConstantOfShape", net.add("Shape", rows)) if zeros else rows
        far = net.add("Sub", count_of(net, x), net.const(frames, np.int64))
        one, nothing, axis = (net.const([n], np.int64) for n in (1, 0, 0))
        end = net.add("Unsqueeze", far, nothing)
        if ahead:
            places = net.add("Range", net.const(0, np.int64), far, net.const(1, np.int64))
            bounds = net.const([frames], np.int64), net.const([2**60], np.int64)
        else:
            places = places_of(net, x, frames)
            bounds = net.const([0], np.int64), end
        index = net.add("Unsqueeze", places, one)
        values = net.add("Slice", rows, *bounds, axis)
        return channels_of(net, net.add("ScatterND", base, index, values))

    return build


@st.composite
def placed(draw: Any) -> Layer:
    """Positions: rows of a table, sines of them, or a count that stops at a limit or starts anew."""
    kind = draw(st.sampled_from(["gathered", "cut", "sines", "limited", "repeated", "early"]))
    number = draw(st.integers(2, 40))

    def build(net: Net, x: str) -> str:
        places = places_of(net, x)
        if kind == "cut":
            end = net.add("Add", net.add("Shape", x, start=2), net.const([number], np.int64))
            bounds = net.const([number], np.int64), end, net.const([1], np.int64)
            return net.add("Add", x, net.add("Slice", net.weight(CHANNELS, ROWS), *bounds))
        if kind == "gathered":
            return net.add("Add", x, net.add("Gather", net.weight(CHANNELS, ROWS), places, axis=1))
        if kind == "sines":
            angles = net.add("Mul", net.add("Cast", places, to=1), net.const(1 / number))
            return net.add("Add", x, net.add("Sin", angles))
        if kind == "early":
            early = net.add("Less", places, net.const(number, np.int64))
            return net.add("Where", early, net.add("Tanh", x), x)
        limit = net.const(number, np.int64)
        row = net.add("Min" if kind == "limited" else "Mod", places, limit)
        return net.add("Add", x, net.add("Gather", net.weight(CHANNELS, 64), row, axis=1))

    return build


@st.composite
def attended(draw: Any) -> Layer:
    """Attention to a window of frames, with a bias of a table for each distance."""
    past, ahead = draw(st.tuples(st.integers(0, 6), st.integers(0, 2)))
    biased = draw(st.booleans())

    def build(net: Net, x: str) -> str:
        frames = net.add("Transpose", x, perm=[0, 2, 1])
        places = places_of(net, x)
        column = net.add("Unsqueeze", places, net.const([1], np.int64))
        distance = net.add("Sub", column, places)
        seen = net.add(
            "And",
            net.add("LessOrEqual", distance, net.const(past, np.int64)),
            net.add("GreaterOrEqual", distance, net.const(-ahead, np.int64)),
        )
        queries, keys, values = (
            net.add("MatMul", frames, net.weight(CHANNELS, CHANNELS)) for _ in range(3)
        )
        scores = net.add("MatMul", queries, net.add("Transpose", keys, perm=[0, 2, 1]))
        if biased:
            lag = net.add("Clip", distance, net.const(-ahead, np.int64), net.const(past, np.int64))
            row = net.add("Add", lag, net.const(ahead, np.int64))
            scores = net.add("Add", scores, net.add("Gather", net.weight(past + ahead + 1), row))
        hidden = net.add("Where", seen, scores, net.const(-1e9))
        made = net.add("MatMul", net.add("Softmax", hidden, axis=-1), values)
        return net.add("Add", x, net.add("Transpose", made, perm=[0, 2, 1]))

    return build
