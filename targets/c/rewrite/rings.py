"""Caches of past frames as rings indexed by position, so that no hop moves a whole cache.

A streaming convolution joins its past frames (a state) with new ones into a window. Where it reads few frames of a long
window, the state becomes a ring: new frames overwrite the oldest ones. The frames that the kernel reads are gathered
from the ring, and the convolution runs over these alone, less dilated. A depthwise one with one position reads them in
place (`edgekit.targets.c.rewrite.frames`). So does a product, as of attention with its keys and values
(`edgekit.targets.c.rewrite.products`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import onnx_ir as ir

from edgekit.graph.model import Model, StatePair
from edgekit.graph.nodes import attribute, unused_name, value_names
from edgekit.operators.geometry import ConvShape, dims, ints
from edgekit.operators.qdq import INTEGER_DOMAIN
from edgekit.operators.roles import constant
from edgekit.targets.c.rewrite.dense_frames import FC, POSITIONS, dense
from edgekit.targets.c.rewrite.frames import frame_attributes
from edgekit.targets.c.rewrite.narrow import state_concat
from edgekit.targets.c.rewrite.products import product

DOMAIN, PUSH, TAKE, CONV = "edgekit.c", "RingPush", "RingTake", "RingConv"
LAYERS = ("Conv", "ConvTranspose")
GAIN = 2  # a window that shifts moves in long runs: a ring must move fewer frames by this factor


@dataclass(frozen=True)
class Blocks:
    """Frames ``first + b * step + f`` of a window, for `count` blocks b of `frames` frames f."""

    first: int
    step: int
    count: int
    frames: int


@dataclass(frozen=True)
class InPlace:
    """A node that reads frames in place in the ring: `kind` replaces a layer.

    Attributes:
        kind: its operator.
        layer: the replaced node.
        attributes: those besides the ring's.
        others: its inputs before the ring.
        passed: nodes between the window and the layer, which it does not need.
    """

    kind: str
    layer: ir.Node
    attributes: Mapping[str, ir.Attr]
    others: tuple[ir.Value | None, ...] = ()
    passed: tuple[ir.Node, ...] = ()


@dataclass(frozen=True)
class Reader:
    """A node that reads some blocks of a window; `own` where they can stay where they are."""

    node: ir.Node
    blocks: Blocks
    own: InPlace | None = None


@dataclass(frozen=True)
class Cache:
    """A state and the window that it is part of; `axis` is time.

    Attributes:
        pair: the state's names.
        window: the Concat of past and new frames.
        keep: the Slice of the window that is the next state.
        axis: of time.
        readers: the nodes that read the window.
    """

    pair: StatePair
    window: ir.Node
    keep: ir.Node
    axis: int
    readers: tuple[Reader, ...]

    @property
    def fresh(self) -> int:
        """New frames of a hop."""
        value = self.window.inputs[1]
        return dims(value)[self.axis]

    @property
    def frames(self) -> int:
        """Frames of the window."""
        return dims(self.window.outputs[0])[self.axis]

    @property
    def moved_frames(self) -> int:
        """Frames that a ring moves in a hop: new ones, and those gathered for readers."""
        blocks = [reader.blocks for reader in self.readers if reader.own is None]
        return self.fresh + sum(block.count * block.frames for block in blocks)

    @property
    def keeps_latest(self) -> bool:
        """Whether the next state is the window without its first frames, with one frame dropped for each new one."""
        latest = Blocks(self.fresh, 0, 1, self.frames - self.fresh)
        return _slice(self.keep, self.window.outputs[0], self.axis) == latest


def use_rings(model: Model) -> Model:
    """Return the model with rings in place of the caches where that moves fewer frames."""
    graph_model = model.ir.clone()
    graph = graph_model.graph
    pairs: list[StatePair] = []
    for pair in model.states:
        cache = None if pair.input == model.end_state else _cache(graph, pair)
        pairs += [pair] if cache is None else _make_rings(graph, cache)
    return Model(graph_model).describe(states=pairs)


def _cache(graph: ir.Graph, pair: StatePair) -> Cache | None:
    """The cache of a state; None where it is another one, or better shifted."""
    old = next(value for value in graph.inputs if value.name == pair.input)
    new = next(value for value in graph.outputs if value.name == pair.output)
    keep, window = new.producer(), state_concat(old)
    if keep is None or window is None or new.uses():
        return None
    axis = int(attribute(window, "axis", 0)) % len(dims(old))
    readers = _readers(window, keep, axis)
    if readers is None:
        return None
    cache = Cache(pair, window, keep, axis, readers)
    return cache if cache.keeps_latest and GAIN * cache.moved_frames <= cache.frames else None


def _readers(window: ir.Node, keep: ir.Node, axis: int) -> tuple[Reader, ...] | None:
    """Return the readers of a window except `keep`; None where not all of it is known."""
    whole, fresh = window.outputs[0], dims(window.inputs[1])[axis]
    found = [_reader(node, whole, axis, fresh) for node in whole.consumers() if node is not keep]
    readers = tuple(reader for reader in found if reader is not None)
    return readers if len(readers) == len(found) else None


@dataclass(frozen=True)
class Window:
    """A convolution's numbers along one axis; `before` and `behind` are its padding."""

    kernel: int
    dilation: int
    stride: int
    before: int
    behind: int


