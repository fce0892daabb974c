"""Operators of a .tflite that move values: shapes, slices, joins, padding."""

import numpy as np
import onnx

from edgekit.export.tflite_file.file import AGAIN, Operator, Tensor, refuse
from edgekit.export.tflite_file.network import CHANNELS_LAST, Network, to_axis, to_sizes

LARGEST = np.iinfo(np.int64).max


def reshape(network: Network, operator: Operator) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the values in the file's order, under the shape of the output."""
    x, result = network.tensor(operator.inputs[0]), network.tensor(operator.outputs[0])
    flat = network.as_in_file(operator.inputs[0])
    if not same_grid(x, result):  # the integers stay, and stand for other reals
        flat = network.reinterpret(flat, x, result)
    value = network.add("Reshape", flat, network.numbers(result.shape))[0]
    network.set_as_in_file(operator.outputs[0], value)


def same_grid(one: Tensor, other: Tensor) -> bool:
    """Whether the integers of two tensors stand for the same reals."""
    first, second = one.grid, other.grid
    if first is None or second is None:
        return first is second
    return bool(np.all(first.scale == second.scale) and np.all(first.zero == second.zero))


def concat(network: Network, operator: Operator) -> None:
    """CONCATENATION along an axis of the file."""
    rank = len(network.tensor(operator.outputs[0]).shape)
    axis = to_axis(operator.option("Axis"), rank)
    if operator.option("FusedActivationFunction"):
        step = "convert the network with the activation as an operator"
        refuse("operator CONCATENATION", "an activation", "none", step)
    value = network.add("Concat", *map(network.real, operator.inputs), axis=axis)[0]
    network.set_value(operator.outputs[0], value)


def strided_slice(network: Network, operator: Operator) -> None:
    """STRIDED_SLICE with constant bounds; its masks name the axes whose bound is left out, or dropped."""
    x, result = network.tensor(operator.inputs[0]), network.tensor(operator.outputs[0])
    if operator.option("EllipsisMask") or operator.option("NewAxisMask"):
        step = "convert the network with plain slices"
        refuse("operator STRIDED_SLICE", "an ellipsis or a new axis", "bounds for each axis", step)
    bounds = [network.numbers(part) for part in slice_bounds(network, operator)]
    value = network.move(operator.inputs[0], "Slice", *bounds)
    if not operator.option("ShrinkAxisMask"):
        network.set_value(operator.outputs[0], value)
        return
    value = network.round_to_grid(value, x)
    if len(x.shape) == 4:
        value = network.permute(value, x, CHANNELS_LAST)
    value = network.add("Reshape", value, network.numbers(result.shape))[0]
    network.set_as_in_file(operator.outputs[0], value)


def slice_bounds(network: Network, operator: Operator) -> tuple[list[int], ...]:
    """Return starts, ends, axes of the network and steps of a STRIDED_SLICE."""
    shape = network.tensor(operator.inputs[0]).shape
    starts, ends, steps = (network.integers(n, operator) for n in operator.inputs[1:4])
    begin, end = operator.option("BeginMask"), operator.option("EndMask")
    dropped = operator.option("ShrinkAxisMask")
    for axis, step in enumerate(steps):
        if begin >> axis & 1:
            starts[axis] = 0 if step > 0 else shape[axis] - 1
        if dropped >> axis & 1:
            ends[axis] = starts[axis] + 1 or LARGEST
            continue
        if end >> axis & 1:
            ends[axis] = LARGEST if step > 0 else -LARGEST
    return starts, ends, [to_axis(axis, len(shape)) for axis in range(len(starts))], steps


def reverse(network: Network, operator: Operator) -> None:
    """REVERSE_V2: constant axes backwards."""
    rank = len(network.tensor(operator.inputs[0]).shape)
    axes = [to_axis(axis, rank) for axis in network.integers(operator.inputs[1], operator)]
    backwards = ([-1] * len(axes), [-LARGEST] * len(axes), axes, [-1] * len(axes))
    value = network.move(operator.inputs[0], "Slice", *map(network.numbers, backwards))
    network.set_value(operator.outputs[0], value)


