"""Read an ONNX file of unknown origin into a simplified static graph, or say why not."""

from collections.abc import Iterator, Mapping, Sequence

import onnx
import onnx.checker
import onnx.defs
import onnx.inliner
import onnx.shape_inference
import onnx.version_converter
import onnx_ir as ir
from google.protobuf.message import Message  # type: ignore[import-untyped]
from onnx_ir.passes import common

from edgekit.errors import EdgeKitError, ModelError, Problem
from edgekit.export.constants import Arrays, Constants, bind_constants
from edgekit.export.dims import fix_dims
from edgekit.export.functions import FUNCTIONS, define_functions
from edgekit.export.model import FRONTEND_DOMAIN, OPSET
from edgekit.export.passes import simplify
from edgekit.export.passes.graph import static_shape

MAX_BYTES = 512 * 2**20
IR_VERSION = 10
FIRST_COORDINATES = 11  # the opset whose Resize has a choice of coordinates
EXPANDED = frozenset(
    ("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss", "MeanVarianceNormalization")
)
INTERFACE_TYPES = (
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.BOOL,
    onnx.TensorProto.INT8,
    onnx.TensorProto.UINT8,
    onnx.TensorProto.INT32,
    onnx.TensorProto.INT64,
)


def read_graph(
    data: bytes, shapes: Mapping[str, Sequence[int]], constants: Constants
) -> tuple[ir.Model, Arrays]:
    """Return the network of an ONNX file: checked, at `OPSET`, with static shapes, simplified.

    The second value is the arrays of the inputs that became constants.

    Args:
        data: the content of the file.
        shapes: input name -> dimensions, for inputs that the file leaves open.
        constants: input name -> value, for inputs that become constants.

    Raises:
        ModelError: everything that is wrong with the file.
    """
    proto = parse(data)
    try:
        arrays = bind_constants(proto.graph, constants)
        return _static_graph(proto, shapes), arrays
    except EdgeKitError:
        raise
    except (
        Exception
    ) as error:  # protobuf does not check strings and sizes, libraries trip over them
        raise _unusable(
            f"cannot be processed: {type(error).__name__}: {_first_line(error)}"
        ) from error


