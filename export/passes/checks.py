"""Checks for faults that ONNX forbids but its checker accepts; each is refused by the node's name before any work."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import onnx
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.graph.facts import facts_of, names
from edgekit.graph.model import OPSET
from edgekit.graph.nodes import array_of, attribute, optional, static_shape

FLAGS = frozenset(
    ("align_corners", "allowzero", "antialias", "ceil_mode", "count_include_pad", "detect_negative",
     "detect_positive", "exclude_outside", "exclusive", "fmod", "input_forget", "inverse", "keepdims", "layout",
     "linear_before_reset", "noop_with_empty_axes", "onesided", "reverse", "saturate", "select_last_index",
     "storage_order", "training_mode", "transA", "transB", "upper")
)  # fmt: skip
PADDINGS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
DIRECTIONS = ("forward", "reverse", "bidirectional")
COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
    "tf_half_pixel_for_nn",
)
COMBINATIONS = ("none", "add", "mul", "max", "min")
WORDS = {
    **{
        (operator, "auto_pad"): PADDINGS
        for operator in ("AveragePool", "Conv", "ConvInteger", "ConvTranspose", "LpPool", "MaxPool")
    },
    **{(operator, "direction"): DIRECTIONS for operator in ("GRU", "LSTM", "RNN")},
    ("BitShift", "direction"): ("LEFT", "RIGHT"),
    ("DepthToSpace", "mode"): ("DCR", "CRD"),
    ("SpaceToDepth", "mode"): ("DCR", "CRD"),
    ("Gelu", "approximate"): ("none", "tanh"),
    ("GridSample", "mode"): ("linear", "nearest", "cubic", "bilinear", "bicubic"),
    ("GridSample", "padding_mode"): ("zeros", "border", "reflection"),
    ("Pad", "mode"): ("constant", "reflect", "edge", "wrap"),
    ("Resize", "mode"): ("nearest", "linear", "cubic"),
    ("Resize", "coordinate_transformation_mode"): COORDINATES,
    ("Resize", "nearest_mode"): ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    ("Resize", "keep_aspect_ratio_policy"): ("stretch", "not_larger", "not_smaller"),
    ("ScatterElements", "reduction"): COMBINATIONS,
    ("ScatterND", "reduction"): COMBINATIONS,
}
POOLS = names(lambda row: row.slides and not row.linear)
MOST_TAPS = 1024  # of a pool beyond its input, where all is padding
LARGEST_P = 256  # so many products for an element; powers beyond are 0 or infinite
Found = tuple[str, str]  # the found value, the allowed values


class CheckNodes(ir.passes.InPlacePass):
    """Refuse nodes whose result ONNX leaves open, or that no runtime agrees on.

    Raises:
        ModelError: all of them, by name.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Check the model; nothing is changed."""
        problems = [
            Problem(f"{node.op_type} '{node.name}'", found, allowed, "export the network again")
            for node in ir.traversal.RecursiveGraphIterator(model.graph)
            if not node.domain
            for check in CHECKS
            for found, allowed in check(node)
        ]
        if problems:
            raise ModelError(problems)
        return ir.passes.PassResult(model, modified=False)


def _random(node: ir.Node) -> Iterator[Found]:
    trains = optional(node, 2) if node.op_type == "Dropout" else None
    mode = None if trains is None else ir.convenience.get_const_tensor(trains)
    if facts_of(node).random or (trains is not None and (mode is None or mode.numpy().any())):
        yield "random numbers inside the network", "a network that gives the same for the same"


def _flags(node: ir.Node) -> Iterator[Found]:
    for name, value in node.attributes.items():
        if name in FLAGS and value.type == ir.AttributeType.INT and value.as_int() not in (0, 1):
            yield f"{name} {value.as_int()}", "0 or 1"


def _words(node: ir.Node) -> Iterator[Found]:
    for (operator, name), allowed in WORDS.items():
        word = attribute(node, name, allowed[0]) if operator == node.op_type else allowed[0]
        if word not in allowed:
            yield f"{name} '{word}'", ", ".join(allowed)


def _axis(node: ir.Node) -> Iterator[Found]:
    along = (
        facts_of(node).axis is not None and node.op_type != "Flatten"
    )  # which may end at the rank
    shape = node.inputs[0].shape if along and node.inputs and node.inputs[0] else None
    axis = attribute(node, "axis", 0)
    if shape is not None and not -len(shape) <= axis < len(shape):
        yield f"axis {axis} of {len(shape)} dimensions", f"{-len(shape)} to {len(shape) - 1}"


@cache
def _place_of_axes(op_type: str) -> int | None:
    """Return the index of an operator's input of axes; -1 if they are an attribute, None without axes."""
    if not onnx.defs.has(op_type, OPSET):
        return None
    schema = onnx.defs.get_schema(op_type, OPSET)
    inputs = [each.name for each in schema.inputs]
    return inputs.index("axes") if "axes" in inputs else -1 if "axes" in schema.attributes else None


