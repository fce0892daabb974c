"""What ONNX forbids and its checker lets pass, refused by the node's name before anything is computed."""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import onnx
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.graph.facts import facts_of, names
from edgekit.graph.model import OPSET
from edgekit.graph.nodes import array_of, attribute, static_shape

FLAGS = frozenset(
    ("align_corners", "allowzero", "antialias", "ceil_mode", "count_include_pad", "detect_negative",
     "detect_positive", "exclude_outside", "exclusive", "fmod", "input_forget", "inverse", "keepdims", "layout",
     "linear_before_reset", "noop_with_empty_axes", "onesided", "reverse", "saturate", "select_last_index",
     "storage_order", "training_mode", "transA", "transB", "upper")
)  # fmt: skip
PADDINGS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
DIRECTIONS = ("forward", "reverse", "bidirectional")
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
    ("Resize", "coordinate_transformation_mode"): (
        "half_pixel",
        "half_pixel_symmetric",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
        "tf_crop_and_resize",
        "tf_half_pixel_for_nn",
    ),
    ("Resize", "nearest_mode"): ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    ("Resize", "keep_aspect_ratio_policy"): ("stretch", "not_larger", "not_smaller"),
    ("ScatterElements", "reduction"): COMBINATIONS,
    ("ScatterND", "reduction"): COMBINATIONS,
}
POOLS = names(lambda row: row.slides and not row.linear)
MOST_TAPS = 1024  # of a pool beyond its input, where all is padding
LARGEST_P = 256  # so many products for an element; powers beyond are 0 or infinite
Found = tuple[str, str]  # what was found, what is allowed


class CheckNodes(ir.passes.InPlacePass):
    """Refuse nodes whose result ONNX leaves open, or that no runtime agrees on.

    Raises:
        ModelError: all of them, by name.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Look; nothing is changed."""
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
    trains = node.inputs[2] if node.op_type == "Dropout" and len(node.inputs) > 2 else None
    array = array_of(trains)
    if facts_of(node).random or (trains is not None and (array is None or array.any())):
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
    """Which input of an operator is its axes; -1 where they are an attribute, None where it has none."""
    if not onnx.defs.has(op_type, OPSET):
        return None
    schema = onnx.defs.get_schema(op_type, OPSET)
    inputs = [each.name for each in schema.inputs]
    return inputs.index("axes") if "axes" in inputs else -1 if "axes" in schema.attributes else None


def _axes(node: ir.Node) -> Iterator[Found]:
    """Axes that are there twice, as -1 and 2 of three dimensions."""
    place = _place_of_axes(node.op_type)
    if place is None or not node.inputs or node.inputs[0] is None:
        return
    given = attribute(node, "axes", None)
    if given is None and 0 < place < len(node.inputs):
        given = array_of(node.inputs[place])
    of = node.outputs[0] if node.op_type == "Unsqueeze" else node.inputs[0]
    if given is None or of.shape is None:
        return
    rank, axes = len(of.shape), [int(axis) for axis in np.ravel(np.asarray(given))]
    places = [axis + rank if axis < 0 else axis for axis in axes]
    if not all(0 <= axis < rank for axis in places):
        yield f"axes {axes} of {rank} dimensions", f"{-rank} to {rank - 1}"
    elif len(set(places)) < len(places):
        yield f"axes {axes} of {rank} dimensions: one is there twice", "each axis once"


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
    """Inference gives up on a transposed convolution whose output is smaller than what it reads."""
    if not facts_of(node).slides:
        return
    x, y = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if x is not None and y is not None and len(x) != len(y):
        yield (
            f"an output of shape {list(y)} for an input of {list(x)}",
            "as many dimensions as its input",
        )


def _slope(node: ir.Node) -> Iterator[Found]:
    """A slope of PRelu that enlarges its input: the shape is by ONNX the input's, in onnxruntime both's.

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


def _windows(node: ir.Node) -> Iterator[Found]:
    """Where runtimes disagree: a pooling window larger than all there is, and padding that would have to crop."""
    x = static_shape(node.inputs[0]) if node.op_type in POOLS | {"Conv"} else None
    weight = None if x is None or node.op_type != "Conv" else static_shape(node.inputs[1])
    kernel = attribute(node, "kernel_shape", () if weight is None else weight[2:])
    if x is None or len(kernel) != len(x) - 2:
        return
    rank = len(kernel)
    strides, dilations = (attribute(node, name, (1,) * rank) for name in ("strides", "dilations"))
    pads, mode = attribute(node, "pads", (0,) * 2 * rank), attribute(node, "auto_pad", "NOTSET")
    for i, (size, taps, stride, step) in enumerate(
        zip(x[2:], kernel, strides, dilations, strict=True)
    ):
        window = (taps - 1) * step + 1
        if node.op_type in POOLS and taps > max(size, MOST_TAPS):
            yield f"{taps} taps on {size}", f"at most {MOST_TAPS}, or as many as the input has"
            continue
        if node.op_type in POOLS and mode.startswith("SAME") and step != 1:
            found = f"auto_pad {mode} with dilations, which runtimes pad as if there were none"
            yield found, "pads instead of auto_pad"
            continue
        needed = (-(-size // stride) - 1) * stride + window - size
        if mode.startswith("SAME") and needed < 0:
            found = f"auto_pad {mode}, a window of {window} and a stride of {stride} on {size}: padding of {needed}"
            yield found, "pads instead of auto_pad, or strides that leave nothing out"
        elif (
            mode in ("NOTSET", "VALID")
            and node.op_type in POOLS
            and window > size + pads[i] + pads[i + rank]
        ):
            yield f"a window of {window} on {size} and its padding", "windows that fit"


def _spread(node: ir.Node) -> Iterator[Found]:
    """A transposed convolution that should fill what it does not reach, which runtimes leave out."""
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
    """Indices of GatherND and ScatterND that name no axis, or more than there are."""
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
    for value in node.inputs:
        array = array_of(value) if value is not None and value.dtype in FLOATS else None
        if value is None or array is None or np.isfinite(array).all():
            continue
        numbers = np.asarray(array, np.float32)
        infinite = np.isinf(numbers)
        shifts = node.op_type == "Sum" or (facts.affine and not multiplies and not facts.sensitive)
        if np.isnan(numbers).any():
            yield f"constant '{value.name}' holds NaN", "numbers"
        elif multiplies or (shifts and infinite.all()):  # elsewhere it selects, or is a mask
            yield f"constant '{value.name}' holds infinity", "finite numbers"


def _attributes(node: ir.Node) -> Iterator[Found]:
    """Parameters of a function; what a Pad fills in and a Clip's bounds may be infinite."""
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
    """Floats that an integer type does not hold, the first of them: ONNX leaves open what they become."""
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
WHOLE = frozenset(
    (
        ir.DataType.INT8,
        ir.DataType.INT16,
        ir.DataType.INT32,
        ir.DataType.INT64,
        ir.DataType.UINT8,
        ir.DataType.UINT16,
        ir.DataType.UINT32,
        ir.DataType.UINT64,
    )
)
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