def slices(network: Network, operator: Operator) -> None:
    """SLICE with constant begin and size; -1 is all that is left."""
    x = network.tensor(operator.inputs[0])
    begin, size = (network.integers(n, operator) for n in operator.inputs[1:3])
    ends = [LARGEST if n < 0 else b + n for b, n in zip(begin, size, strict=True)]
    axes = [to_axis(axis, len(x.shape)) for axis in range(len(begin))]
    bounds = [network.numbers(part) for part in (begin, ends, axes)]
    network.set_value(operator.outputs[0], network.move(operator.inputs[0], "Slice", *bounds))


def split(network: Network, operator: Operator) -> None:
    """SPLIT (axis first) and SPLIT_V (sizes, then axis): equal or given parts."""
    place = 0 if operator.builtin == "SPLIT" else 2
    source = operator.inputs[1 if operator.builtin == "SPLIT" else 0]
    x = network.tensor(source)
    axis = network.integers(operator.inputs[place], operator)[0]
    axis = axis + len(x.shape) if axis < 0 else axis
    sizes = [network.tensor(n).shape[axis] for n in operator.outputs]
    made = network.add(
        "Split",
        network.real(source),
        network.numbers(sizes),
        outputs=len(sizes),
        axis=to_axis(axis, len(x.shape)),
    )
    for number, value in zip(operator.outputs, made, strict=True):
        network.set_value(number, value)


def pack(network: Network, operator: Operator) -> None:
    """PACK: tensors along a new axis."""
    shape = network.tensor(operator.outputs[0]).shape
    axis = operator.option("Axis")
    axis = axis + len(shape) if axis < 0 else axis
    one = network.numbers([1 if i == axis else n for i, n in enumerate(shape)])
    parts = []
    for number in operator.inputs:
        part = network.add("Reshape", network.as_in_file(number), one)[0]
        parts.append(network.round_to_grid(part, network.tensor(number)))
    network.set_as_in_file(operator.outputs[0], network.add("Concat", *parts, axis=axis)[0])


def unpack(network: Network, operator: Operator) -> None:
    """UNPACK: the slices of an axis, without it."""
    x = network.tensor(operator.inputs[0])
    axis = operator.option("Axis")
    axis = axis + len(x.shape) if axis < 0 else axis
    count = len(operator.outputs)
    if x.shape[axis] != count:
        found = f"{count} outputs of {x.shape[axis]} parts"
        refuse("operator UNPACK", found, "an output for each part", AGAIN)
    source = network.as_in_file(operator.inputs[0])
    made = network.add("Split", source, network.numbers([1] * count), outputs=count, axis=axis)
    for number, value in zip(operator.outputs, made, strict=True):
        shape = network.numbers(network.tensor(number).shape)
        part = network.round_to_grid(value, x)
        network.set_as_in_file(number, network.add("Reshape", part, shape)[0])


def pad(network: Network, operator: Operator) -> None:
    """PAD and PADV2: zero, or a constant, around each axis; MIRROR_PAD reflects."""
    held = network.integers(operator.inputs[1], operator)
    before, after = to_sizes(held[::2]), to_sizes(held[1::2])
    sizes = network.numbers([*before, *after])
    if operator.builtin == "MIRROR_PAD":
        if operator.option("Mode"):
            step = "convert the network with mode REFLECT"
            refuse("operator MIRROR_PAD", "mode SYMMETRIC", "REFLECT", step)
        value = network.move(operator.inputs[0], "Pad", sizes, mode="reflect")
    elif operator.builtin == "PADV2":
        value = network.move(operator.inputs[0], "Pad", sizes, network.real(operator.inputs[2]))
    else:
        value = network.move(operator.inputs[0], "Pad", sizes)
    network.set_value(operator.outputs[0], value)