def _axes(node: ir.Node) -> Iterator[Found]:
    """Yield axes that occur twice, as -1 and 2 of three dimensions."""
    axes = None if optional(node, 0) is None else _constant_axes(node)
    if axes is None:
        return
    whole = (node.outputs if node.op_type == "Unsqueeze" else node.inputs)[0]
    if whole is None or whole.shape is None:
        return
    rank = len(whole.shape)
    places = [axis + rank if axis < 0 else axis for axis in axes]
    if not all(0 <= axis < rank for axis in places):
        yield f"axes {axes} of {rank} dimensions", f"{-rank} to {rank - 1}"
    elif len(set(places)) < len(places):
        yield f"axes {axes} of {rank} dimensions: one is there twice", "each axis once"


def _constant_axes(node: ir.Node) -> list[int] | None:
    """Return the axes of an operator that has them, as an attribute or as a constant."""
    place = _place_of_axes(node.op_type)
    if place is None:
        return None
    axes = attribute(node, "axes", None)
    if axes is None and place > 0:
        axes = array_of(optional(node, place))
    return None if axes is None else [int(axis) for axis in np.ravel(np.asarray(axes))]


def _check_resize(node: ir.Node) -> Iterator[Found]:
    for name, value in zip(("roi", "scales", "sizes"), node.inputs[1:], strict=False):
        given = array_of(value) if node.op_type == "Resize" else None
        if given is not None and given.ndim != 1:
            yield f"{name} of shape {given.shape}", "one dimension"


def _norm(node: ir.Node) -> Iterator[Found]:
    p = attribute(node, "p", 2) if node.op_type in ("LpPool", "GlobalLpPool") else 2
    if not 1 <= p <= LARGEST_P:
        yield f"p {p}", f"1 to {LARGEST_P}"


def _rank(node: ir.Node) -> Iterator[Found]:
    """Yield transposed convolutions whose output is smaller than their input, on which inference fails."""
    if not facts_of(node).slides:
        return
    x, y = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if x is not None and y is not None and len(x) != len(y):
        yield (
            f"an output of shape {list(y)} for an input of {list(x)}",
            "as many dimensions as its input",
        )


def _slope(node: ir.Node) -> Iterator[Found]:
    """Yield slopes of PRelu that enlarge their input: in ONNX the shape is the input's, in onnxruntime both's.

    Leading sizes of 1 are no more elements, so they may be more than the input's dimensions.
    """
    if node.op_type != "PRelu":
        return
    x, slope = static_shape(node.inputs[0]), static_shape(node.inputs[1])
    if x is None or slope is None:
        return
    whole = (1,) * (len(slope) - len(x)) + tuple(x)
    if any(size not in (1, own) for size, own in zip(slope[::-1], whole[::-1], strict=False)):
        found = f"a slope of shape {list(slope)} for an input of {list(x)}"
        yield found, "a slope whose sizes are 1 or the input's"