def _static_graph(proto: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> ir.Model:
    problems = [*_external_data(proto), *_wrong_types(proto.graph)]
    if problems:
        raise ModelError(problems)
    fix_dims(proto.graph, shapes)
    _forget_shapes(proto.graph)
    model = ir.from_proto(_at_opset(proto))
    model.ir_version = IR_VERSION
    common.InlinePass(criteria=lambda function: function.domain != FRONTEND_DOMAIN)(model)
    _check_domains(model)
    define_functions(model)
    simplify(model)
    _check_shapes(model)
    return model


def parse(data: bytes) -> onnx.ModelProto:
    """Return the checked protobuf of `data`.

    Raises:
        ModelError: too large, not ONNX, truncated, or refused by ``onnx.checker``.
    """
    if len(data) > MAX_BYTES:
        raise _unusable(f"{len(data)} bytes, more than {MAX_BYTES}")
    try:
        proto = onnx.load_model_from_string(data)
        onnx.checker.check_model(proto)
    except Exception as error:  # protobuf and a C++ checker on a file of unknown origin
        raise _unusable(f"not a valid ONNX file: {_first_line(error)}") from error
    return proto


def _unusable(found: str) -> ModelError:
    return ModelError(
        Problem("the .onnx file", found, "a complete, valid ONNX model", "export the network again")
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _tensors(message: Message) -> Iterator[onnx.TensorProto]:
    """Yield every tensor anywhere in the message: initializers, attributes, subgraphs."""
    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for field, content in message.ListFields():
        if field.message_type is not None:
            for item in (content,) if isinstance(content, Message) else content:
                if isinstance(item, Message):
                    yield from _tensors(item)


def _external_data(proto: onnx.ModelProto) -> list[Problem]:
    return [
        Problem(
            f"tensor '{tensor.name}'",
            "its data lies in another file",
            "one self-contained .onnx file",
            "save it again: onnx.save(onnx.load(path), path, save_as_external_data=False)",
        )
        for tensor in _tensors(proto)
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data
    ]


def _wrong_types(graph: onnx.GraphProto) -> list[Problem]:
    constants = {tensor.name for tensor in graph.initializer}
    borders = [("input", value) for value in graph.input if value.name not in constants]
    borders += [("output", value) for value in graph.output]
    problems = [
        Problem(
            f"{kind} '{value.name}'",
            f"type {_type_name(value)}",
            f"tensors of {', '.join(_type_text(kind) for kind in INTERFACE_TYPES)}",
            "convert inside the network, or take the value out of its interface",
        )
        for kind, value in borders
        if value.type.tensor_type.elem_type not in INTERFACE_TYPES
    ]
    if not graph.output:
        problems.append(
            Problem("the network", "no outputs", "at least one output", "name its outputs")
        )
    return problems


def _type_name(value: onnx.ValueInfoProto) -> str:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return str(kind)
    return _type_text(value.type.tensor_type.elem_type)


def _type_text(kind: int) -> str:
    name = str(onnx.TensorProto.DataType.Name(kind)).lower()
    return "float32" if name == "float" else name


def _forget_shapes(graph: onnx.GraphProto) -> None:
    """Drop what the exporter claims about values, but for the outputs of our own functions."""
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


def _at_opset(proto: onnx.ModelProto) -> onnx.ModelProto:
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    version = opsets.get("", opsets.get("ai.onnx", 0))
    if not version:
        return proto
    proto = _expand_functions(proto)
    if unknown := [node for node in proto.graph.node if _is_newer(node)]:
        raise ModelError(
            Problem(
                f"{node.op_type} '{node.name}'",
                f"an operator that opset {OPSET} does not have",
                f"operators of opset {OPSET}",
                f"export the network again with opset_version={OPSET}, or decompose it",
            )
            for node in unknown
        )
    if version == OPSET:
        return proto
    if version > OPSET and (renumbered := _renumbered(proto)) is not None:
        return renumbered
    try:
        converted = onnx.version_converter.convert_version(proto, OPSET)
    except Exception as error:  # a C++ converter on a file of unknown origin
        raise ModelError(
            Problem(
                "the .onnx file",
                f"opset {version}, which does not convert to {OPSET}: {_reason(error)}",
                f"opset 13 to {OPSET}, or one that onnx.version_converter can convert",
                f"export the network again with opset_version={OPSET}",
            )
        ) from error
    if version < FIRST_COORDINATES:
        _resize_as_before(converted.graph)
    return converted


def _resize_as_before(graph: onnx.GraphProto) -> None:
    """Upsample, and Resize before opset 11, sample at index / scale; the converter does not say so."""
    old = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    for node in graph.node:
        if node.op_type == "Resize" and not node.domain:
            node.attribute.extend(onnx.helper.make_attribute(*pair) for pair in old.items())


def _expand_functions(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Replace operators behind `OPSET`, and those of `EXPANDED`, by what ONNX defines them as."""
    standard = [node for node in proto.graph.node if not node.domain]
    chosen = {n.op_type for n in standard if _is_newer(n) or n.op_type in EXPANDED}
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
    identifiers = [("", name) for name in sorted(chosen)]
    inlined = onnx.inliner.inline_selected_functions(
        typed, identifiers, inline_schema_functions=True
    )
    _forget_shapes(inlined.graph)
    # A function may call another; what has no definition stays and is refused.
    shrunk = chosen != {n.op_type for n in inlined.graph.node if n.op_type in chosen}
    return _expand_functions(inlined) if shrunk else inlined


def _set_defaults(node: onnx.NodeProto) -> None:
    """Add the attributes that are left out: a function's body refers to them."""
    given = {attribute.name for attribute in node.attribute}
    for name, attribute in onnx.defs.get_schema(node.op_type).attributes.items():
        if name not in given and attribute.default_value.name:
            node.attribute.append(attribute.default_value)


def _is_newer(node: onnx.NodeProto) -> bool:
    """Whether a standard operator first appeared behind `OPSET`."""
    known = not node.domain and onnx.defs.has(node.op_type)
    return known and not onnx.defs.has(node.op_type, max_inclusive_version=OPSET)


def _renumbered(proto: onnx.ModelProto) -> onnx.ModelProto | None:
    """The same nodes at `OPSET`, where its operators take their attributes; most versions only add types.

    Whether the operators also mean the same, the comparison with the file shows.
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


def _reason(error: Exception) -> str:
    """The converter's sentence without its source file and assertion."""
    return _first_line(error).rpartition("failed: ")[2]


def _check_domains(model: ir.Model) -> None:
    problems = [
        Problem(
            f"{node.op_type} '{node.name}'",
            f"operator of domain '{node.domain}'",
            "operators of the ONNX standard",
            "export the network without custom operators, before a runtime's optimizer",
        )
        for node in ir.traversal.RecursiveGraphIterator(model.graph)
        if node.domain and not (node.domain == FRONTEND_DOMAIN and node.op_type in FUNCTIONS)
    ]
    if problems:
        raise ModelError(problems)


def _check_shapes(model: ir.Model) -> None:
    problems = [
        Problem(
            f"{node.op_type} '{node.name}'",
            f"the shape of its output '{value.name}' depends on data",
            "shapes that follow from the input shapes",
            "replace the operator by one with a fixed output shape",
        )
        for node in model.graph
        for value in node.outputs
        if static_shape(value) is None and (value.uses() or value.is_graph_output())
    ]
    if problems:
        raise ModelError(problems)
