"""Converts any opset that ONNX can convert to the one of EdgeKit."""

import math

import onnx
import onnx.defs
import onnx.inliner
import onnx.shape_inference
import onnx.version_converter
from onnx import helper, numpy_helper

from edgekit.base.errors import ModelError, Problem
from edgekit.export.onnx_file.file_checks import ONNX_FILE, opset_of
from edgekit.export.onnx_file.messages import plain
from edgekit.export.onnx_file.sizes import refuse_negative_sizes
from edgekit.export.onnx_file.variance import center
from edgekit.graph.model import FRONTEND_DOMAIN, OPSET

MAX_READ = 4096  # elements of a constant that a conversion may read
FIRST_COORDINATES = 11  # the opset whose Resize has a choice of coordinates
FIRST_LAST_AXIS = 13  # the opset whose Softmax and its like go along one axis, the last by default
EXPANDED = frozenset(
    ("DynamicQuantizeLinear", "NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
)


def at_opset(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return the same network with the standard operators of `OPSET`; `proto` may lose its large weights to it.

    Raises:
        ModelError: operators that `OPSET` lacks, or whose old form has no new one; sizes below zero.
    """
    taken = _take_large(proto.graph)
    refuse_negative_sizes(proto)
    converted = _convert_opset(proto)
    beside = {tensor.name for tensor, is_input in taken if not is_input}
    inputs = [value for value in converted.graph.input if value.name not in beside]
    del converted.graph.input[:]
    converted.graph.input.extend(inputs)
    converted.graph.initializer.extend(tensor for tensor, _ in taken)
    return converted


def _take_large(graph: onnx.GraphProto) -> list[tuple[onnx.TensorProto, bool]]:
    """Make large constants inputs, so that no library copies them; return them, and whether they were inputs."""
    names, taken = {value.name for value in graph.input}, list[tuple[onnx.TensorProto, bool]]()
    kept = []
    for tensor in graph.initializer:
        if math.prod(tensor.dims) <= MAX_READ:
            kept.append(tensor)
            continue
        taken.append((tensor, tensor.name in names))
        if tensor.name not in names:
            kind, dims = tensor.data_type, list(tensor.dims)
            graph.input.append(helper.make_tensor_value_info(tensor.name, kind, dims))
    if taken:
        del graph.initializer[:]
        graph.initializer.extend(kept)
    return taken


def _convert_opset(proto: onnx.ModelProto) -> onnx.ModelProto:
    version = opset_of(proto)
    if not version:
        return proto
    center(proto.graph.node, version)
    try:
        proto = _expand_functions(proto)
    except Exception:  # a C++ inliner, which fails without a type
        raise _unknown_operators(proto) from None
    if any(_is_newer(node) for node in proto.graph.node):
        raise _unknown_operators(proto)
    if version == OPSET:
        return proto
    if version > OPSET and (renumbered := _renumber_opset(proto)) is not None:
        return renumbered
    try:
        converted = onnx.version_converter.convert_version(proto, OPSET)
    except Exception as error:  # a C++ converter on a file of unknown origin
        raise ModelError(
            Problem(
                ONNX_FILE,
                f"opset {version}, which does not convert to {OPSET}: {plain(error)}",
                f"opset {OPSET}, or operators that ONNX can convert to it",
                f"export the network again with opset_version={OPSET}",
            )
        ) from error
    if version < FIRST_COORDINATES:
        _resize_as_before(converted.graph)
    if version < FIRST_LAST_AXIS:
        _flatten_hardmax(converted.graph)
    return converted


def _unknown_operators(proto: onnx.ModelProto) -> ModelError:
    return ModelError(
        Problem(
            f"{node.op_type} '{node.name}'",
            f"an operator that opset {OPSET} does not have, and that ONNX cannot decompose here",
            f"operators of opset {OPSET}",
            f"export the network again with opset_version={OPSET}, or decompose it",
        )
        for node in proto.graph.node
        if _is_expanded(node)
    )


def _resize_as_before(graph: onnx.GraphProto) -> None:
    """Upsample, and Resize before opset 11, sample at index / scale; the converter does not write this.

    The nearest sample is the one before, or, when downsampling in onnxruntime, the one after.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    constants |= {
        node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"
    }
    for node in graph.node:
        if node.op_type == "Resize" and not node.domain:
            scales = constants.get(node.input[2])
            smaller = scales is not None and bool((numpy_helper.to_array(scales) <= 1).all())
            old = {
                "coordinate_transformation_mode": "asymmetric",
                "nearest_mode": "ceil" if smaller else "floor",
            }
            node.attribute.extend(onnx.helper.make_attribute(*pair) for pair in old.items())


def _flatten_hardmax(graph: onnx.GraphProto) -> None:
    """Rewrite Hardmax as the converter does Softmax: on two dimensions, the second from the axis on."""
    nodes = []
    for node in graph.node:
        if node.op_type != "Hardmax" or node.domain:
            nodes.append(node)
            continue
        x, y = node.input[0], node.output[0]
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        make = onnx.helper.make_node
        nodes += [
            make("Shape", [x], [f"{y}_shape"]),
            make("Flatten", [x], [f"{y}_rows"], axis=axis),
            make("Hardmax", [f"{y}_rows"], [f"{y}_flat"], axis=-1),
            make("Reshape", [f"{y}_flat", f"{y}_shape"], [y], node.name),
        ]
    del graph.node[:]
    graph.node.extend(nodes)


def _expand_functions(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Replace operators newer than `OPSET`, and those of `EXPANDED`, by their ONNX definitions."""
    chosen = {node.op_type for node in proto.graph.node if _is_expanded(node)}
    if not chosen:
        return proto
    typed = onnx.shape_inference.infer_shapes(proto)
    for node in typed.graph.node:
        if not node.domain and node.op_type in chosen:
            _set_defaults(node)
    typed.graph.value_info.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in proto.graph.initializer
    )
    inlined = onnx.inliner.inline_selected_functions(
        typed, [("", name) for name in sorted(chosen)], inline_schema_functions=True
    )
    forget_shapes(inlined.graph)
    # A function may call another; one without a definition stays and is refused.
    left = chosen & {node.op_type for node in inlined.graph.node}
    return _expand_functions(inlined) if left != chosen else inlined


def _set_defaults(node: onnx.NodeProto) -> None:
    """Add missing attributes, as a function's body refers to them."""
    given = {attribute.name for attribute in node.attribute}
    for name, attribute in onnx.defs.get_schema(node.op_type).attributes.items():
        if name not in given and attribute.default_value.name:
            node.attribute.append(attribute.default_value)


def _is_expanded(node: onnx.NodeProto) -> bool:
    return not node.domain and (node.op_type in EXPANDED or _is_newer(node))


def _is_newer(node: onnx.NodeProto) -> bool:
    """Whether a standard operator first appeared after `OPSET`."""
    known = not node.domain and onnx.defs.has(node.op_type)
    return known and not onnx.defs.has(node.op_type, max_inclusive_version=OPSET)


def _renumber_opset(proto: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return the same nodes at `OPSET`, if its operators accept their attributes; most versions only add types.

    The comparison with the file shows whether the operators also mean the same.
    """
    for node in proto.graph.node:
        if node.domain == "" and not _takes(onnx.defs.get_schema(node.op_type, OPSET), node):
            return None
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for entry in copy.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = OPSET
    return copy


def _takes(schema: onnx.defs.OpSchema, node: onnx.NodeProto) -> bool:
    known = all(attribute.name in schema.attributes for attribute in node.attribute)
    return known and len(node.input) <= schema.max_input


def forget_shapes(graph: onnx.GraphProto) -> None:
    """Drop the exporter's claims about values, except for the outputs of EdgeKit's functions."""
    own = {
        output for node in graph.node if node.domain == FRONTEND_DOMAIN for output in node.output
    }
    kept = [value for value in graph.value_info if value.name in own]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    fed = {value.name for value in graph.input}  # an input that is an output as well
    for value in graph.output:
        if value.name not in own and value.name not in fed:
            value.type.tensor_type.ClearField("shape")