def _blocks(node: ir.Node, whole: ir.Value, axis: int, fresh: int) -> Blocks | None:
    """Return the part of a window that a node reads; None where that is all of it, or not known."""
    if node.op_type == "Slice":
        return _slice(node, whole, axis)
    if node.op_type not in LAYERS or node.domain not in ("", INTEGER_DOMAIN) or axis < 2:
        return None
    if node.inputs[0] is not whole or whole in node.inputs[1:]:
        return None
    return _conv_blocks(node, axis, fresh)


def _conv_blocks(layer: ir.Node, axis: int, fresh: int) -> Blocks | None:
    """Return the frames that a convolution's taps read, if its outputs are exactly those of the new frames."""
    along, made = _window(layer, axis), dims(layer.outputs[0])[axis]
    if layer.op_type == "ConvTranspose":
        cropped = (along.kernel - 1) * along.dilation
        fits, reach = along.stride == 1 and made == fresh, fresh
    else:
        cropped, reach = 0, (made - 1) * along.stride + 1
        fits = made * along.stride == fresh
    if not fits or along.before != cropped or along.behind != cropped or along.dilation < reach:
        return None
    return Blocks(0, along.dilation, along.kernel, reach)


def _reader(node: ir.Node, whole: ir.Value, axis: int, fresh: int) -> Reader | None:
    """Return a reader of a window; None where not all of it is known."""
    if found := product(node, whole, axis):
        own = InPlace(
            found.kind, found.node, found.attributes, (found.node.inputs[0],), found.passed
        )
        return Reader(node, Blocks(0, 0, 1, dims(whole)[axis]), own)
    blocks = _blocks(node, whole, axis, fresh)
    if blocks is not None and (reader := _frames_reader(node, blocks, axis, fresh)) is not None:
        return reader
    if node.inputs[0] is whole and whole not in node.inputs[1:]:
        layer = dense(node, axis, fresh)
        if layer is not None:
            rows, attributes = layer
            found_blocks = Blocks(rows.first, rows.step, rows.count, rows.frames)
            return Reader(node, found_blocks, InPlace(FC, node, attributes))
    return None if blocks is None else Reader(node, blocks)


def _frames_reader(node: ir.Node, blocks: Blocks, axis: int, fresh: int) -> Reader | None:
    """Return a depthwise convolution that reads the frames in place, behind a Slice of the window or without one."""
    passed: tuple[ir.Node, ...] = ()
    layer = node
    if node.op_type == "Slice":
        part = node.outputs[0]
        users = list(part.consumers())
        if len(users) != 1 or part.is_graph_output():
            return None
        inner = _blocks(users[0], part, axis, fresh)
        if inner is None or users[0].op_type == "Slice":
            return None
        layer, passed = users[0], (node,)
        blocks = replace(inner, first=inner.first + blocks.first)
    attributes = frame_attributes(layer, blocks.count) if blocks.frames == 1 else None
    if attributes is None:
        return None
    return Reader(node, blocks, InPlace(CONV, layer, attributes, passed=passed))