def transpose(network: Network, operator: Operator) -> None:
    """TRANSPOSE by a constant permutation of the file's axes."""
    perm = network.integers(operator.inputs[1], operator)
    source = network.as_in_file(operator.inputs[0])
    network.set_as_in_file(operator.outputs[0], network.add("Transpose", source, perm=perm)[0])


def resize(network: Network, operator: Operator) -> None:
    """RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR to the output's size."""
    shape = network.tensor(operator.outputs[0]).shape
    linear = operator.builtin == "RESIZE_BILINEAR"
    corners, centres = operator.option("AlignCorners"), operator.option("HalfPixelCenters")
    mode = "align_corners" if corners else "half_pixel" if centres else "asymmetric"
    attributes = {"coordinate_transformation_mode": mode, "mode": "linear" if linear else "nearest"}
    if not linear:
        attributes["nearest_mode"] = "round_prefer_ceil" if corners or centres else "floor"
    sizes = network.numbers(to_sizes(shape))
    value = network.move(operator.inputs[0], "Resize", "", "", sizes, **attributes)
    network.set_value(operator.outputs[0], value)


def gather(network: Network, operator: Operator) -> None:
    """GATHER along an axis, with indices of any shape."""
    if operator.option("BatchDims"):
        step = "convert the network with plain GATHER"
        refuse("operator GATHER", "batch dimensions", "none", step)
    source, indices = (network.as_in_file(n) for n in operator.inputs[:2])
    axis = operator.option("Axis")
    network.set_as_in_file(
        operator.outputs[0], network.add("Gather", source, indices, axis=axis)[0]
    )


def gather_nd(network: Network, operator: Operator) -> None:
    """GATHER_ND: each row of indices is a place along the first axes."""
    source, indices = (network.as_in_file(n) for n in operator.inputs[:2])
    places = network.add("Cast", indices, to=onnx.TensorProto.INT64)[0]
    network.set_as_in_file(operator.outputs[0], network.add("GatherND", source, places)[0])


def one_hot(network: Network, operator: Operator) -> None:
    """ONE_HOT: indices, and the constants depth, on and off."""
    indices = network.add(
        "Cast", network.as_in_file(operator.inputs[0]), to=onnx.TensorProto.INT64
    )[0]
    depth = network.integers(operator.inputs[1], operator)[0]
    held = [network.tensor(number).data for number in operator.inputs[2:4]]
    if held[0] is None or held[1] is None:
        step = "convert the network with constants"
        refuse("operator ONE_HOT", "computed values", "constants for on and off", step)
    pair = network.constant(np.stack([held[1].ravel()[0], held[0].ravel()[0]]), "off_on")
    size = network.constant(np.array(depth, np.int64), "depth")
    axis = operator.option("Axis")
    value = network.add("OneHot", indices, size, pair, axis=axis)[0]
    network.set_as_in_file(operator.outputs[0], value)


def tile(network: Network, operator: Operator) -> None:
    """TILE and BROADCAST_TO by constant sizes."""
    shape = network.tensor(operator.outputs[0]).shape
    source = network.as_in_file(operator.inputs[0])
    if operator.builtin == "TILE":
        repeats = network.numbers(network.integers(operator.inputs[1], operator))
        value = network.add("Tile", source, repeats)[0]
    else:
        value = network.add("Expand", source, network.numbers(shape))[0]
    network.set_as_in_file(operator.outputs[0], value)


def block_space(network: Network, operator: Operator) -> None:
    """DEPTH_TO_SPACE and SPACE_TO_DEPTH, with channels in the order that both formats share."""
    kind = "DepthToSpace" if operator.builtin == "DEPTH_TO_SPACE" else "SpaceToDepth"
    size = operator.option("BlockSize", 1)
    network.set_value(operator.outputs[0], network.move(operator.inputs[0], kind, blocksize=size))