@dataclass(frozen=True)
class _Window:
    """A window that slides along one axis: `taps`, each `step` after the last, every `stride` elements.

    `size` is that of the axis, `padded` that with its padding.
    """

    size: int
    padded: int
    taps: int
    stride: int
    step: int

    @property
    def width(self) -> int:
        return (self.taps - 1) * self.step + 1

    @property
    def padding_needed(self) -> int:
        """Elements that auto_pad SAME adds to the axis."""
        return (-(-self.size // self.stride) - 1) * self.stride + self.width - self.size


def _windows_of(node: ir.Node) -> Iterator[_Window]:
    """Yield the windows of a pool or Conv, axis by axis; none if shapes are not known."""
    x = static_shape(node.inputs[0]) if node.op_type in POOLS | {"Conv"} else None
    weight = None if x is None or node.op_type != "Conv" else static_shape(node.inputs[1])
    kernel = attribute(node, "kernel_shape", () if weight is None else weight[2:])
    if x is None or len(kernel) != len(x) - 2:
        return
    rank = len(kernel)
    strides, dilations = (attribute(node, name, (1,) * rank) for name in ("strides", "dilations"))
    pads = attribute(node, "pads", (0,) * 2 * rank)
    for i, row in enumerate(zip(x[2:], kernel, strides, dilations, strict=True)):
        size, *steps = row
        yield _Window(size, size + pads[i] + pads[i + rank], *steps)


def _windows(node: ir.Node) -> Iterator[Found]:
    """Yield windows on which runtimes disagree: pooling windows that are too large, and padding that would crop."""
    pools, mode = node.op_type in POOLS, attribute(node, "auto_pad", "NOTSET")
    for window in _windows_of(node):
        if pools and window.taps > max(window.size, MOST_TAPS):
            found = f"{window.taps} taps on {window.size}"
            yield found, f"at most {MOST_TAPS}, or as many as the input has"
        elif mode.startswith("SAME"):
            yield from _same_padding(window, mode, pools)
        elif mode in ("NOTSET", "VALID") and pools and window.width > window.padded:
            yield f"a window of {window.width} on {window.size} and its padding", "windows that fit"


def _same_padding(window: _Window, mode: str, pools: bool) -> Iterator[Found]:
    if pools and window.step != 1:
        found = f"auto_pad {mode} with dilations, which runtimes pad as if there were none"
        yield found, "pads instead of auto_pad"
    elif window.padding_needed < 0:
        reach = f"a window of {window.width} and a stride of {window.stride} on {window.size}"
        found = f"auto_pad {mode}, {reach}: padding of {window.padding_needed}"
        yield found, "pads instead of auto_pad, or strides that leave nothing out"


def _spread(node: ir.Node) -> Iterator[Found]:
    """Yield transposed convolutions with gaps to fill, which runtimes leave out."""
    mode = attribute(node, "auto_pad", "NOTSET")
    weight = static_shape(node.inputs[1]) if node.op_type == "ConvTranspose" else None
    if weight is None or not mode.startswith("SAME"):
        return
    ones = (1,) * (len(weight) - 2)
    strides, dilations = (attribute(node, name, ones) for name in ("strides", "dilations"))
    for taps, stride, step in zip(weight[2:], strides, dilations, strict=True):
        if (window := (taps - 1) * step + 1) < stride:
            found = f"auto_pad {mode}, a window of {window} and a stride of {stride}"
            yield found, "pads and output_padding instead of auto_pad"


def _tuples(node: ir.Node) -> Iterator[Found]:
    """Yield indices of GatherND and ScatterND with no axis, or more axes than the data has."""
    if node.op_type not in ("GatherND", "ScatterND"):
        return
    x, indices = static_shape(node.inputs[0]), static_shape(node.inputs[1])
    most = None if x is None else len(x) - attribute(node, "batch_dims", 0)
    if indices and most is not None and not 1 <= indices[-1] <= most:
        yield (
            f"indices of shape {list(indices)} into {list(x or ())}",
            f"a last size of 1 to {most}",
        )


def _weights(node: ir.Node) -> Iterator[Found]:
    facts = facts_of(node)
    multiplies = facts.multiplies or facts.quantizer or bool(facts.weights)
    shifts = node.op_type == "Sum" or (facts.affine and not facts.sensitive)
    for name, numbers in _infinite_constants(node):
        if np.isnan(numbers).any():
            yield f"constant '{name}' holds NaN", "numbers"
        elif multiplies or (shifts and np.isinf(numbers).all()):  # elsewhere it selects, or masks
            yield f"constant '{name}' holds infinity", "finite numbers"


def _infinite_constants(node: ir.Node) -> Iterator[tuple[str | None, Array]]:
    """Yield names and float32 numbers of the constants that hold NaN or infinity."""
    for value in node.inputs:
        array = array_of(value) if value is not None and value.dtype in FLOATS else None
        if value is not None and array is not None and not np.isfinite(array).all():
            yield value.name, np.asarray(array, np.float32)


def _attributes(node: ir.Node) -> Iterator[Found]:
    """Yield non-finite parameters of a function; the fill value of a Pad and a Clip's bounds may be infinite."""
    facts = facts_of(node)
    if facts.limits or facts.moves == "fills" or node.op_type == "Constant":
        return
    for name, given in node.attributes.items():
        if given.type == ir.AttributeType.FLOAT and not np.isfinite(given.as_float()):
            yield f"{name} {given.as_float():g}", "finite numbers"
    if node.op_type == "Celu" and attribute(node, "alpha", 1.0) == 0:
        yield "alpha 0, by which it divides", "other numbers"


def _casts(node: ir.Node) -> Iterator[Found]:
    array = array_of(node.inputs[0]) if node.op_type == "Cast" and node.inputs else None
    if array is not None and (found := beyond(node.outputs[0].dtype, array)):
        yield found


def beyond(target: ir.DataType | None, array: Array) -> Found | None:
    """Return the first float that does not fit in an integer type: ONNX leaves the result undefined."""
    if target not in WHOLE or array.dtype.kind not in "fV":
        return None
    numbers, info = np.trunc(np.asarray(array, np.float64)), np.iinfo(target.numpy())
    outside = numbers[~((numbers >= info.min) & (numbers <= info.max))]
    if not outside.size:
        return None
    found = f"{outside[0]:g} becomes {target.name.lower()}, which ONNX leaves open"
    return found, f"{info.min} to {info.max}"


FLOATS = frozenset(
    (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE)
)
WHOLE = frozenset(ir.DataType[f"{u}INT{bits}"] for u in ("", "U") for bits in (8, 16, 32, 64))
CHECKS: tuple[Callable[[ir.Node], Iterator[Found]], ...] = (
    _random,
    _flags,
    _words,
    _axis,
    _axes,
    _norm,
    _check_resize,
    _rank,
    _slope,
    _windows,
    _spread,
    _tuples,
    _weights,
    _attributes,
    _casts,
)