def _window(node: ir.Node, axis: int) -> Window:
    if node.domain == INTEGER_DOMAIN:
        shape = ConvShape.of(ints(node, "shape", []))
        h = _is_height(node, axis)
        kernel, dilation, stride, before, frames, made = (
            (shape.k_h, shape.dil_h, shape.stride_h, shape.pad_top, shape.in_h, shape.out_h)
            if h
            else (shape.k_w, shape.dil_w, shape.stride_w, shape.pad_left, shape.in_w, shape.out_w)
        )
        reach = (kernel - 1) * dilation
        if node.op_type == "ConvTranspose":
            added = frames + reach - made
        else:
            added = max(0, (made - 1) * stride + 1 + reach - frames)
        return Window(kernel, dilation, stride, before, added - before)
    rank, place = len(dims(node.inputs[0])) - 2, axis - 2
    pads = ints(node, "pads", [0] * 2 * rank)
    return Window(
        dims(node.inputs[1])[axis],
        ints(node, "dilations", [1] * rank)[place],
        ints(node, "strides", [1] * rank)[place],
        pads[place],
        pads[place + rank],
    )


def _is_height(node: ir.Node, axis: int) -> bool:
    return len(dims(node.inputs[0])) == 4 and axis == 2


def _slice(node: ir.Node, whole: ir.Value, axis: int) -> Blocks | None:
    """The frames of a Slice along time alone."""
    numbers = _slice_numbers(node, whole)
    if numbers is None:
        return None
    start, end, along, *steps = numbers
    size = dims(whole)[axis]
    if along % len(dims(whole)) != axis or any(step != 1 for step in steps):
        return None
    first, last = (at + size if at < 0 else at for at in (start, end))
    last = min(last, size)
    return Blocks(first, 0, 1, last - first) if 0 <= first < last else None


def _slice_numbers(node: ir.Node, whole: ir.Value) -> list[int] | None:
    """Start, end, axis and, where it is there, step of a Slice of `whole` along one axis."""
    if node.op_type != "Slice" or node.domain or node.inputs[0] is not whole:
        return None
    bounds = [constant(value) for value in node.inputs[1:]]
    numbers = [int(bound.ravel()[0]) for bound in bounds if bound is not None and bound.size == 1]
    return numbers if len(numbers) == len(bounds) >= 3 else None


def _make_rings(graph: ir.Graph, cache: Cache) -> list[StatePair]:
    old, x = cache.window.inputs
    assert old is not None and x is not None
    before, behind = dims(x)[: cache.axis], dims(x)[cache.axis + 1 :]
    length = -(-cache.frames // cache.fresh) * cache.fresh
    name, taken = str(old.name), value_names(graph)
    ring = ir.Value(
        name=unused_name(taken, f"{name}.ring"),
        shape=ir.Shape([length, *before, *behind]),
        type=old.type,
    )
    ring.metadata_props.update(old.metadata_props)
    place = ir.Value(
        name=unused_name(taken, f"{name}.place"),
        shape=ir.Shape([1]),
        type=ir.TensorType(ir.DataType.INT32),
    )
    sizes = {"outer": prod(before), "inner": prod(behind), "fresh": cache.fresh, "length": length}
    push = ir.node(PUSH, [x, ring, place], sizes, domain=DOMAIN, num_outputs=2, name=f"{name}.push")
    for value, after in zip((ring, place), push.outputs, strict=True):
        after.name, after.shape, after.type = f"{value.name}.next", value.shape, value.type
        after.metadata_props.update(value.metadata_props)
    graph.insert_before(cache.window, push)
    for reader in cache.readers:
        if reader.own is None:
            _take(graph, cache, push, reader.node, reader.blocks)
        else:
            _read_from_ring(graph, cache, push, reader.blocks, reader.own)
    graph.inputs.remove(old)
    graph.outputs.remove(cache.keep.outputs[0])
    graph.remove([cache.keep, cache.window], safe=True)
    graph.inputs.extend([ring, place])
    graph.outputs.extend(push.outputs)
    after_ring, after_place = (str(value.name) for value in push.outputs)
    return [StatePair(str(ring.name), after_ring), StatePair(str(place.name), after_place)]


def _take(graph: ir.Graph, cache: Cache, push: ir.Node, reader: ir.Node, blocks: Blocks) -> None:
    """Gather the frames of the ring that a reader needs, in the order of the window."""
    sizes = _sizes(cache, push, blocks)
    name = f"{reader.name}.frames"
    take = ir.node(TAKE, list(push.outputs), sizes, domain=DOMAIN, num_outputs=1, name=name)
    whole, result = cache.window.outputs[0], take.outputs[0]
    shape = list(dims(whole))
    shape[cache.axis] = blocks.count * blocks.frames
    result.name = unused_name(value_names(graph), f"{whole.name}.{reader.name}")
    result.shape, result.type = ir.Shape(shape), whole.type
    result.metadata_props.update(whole.metadata_props)
    if reader.op_type == "Slice":
        ir.convenience.replace_nodes_and_values(
            graph, reader, [reader], [take], reader.outputs, [result]
        )
        return
    graph.insert_before(reader, take)
    reader.replace_input_with(0, result)
    _narrow(reader, cache.axis, blocks)


def _sizes(cache: Cache, push: ir.Node, blocks: Blocks) -> dict[str, int]:
    sizes = {key: kind.as_int() for key, kind in push.attributes.items()} | vars(blocks)
    return sizes | {"window": cache.frames}


def _read_from_ring(
    graph: ir.Graph, cache: Cache, push: ir.Node, blocks: Blocks, own: InPlace
) -> None:
    """Replace a layer by one that reads its frames where they are in the ring."""
    sizes, layer = _sizes(cache, push, blocks), own.layer
    inputs = [*own.others, *push.outputs]
    made = ir.node(own.kind, inputs, sizes, domain=DOMAIN, num_outputs=1, name=layer.name)
    made.attributes.update(own.attributes)
    made.metadata_props.update(layer.metadata_props)
    old, nodes = layer.outputs[0], [made]
    if POSITIONS in made.attributes and made.attributes[POSITIONS].as_int() > 1:
        nodes.append(_reorder_ring_output(graph, made, old, cache.axis))
    for node in nodes:
        node.outputs[0].type = old.type
        node.outputs[0].metadata_props.update(old.metadata_props)
    new = nodes[-1].outputs[0]
    new.name, new.shape = old.name, old.shape
    ir.convenience.replace_nodes_and_values(graph, layer, [layer], nodes, [old], [new])
    graph.remove(own.passed, safe=True)


def _reorder_ring_output(graph: ir.Graph, rows: ir.Node, y: ir.Value, axis: int) -> ir.Node:
    """Return the node that transposes outputs by position to the order of `y`: by channel."""
    order = list(range(len(dims(y))))
    order[1], order[axis] = axis, 1
    value = rows.outputs[0]
    value.name = unused_name(value_names(graph), f"{y.name}.rows")
    value.shape = ir.Shape([dims(y)[at] for at in order])
    name = f"{rows.name}.apart"
    return ir.node("Transpose", [value], {"perm": order}, num_outputs=1, name=name)


def _narrow(layer: ir.Node, axis: int, blocks: Blocks) -> None:
    """Let a convolution step from block to block of the gathered frames."""
    frames, step = blocks.count * blocks.frames, blocks.frames
    pad = (blocks.count - 1) * step if layer.op_type == "ConvTranspose" else 0
    if layer.domain == INTEGER_DOMAIN:
        shape = ConvShape.of(ints(layer, "shape", []))
        changed = (
            replace(shape, in_h=frames, dil_h=step, pad_top=pad)
            if _is_height(layer, axis)
            else replace(shape, in_w=frames, dil_w=step, pad_left=pad)
        )
        layer.attributes["shape"] = ir.AttrInt64s("shape", changed.fields())
        return
    rank = len(dims(layer.inputs[0])) - 2
    dilations, pads = ints(layer, "dilations", [1] * rank), ints(layer, "pads", [0] * 2 * rank)
    dilations[axis - 2], pads[axis - 2], pads[axis - 2 + rank] = step, pad, pad
    layer.attributes["dilations"] = ir.AttrInt64s("dilations", dilations)
    layer.attributes["pads"] = ir.AttrInt64s("pads", pads)
